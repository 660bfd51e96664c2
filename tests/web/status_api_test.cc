// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/metric_family.h"
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

std::string Success(const std::string& data) {
  return R"({"status":"success","data":)" + data + "}";
}

TEST(StatusApiTest, Answers) {
  FakeServer server;
  server.status.blocks = {R"({"ulid":"A"})", R"({"ulid":"B"})"};
  const struct {
    const char* url;
    const char* data;
  } cases[] = {
      {"status/config", R"({"yaml":"global: {}\n"})"},
      {"status/flags", R"({"query.timeout":"2m","web.route-prefix":"/"})"},
      {"status/buildinfo",
       R"({"version":"3.14.0","revision":"r","branch":"b","buildUser":"u","buildDate":"d","goVersion":"g"})"},
      {"status/walreplay", R"({"min":1,"max":3,"current":2})"},
      {"status/tsdb/blocks", R"({"blocks":[{"ulid":"A"},{"ulid":"B"}]})"},
      {"status/tsdb",
       R"({"headStats":{"numSeries":2,"numLabelPairs":0,"chunkCount":0,"minTime":-5,"maxTime":0},)"
       R"("seriesCountByMetricName":[{"name":"up","value":2}],"labelValueCountByLabelName":[],)"
       R"("memoryInBytesByLabelName":[],"seriesCountByLabelValuePair":[]})"},
      {"status/runtimeinfo",
       R"({"startTime":"2023-11-14T22:13:20.5Z","CWD":"/","hostname":"h","serverTime":"2023-11-14T22:13:20Z",)"
       R"("reloadConfigSuccess":true,"lastConfigTime":"0001-01-01T00:00:00Z","corruptionCount":0,)"
       R"("goroutineCount":0,"GOMAXPROCS":0,"GOMEMLIMIT":9223372036854775807,"GOGC":"","GODEBUG":"",)"
       R"("storageRetention":"15d"})"},
      {"notifications", "[]"},
      {"features", "{}"},
      {"alertmanagers", R"({"activeAlertmanagers":[],"droppedAlertmanagers":[]})"},
      {"scrape_pools", R"({"scrapePools":["a","b"]})"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    EXPECT_EQ(Success(c.data), server.Get(std::string("/api/v1/") + c.url).body);
  }
  for (const char* limit : {"0", "-1", "x"}) {
    EXPECT_EQ(
        R"({"status":"error","errorType":"bad_data","error":"limit must be a positive number"})",
        server.Get(std::string("/api/v1/status/tsdb?limit=") + limit).body);
  }
  EXPECT_EQ(200, server.Get("/api/v1/status/tsdb?limit=10000").status);
  EXPECT_EQ(400, server.Get("/api/v1/status/tsdb?limit=10001").status);
}

TEST(StatusApiTest, MetricsOfTheServer) {
  FakeServer server;
  server.registry.AddCounter("t_counter_total", "A <counter>.", {{"a", "1"}}).Add(3);
  server.registry.AddCounter("t_counter_total", "A <counter>.", {{"a", "2"}});
  server.registry.AddGauge("t_gauge", "g").Set(-0.5);
  server.registry.AddGaugeFn("t_gauge_inf", "i", [] { return HUGE_VAL; });
  server.registry.AddGaugeList("t_empty", "e", "part", [] { return metrics::GaugeList(); });
  server.registry.AddGaugeList("t_list", "l", "part", [] {
    return metrics::GaugeList{{"b", 1}, {"a", 2}};
  });
  constexpr double kBounds[] = {0.5, 1};
  server.registry.AddHistogram("t_histogram", "h", kBounds).Observe(0.7);
  constexpr double kQuantiles[] = {0.5};
  server.registry.AddSummary("t_summary", "s", kQuantiles);
  EXPECT_EQ(
      Success(
          R"([{"name":"t_counter_total","help":"A \u003ccounter\u003e.","type":"COUNTER","metric":[)"
          R"({"label":[{"name":"a","value":"1"}],"counter":{"value":3}},)"
          R"({"label":[{"name":"a","value":"2"}],"counter":{"value":0}}]},)"
          R"({"name":"t_gauge","help":"g","type":"GAUGE","metric":[{"gauge":{"value":-0.5}}]},)"
          R"({"name":"t_gauge_inf","help":"i","type":"GAUGE","metric":[{"gauge":{"value":"Infinity"}}]},)"
          R"({"name":"t_histogram","help":"h","type":"HISTOGRAM","metric":[{"histogram":{)"
          R"("sampleCount":"1","sampleSum":0.7,"bucket":[{"cumulativeCount":"0","upperBound":0.5},)"
          R"({"cumulativeCount":"1","upperBound":1}]}}]},)"
          R"({"name":"t_list","help":"l","type":"GAUGE","metric":[)"
          R"({"label":[{"name":"part","value":"a"}],"gauge":{"value":2}},)"
          R"({"label":[{"name":"part","value":"b"}],"gauge":{"value":1}}]},)"
          R"({"name":"t_summary","help":"s","type":"SUMMARY","metric":[{"summary":{)"
          R"("sampleCount":"0","sampleSum":0,"quantile":[{"quantile":0.5,"value":"NaN"}]}}]}])"),
      server.Get("/api/v1/status/self_metrics?metric_name_pattern=t_.*").body);
  EXPECT_EQ(Success("[]"), server.Get("/api/v1/status/self_metrics?metric_name_pattern=t").body);
  const Answer bad = server.Get("/api/v1/status/self_metrics?metric_name_pattern=(");
  EXPECT_EQ(400, bad.status);
  EXPECT_NE(std::string::npos, bad.body.find("invalid metric_name_pattern: "));
}

TEST(StatusApiTest, Notifications) {
  FakeServer server;
  server.options.max_notification_subscribers = 1;
  server.status.notifications = {{"a <b>", 1'700'000'000'000'000'000, true}};
  const std::string event =
      R"({"text":"a \u003cb\u003e","date":"2023-11-14T22:13:20Z","active":true})";
  EXPECT_EQ(Success("[" + event + "]"), server.Get("/api/v1/notifications").body);

  std::stop_source stop;
  net::ServerRequest request;
  request.method = "GET";
  request.path = "/api/v1/notifications/live";
  request.stop = stop.get_token();
  Answer answer;
  int second_status = 0;
  answer.on_write = [&] {
    EXPECT_NE(std::string::npos,
              server.MetricsText().find("prometheus_api_notification_active_subscribers 1\n"));
    second_status = server.Get("/api/v1/notifications/live").status;
    stop.request_stop();
  };
  server.router().Dispatch(request, answer);
  EXPECT_EQ("data: " + event + "\n\n", answer.body);
  EXPECT_EQ(204, second_status) << "there is one already";
  EXPECT_EQ("text/event-stream", answer.headers.at("Content-Type"));
  EXPECT_NE(std::string::npos,
            server.MetricsText().find("prometheus_api_notification_active_subscribers 0\n"));
  EXPECT_NE(std::string::npos,
            server.MetricsText().find("prometheus_api_notification_updates_sent_total 0\n"));
}

// At the end of the server its stop comes as the last event, and then the request's.
TEST(StatusApiTest, TheLastNotificationIsTheEnd) {
  FakeServer server;
  server.status.notifications = {{"first", 0, true}};
  std::stop_source stop;
  net::ServerRequest request;
  request.method = "GET";
  request.path = "/api/v1/notifications/live";
  request.stop = stop.get_token();
  Answer answer;
  answer.on_write = [&] {
    if (stop.stop_requested()) return;
    server.status.notifications.push_back({"last", 0, true});
    stop.request_stop();
  };
  server.router().Dispatch(request, answer);
  EXPECT_TRUE(answer.body.ends_with("\n\n"));
  EXPECT_NE(std::string::npos, answer.body.find(R"("text":"last")")) << answer.body;
}

TEST(StatusApiTest, WaitsForReadiness) {
  FakeServer server;
  server.options.enable_lifecycle = true;
  for (const auto& [state, stopping] :
       {std::pair{ServerState::kStarting, "false"}, {ServerState::kStopping, "true"}}) {
    server.status.state = state;
    for (const char* url :
         {"/api/v1/query?query=1", "/api/v1/status/config", "/-/ready", "/federate"}) {
      SCOPED_TRACE(url);
      const Answer answer = server.Get(url);
      EXPECT_EQ(503, answer.status);
      EXPECT_EQ("Service Unavailable", answer.body);
      EXPECT_EQ(stopping, answer.headers.at("X-Prometheus-Stopping"));
    }
    EXPECT_EQ(503, server.Ask("POST", "/-/reload").status);
    EXPECT_EQ(0, server.lifecycle.reloads);
    for (const char* url : {"/-/healthy", "/api/v1/status/walreplay", "/api/v1/notifications",
                            "/metrics", "/version"}) {
      SCOPED_TRACE(url);
      EXPECT_EQ(200, server.Get(url).status);
    }
  }
  server.status.state = ServerState::kReady;
  EXPECT_EQ("Prometheus Server is Ready.\n", server.Get("/-/ready").body);
}

TEST(StatusApiTest, GuardsLifecycleAndAdmin) {
  FakeServer closed;
  for (const char* path : {"/-/reload", "/-/quit"}) {
    SCOPED_TRACE(path);
    EXPECT_EQ(405, closed.Get(path).status);
    const Answer answer = closed.Ask("POST", path);
    EXPECT_EQ(403, answer.status);
    EXPECT_EQ("Lifecycle API is not enabled.", answer.body);
  }
  for (const char* name : {"delete_series?match[]=up", "clean_tombstones", "snapshot"}) {
    for (const char* method : {"POST", "PUT"}) {
      const Answer answer = closed.Ask(method, std::string("/api/v1/admin/tsdb/") + name);
      EXPECT_EQ(500, answer.status);
      EXPECT_EQ(R"({"status":"error","errorType":"unavailable","error":"admin APIs disabled"})",
                answer.body);
    }
  }
  EXPECT_TRUE(closed.admin.calls.empty());

  FakeServer open;
  open.options.enable_lifecycle = open.options.enable_admin_api = true;
  EXPECT_EQ(200, open.Ask("POST", "/-/reload").status);
  open.lifecycle.reload = Fail(Code::kInvalidArgument, "line 3: no");
  const Answer failed = open.Ask("PUT", "/-/reload");
  EXPECT_EQ(500, failed.status);
  EXPECT_EQ("failed to reload config: line 3: no\n", failed.body);
  EXPECT_EQ("Requesting termination... Goodbye!", open.Ask("POST", "/-/quit").body);
  EXPECT_EQ("Termination already in progress.", open.Ask("POST", "/-/quit").body);

  EXPECT_EQ(
      204,
      open.Ask("POST", "/api/v1/admin/tsdb/delete_series?start=1&match[]=up&match[]=down", "end=2")
          .status);
  EXPECT_EQ(400, open.Ask("POST", "/api/v1/admin/tsdb/delete_series").status);
  EXPECT_EQ(204, open.Ask("PUT", "/api/v1/admin/tsdb/clean_tombstones").status);
  EXPECT_EQ(R"({"status":"success","data":{"name":"name"}})",
            open.Ask("POST", "/api/v1/admin/tsdb/snapshot").body);
  EXPECT_EQ(200, open.Ask("POST", "/api/v1/admin/tsdb/snapshot?skip_head=1").status);
  EXPECT_EQ(400, open.Ask("POST", "/api/v1/admin/tsdb/snapshot?skip_head=x").status);
  EXPECT_EQ((std::vector<std::string>{"delete 1000 2000 __name__=\"up\"",
                                      "delete 1000 2000 __name__=\"down\"", "clean", "snapshot",
                                      "snapshot without head"}),
            open.admin.calls);
}

TEST(StatusApiTest, AllowsOtherOrigins) {
  FakeServer server;
  server.options.cors_origin = R"(https?://(.*\.)?allowed\.example)";
  const struct {
    const char* origin;
    bool allowed;
  } cases[] = {{"http://allowed.example", true},
               {"https://a.allowed.example", true},
               {"http://other.example", false},
               {"http://allowed.example.evil", false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.origin);
    for (const char* method : {"GET", "OPTIONS"}) {
      Answer answer = server.Ask(method, "/api/v1/status/walreplay", "", {{"Origin", c.origin}});
      EXPECT_EQ("GET, POST, OPTIONS", answer.headers["Access-Control-Allow-Methods"]);
      EXPECT_EQ(c.allowed ? c.origin : "", answer.headers["Access-Control-Allow-Origin"]);
      EXPECT_EQ(method[0] == 'O' ? 204 : 200, answer.status);
    }
  }
  EXPECT_EQ(0u, server.Get("/api/v1/labels").headers.count("Access-Control-Allow-Methods"));
  EXPECT_EQ(204, server.Ask("OPTIONS", "/api/v1/nosuch").status);
}

TEST(StatusApiTest, RoutesAsUpstream) {
  FakeServer server;
  const struct {
    const char* method;
    const char* url;
    int status;
    const char* header;
    const char* value;
  } cases[] = {
      {"GET", "/", 302, "Location", "/query"},
      {"GET", "/graph?g0.expr=up", 302, "Location", "/query?g0.expr=up"},
      {"GET", "/nosuch", 404, "Content-Type", "text/plain; charset=utf-8"},
      {"GET", "/api/v1/nosuch", 404, "X-Content-Type-Options", "nosniff"},
      {"GET", "/api/v1", 307, "Location", "/api/v1/"},
      {"GET", "//api/v1/query", 307, "Location", "/api/v1/query"},
      {"GET", "/api/v1/label//values", 307, "Location", "/api/v1/label/values"},
      {"GET", "/api/v1/query/?query=1", 301, "Location", "/query?query=1"},
      {"GET", "/api/v1/Query?query=1", 301, "Location", "/query?query=1"},
      {"POST", "/api/v1/query/", 307, "Location", "/query"},
      {"HEAD", "/-/Healthy", 307, "Location", "/-/healthy"},
      {"GET", "/targets/", 301, "Location", "/targets"},
      {"PUT", "/api/v1/query", 405, "Allow", "GET, OPTIONS, POST"},
      {"HEAD", "/api/v1/query", 405, "Allow", "GET, OPTIONS, POST"},
      {"GET", "/api/v1/admin/tsdb/snapshot", 405, "Allow", "OPTIONS, POST, PUT"},
      {"POST", "/-/healthy", 405, "Allow", "GET, HEAD, OPTIONS"},
      {"OPTIONS", "/federate", 200, "Allow", "GET, OPTIONS"},
      {"POST", "/api/v1/write", 404, "X-Content-Type-Options", "nosniff"},
      {"GET", "/query", 200, "Content-Type", "text/html; charset=utf-8"},
      {"GET", "/assets/nosuch.js", 404, "X-Content-Type-Options", "nosniff"},
      {"GET", "/version", 200, "", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.url);
    Answer answer = server.Ask(c.method, c.url);
    EXPECT_EQ(c.status, answer.status);
    EXPECT_EQ(c.value, answer.headers[c.header]);
  }
  EXPECT_EQ(
      "{\"version\":\"3.14.0\",\"revision\":\"r\",\"branch\":\"b\",\"buildUser\":\"u\","
      "\"buildDate\":"
      "\"d\",\"goVersion\":\"g\"}\n",
      server.Get("/version").body);
}

TEST(StatusApiTest, LivesBelowAPrefix) {
  FakeServer server;
  server.options.route_prefix = "/p";
  server.options.external_url = "http://host:1/ext/";
  EXPECT_EQ("/p/", server.Get("/").headers["Location"]);
  EXPECT_EQ("/p/", server.Get("/p").headers["Location"]);
  EXPECT_EQ("/ext/query", server.Get("/p/").headers["Location"]);
  EXPECT_EQ(200, server.Get("/p/api/v1/query?query=1").status);
  EXPECT_EQ(404, server.Get("/api/v1/query?query=1").status);
  EXPECT_EQ(200, server.Get("/p/-/healthy").status);
  const std::string metrics = server.Get("/p/metrics").body;
  EXPECT_NE(
      std::string::npos,
      metrics.find("prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/query\"} 1\n"))
      << metrics;
}

TEST(StatusApiTest, CountsRequests) {
  FakeServer server;
  server.Get("/api/v1/query?query=1");
  server.Get("/api/v1/query?query=");
  server.Get("/api/v1/label/x/values");
  const Answer answer = server.Get("/metrics");
  EXPECT_EQ("text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            answer.headers.at("Content-Type"));
  for (const char* line : {
           "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/query\"} 1\n",
           "prometheus_http_requests_total{code=\"400\",handler=\"/api/v1/query\"} 1\n",
           "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/label/:name/values\"} "
           "1\n",
           "prometheus_http_requests_total{code=\"200\",handler=\"/api/v1/*path\"} 0\n",
           "prometheus_http_requests_total{code=\"200\",handler=\"/-/ready\"} 0\n",
           "prometheus_http_request_duration_seconds_bucket{handler=\"/api/v1/query\",le=\"0.1\"} "
           "2\n",
           "prometheus_http_response_size_bytes_bucket{handler=\"/api/v1/query\",le=\"100\"} ",
           "promhttp_metric_handler_requests_in_flight 1\n",
           "promhttp_metric_handler_requests_total{code=\"200\"} 0\n",
           "promhttp_metric_handler_requests_total{code=\"503\"} 0\n",
           "prometheus_web_federation_errors_total 0\n",
           "prometheus_web_federation_warnings_total 0\n",
       }) {
    EXPECT_NE(std::string::npos, answer.body.find(line)) << line << answer.body;
  }
  const std::string next = server.Get("/metrics").body;
  EXPECT_NE(std::string::npos,
            next.find("promhttp_metric_handler_requests_total{code=\"200\"} 1\n"));
}

TEST(StatusApiTest, OwnMetricsAsProtobuf) {
  FakeServer server;
  server.registry.AddCounter("t_total", "A counter.", {{"a", "1"}}).Add(3);
  server.registry.AddGauge("t_gauge", "g").Set(-0.5);
  constexpr double kBounds[] = {0.5, 1};
  server.registry.AddHistogram("t_histogram", "h", kBounds).Observe(0.7);
  constexpr double kQuantiles[] = {0.5};
  server.registry.AddSummary("t_summary", "s", kQuantiles).Observe(4);
  const std::string accept =
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
  Answer answer = server.Ask("GET", "/metrics", "", {{"Accept", accept}});
  EXPECT_EQ(accept.substr(0, accept.find(';')),
            answer.headers["Content-Type"].substr(0, accept.find(';')));
  const auto families = proto::DecodeFamilies(answer.body);
  ASSERT_TRUE(families) << families.error().message();
  EXPECT_TRUE(families->contains("promhttp_metric_handler_requests_in_flight"));

  const proto::MetricFamily& counter = families->at("t_total");
  EXPECT_EQ(counter.type, proto::FamilyType::kCounter);
  EXPECT_EQ(counter.help, "A counter.");
  EXPECT_EQ(counter.metrics[0].value, 3);
  EXPECT_EQ(counter.metrics[0].labels,
            (std::vector<std::pair<std::string, std::string>>{{"a", "1"}}));
  EXPECT_EQ(families->at("t_gauge").metrics[0].value, -0.5);
  const proto::Distribution& histogram = *families->at("t_histogram").metrics[0].distribution;
  EXPECT_EQ(histogram.count, 1U);
  EXPECT_EQ(histogram.sum, 0.7);
  ASSERT_EQ(histogram.buckets.size(), 2U);
  EXPECT_EQ(histogram.buckets[0].count, 0U);
  EXPECT_EQ(histogram.buckets[1].upper_bound, 1);
  EXPECT_EQ(histogram.buckets[1].count, 1U);
  const proto::Distribution& summary = *families->at("t_summary").metrics[0].distribution;
  EXPECT_EQ(summary.count, 1U);
  ASSERT_EQ(summary.quantiles.size(), 1U);
  EXPECT_EQ(summary.quantiles[0].value, 4);

  answer = server.Ask("GET", "/metrics?name[]=t_gauge&name[]=nosuch", "", {{"Accept", accept}});
  const auto chosen = proto::DecodeFamilies(answer.body);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->size(), 1U);
  EXPECT_TRUE(chosen->contains("t_gauge"));
}

}  // namespace
}  // namespace narthex::web

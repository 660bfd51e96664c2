// SPDX-License-Identifier: Apache-2.0
#include "tests/web/fake_server.h"
#include "web/api/global_url.h"

namespace narthex::web {
namespace {

std::string Success(const std::string& data) {
  return R"({"status":"success","data":)" + data + "}";
}

TEST(TargetsApiTest, ListsTargets) {
  FakeServer server;
  server.options.external_url = "http://ext:9090";
  ActiveTarget up;
  up.scrape_pool = "a";
  up.discovered_labels = {{"__address__", "localhost:80"}};
  up.labels = {{"instance", "localhost:80"}};
  up.scrape_url = "http://localhost:80/metrics";
  up.last_scrape_ns = 1'700'000'000'000'000'001;
  up.last_scrape_duration_s = 0.25;
  up.health = TargetHealth::kUp;
  up.scrape_interval = "15000ms";
  up.scrape_timeout = "1500ms";
  ActiveTarget fresh;
  fresh.scrape_pool = "b";
  fresh.last_error = "no <x>";
  server.targets.active = {up, fresh};
  server.targets.dropped = {{"b", {{"__address__", "x"}}}};
  const std::string a =
      R"({"discoveredLabels":{"__address__":"localhost:80"},"labels":{"instance":"localhost:80"},)"
      R"("scrapePool":"a","scrapeUrl":"http://localhost:80/metrics","globalUrl":"http://ext:80/metrics",)"
      R"("lastError":"","lastScrape":"2023-11-14T22:13:20.000000001Z","lastScrapeDuration":0.25,)"
      R"("health":"up","scrapeInterval":"15000ms","scrapeTimeout":"1500ms"})";
  const std::string b =
      R"({"discoveredLabels":{},"labels":{},"scrapePool":"b","scrapeUrl":"","globalUrl":"",)"
      R"("lastError":"no \u003cx\u003e","lastScrape":"0001-01-01T00:00:00Z","lastScrapeDuration":0,)"
      R"("health":"unknown","scrapeInterval":"","scrapeTimeout":""})";
  const std::string dropped = R"({"discoveredLabels":{"__address__":"x"},"scrapePool":"b"})";
  const std::string counts = R"({"a":0,"b":7})";
  const struct {
    const char* query;
    std::string active, dropped, counts;
  } cases[] = {
      {"", a + "," + b, dropped, counts},         {"?state=ANY", a + "," + b, dropped, counts},
      {"?state=active", a + "," + b, "", "null"}, {"?state=dropped", "", dropped, counts},
      {"?state=nosuch", "", "", "null"},          {"?scrapePool=a", a, "", counts},
      {"?scrapePool=nosuch", "", "", counts},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    EXPECT_EQ(Success("{\"activeTargets\":[" + c.active + "],\"droppedTargets\":[" + c.dropped +
                      "],\"droppedTargetCounts\":" + c.counts + "}"),
              server.Get(std::string("/api/v1/targets") + c.query).body);
  }
}

TEST(TargetsApiTest, MakesGlobalUrls) {
  ApiOptions options;
  options.external_url = "https://ext.example:8443/p";
  options.listen_address = "0.0.0.0:9090";
  const GlobalUrlOptions global = MakeGlobalUrlOptions(options);
  const struct {
    const char* url;
    const char* want;
  } cases[] = {
      {"http://other:9090/m", "http://other:9090/m"},
      {"http://localhost:9090/m?x=1", "https://ext.example:8443/m?x=1"},
      {"http://127.0.0.1:9100/m", "http://ext.example:9100/m"},
      {"http://[::1]:9100/m", "http://ext.example:9100/m"},
      {"http://localhost/m", "http://ext.example/m"},
      {"", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    EXPECT_EQ(c.want, GlobalUrl(c.url, global));
  }
}

TEST(TargetsApiTest, ListsMetadata) {
  FakeServer server;
  const model::Labels one = {{"job", "one"}};
  const model::Labels two = {{"job", "two"}};
  server.targets.metadata = {
      {one, {"a", model::MetricType::kCounter, "help a", ""}},
      {one, {"b", model::MetricType::kGauge, "help b", "seconds"}},
      {two, {"a", model::MetricType::kCounter, "help a", ""}},
      {two, {"a", model::MetricType::kUnknown, "other", ""}},
  };
  const std::string a = R"({"type":"counter","unit":"","help":"help a"})";
  const std::string other = R"({"type":"unknown","unit":"","help":"other"})";
  const std::string b = R"({"type":"gauge","unit":"seconds","help":"help b"})";
  const struct {
    const char* url;
    std::string data;
  } cases[] = {
      {"metadata", R"({"a":[)" + a + "," + other + R"(],"b":[)" + b + "]}"},
      {"metadata?metric=b", R"({"b":[)" + b + "]}"},
      {"metadata?metric=nosuch", "{}"},
      {"metadata?limit=1", R"({"a":[)" + a + "," + other + "]}"},
      {"metadata?limit=0", "{}"},
      {"metadata?limit_per_metric=1", R"({"a":[)" + a + R"(],"b":[)" + b + "]}"},
      {"targets/metadata?metric=b",
       R"([{"target":{"job":"one"},"type":"gauge","help":"help b","unit":"seconds"}])"},
      {"targets/metadata?match_target={job=\"one\"}",
       R"([{"target":{"job":"one"},"metric":"a","type":"counter","help":"help a","unit":""},)"
       R"({"target":{"job":"one"},"metric":"b","type":"gauge","help":"help b","unit":"seconds"}])"},
      {"targets/metadata?metric=a&limit=1",
       R"([{"target":{"job":"one"},"type":"counter","help":"help a","unit":""}])"},
      {"targets/metadata?limit=0", "[]"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    EXPECT_EQ(Success(c.data), server.Get(std::string("/api/v1/") + c.url).body);
  }
  for (const char* url : {"metadata?limit=x", "targets/metadata?limit=x"}) {
    EXPECT_EQ(R"({"status":"error","errorType":"bad_data","error":"limit must be a number"})",
              server.Get(std::string("/api/v1/") + url).body);
  }
}

class RulesApiTest : public ::testing::Test {
 protected:
  RulesApiTest() {
    RuleStatus record;
    record.name = "rec";
    record.query = "a > 1";
    record.health = RuleHealth::kOk;
    RuleStatus alert;
    alert.alerting = true;
    alert.name = "al";
    alert.query = "up";
    alert.labels = {{"severity", "page"}};
    alert.health = RuleHealth::kErr;
    alert.last_error = "bad";
    alert.state = AlertState::kFiring;
    alert.hold_duration_s = 60;
    alert.annotations = {{"s", "{{ $value }}"}};
    AlertStatus instance;
    instance.labels = {{"alertname", "al"}};
    instance.state = AlertState::kFiring;
    instance.active_at_ns = 1'700'000'000'000'000'000;
    instance.value = 1500;
    alert.alerts = {instance};
    server_.rules.groups = {{"g1", "f1", 15, 0, 0, 0, {record}},
                            {"g2", "f1", 0.5, 3, 0, 0, {alert, record}}};
  }
  const std::string record_ =
      R"({"name":"rec","query":"a \u003e 1","labels":{},"health":"ok","evaluationTime":0,)"
      R"("lastEvaluation":"0001-01-01T00:00:00Z","type":"recording"})";
  const std::string instance_ =
      R"({"labels":{"alertname":"al"},"annotations":{},"state":"firing","activeAt":"2023-11-14T22:13:20Z","value":"1.5e+03"})";
  std::string AlertRule(const std::string& alerts) const {
    return R"({"state":"firing","name":"al","query":"up","duration":60,"keepFiringFor":0,)"
           R"("labels":{"severity":"page"},"annotations":{"s":"{{ $value }}"},"alerts":)" +
           alerts +
           R"(,"health":"err","lastError":"bad","evaluationTime":0,)"
           R"("lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"})";
  }
  static std::string Group(const std::string& name, const std::string& rules) {
    return R"({"name":")" + name + R"(","file":"f1","rules":[)" + rules + "]," +
           (name == "g1" ? R"("interval":15,"limit":0,)" : R"("interval":0.5,"limit":3,)") +
           R"("evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"})";
  }
  FakeServer server_;
};

TEST_F(RulesApiTest, StateOfARuleThatWasNeverEvaluated) {
  server_.rules.groups[1].rules[0].state = AlertState::kUnknown;
  const std::string body = server_.Get("/api/v1/rules?rule_name[]=al").body;
  EXPECT_NE(std::string::npos, body.find(R"([{"state":"unknown","name":"al")")) << body;
}

TEST_F(RulesApiTest, FiltersRules) {
  const std::string alert = AlertRule("[" + instance_ + "]");
  const std::string all = Group("g1", record_) + "," + Group("g2", alert + "," + record_);
  const struct {
    const char* query;
    std::string groups;
  } cases[] = {
      {"", all},
      {"?type=ALERT", Group("g2", alert)},
      {"?type=record", Group("g1", record_) + "," + Group("g2", record_)},
      {"?exclude_alerts=true&type=alert", Group("g2", AlertRule("null"))},
      {"?rule_name[]=al", Group("g2", alert)},
      {"?rule_name[]=nosuch", ""},
      {"?rule_group[]=g1", Group("g1", record_)},
      {"?file[]=f2", ""},
      {"?match[]={severity=\"page\"}", Group("g2", alert)},
      {"?match[]={severity=\"x\"}&match[]={severity=~\"p.*\"}", Group("g2", alert)},
      {"?group_limit=2", all},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    EXPECT_EQ(Success("{\"groups\":[" + c.groups + "]}"),
              server_.Get(std::string("/api/v1/rules") + c.query).body);
  }
  EXPECT_EQ(Success("{\"alerts\":[" + instance_ + "]}"), server_.Get("/api/v1/alerts").body);
}

TEST_F(RulesApiTest, Pages) {
  const std::string token =
      "124b7c7f5e022a2ca2b667346341cdc0cea9c125d347437c3e8d7ceb61e8d44d";  // SHA-256 of "f1;g2".
  const std::string first = server_.Get("/api/v1/rules?group_limit=1").body;
  EXPECT_EQ(
      Success("{\"groups\":[" + Group("g1", record_) + "],\"groupNextToken\":\"" + token + "\"}"),
      first);
  const std::string second =
      server_.Get("/api/v1/rules?group_limit=1&exclude_alerts=1&group_next_token=" + token).body;
  EXPECT_EQ(Success("{\"groups\":[" + Group("g2", AlertRule("null") + "," + record_) + "]}"),
            second);
}

TEST_F(RulesApiTest, NamesBadParameters) {
  const struct {
    const char* query;
    const char* error;
  } cases[] = {
      {"type=x", R"(invalid parameter \"type\": not supported value \"x\")"},
      {"exclude_alerts=x",
       R"(invalid parameter \"exclude_alerts\": error converting exclude_alerts: strconv.ParseBool: parsing \"x\": invalid syntax)"},
      {"group_limit=x",
       R"(invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax)"},
      {"group_limit=0",
       R"(invalid parameter \"group_limit\": group_limit needs to be greater than 0)"},
      {"group_next_token=abc",
       R"(invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups)"},
      {"group_limit=1&group_next_token=abc",
       R"(invalid parameter \"group_next_token\": invalid group_next_token 'abc'. were rule groups changed?)"},
      {"match[]={", "1:2: parse error: unexpected end of input inside braces"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    EXPECT_EQ(
        std::string(R"({"status":"error","errorType":"bad_data","error":")") + c.error + R"("})",
        server_.Get(std::string("/api/v1/rules?") + c.query).body);
  }
}

}  // namespace
}  // namespace narthex::web

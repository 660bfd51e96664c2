// SPDX-License-Identifier: Apache-2.0
//
// Expected statuses and texts: a Pushgateway 1.11. tests/integration/test_push.py asks a real one.
#include "narthex/web/push_gateway.h"

#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"
#include "tests/web/fake_server.h"
#include "tests/web/gzip_text.h"

namespace narthex::web {
namespace {

class PushGatewayTest : public ::testing::Test {
 protected:
  PushGatewayTest() { options_.persistence_file = folder_.path() + "/push_groups"; }

  PushGateway& gateway() {
    if (!gateway_) {
      gateway_ = std::make_unique<PushGateway>(options_, fs_, server_->clock, server_->registry);
      EXPECT_TRUE(gateway_->Start());
      server_->push = gateway_.get();
    }
    return *gateway_;
  }
  void Restart() {
    gateway_->Stop();
    gateway_.reset();
    server_ = std::make_unique<FakeServer>();
    server_->clock.SetMs(kLater);
  }

  Answer Send(const std::string& method, const std::string& path, std::string body,
              std::vector<std::pair<std::string, std::string>> headers = {}) {
    gateway();
    net::ServerRequest request;
    request.method = method;
    request.path = path;
    request.headers = std::move(headers);
    request.body = std::move(body);
    Answer answer;
    server_->router().Dispatch(request, answer);
    return answer;
  }
  Answer Put(const std::string& path, const std::string& body) { return Send("PUT", path, body); }

  /// The page without the times of the groups and without comments.
  std::string Lines() {
    gateway();
    std::string out;
    const std::string text = server_->Get("/push/metrics").body;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at + 1);
      if (line[0] != '#' && !line.starts_with("push_")) out += line;
      at = end + 1;
    }
    return out;
  }

  static constexpr model::TimestampMs kLater = 1'700'000'100'000;
  testing::TempDir folder_;
  testing::FaultFs fs_{SystemFs()};
  PushOptions options_;
  std::unique_ptr<FakeServer> server_ = std::make_unique<FakeServer>();
  std::unique_ptr<PushGateway> gateway_;
};

TEST_F(PushGatewayTest, IsNotThereWithoutItsPart) {
  EXPECT_EQ(404, server_->Get("/push/metrics").status);
  EXPECT_EQ(404, server_->Post("/metrics/job/a", "x 1\n").status);
}

TEST_F(PushGatewayTest, ShowsWhatWasPushed) {
  EXPECT_EQ(
      200,
      Put("/metrics/job/a/instance/i", "# HELP x Help.\n# TYPE x counter\nx{b=\"c\"} 1\n").status);
  const Answer page = server_->Get("/push/metrics");
  EXPECT_EQ("text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            page.headers.at("Content-Type"));
  EXPECT_EQ(
      "# HELP push_failure_time_seconds Last Unix time when changing this group in the "
      "Pushgateway failed.\n"
      "# TYPE push_failure_time_seconds gauge\n"
      "push_failure_time_seconds{instance=\"i\",job=\"a\"} 0\n"
      "# HELP push_time_seconds Last Unix time when changing this group in the Pushgateway "
      "succeeded.\n"
      "# TYPE push_time_seconds gauge\n"
      "push_time_seconds{instance=\"i\",job=\"a\"} 1.7e+09\n"
      "# HELP x Help.\n"
      "# TYPE x counter\n"
      "x{b=\"c\",instance=\"i\",job=\"a\"} 1\n",
      page.body);
}

TEST_F(PushGatewayTest, WritesEachTypeAsExpfmt) {
  EXPECT_EQ(200, Put("/metrics/job/a",
                     "# HELP h A \\\\ and\\na line.\n"
                     "# TYPE h histogram\n"
                     "h_bucket{le=\"0.1\"} 2\nh_sum 1e6\nh_count 3\n"
                     "# TYPE s summary\n"
                     "s{quantile=\"0.9\",t=\"q\\\"\\\\\\n\"} -0\ns_sum{t=\"q\\\"\\\\\\n\"} NaN\n"
                     "u -Inf\n")
                     .status);
  EXPECT_EQ(
      "h_bucket{instance=\"\",job=\"a\",le=\"0.1\"} 2\n"
      "h_bucket{instance=\"\",job=\"a\",le=\"+Inf\"} 3\n"
      "h_sum{instance=\"\",job=\"a\"} 1e+06\n"
      "h_count{instance=\"\",job=\"a\"} 3\n"
      "s{instance=\"\",job=\"a\",t=\"q\\\"\\\\\\n\",quantile=\"0.9\"} 0\n"
      "s_sum{instance=\"\",job=\"a\",t=\"q\\\"\\\\\\n\"} NaN\n"
      "s_count{instance=\"\",job=\"a\",t=\"q\\\"\\\\\\n\"} 0\n"
      "u{instance=\"\",job=\"a\"} -Inf\n",
      Lines());
  EXPECT_NE(std::string::npos,
            server_->Get("/push/metrics").body.find("# HELP h A \\\\ and\\na line.\n"));
}

TEST_F(PushGatewayTest, ReplacesGroupsOrNames) {
  Put("/metrics/job/a", "x 1\ny 1\n");
  Put("/metrics/job/a/l/v", "x 5\n");
  Send("POST", "/metrics/job/a", "y{n=\"2\"} 2\n");
  EXPECT_EQ(
      "x{instance=\"\",job=\"a\"} 1\n"
      "x{instance=\"\",job=\"a\",l=\"v\"} 5\n"
      "y{instance=\"\",job=\"a\",n=\"2\"} 2\n",
      Lines());
  Put("/metrics/job/a", "y 3\n");
  EXPECT_EQ("x{instance=\"\",job=\"a\",l=\"v\"} 5\ny{instance=\"\",job=\"a\"} 3\n", Lines());
  EXPECT_EQ(202, Send("DELETE", "/metrics/job/a/l/v", "").status);
  EXPECT_EQ(202, Send("DELETE", "/metrics/job/nosuch", "").status);
  EXPECT_EQ("y{instance=\"\",job=\"a\"} 3\n", Lines());
  Put("/metrics/job/a", "");
  EXPECT_EQ("", Lines());
  EXPECT_NE(std::string::npos, server_->Get("/push/metrics").body.find("push_time_seconds{"));
}

TEST_F(PushGatewayTest, ReadsGroupsFromPaths) {
  const struct {
    const char* path;  // After "/metrics/".
    int status;
    const char* outcome;  // The labels, or the error.
  } cases[] = {
      {"job/a", 200, "instance=\"\",job=\"a\""},
      {"job/a/", 200, "instance=\"\",job=\"a\""},
      {"job/a/b/", 200, "b=\"\",instance=\"\",job=\"a\""},
      {"job/a/job/c", 200, "instance=\"\",job=\"a\""},
      {"job/a/b/1/b/2", 200, "b=\"2\",instance=\"\",job=\"a\""},
      {"job@base64/YS9i", 200, "instance=\"\",job=\"a/b\""},
      {"job@base64/YQ==", 200, "instance=\"\",job=\"a\""},
      {"job/a/b@base64/=", 200, "b=\"\",instance=\"\",job=\"a\""},
      {"job/a/b@base64/w6kg", 200, "b=\"\xc3\xa9 \",instance=\"\",job=\"a\""},
      {"job/a/b@base64/_-_-", 400, nullptr},  // Not UTF-8.
      {"job/a/b", 400, "odd number of components in label string \"/b\"\n"},
      {"job/a/__b/c", 400, "improper label name \"__b\"\n"},
      {"job/a/b-c/d", 400, "improper label name \"b-c\"\n"},
      {"job@base64/=", 400, "job name is required\n"},
      {"job@base64/YWJj!", 400,
       "invalid base64 encoding in job name \"abc\": illegal base64 data at input byte 4\n"},
      {"job@base64/Y", 400,
       "invalid base64 encoding in job name \"\": illegal base64 data at input byte 0\n"},
      {"job/a/b@base64/Y!", 400,
       "invalid base64 encoding for label b=\"Y!\": illegal base64 data at input byte 1\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    gateway().Wipe();
    const Answer answer = Put(std::string("/metrics/") + c.path, "x{job=\"no\"} 1\n");
    EXPECT_EQ(c.status, answer.status);
    if (c.status == 200) {
      EXPECT_EQ(std::string("x{") + c.outcome + "} 1\n", Lines());
    } else if (c.outcome != nullptr) {
      EXPECT_EQ(c.outcome, answer.body);
    }
  }
}

TEST_F(PushGatewayTest, RefusesWhatIsInconsistent) {
  const std::string prefix = "pushed metrics are invalid or inconsistent with existing metrics: ";
  const struct {
    const char* body;
    const char* error;
  } cases[] = {
      {"x 1 1000\n", "pushed metrics must not have timestamps\n"},
      {"x 1\nx 2\n",
       "collected metric \"x\" { label:{name:\"instance\" value:\"\"} label:{name:\"job\" "
       "value:\"b\"} untyped:{value:2}} was collected before with the same name and label "
       "values\n"},
      {"# TYPE g counter\ng 1\n",
       "collected metric \"g\" { label:{name:\"instance\" value:\"\"} label:{name:\"job\" "
       "value:\"b\"} counter:{value:1}} is not a GAUGE\n"},
      {"h_count 1\n",
       "collected metric named \"h_count\" collides with previously collected histogram named "
       "\"h\"\n"},
      {"# TYPE t summary\nt_count 5\nt_sum 6\n",
       "collected histogram or summary named \"t\" collides with previously collected metric named "
       "\"t_sum\"\n"},
      {"x{__a=\"1\"} 1\n",
       "collected metric \"x\" { label:{name:\"__a\" value:\"1\"} label:{name:\"instance\" "
       "value:\"\"} label:{name:\"job\" value:\"b\"} untyped:{value:1}} has a label with an "
       "invalid "
       "name: __a\n"},
  };
  Put("/metrics/job/a", "# TYPE g gauge\ng 1\n# TYPE h histogram\nh_count 1\nt_sum 1\n");
  const std::string before = Lines();
  for (const auto& c : cases) {
    SCOPED_TRACE(c.body);
    const Answer answer = Put("/metrics/job/b", c.body);
    EXPECT_EQ(400, answer.status);
    EXPECT_EQ(prefix + c.error, answer.body);
    EXPECT_EQ(before, Lines());
  }
  const std::string page = server_->Get("/push/metrics").body;
  EXPECT_NE(std::string::npos,
            page.find("push_failure_time_seconds{instance=\"\",job=\"b\"} 1.7e+09\n"));
  EXPECT_NE(std::string::npos, page.find("push_time_seconds{instance=\"\",job=\"b\"} 0\n"));
}

TEST_F(PushGatewayTest, TellsAllProblems) {
  const Answer answer = Put("/metrics/job/a", "x 1\nx 2\ny 1\ny 2\n");
  EXPECT_EQ(400, answer.status);
  EXPECT_NE(std::string::npos,
            answer.body.find(": 2 error(s) occurred:\n* collected metric \"x\""));
  EXPECT_NE(std::string::npos, answer.body.find("\n* collected metric \"y\""));
}

TEST_F(PushGatewayTest, FindsSeriesOfOtherGroups) {
  Put("/metrics/job/a", "x{l=\"v\"} 1\n");
  EXPECT_EQ(400, Put("/metrics/job/a/l/v", "x 1\n").status);
  // What stood in a group's way goes with it, and a refused push changes nothing.
  Put("/metrics/job/a", "x{l=\"w\"} 1\n");
  EXPECT_EQ(200, Put("/metrics/job/a/l/v", "x 1\n").status);
  EXPECT_EQ(400, Put("/metrics/job/a", "x{l=\"v\"} 1\n").status);
  EXPECT_EQ(200, Put("/metrics/job/a", "x{l=\"w\"} 2\n").status);
  // Another type is fine once nobody has the first one.
  Send("DELETE", "/metrics/job/a/l/v", "");
  EXPECT_EQ(200, Put("/metrics/job/a", "# TYPE x gauge\nx 1\n").status);
}

TEST_F(PushGatewayTest, PutsBackWhatARefusedPushTookOut) {
  const std::string histogram = "# TYPE f histogram\nf_bucket{le=\"+Inf\"} 1\n";
  EXPECT_EQ(200,
            Put("/metrics/job/a", "# TYPE f gaugehistogram\nf_bucket{le=\"+Inf\"} 1\n").status);
  EXPECT_EQ(400, Put("/metrics/job/b", histogram).status);
  EXPECT_EQ(200, Put("/metrics/job/c", "f_count 1\n").status);
  EXPECT_EQ(202, Send("DELETE", "/metrics/job/a", "").status);
  const std::string before = Lines();
  EXPECT_EQ(400, Put("/metrics/job/b", histogram).status);
  EXPECT_EQ(400, Put("/metrics/job/c", histogram + "# TYPE g gauge\ng 1\ng 2\n").status);
  EXPECT_EQ(before, Lines());
}

TEST_F(PushGatewayTest, KeepsTheTimesItsOwn) {
  Put("/metrics/job/a", "x 1\n");
  EXPECT_EQ(200, Send("POST", "/metrics/job/a",
                      "# TYPE push_failure_time_seconds counter\npush_failure_time_seconds 7\n"
                      "push_time_seconds 8\n")
                     .status);
  EXPECT_EQ(200, Put("/metrics/job/b", "x 1\n").status);
}

TEST_F(PushGatewayTest, TakesGzip) {
  const std::vector<std::pair<std::string, std::string>> gzip = {{"Content-Encoding", "GZIP"}};
  EXPECT_EQ(200, Send("PUT", "/metrics/job/a", Gzip("x 1\n"), gzip).status);
  EXPECT_EQ("x{instance=\"\",job=\"a\"} 1\n", Lines());
  Answer answer = Send("PUT", "/metrics/job/a", "x 1\nx 2\nx 3\n", gzip);
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("gzip: invalid header\n", answer.body);
  answer = Send("PUT", "/metrics/job/a", Gzip(std::string(65 << 20, ' ')), gzip);
  EXPECT_EQ(413, answer.status);
}

TEST_F(PushGatewayTest, SpeaksProtobuf) {
  const std::string type =
      "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
      "encoding=delimited";
  auto families =
      proto::ParseFamilyText("# TYPE x gauge\nx{a=\"b\"} 1.5\n", proto::NameRule::kLegacy);
  ASSERT_TRUE(families);
  std::string body;
  proto::EncodeFamily(families->at("x"), body);
  EXPECT_EQ(200, Send("PUT", "/metrics/job/a", body, {{"Content-Type", type}}).status);
  EXPECT_EQ("x{a=\"b\",instance=\"\",job=\"a\"} 1.5\n", Lines());
  EXPECT_EQ(400, Send("PUT", "/metrics/job/a", "\x05x", {{"Content-Type", type}}).status);
  // Of another kind it is taken for text.
  EXPECT_EQ(200, Send("PUT", "/metrics/job/b", "y 1\n",
                      {{"Content-Type", "application/vnd.google.protobuf; encoding=text"}})
                     .status);

  const Answer page =
      Send("GET", "/push/metrics", "", {{"Accept", type + ";q=0.6,text/plain;q=0.5"}});
  EXPECT_EQ(type + "; escaping=underscores", page.headers.at("Content-Type"));
  const auto shown = proto::DecodeFamilies(page.body);
  ASSERT_TRUE(shown);
  EXPECT_EQ(1.5, shown->at("x").metrics.at(0).value);
  EXPECT_EQ(2U, shown->at("push_time_seconds").metrics.size());
}

TEST_F(PushGatewayTest, EscapesNamesForClientsThatDoNotKnowThem) {
  options_.utf8_names = true;
  EXPECT_EQ(200, Put("/metrics/job/a/U__l_2e_m/v", "{\"x.y\",\"n.o\"=\"p\"} 1\n").status);
  EXPECT_EQ("x_y{instance=\"\",job=\"a\",l_m=\"v\",n_o=\"p\"} 1\n", Lines());
  const Answer page = Send("GET", "/push/metrics", "",
                           {{"Accept", "text/plain;version=0.0.4;escaping=allow-utf-8"}});
  EXPECT_NE(std::string::npos,
            page.body.find("{\"x.y\",instance=\"\",job=\"a\",\"l.m\"=\"v\",\"n.o\"=\"p\"} 1\n"));
}

TEST_F(PushGatewayTest, WipesForAdministratorsOnly) {
  Put("/metrics/job/a", "x 1\n");
  EXPECT_NE(202, Send("PUT", "/api/v1/admin/wipe", "").status);
  EXPECT_NE("", Lines());
  Restart();
  server_->options.enable_admin_api = true;
  EXPECT_EQ(202, Send("PUT", "/api/v1/admin/wipe", "").status);
  EXPECT_EQ("", server_->Get("/push/metrics").body);
  EXPECT_EQ(200, Put("/metrics/job/b", "# TYPE x gauge\nx 1\n").status);
}

TEST_F(PushGatewayTest, RefusesBodiesThatGrowWhenTheyAreRead) {
  std::string line = "x{", body;
  for (char c = 'a'; c <= 'm'; ++c) line.append(1, c).append("=\"\",");
  line += "} 1\n";
  for (int i = 0; i < 150'000; ++i) body += line;
  EXPECT_EQ(413, Put("/metrics/job/a", body).status);
  EXPECT_EQ("", Lines());
}

TEST_F(PushGatewayTest, RefusesMoreThanItMayHold) {
  options_.max_bytes = 64 << 10;
  int status = 200;
  int groups = 0;
  for (; status == 200 && groups < 1000; ++groups) {
    status = Put("/metrics/job/" + std::to_string(groups), "x 1\n").status;
  }
  EXPECT_EQ(503, status);
  EXPECT_GT(groups, 10);
  EXPECT_EQ(200, Put("/metrics/job/0", "").status);  // Less is always fine.
  EXPECT_NE(std::string::npos,
            server_->MetricsText().find("narthex_push_refused_total{reason=\"no_room\"} 1\n"));
}

TEST_F(PushGatewayTest, ComesBackAfterARestart) {
  Put("/metrics/job/a/l@base64/Lw", "# HELP x h\n# TYPE x histogram\nx_bucket{le=\"1\"} 2\n");
  Put("/metrics/job/b", "y 1\ny 2\n");
  const std::string page = server_->Get("/push/metrics").body;
  Restart();
  gateway();
  EXPECT_EQ(page, server_->Get("/push/metrics").body);
  // The index is back, too.
  EXPECT_EQ(400, Put("/metrics/job/c", "x 1\n").status);
}

TEST_F(PushGatewayTest, WritesTheFileAtMostOnceInTheInterval) {
  std::promise<void> renamed;
  std::once_flag once;
  fs_.SetBefore([&](testing::FileOp op, const std::string&) {
    if (op == testing::FileOp::kRename) std::call_once(once, [&] { renamed.set_value(); });
  });
  Put("/metrics/job/a", "x 1\n");
  server_->clock.AdvanceMs(options_.persistence_interval_ms - 1);
  Put("/metrics/job/a", "x 2\n");
  EXPECT_FALSE(SystemFs().Exists(options_.persistence_file));
  server_->clock.AdvanceMs(1);
  Put("/metrics/job/a", "x 3\n");
  renamed.get_future().wait();
  gateway_->Stop();  // While what the hook uses is there.
}

TEST_F(PushGatewayTest, WaitsAfterTheFileCouldNotBeWritten) {
  options_.persistence_interval_ms = 0;
  std::promise<void> tried;
  std::once_flag once;
  fs_.SetBefore([&](testing::FileOp, const std::string&) {
    std::call_once(once, [&] { tried.set_value(); });
  });
  fs_.SetDiskFull(true);
  Put("/metrics/job/a", "x 1\n");
  tried.get_future().wait();
  for (int i = 0; i < 100; ++i) Put("/metrics/job/a", "x 2\n");
  gateway_->Stop();
  // Once by the thread, whose clock stands still, and once at the end.
  EXPECT_NE(std::string::npos, server_->MetricsText().find("narthex_push_file_failures_total 2\n"));
}

TEST_F(PushGatewayTest, IsNotThereBeforeTheDataFolderIs) {
  gateway();
  server_->status.state = ServerState::kStarting;
  EXPECT_EQ(503, Put("/metrics/job/a", "x 1\n").status);
  EXPECT_EQ(503, Send("DELETE", "/metrics/job/a", "").status);
  EXPECT_EQ(503, server_->Get("/push/metrics").status);
  server_->status.state = ServerState::kReady;
  EXPECT_EQ("", Lines());
}

TEST_F(PushGatewayTest, IsUsedByMany) {
  options_.persistence_interval_ms = 0;
  gateway();
  const auto families = [] {
    return std::move(*proto::ParseFamilyText("x 1\ny 2\n", proto::NameRule::kLegacy));
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const GroupingLabels labels = {{"job", std::to_string(i)}};
      for (int k = 0; k < 50; ++k) {
        const auto mode = k % 2 == 0 ? PushMode::kReplaceGroup : PushMode::kReplaceNames;
        EXPECT_TRUE(gateway_->Push(labels, families(), mode));
        for (const auto& group : gateway_->Groups()) EXPECT_EQ(4U, group->families.size());
        if (k % 5 == 0) gateway_->Delete(labels);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string lines = Lines();
  Restart();
  EXPECT_EQ(lines, Lines());
}

TEST_F(PushGatewayTest, MovesACorruptFileAside) {
  Put("/metrics/job/a", "x 1\n");
  Restart();
  auto bytes = SystemFs().ReadFile(options_.persistence_file);
  ASSERT_TRUE(bytes);
  for (std::size_t cut = 0; cut < bytes->size(); cut += 7) {
    for (const bool flip : {false, true}) {
      std::string damaged = *bytes;
      if (flip) {
        damaged[cut] = static_cast<char>(damaged[cut] ^ 1);
      } else {
        damaged.resize(cut);
      }
      SCOPED_TRACE(cut);
      ASSERT_TRUE(WriteFileAtomically(SystemFs(), options_.persistence_file, AsBytes(damaged)));
      EXPECT_EQ("", Lines());
      const std::string aside =
          options_.persistence_file + ".corrupt-" + std::to_string(server_->clock.NowMs());
      EXPECT_EQ(damaged, SystemFs().ReadFile(aside).value_or("none"));
      EXPECT_FALSE(SystemFs().Exists(options_.persistence_file));
      Restart();
    }
  }
}

TEST_F(PushGatewayTest, KeepsTheOldFileWhenTheNewOneCantBeWritten) {
  Put("/metrics/job/a", "x 1\n");
  Restart();
  Put("/metrics/job/a", "x 2\n");
  fs_.SetDiskFull(true);
  EXPECT_EQ("x{instance=\"\",job=\"a\"} 2\n", Lines());
  Restart();
  fs_.SetDiskFull(false);
  EXPECT_EQ("x{instance=\"\",job=\"a\"} 1\n", Lines());
}

}  // namespace
}  // namespace narthex::web

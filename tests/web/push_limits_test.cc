// SPDX-License-Identifier: Apache-2.0
//
// What hostile pushes may cost.
#include <string>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"
#include "narthex/web/push_gateway.h"
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

class PushLimitsTest : public ::testing::Test {
 protected:
  PushLimitsTest() { server_.push = &gateway_; }

  Answer Put(const std::string& path, std::string body) {
    net::ServerRequest request;
    request.method = "PUT";
    request.path = path;
    request.body = std::move(body);
    Answer answer;
    server_.router().Dispatch(request, answer);
    return answer;
  }
  static std::string Repeated(std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  }

  FakeServer server_;
  PushGateway gateway_{PushOptions{}, SystemFs(), server_.clock, server_.registry};
};

TEST_F(PushLimitsTest, HasALimitOfGroupingLabels) {
  std::string path = "/metrics/job/a";
  for (int i = 0; i < 64; ++i) path += "/l" + std::to_string(i) + "/v";
  EXPECT_EQ(200, Put(path, "x 1\n").status);
  const Answer answer = Put(path + "/m/v", "x 1\n");
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ("more than 64 grouping labels\n", answer.body);
}

TEST_F(PushLimitsTest, RefusesLabelsThatMultiply) {
  const std::string long_job(1 << 20, 'j');
  EXPECT_EQ(503, Put("/metrics/job/" + long_job, Repeated("x 1\n", 1000)).status);
  EXPECT_TRUE(gateway_.Groups().empty());
  EXPECT_EQ(200, Put("/metrics/job/" + long_job, "x 1\n").status);
}

TEST_F(PushLimitsTest, WaitsForNobodyWhoReadsItsAnswer) {
  // Large enough to be read in its turn, and refused.
  net::ServerRequest request;
  request.method = "PUT";
  request.path = "/metrics/job/a";
  request.body = Repeated("x 1\n", 100'000);
  Answer answer;
  int status = 0;
  answer.on_write = [&] { status = Put("/metrics/job/b", request.body).status; };
  server_.router().Dispatch(request, answer);
  EXPECT_EQ(400, answer.status);
  EXPECT_EQ(400, status);
}

TEST_F(PushLimitsTest, TellsNoErrorAtAnyLength) {
  const std::string name(100'000, 'n');
  const std::string labels = "{" + name + "=\"" + name + "\"}";
  const std::string cases[] = {
      name + "!",
      "x " + name + "\n",
      "x{a=\"" + name + "\xff\"} 1\n",
      "# TYPE x " + name + "\n",
      "x{" + name + "=\"\"," + name + "=\"\"} 1\n",
      name + " 1\n" + name + " 2\n",
      "x" + labels + " 1\nx" + labels + " 2\n",
      Repeated("x{__a=\"1\"} 1\ny" + labels + " 1\n", 200),
      "# TYPE h histogram\n" + Repeated("h_bucket{le=\"1\"} 1\n", 10'000) + "h_count{__a=\"\"} 1\n",
  };
  for (const std::string& body : cases) {
    SCOPED_TRACE(body.substr(0, 20));
    const Answer answer = Put("/metrics/job/a", body);
    EXPECT_EQ(400, answer.status);
    EXPECT_LT(answer.body.size(), 32U << 10);
  }
  for (const std::string& path : {"/" + name, "/" + name + "@base64/!", "/__" + name + "/v"}) {
    const Answer answer = Put("/metrics/job/a" + path, "x 1\n");
    EXPECT_EQ(400, answer.status);
    EXPECT_LT(answer.body.size(), 8U << 10);
  }
}

TEST_F(PushLimitsTest, ShowsColonsInLabelsSoThatTheyAreRead) {
  proto::FamiliesByName families;
  proto::MetricFamily& family = families["x"];
  family.name = "x";
  auto& metric = family.metrics.emplace_back();
  metric.kind = proto::MetricKind::kUntyped;
  metric.labels = {{"a:b", "c"}};
  ASSERT_TRUE(gateway_.Push({{"job", "j"}}, std::move(families), PushMode::kReplaceGroup));
  const auto shows = [&](const std::string& accept, const std::string& line) {
    net::ServerRequest request;
    request.method = "GET";
    request.path = "/push/metrics";
    request.headers.emplace_back("Accept", accept);
    Answer page;
    server_.router().Dispatch(request, page);
    return page.body.find(line) != std::string::npos;
  };
  EXPECT_TRUE(shows("text/plain", "x{a_b=\"c\",instance=\"\",job=\"j\"} 0\n"));
  EXPECT_TRUE(shows("text/plain;version=0.0.4;escaping=allow-utf-8",
                    "x{\"a:b\"=\"c\",instance=\"\",job=\"j\"} 0\n"));
}

}  // namespace
}  // namespace narthex::web

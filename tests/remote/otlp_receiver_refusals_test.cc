// SPDX-License-Identifier: Apache-2.0
//
// What the receiver refuses, and the bounds of what it takes. Statuses and texts: Prometheus 3.14.
#include "narthex/proto/otlp.h"
#include "tests/remote/otlp_fixture.h"

namespace narthex::remote {
namespace {

const std::string kNoAttributes = "[]";

TEST_F(OtlpReceiverTest, RefusesTheWholeRequest) {
  Store(Resource(kNoAttributes, Gauge("known", Number(1))));
  const std::string before = Stored();
  const struct {
    const char* name;
    std::string metrics;
    int status;
    std::string error;
  } cases[] = {
      {"duplicate", Gauge("known", Number(2)), 400,
       "duplicate sample for timestamp 1700000000000; overrides not allowed: existing 1, new "
       "value 2"},
      {"out of order", Gauge("known", Number(2, -1000)), 400, "out of order sample"},
      {"out of bounds", Gauge("new", Number(2, -7'200'000)), 400, "out of bounds"},
      {"in the future", Gauge("known", Number(2, 600'001)), 400,
       "out of bounds: timestamp is too far in the future"},
      {"no data", R"({"name":"n"})", 500,
       "could not get aggregation temporality for n as it has unsupported metric type Empty"},
      {"no points", Gauge("n", ""), 500, "empty data points. n is dropped"},
      {"no temporality", Data("n\\\"", "sum", Number(1), 0), 500,
       "invalid temporality and type combination for metric \"n\\\"\""},
      {"delta", Data("n", "histogram", "{}", 1), 500,
       "invalid temporality and type combination for metric \"n\""},
      {"name", Gauge("...", Number(1)), 500,
       "normalization for metric \"...\" resulted in empty name"},
      {"scale", Data("n", "exponentialHistogram", R"({"scale":-5})"), 500,
       "cannot convert exponential to native histogram. Scale must be >= -4, was -5"},
      {"exemplar", Data("n", "sum", R"({"exemplars":[{}],"timeUnixNano":)" + At(0) + "}", 2), 500,
       "unsupported exemplar value type: Empty"},
      {"buckets", Data("n", "exponentialHistogram", R"({"count":1,"timeUnixNano":)" + At(0) + "}"),
       500,
       "0 observations found in buckets, but the Count field is 1: histogram's observation count "
       "should equal the number of observations found in the buckets (in absence of NaN)"},
      {"first of each metric, all metrics",
       Gauge("known", Number(2, -1) + "," + Number(2, 600'001)) + "," + Gauge("n", "") + "," +
           Gauge("known", Number(3)) + "," + Gauge("fine", Number(1)),
       400,
       "out of order sample\nempty data points. n is dropped\nduplicate sample for timestamp "
       "1700000000000; overrides not allowed: existing 1, new value 3"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const OtlpAnswer answer =
        Post(Resource(kNoAttributes, Gauge("good", Number(1, 2000)) + "," + c.metrics));
    EXPECT_EQ(answer.status, c.status);
    EXPECT_EQ(answer.error, c.error);
    EXPECT_EQ(Stored(), before);
  }
  // And by way of series that are known only.
  Store(Resource(kNoAttributes, Gauge("good", Number(1, 1000))));
  const OtlpAnswer answer = Post(
      Resource(kNoAttributes, Gauge("good", Number(1, 2000)) + "," + Gauge("known", Number(7))));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error,
            "duplicate sample for timestamp 1700000000000; overrides not allowed: existing 1, new "
            "value 7");
}

TEST_F(OtlpReceiverTest, RefusesBrokenBodies) {
  OtlpAnswer answer = receiver_->Receive(OtlpForm::kJson, "{");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error, "json: incomplete JSON");
  std::string wire;
  ASSERT_TRUE(proto::OtlpJsonToWire(
      R"({"resourceMetrics":[)" + Resource(kNoAttributes, Gauge("g", Number(1))) + "]}", wire));
  answer = receiver_->Receive(OtlpForm::kProtobuf, wire + "\x0a\x05");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error, "unexpected EOF");
  EXPECT_EQ(Stored(), "");
  answer = receiver_->Receive(OtlpForm::kProtobuf, wire);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(receiver_->Receive(OtlpForm::kProtobuf, "").status, 200);
}

TEST_F(OtlpReceiverTest, ManyErrorsAreCutShort) {
  std::string metrics;
  for (int i = 0; i < 3000; ++i) metrics += (i > 0 ? "," : "") + Gauge("some_long_name", "");
  const OtlpAnswer answer = Post(Resource(kNoAttributes, metrics));
  EXPECT_EQ(answer.status, 500);
  EXPECT_LT(answer.error.size(), 100'000U);
  EXPECT_NE(answer.error.find("\n(and "), std::string::npos);
}

// A point of 1970 would make millions of samples of target_info.
TEST_F(OtlpReceiverTest, TargetInfoHasAnEnd) {
  const OtlpAnswer answer =
      Post(Resource(Attributes({{"service.name", "api"}, {"x", "y"}}),
                    Gauge("g", R"({"asInt":1,"timeUnixNano":1})") + "," + Gauge("h", Number(1))));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error,
            "the data points lie so far apart that target_info needs more than 1000000 samples");
  EXPECT_EQ(Stored(), "");
}

// Steps count, not samples: equal resources make no more of them.
TEST_F(OtlpReceiverTest, TargetInfoOfEqualResourcesHasAnEnd) {
  Open({.lookback_delta_ms = 2});  // A step for each millisecond.
  const std::string attributes = Attributes({{"service.name", "api"}, {"x", "y"}});
  std::string resources;
  for (int i = 0; i < 3; ++i) {
    const std::string n = std::to_string(i);
    resources += (i > 0 ? "," : "") + Resource(attributes, Gauge("g" + n, Number(1, -400'000)) +
                                                               "," + Gauge("h" + n, Number(1)));
  }
  EXPECT_EQ(Post(resources).status, 400);
  EXPECT_EQ(Stored(), "");
}

// A large resource may not be repeated in the labels of any number of series.
TEST_F(OtlpReceiverTest, LabelsHaveABudget) {
  std::string points;
  for (int i = 0; i < 100; ++i) {
    points += (i > 0 ? "," : "") + Number(1, 0, WithAttributes({{"i", std::to_string(i)}}));
  }
  const OtlpAnswer answer =
      Post(Resource(Attributes({{"service.name", std::string(1 << 20, 'x')}}), Gauge("g", points)));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.error, "the labels of the series of the request take more than 67108864 bytes");
  EXPECT_EQ(Stored(), "");
}

}  // namespace
}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
//
// Deltas that are stored as they are, and deltas that become sums.
#include "src/remote/otlp_delta.h"

#include "tests/remote/otlp_fixture.h"

namespace narthex::remote {
namespace {

const std::string kNoAttributes = "[]";
constexpr int kDelta = 1;

class OtlpDeltaTest : public OtlpReceiverTest {
 protected:
  void StoreMetric(const std::string& metric) { Store(Resource(kNoAttributes, metric)); }
  static std::string Counter(const std::string& points) {
    return Data("c", "sum", points, kDelta, R"("isMonotonic":true,)");
  }
  static std::string Start(model::TimestampMs after_now) {
    return R"(,"startTimeUnixNano":)" + At(after_now);
  }
  static std::string Exponential(model::TimestampMs t, const std::string& fields) {
    return Data("e", "exponentialHistogram", R"({"timeUnixNano":)" + At(t) + "," + fields + "}",
                kDelta);
  }
};

// Prometheus has no type for them, and a histogram that falls is not one that was set back.
TEST_F(OtlpDeltaTest, StoredAsTheyAre) {
  Open({.store_deltas = true, .type_and_unit_labels = true});
  StoreMetric(Counter(Number(5) + "," + Number(3, 1000)) + "," +
              Data("h", "histogram", R"({"count":1,"timeUnixNano":)" + At(0) + "}", kDelta) + "," +
              Exponential(0, R"("count":1,"zeroCount":1)") + "," +
              Data("kept", "sum", Number(1), 2));
  EXPECT_EQ(Stored(),
            "{__name__=\"c_total\"} 0:5 1000:3\n"
            "{__name__=\"e\"} 0:{count:1, sum:0, [-1e-128,1e-128]:1}\n"
            "{__name__=\"h_bucket\", le=\"+Inf\"} 0:1\n"
            "{__name__=\"h_count\"} 0:1\n"
            "{__name__=\"kept\", __type__=\"gauge\"} 0:1\n");
}

TEST_F(OtlpDeltaTest, Numbers) {
  Open({.sum_deltas = true, .type_and_unit_labels = true});
  StoreMetric(Counter(Number(5) + "," + Number(7, 0, WithAttributes({{"a", "1"}}))));
  StoreMetric(Counter(Number(3, 1000) + "," + Number(0.5, 2000)));
  // In another order, another stream's; integers add up as integers.
  StoreMetric(
      Counter(Number(1, 1000, WithAttributes({{"a", "1"}}))) + "," +
      Data("i", "sum", R"({"asInt":"9007199254740993","timeUnixNano":)" + At(0) + "}", kDelta) +
      "," + Gauge("g", Number(4)));
  StoreMetric(
      Data("i", "sum", R"({"asInt":"-9007199254740990","timeUnixNano":)" + At(1) + "}", kDelta));
  EXPECT_EQ(Stored(),
            "{__name__=\"c_total\", __type__=\"counter\"} 0:5 1000:8 2000:8.5\n"
            "{__name__=\"c_total\", __type__=\"counter\", a=\"1\"} 0:7 1000:8\n"
            "{__name__=\"g\", __type__=\"gauge\"} 0:4\n"
            "{__name__=\"i\", __type__=\"gauge\"} 0:9.007199254740992e+15 1:3\n");
}

TEST_F(OtlpDeltaTest, AttributesCountInAnyOrder) {
  Open({.sum_deltas = true});
  StoreMetric(Counter(Number(1, 0, WithAttributes({{"a", "1"}, {"b", "2"}}))));
  StoreMetric(Counter(Number(1, 1, WithAttributes({{"b", "2"}, {"a", "1"}}))));
  EXPECT_EQ(Stored(), "{__name__=\"c_total\", a=\"1\", b=\"2\"} 0:1 1:2\n");
}

// What is late is dropped, and the request is fine all the same.
TEST_F(OtlpDeltaTest, LatePoints) {
  Open({.sum_deltas = true});
  StoreMetric(Counter(Number(5, 0, Start(-1000))));
  StoreMetric(Counter(Number(1, -1, Start(-1000))));    // Before the last one.
  StoreMetric(Counter(Number(1, 0, Start(-1000))));     // At the same time.
  StoreMetric(Counter(Number(1, 1000, Start(-2000))));  // Of a stream that began earlier.
  StoreMetric(Counter(Number(1, 2000, Start(-500))));
  EXPECT_EQ(Stored(), "{__name__=\"c_total\"} 0:5 2000:6\n");
}

// No target_info and no error either for a resource of which nothing is left.
TEST_F(OtlpDeltaTest, NothingLeft) {
  Open({.sum_deltas = true});
  const std::string attributes = Attributes({{"service.name", "s"}, {"x", "y"}});
  Store(Resource(attributes, Counter(Number(5))));
  const std::string before = Stored();
  Store(Resource(attributes, Counter(Number(5, -60'000))));
  Store(Resource(attributes, Counter("")));
  Store(Resource(attributes, Data("...", "sum", "", kDelta)));  // Nor of a name that can't be one.
  EXPECT_EQ(Stored(), before);
}

TEST_F(OtlpDeltaTest, StreamsAreForgotten) {
  Open({.sum_deltas = true});
  StoreMetric(Counter(Number(5)));
  clock_.AdvanceMs(5 * 60'000);
  StoreMetric(Counter(Number(1, 300'000)));
  clock_.AdvanceMs(5 * 60'000 + 1);
  StoreMetric(Counter(Number(2, 600'001)));
  EXPECT_EQ(Stored(), "{__name__=\"c_total\"} 0:5 300000:6 600001:2\n");
}

TEST_F(OtlpDeltaTest, Histograms) {
  Open({.sum_deltas = true});
  const auto point = [](model::TimestampMs t, const std::string& fields) {
    return Data("h", "histogram",
                "{" + fields + R"(,"explicitBounds":[1],"timeUnixNano":)" + At(t) + "}", kDelta);
  };
  StoreMetric(point(0, R"("count":3,"sum":2,"bucketCounts":[1,2])"));
  StoreMetric(point(1, R"("count":4,"sum":0.5,"bucketCounts":[4,0])"));
  StoreMetric(point(2, R"("count":1,"bucketCounts":[1,0])"));  // The sum is not known any more.
  StoreMetric(
      Data("h", "histogram",
           R"({"count":5,"sum":9,"bucketCounts":[5,0],"explicitBounds":[2],"timeUnixNano":)" +
               At(3) + "}",
           kDelta));  // Other bounds begin anew.
  EXPECT_EQ(Stored(),
            "{__name__=\"h_bucket\", le=\"+Inf\"} 0:3 1:7 2:8 3:5\n"
            "{__name__=\"h_bucket\", le=\"1\"} 0:1 1:5 2:6\n"
            "{__name__=\"h_bucket\", le=\"2\"} 3:5\n"
            "{__name__=\"h_count\"} 0:3 1:7 2:8 3:5\n"
            "{__name__=\"h_sum\"} 0:2 1:2.5 3:9\n");
}

TEST_F(OtlpDeltaTest, ExponentialHistograms) {
  Open({.sum_deltas = true});
  StoreMetric(Exponential(0, R"("count":4,"sum":1,"scale":1,"zeroCount":1,)"
                             R"("positive":{"offset":0,"bucketCounts":[1,2]})"));
  StoreMetric(Exponential(1, R"("count":6,"sum":2,"scale":1,"zeroCount":1,)"
                             R"("positive":{"offset":1,"bucketCounts":[3,2]})"));
  EXPECT_EQ(Stored(),
            "{__name__=\"e\"} 0:{count:4, sum:1, [-1e-128,1e-128]:1, (1,1.414213562373095]:1, "
            "(1.414213562373095,2]:2} 1:{count:10, sum:3, [-1e-128,1e-128]:2, "
            "(1,1.414213562373095]:1, (1.414213562373095,2]:5, (2,2.82842712474619]:2}\n");
}

TEST(OtlpDeltaStreamsTest, HasABound) {
  OtlpDeltaStreams streams({.max_bytes = 4'000, .max_buckets = 1'000, .max_exemplars = 2});
  MutexLock lock(streams.mutex);
  streams.Tick(1'700'000'000'000);
  proto::OtlpPoint point;
  point.time_ns = 1;
  std::uint64_t taken = 0;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    taken += streams.Add({.low = i, .high = i}, proto::OtlpKind::kSum, point) ? 1 : 0;
  }
  EXPECT_GT(taken, 0U);
  EXPECT_EQ(streams.size(), taken);
  EXPECT_LE(streams.bytes(), 4'000U);
  EXPECT_EQ(streams.TakeDropped(), 1'000 - taken);
  // And a stream that is there may not grow past it.
  OtlpDeltaStreams growing({.max_bytes = 4'000, .max_buckets = 1'000, .max_exemplars = 2});
  MutexLock other_lock(growing.mutex);
  growing.Tick(1'700'000'000'000);
  const Hash128 id{.low = 1, .high = 2};
  EXPECT_TRUE(growing.Add(id, proto::OtlpKind::kHistogram, point));
  point.time_ns = 2;
  point.bucket_counts.resize(900);
  point.explicit_bounds.resize(899, 1);
  EXPECT_FALSE(growing.Add(id, proto::OtlpKind::kHistogram, point));
  EXPECT_EQ(growing.size(), 0U);
  EXPECT_EQ(growing.bytes(), 0U);
  point.bucket_counts.resize(1'001);
  EXPECT_FALSE(growing.Add(id, proto::OtlpKind::kHistogram, point)) << "too many buckets";
  EXPECT_EQ(growing.TakeDropped(), 2U);
}

// Later points of streams have what belongs to the first one: its start and its exemplars.
TEST_F(OtlpDeltaTest, StartOfTheStream) {
  Open({.sum_deltas = true, .start_zeros = true});
  StoreMetric(Counter(Number(5, 0, Start(-1000))));
  StoreMetric(Counter(Number(1, 1000, Start(0))));
  EXPECT_EQ(Stored(), "{__name__=\"c_total\"} -1000:0 0:5 1000:6\n");
}

}  // namespace
}  // namespace narthex::remote

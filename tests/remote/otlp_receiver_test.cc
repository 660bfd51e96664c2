// SPDX-License-Identifier: Apache-2.0
//
// Expected series, statuses and texts: Prometheus 3.14. tests/integration/test_otlp.py holds both
// against each other.
#include "narthex/proto/otlp.h"
#include "tests/remote/otlp_fixture.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/records.h"

namespace narthex::remote {
namespace {

const std::string kNoAttributes = "[]";

TEST_F(OtlpReceiverTest, GaugesAndSums) {
  Store(Resource(
      Attributes(
          {{"service.name", "api"}, {"service.namespace", "shop"}, {"service.instance.id", "i-1"}}),
      Gauge("temp.now", Number(21.5, 0, WithAttributes({{"room.no", "7"}})), R"("unit":"Cel",)") +
          "," +
          Data("requests", "sum",
               R"({"asInt":"5","timeUnixNano":)" + At(0) + "}," + Number(6, 1000), 2,
               R"("isMonotonic":true,)") +
          "," + Data("queue", "sum", Number(-2)) + "," +
          Gauge("empty", R"({"timeUnixNano":)" + At(0) + "}")));
  EXPECT_EQ(Stored(),
            "{__name__=\"empty\", instance=\"i-1\", job=\"shop/api\"} 0:0\n"
            "{__name__=\"queue\", instance=\"i-1\", job=\"shop/api\"} 0:-2\n"
            "{__name__=\"requests_total\", instance=\"i-1\", job=\"shop/api\"} 0:5 1000:6\n"
            "{__name__=\"temp_now_celsius\", instance=\"i-1\", job=\"shop/api\", room_no=\"7\"} "
            "0:21.5\n");
  EXPECT_EQ(Metric("prometheus_api_otlp_appended_samples_without_metadata_total"), 0);
}

TEST_F(OtlpReceiverTest, ClassicHistograms) {
  const std::string point = R"({"count":6,"sum":2.5,"bucketCounts":[1,2,3],)"
                            R"("explicitBounds":[0.5,1e7],"timeUnixNano":)" +
                            At(0) + "}";
  const std::string no_sum = R"({"count":1,"timeUnixNano":)" + At(1000) +
                             R"(,"attributes":[{"key":"le","value":{"stringValue":"own"}}]})";
  Store(Resource(kNoAttributes, Data("h", "histogram", point + "," + no_sum)));
  EXPECT_EQ(Stored(),
            "{__name__=\"h_bucket\", le=\"+Inf\"} 0:6 1000:1\n"
            "{__name__=\"h_bucket\", le=\"0.5\"} 0:1\n"
            "{__name__=\"h_bucket\", le=\"10000000\"} 0:3\n"
            "{__name__=\"h_count\"} 0:6\n"
            "{__name__=\"h_count\", le=\"own\"} 1000:1\n"
            "{__name__=\"h_sum\"} 0:2.5\n");
}

TEST_F(OtlpReceiverTest, Summaries) {
  Store(Resource(kNoAttributes,
                 Data("s", "summary",
                      R"({"count":4,"sum":10,"quantileValues":[{"quantile":0.5,"value":2},)"
                      R"({"quantile":1e-7,"value":3}],"timeUnixNano":)" +
                          At(0) + "}")));
  EXPECT_EQ(Stored(),
            "{__name__=\"s\", quantile=\"0.0000001\"} 0:3\n"
            "{__name__=\"s\", quantile=\"0.5\"} 0:2\n"
            "{__name__=\"s_count\"} 0:4\n"
            "{__name__=\"s_sum\"} 0:10\n");
}

TEST_F(OtlpReceiverTest, NativeHistograms) {
  const std::string exponential =
      R"({"count":10,"sum":5,"scale":1,"zeroCount":1,"positive":{"offset":0,)"
      R"("bucketCounts":[2,3]},"negative":{"offset":-1,"bucketCounts":[4]},"timeUnixNano":)" +
      At(0) + "}";
  config_.convert_histograms_to_nhcb = true;
  Apply();
  const std::string custom = R"({"count":3,"sum":2,"bucketCounts":[0,1,2],)"
                             R"("explicitBounds":[1,2],"timeUnixNano":)" +
                             At(0) + "}";
  Store(Resource(kNoAttributes, Data("e", "exponentialHistogram", exponential) + "," +
                                    Data("c", "histogram", custom)));
  EXPECT_EQ(Stored(),
            "{__name__=\"c\"} 0:{count:3, sum:2, (1,2]:1, (2,+Inf]:2}\n"
            "{__name__=\"e\"} 0:{count:10, sum:5, [-1,-0.7071067811865475):4, "
            "[-1e-128,1e-128]:1, (1,1.414213562373095]:2, (1.414213562373095,2]:3}\n");
}

TEST_F(OtlpReceiverTest, NothingRecordedEndsTheSeries) {
  const auto flagged = [](const std::string& fields) {
    return "{" + fields + R"("flags":1,"timeUnixNano":)" + At(0) + "}";
  };
  Store(Resource(
      kNoAttributes,
      Gauge("g", flagged(R"("asDouble":1,)")) + "," +
          Data("h", "histogram", flagged(R"("sum":1,"bucketCounts":[1,2],"explicitBounds":[1],)")) +
          "," + Data("e", "exponentialHistogram", flagged(R"("count":1,)")) + "," +
          Data("s", "summary", flagged(R"("quantileValues":[{"quantile":1}],)"))));
  EXPECT_EQ(Stored(),
            "{__name__=\"e\"} 0:stale\n"
            "{__name__=\"g\"} 0:stale\n"
            "{__name__=\"h_bucket\", le=\"+Inf\"} 0:stale\n"
            "{__name__=\"h_bucket\", le=\"1\"} 0:stale\n"
            "{__name__=\"h_count\"} 0:stale\n"
            "{__name__=\"h_sum\"} 0:stale\n"
            "{__name__=\"s\", quantile=\"1\"} 0:stale\n"
            "{__name__=\"s_count\"} 0:stale\n"
            "{__name__=\"s_sum\"} 0:stale\n");
}

TEST_F(OtlpReceiverTest, PromotedAttributes) {
  const std::string resource = Attributes(
      {{"service.name", "api"}, {"a.b", "1"}, {"job", "own"}, {"c", "2"}, {"room", "promoted"}});
  const std::string metrics = Gauge("g", Number(1, 0, WithAttributes({{"room", "7"}})));
  const auto stored = [&] {
    Open({});
    Store(Resource(resource, metrics));
    const std::string all = Stored();
    return all.substr(0, all.find('\n'));
  };
  EXPECT_EQ(stored(), "{__name__=\"g\", job=\"api\", room=\"7\"} 0:1");
  config_.promote_resource_attributes = {"a.b", "job", "room", "nosuch"};
  EXPECT_EQ(stored(), "{__name__=\"g\", a_b=\"1\", job=\"api\", room=\"7\"} 0:1");
  config_.promote_resource_attributes.clear();
  config_.promote_all_resource_attributes = true;
  config_.ignore_resource_attributes = {"a.b"};
  EXPECT_EQ(stored(),
            "{__name__=\"g\", c=\"2\", job=\"api\", room=\"7\", service_name=\"api\"} 0:1");
}

TEST_F(OtlpReceiverTest, Scopes) {
  const std::string scope =
      R"("scope":{"name":"lib","version":"","attributes":[{"key":"x.y","value":{"intValue":3}}]},)"
      R"("schemaUrl":"http://s",)";
  const std::string metrics =
      Gauge("g", Number(1, 0,
                        WithAttributes({{"otel_scope_name", "overridden"},
                                        {"otel_scope_version", "deleted"}})));
  config_.promote_scope_metadata = true;
  Apply();
  Store(Resource(kNoAttributes, metrics, scope) + "," +
        Resource(kNoAttributes, Gauge("without_name", Number(1)),
                 R"("scope":{"version":"1"},"schemaUrl":"http://s",)"));
  EXPECT_EQ(Stored(),
            "{__name__=\"g\", otel_scope_name=\"lib\", otel_scope_schema_url=\"http://s\", "
            "otel_scope_x_y=\"3\"} 0:1\n"
            "{__name__=\"without_name\"} 0:1\n");
}

TEST_F(OtlpReceiverTest, NamesThatStay) {
  config_.translation = config::OtlpTranslation::kNoTranslation;
  Apply();
  Store(Resource(
      Attributes({{"service.name", "x"}, {"host.name", "h"}}),
      Gauge("a.b", Number(1, 0, WithAttributes({{"c.d", "1"}, {"e", ""}})), R"("unit":"By",)")));
  EXPECT_EQ(Stored(),
            "{__name__=\"a.b\", \"c.d\"=\"1\", job=\"x\"} 0:1\n"
            "{__name__=\"target_info\", \"host.name\"=\"h\", job=\"x\"} 0:1\n");
}

TEST_F(OtlpReceiverTest, TypeAndUnitLabels) {
  Open({.type_and_unit_labels = true});
  Store(Resource(kNoAttributes,
                 Gauge("g", Number(1), R"("unit":"By/s",)") + "," +
                     Data("c", "sum", Number(1), 2, R"("isMonotonic":true,)") + "," +
                     Data("h", "histogram", R"({"count":1,"timeUnixNano":)" + At(0) + "}")));
  EXPECT_EQ(Stored(),
            "{__name__=\"c_total\", __type__=\"counter\"} 0:1\n"
            "{__name__=\"g_bytes_per_second\", __type__=\"gauge\", "
            "__unit__=\"bytes_per_second\"} 0:1\n"
            "{__name__=\"h_bucket\", __type__=\"histogram\", le=\"+Inf\"} 0:1\n"
            "{__name__=\"h_count\", __type__=\"histogram\"} 0:1\n");
}

// The values of attributes whose names become equal are joined, told of and counted, each time.
TEST_F(OtlpReceiverTest, CollidingAttributes) {
  const std::string warnings =
      "prometheus_api_otlp_translation_warnings_total{category=\"label_name_collision\"}";
  for (int round = 0; round < 2; ++round) {
    Store(Resource(kNoAttributes,
                   Gauge("g", Number(1, round * 1000,
                                     WithAttributes({{"a_b", "2"}, {"a.b", "1"}, {"a-b", "0"}})))));
    EXPECT_EQ(Metric(warnings), round + 1);
  }
  EXPECT_EQ(Stored(), "{__name__=\"g\", a_b=\"0;1;2\"} 0:1 1000:1\n");
}

// However many collide, that costs time in proportion.
TEST_F(OtlpReceiverTest, ManyCollidingAttributes) {
  std::vector<std::pair<std::string, std::string>> pairs;
  std::string joined;
  for (int i = 0; i < 20'000; ++i) {
    pairs.emplace_back("a", std::to_string(i));
    joined += (i > 0 ? ";" : "") + std::to_string(i);
  }
  for (int i = 0; i < 20'000; ++i) pairs.emplace_back("b" + std::to_string(i), "x");
  Store(Resource(kNoAttributes, Gauge("g", Number(1, 0, WithAttributes(pairs)))));
  EXPECT_NE(Stored().find("a=\"" + joined + "\""), std::string::npos);
}

TEST_F(OtlpReceiverTest, OddAttributes) {
  Store(Resource(
      kNoAttributes,
      Gauge("g", Number(1, 0,
                        WithAttributes(
                            {{"__name__", "other"}, {"empty", ""}, {"_x", "1"}, {"9", "2"}})))));
  EXPECT_EQ(Stored(), "{__name__=\"g\", key_9=\"2\", key_x=\"1\"} 0:1\n");
  const OtlpAnswer answer =
      Post(Resource(kNoAttributes, Gauge("g", Number(1, 1000, WithAttributes({{"", "v"}})))));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.error, "label name is empty");
  config_.translation = config::OtlpTranslation::kNoTranslation;
  Apply();
  const OtlpAnswer twice = Post(Resource(
      kNoAttributes, Gauge("g", Number(1, 1000, WithAttributes({{"k", "1"}, {"k", "2"}})))));
  EXPECT_EQ(twice.status, 500);
  EXPECT_EQ(twice.error, "label name \"k\" is not unique: invalid sample");
}

TEST_F(OtlpReceiverTest, TargetInfo) {
  Open({.lookback_delta_ms = 4'000});
  const std::string resource =
      Attributes({{"service.name", "api"}, {"host.name", "h"}, {"service.instance.id", "i"}});
  Store(Resource(resource, Gauge("g", Number(1) + "," + Number(2, 5'000))));
  EXPECT_EQ(Stored(),
            "{__name__=\"g\", instance=\"i\", job=\"api\"} 0:1 5000:2\n"
            "{__name__=\"target_info\", host_name=\"h\", instance=\"i\", job=\"api\"} "
            "0:1 2000:1 4000:1 5000:1\n");
  config_.keep_identifying_resource_attributes = true;
  Apply();
  // Two resources with the same labels make one series of it.
  const std::string again = Resource(resource, Gauge("g", Number(1, 6'000)));
  Store(again + "," + again);
  EXPECT_EQ(Stored(),
            "{__name__=\"g\", instance=\"i\", job=\"api\"} 0:1 5000:2 6000:1\n"
            "{__name__=\"target_info\", host_name=\"h\", instance=\"i\", job=\"api\"} "
            "0:1 2000:1 4000:1 5000:1\n"
            "{__name__=\"target_info\", host_name=\"h\", instance=\"i\", job=\"api\", "
            "service_instance_id=\"i\", service_name=\"api\"} 6000:1\n");
}

TEST_F(OtlpReceiverTest, ResourcesWithoutTargetInfo) {
  // Nothing but the identity; no identity; no data points.
  Store(Resource(Attributes({{"service.name", "api"}}), Gauge("a", Number(1))) + "," +
        Resource(Attributes({{"host.name", "h"}}), Gauge("b", Number(1))) + "," +
        Resource(Attributes({{"service.name", "api"}, {"host.name", "h"}}), ""));
  EXPECT_EQ(Stored(),
            "{__name__=\"a\", job=\"api\"} 0:1\n"
            "{__name__=\"b\"} 0:1\n");
}

// A series is found again by what was sent, so it must not be found when anything of it differs.
TEST_F(OtlpReceiverTest, SeriesAreFoundAgain) {
  const auto send = [&](model::TimestampMs t, const std::string& job, const std::string& name,
                        const std::string& a) {
    Store(Resource(Attributes({{"service.name", job}}),
                   Gauge(name, Number(1, t, WithAttributes({{"a", a}})))));
  };
  for (const int round : {0, 1, 2}) {
    send(round, "j", "g", "1");
    send(round, "j", "g", "2");
    send(round, "j", "f", "1");
    send(round, "k", "g", "1");
  }
  EXPECT_EQ(Stored(),
            "{__name__=\"f\", a=\"1\", job=\"j\"} 0:1 1:1 2:1\n"
            "{__name__=\"g\", a=\"1\", job=\"j\"} 0:1 1:1 2:1\n"
            "{__name__=\"g\", a=\"1\", job=\"k\"} 0:1 1:1 2:1\n"
            "{__name__=\"g\", a=\"2\", job=\"j\"} 0:1 1:1 2:1\n");
  config_.translation = config::OtlpTranslation::kNoTranslation;
  config_.promote_all_resource_attributes = true;
  Apply();
  send(3, "j", "f", "1");
  EXPECT_NE(Stored().find("\"service.name\"=\"j\"} 3:1"), std::string::npos) << Stored();
}

TEST_F(OtlpReceiverTest, SeriesThatAreGoneAreMadeAnew) {
  const auto request = [&](model::TimestampMs t) {
    return Resource(Attributes({{"service.name", "j"}, {"x", "y"}}),
                    Gauge("g", Number(1, t) + "," + Number(2, t, WithAttributes({{"a", "1"}}))) +
                        "," +
                        Data("e", "exponentialHistogram",
                             R"({"count":1,"zeroCount":1,"timeUnixNano":)" + At(t) + "}"));
  };
  Store(request(0));
  const std::string before = Stored();
  OpenDb({});
  EXPECT_EQ(Stored(), "");
  Store(request(0));
  EXPECT_EQ(Stored(), before);
  Store(request(1000));
  EXPECT_NE(Stored(), before);
}

TEST_F(OtlpReceiverTest, Exemplars) {
  const std::string long_text(120, 'x');
  const std::string exemplars =
      R"(,"exemplars":[{"asInt":1,"timeUnixNano":)" + At(-5) +
      R"(,"traceId":"00112233445566778899aabbccddeeff","spanId":"0011223344556677",)" +
      R"("filteredAttributes":)" + Attributes({{"z", "1"}, {"a", ""}}) +
      R"(},{"asDouble":7,"timeUnixNano":)" + At(-4) +
      R"(,"traceId":"00112233445566778899aabbccddeeff","filteredAttributes":)" +
      Attributes({{"long", long_text}}) + "}]";
  Store(
      Resource(kNoAttributes,
               Data("c", "sum", Number(1, 0, exemplars), 2, R"("isMonotonic":true,)") + "," +
                   Data("h", "histogram",
                        R"({"count":2,"bucketCounts":[1,1],"explicitBounds":[5],"timeUnixNano":)" +
                            At(0) + exemplars + "}") +
                   "," + Gauge("g", Number(1, 0, exemplars))));
  std::string text;
  const std::vector<std::vector<model::Matcher>> all = {{model::Matcher::NotEqual("nosuch", "x")}};
  const Status status = db_->SelectExemplars(
      model::kMinTime, model::kMaxTime, all,
      [&](const model::Labels& labels, std::span<const model::Exemplar> stored) {
        for (const auto& exemplar : stored) {
          text += labels.ToString() + " " + exemplar.labels.ToString() + " " +
                  std::to_string(exemplar.t - kNow) + ":" + ValueText(exemplar.value) + "\n";
        }
      });
  ASSERT_TRUE(status);
  const std::string ids =
      "{span_id=\"0011223344556677\", trace_id=\"00112233445566778899aabbccddeeff\", z=\"1\"}";
  const std::string id = "{trace_id=\"00112233445566778899aabbccddeeff\"}";
  EXPECT_EQ(text, "{__name__=\"c_total\"} " + ids + " -5:1\n{__name__=\"c_total\"} " + id +
                      " -4:7\n{__name__=\"h_bucket\", le=\"+Inf\"} " + id +
                      " -4:7\n{__name__=\"h_bucket\", le=\"5\"} " + ids + " -5:1\n");
  Store(
      Resource(kNoAttributes,
               Data("c", "sum",
                    Number(2, 1000, R"(,"exemplars":[{"asInt":1,"timeUnixNano":)" + At(-50) + "}]"),
                    2, R"("isMonotonic":true,)")));
  EXPECT_EQ(Metric("prometheus_api_otlp_out_of_order_exemplars_total"), 1);
}

TEST_F(OtlpReceiverTest, SamplesWithoutMetadata) {
  Open({.store_deltas = true});
  Store(Resource(kNoAttributes, Data("d", "sum", Number(1) + "," + Number(2, 1), 1) + "," +
                                    Gauge("g", Number(1))));
  EXPECT_EQ(Metric("prometheus_api_otlp_appended_samples_without_metadata_total"), 2);
}

TEST_F(OtlpReceiverTest, HistogramsThatContradictThemselves) {
  const auto odd = [&](int i) {
    return Data("e" + std::to_string(i), "exponentialHistogram",
                R"({"sum":1.5,"timeUnixNano":)" + At(0) + "}");
  };
  Store(Resource(kNoAttributes, odd(1) + "," + odd(2)));
  EXPECT_EQ(Metric("prometheus_api_otlp_translation_warnings_total{category=\"histogram_zero_"
                   "count_non_zero_sum\"}"),
            1);
}

TEST_F(OtlpReceiverTest, ZerosAtTheStart) {
  Open({.start_zeros = true});
  const std::string start = R"(,"startTimeUnixNano":)" + At(-5000);
  for (const int t : {0, 1000}) {
    Store(Resource(
        kNoAttributes,
        Data("c", "sum", Number(3, t, start), 2, R"("isMonotonic":true,)") + "," +
            Gauge("g", Number(4, t)) + "," +
            Data("e", "exponentialHistogram",
                 R"({"count":1,"sum":0,"zeroCount":1,"timeUnixNano":)" + At(t) + start + "}")));
  }
  EXPECT_EQ(Stored(),
            "{__name__=\"c_total\"} -5000:0 0:3 1000:3\n"
            "{__name__=\"e\"} -5000:{count:0, sum:0} 0:{count:1, sum:0, [-1e-128,1e-128]:1} "
            "1000:{count:1, sum:0, [-1e-128,1e-128]:1}\n"
            "{__name__=\"g\"} 0:4 1000:4\n");
}

/// "type unit help" of each entry in the log, in order.
std::vector<std::string> LoggedMetadata(const std::string& dir) {
  std::vector<std::string> all;
  const auto segments = tsdb::wal::ListSegments(SystemFs(), dir).value();
  tsdb::wal::LogReader reader(SystemFs(), dir, segments.front(), segments.back());
  while (reader.Next()) {
    if (tsdb::wal::TypeOf(reader.record()) != tsdb::wal::RecordType::kMetadata) continue;
    std::vector<tsdb::wal::MetadataEntry> entries;
    EXPECT_TRUE(tsdb::wal::DecodeMetadata(reader.record(), entries));
    for (const auto& [ref, metadata] : entries) {
      all.push_back(std::string(model::MetricTypeName(metadata.type)) + " " + metadata.unit + " " +
                    metadata.help);
    }
  }
  std::sort(all.begin(), all.end());
  return all;
}

// Once for each series, and when they change; not for a series that ends.
TEST_F(OtlpReceiverTest, MetadataAreLogged) {
  Open({.append_metadata = true});
  const auto metrics = [](model::TimestampMs t, const std::string& help) {
    return Gauge("g", Number(1, t), R"("unit":"By","description":")" + help + "\",") + "," +
           Data("h", "histogram", R"({"count":1,"timeUnixNano":)" + At(t) + "}") + "," +
           Gauge("ended", R"({"flags":1,"timeUnixNano":)" + At(t) + "}");
  };
  const std::string resource = Attributes({{"service.name", "s"}, {"x", "y"}});
  Store(Resource(resource, metrics(0, "old")));
  Store(Resource(resource, metrics(1, "old")));
  Store(Resource(resource, metrics(2, "new")));
  EXPECT_EQ(LoggedMetadata(db_folder_ + "/wal"),
            (std::vector<std::string>{"gauge  Target metadata", "gauge bytes new",
                                      "gauge bytes old", "histogram  ", "histogram  "}));
}

}  // namespace
}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
#include "web/api/federation_page.h"

namespace narthex::web {
namespace {

using model::CounterResetHint;

FederatedSample Float(model::Labels labels, double v) {
  return {.labels = std::move(labels), .t = 5000, .v = v, .histogram = nullptr};
}

FederatedSample Counts(model::Labels labels, model::FloatHistogram histogram) {
  return {.labels = std::move(labels),
          .t = 5000,
          .v = 0,
          .histogram = std::make_unique<model::FloatHistogram>(std::move(histogram))};
}

model::FloatHistogram Native(CounterResetHint hint = CounterResetHint::kUnknown) {
  model::FloatHistogram h;
  h.counter_reset_hint = hint;
  h.schema = 3;
  h.zero_threshold = 0.5;
  h.zero_count = 2;
  h.count = 9;
  h.sum = 1.5;
  h.positive_spans = {{-2, 1}, {3, 1}};
  h.positive_buckets = {1, 2.5};
  h.negative_spans = {{1, 1}};
  h.negative_buckets = {3};
  return h;
}

/// 2 up to 0.1, 0 up to 0.5, 3 above all bounds.
model::FloatHistogram Custom() {
  model::FloatHistogram h;
  h.schema = model::kCustomBucketsSchema;
  h.count = 5;
  h.sum = 9.5;
  h.positive_spans = {{0, 1}, {1, 1}};
  h.positive_buckets = {2, 3};
  h.custom_values = {0.1, 0.5};
  return h;
}

std::vector<FederatedSample> AllKinds() {
  std::vector<FederatedSample> samples;
  samples.push_back(Float({{"a", "nameless"}}, 1));
  samples.push_back(Float({{"__name__", "c.d"}, {"l.m", "\"\n\\"}}, -0.0));
  samples.push_back(Counts({{"__name__", "h"}, {"k", "1"}}, Custom()));
  samples.push_back(Float({{"__name__", "h"}, {"k", "2"}, {"instance", "i"}}, 2));
  samples.push_back(Counts({{"__name__", "h"}, {"k", "3"}}, Native(CounterResetHint::kGauge)));
  samples.push_back(Counts({{"__name__", "h"}, {"k", "4"}}, Native()));
  samples.push_back(Counts({{"__name__", "h"}, {"k", "5"}}, Native(CounterResetHint::kNotReset)));
  return samples;
}

std::string Write(Exposition form, const std::vector<FederatedSample>& samples) {
  FederationPage page(form, {{"job", "outer"}});
  std::string out;
  for (const FederatedSample& sample : samples) page.Append(sample, out);
  page.End(out);
  return out;
}

TEST(FederationPageTest, TextHasWhatItHasAFormFor) {
  EXPECT_EQ(
      "# TYPE c_d untyped\n"
      "c_d{l_m=\"\\\"\\n\\\\\",instance=\"\",job=\"outer\"} 0 5000\n"
      "# TYPE h histogram\n"
      "h_bucket{k=\"1\",instance=\"\",job=\"outer\",le=\"0.1\"} 2 5000\n"
      "h_bucket{k=\"1\",instance=\"\",job=\"outer\",le=\"0.5\"} 2 5000\n"
      "h_bucket{k=\"1\",instance=\"\",job=\"outer\",le=\"+Inf\"} 5 5000\n"
      "h_sum{k=\"1\",instance=\"\",job=\"outer\"} 9.5 5000\n"
      "h_count{k=\"1\",instance=\"\",job=\"outer\"} 5 5000\n"
      "# TYPE h untyped\n"
      "h{instance=\"i\",k=\"2\",job=\"outer\"} 2 5000\n",
      Write({.protobuf = false, .escaping = NameEscaping::kUnderscores}, AllKinds()));
}

/// Type and number of metrics of each family, and of each metric what is told of its value.
std::vector<std::string> Read(const std::string& body) {
  std::vector<std::string> out;
  proto::ExpositionReader reader(body);
  proto::ExposedFamily family;
  proto::ExposedMetric metric;
  while (reader.NextFamily(family)) {
    while (reader.NextMetric(metric)) {
      std::string labels;
      for (const std::string_view label : metric.labels) {
        std::string error;
        const auto [name, value] = proto::ReadLabelPair(label, error);
        EXPECT_EQ("", error);
        labels +=
            std::string(labels.empty() ? "" : ",") + std::string(name) + "=" + std::string(value);
      }
      out.push_back(std::string(family.name) + " " + std::to_string(static_cast<int>(family.type)) +
                    " {" + labels + "} " + std::to_string(metric.timestamp) + " " +
                    std::to_string(metric.value) + " " + std::to_string(metric.Count()) + " " +
                    std::to_string(metric.buckets.size()) + "/" +
                    std::to_string(metric.positive_counts.size()) + "/" +
                    std::to_string(metric.negative_counts.size()) + metric.Problem());
    }
  }
  EXPECT_EQ("", reader.error());
  return out;
}

TEST(FederationPageTest, ProtobufHasEveryKind) {
  const std::string body =
      Write({.protobuf = true, .escaping = NameEscaping::kUnderscores}, AllKinds());
  EXPECT_EQ((std::vector<std::string>{
                "c_d 3 {l_m=\"\n\\,instance=,job=outer} 5000 -0.000000 0.000000 0/0/0",
                "h 4 {k=1,instance=,job=outer} 5000 0.000000 5.000000 2/0/0",
                "h 3 {instance=i,k=2,job=outer} 5000 2.000000 0.000000 0/0/0",
                "h 5 {k=3,instance=,job=outer} 5000 0.000000 9.000000 0/2/1",
                "h 4 {k=4,instance=,job=outer} 5000 0.000000 9.000000 0/2/1",
                "h 4 {k=5,instance=,job=outer} 5000 0.000000 9.000000 0/2/1"}),
            Read(body));
  EXPECT_EQ(Read(Write({.protobuf = true, .escaping = NameEscaping::kAllowUtf8}, AllKinds()))[0],
            "c.d 3 {l.m=\"\n\\,instance=,job=outer} 5000 -0.000000 0.000000 0/0/0");
}

TEST(FederationPageTest, AHistogramWhoseSpansSayMoreThanItHasIsNoTrouble) {
  model::FloatHistogram broken = Custom();
  broken.positive_spans = {{-5, 1}, {1000, 4000000000U}};
  const FederatedSample sample = Counts({{"__name__", "h"}}, broken);
  FederationPage page({.protobuf = true, .escaping = NameEscaping::kUnderscores}, {});
  std::string out;
  page.Append(sample, out);
  page.End(out);
  EXPECT_EQ(1U, Read(out).size());
}

}  // namespace
}  // namespace narthex::web

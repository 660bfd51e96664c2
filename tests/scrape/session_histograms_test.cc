// SPDX-License-Identifier: Apache-2.0
//
// Native histograms and exemplars on their way into storage.
#include "scrape/loop/histogram_rules.h"
#include "scrape/textparse/histogram_limits.h"
#include "tests/scrape/metric_writer.h"
#include "tests/scrape/session_fixture.h"

namespace narthex::scrape {
namespace {

using Lines = std::vector<std::string>;

class SessionHistogramTest : public ScrapeSessionTest {
 protected:
  SessionHistogramTest() {
    content_type =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
        "encoding=delimited";
    config.scrape_native_histograms = true;
  }
  static std::string Body(const Message& histogram) {
    return Family("h", kHistogram).Sub(4, Message().Sub(7, histogram)).Delimited();
  }
  /// `n` buckets of one observation each, from (1,2^(1/2)] on.
  static Message Native(std::uint64_t n, std::int64_t schema = 1) {
    Message h = Message().Varint(1, n).Double(2, 9).Zigzag(5, schema).Sub(12, Span(1, n));
    for (std::uint64_t i = 0; i < n; ++i) h.Zigzag(13, i == 0 ? 1 : 0);
    return h;
  }
  Lines Histograms(std::string_view name = "h") { return storage.Histograms(Series(name)); }
};

TEST_F(SessionHistogramTest, NativeHistogramsAreAppended) {
  ASSERT_TRUE(Ingest(Body(Native(2)), kStart));
  ASSERT_TRUE(Ingest(Body(Native(3)), kStart + 1000));
  ASSERT_EQ(Histograms().size(), 2u);
  EXPECT_TRUE(Histograms()[0].starts_with("int {count:2, sum:9,")) << Histograms()[0];
  EXPECT_TRUE(Histograms()[1].ends_with("@1001000"));
  EXPECT_EQ(Samples("scrape_samples_scraped"), "1@1000000 1@1001000");
  EXPECT_EQ(Samples("scrape_series_added"), "1@1000000 0@1001000");
  EXPECT_EQ(Samples("h"), "");
  ASSERT_TRUE(Ingest(Family("g", kGauge).Sub(4, Message()).Delimited(), kStart + 2000));
  EXPECT_EQ(Samples("h"), "stale@1002000");
}

TEST_F(SessionHistogramTest, ForgottenOnesAreAppendedAgain) {
  ASSERT_TRUE(Ingest(Body(Native(1)), kStart));
  storage.ForgetRefs();
  ASSERT_TRUE(Ingest(Body(Native(1)), kStart + 1000));
  ASSERT_TRUE(Ingest(Body(Native(1)), kStart + 2000));
  EXPECT_EQ(Histograms().size(), 2u);  // RecordingStorage keeps those of the new reference only.
  EXPECT_EQ(Samples("up"), "1@1000000 1@1001000 1@1002000");
}

TEST_F(SessionHistogramTest, TheTargetsLabelsWinOverTheConfiguration) {
  const model::Labels off = {{"__scrape_native_histograms__", "F"},
                             {"__convert_classic_histograms_to_nhcb__", "1"}};
  const HistogramOptions of_target = HistogramOptionsOf(off, config);
  EXPECT_FALSE(of_target.native);
  EXPECT_TRUE(of_target.convert);
  EXPECT_FALSE(of_target.keep_classic);
  EXPECT_TRUE(HistogramOptionsOf(model::Labels(), config).native);
}

TEST_F(SessionHistogramTest, FinestSchema) {
  // Source: the table of factors in Prometheus's documentation of the setting.
  const std::pair<double, std::int32_t> cases[] = {
      {0, 8},   {1, 8},   {1.002, 8}, {1.005, 7}, {1.01, 6}, {1.02, 5}, {1.04, 4},   {1.09, 3},
      {1.1, 2}, {1.4, 1}, {2, 0},     {4, -1},    {16, -2},  {256, -3}, {65536, -4}, {1e9, -4}};
  for (const auto& [factor, schema] : cases) EXPECT_EQ(FinestSchema(factor), schema) << factor;
}

TEST_F(SessionHistogramTest, MinBucketFactorMakesCoarser) {
  config.native_histogram_min_bucket_factor = 2;
  ASSERT_TRUE(Ingest(Body(Native(4)), kStart));
  EXPECT_EQ(Histograms(), Lines{"int {count:4, sum:9, (1,2]:2, (2,4]:2}@1000000"});
}

TEST_F(SessionHistogramTest, BucketLimitMakesCoarserOrFails) {
  config.native_histogram_bucket_limit = 2;
  ASSERT_TRUE(Ingest(Body(Native(4)), kStart));
  EXPECT_EQ(Histograms(), Lines{"int {count:4, sum:9, (1,2]:2, (2,4]:2}@1000000"});
  Message far = Message().Varint(1, 3).Zigzag(5, -4);
  for (int i = 0; i < 3; ++i) far.Sub(12, Span(3, 1)).Zigzag(13, i == 0 ? 1 : 0);
  const auto status =
      Ingest(Body(far) + Family("g", kGauge).Sub(4, Message()).Delimited(), kStart + 1000);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "histogram bucket limit exceeded");
  EXPECT_EQ(metrics.bucket_limit_exceeded.value(), 1u);
  EXPECT_EQ(Histograms().size(), 1u);
  EXPECT_EQ(Samples("scrape_samples_scraped"), "1@1000000 2@1001000");
  EXPECT_EQ(Samples("scrape_samples_post_metric_relabeling"), "1@1000000 2@1001000");
}

TEST_F(SessionHistogramTest, ConversionOfText) {
  content_type = "text/plain";
  config.convert_classic_histograms_to_nhcb = true;
  const std::string text =
      "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 3\nh_sum 4\nh_count 3\n"
      "h_bucket{x=\"1\",le=\"1\"} 2\nh_count{x=\"1\"} 2.5\nh_other 7\n# TYPE g gauge\ng_count 1\n";
  ASSERT_TRUE(Ingest(text, kStart));
  ASSERT_TRUE(Ingest(text, kStart + 1000));
  ASSERT_EQ(Histograms().size(), 2u);
  EXPECT_TRUE(Histograms()[0].starts_with("int {count:3, sum:4,")) << Histograms()[0];
  const auto with_x = storage.Histograms(Series("h", {{"x", "1"}}));
  ASSERT_EQ(with_x.size(), 2u);
  EXPECT_TRUE(with_x[0].starts_with("float {count:2.5, sum:0,")) << with_x[0];
  EXPECT_EQ(Samples("h_other"), "7@1000000 7@1001000");
  EXPECT_EQ(Samples("g_count"), "1@1000000 1@1001000");
  EXPECT_EQ(Samples("h_count"), "");
  EXPECT_EQ(Samples("scrape_samples_scraped"), "4@1000000 4@1001000");
  EXPECT_EQ(Samples("scrape_series_added"), "4@1000000 0@1001000");
}

TEST_F(SessionHistogramTest, ConversionBesideClassicSeries) {
  content_type = "application/openmetrics-text";
  config.convert_classic_histograms_to_nhcb = true;
  config.always_scrape_classic_histograms = true;
  options.exemplars = true;
  const std::string text =
      "# TYPE h histogram\nh_bucket{le=\"0.5\"} 1 # {t=\"a\"} 0.1 5\nh_bucket{le=\"+Inf\"} 3 # "
      "{t=\"b\"} 7\nh_sum 4\nh_count 3\n# EOF\n";
  ASSERT_TRUE(Ingest(text, kStart));
  EXPECT_EQ(Histograms().size(), 1u);
  EXPECT_EQ(Samples("h_count"), "3@1000000");
  EXPECT_EQ(storage.Samples(Series("h_bucket", {{"le", "0.5"}})), "1@1000000");
  // Those of a native histogram need a time.
  EXPECT_EQ(storage.TakeExemplars(), Lines{"h {t=\"a\"} 0.1@5000"});
}

TEST_F(SessionHistogramTest, WhatIsNotCumulativeIsNotConverted) {
  content_type = "text/plain";
  config.convert_classic_histograms_to_nhcb = true;
  ASSERT_TRUE(Ingest("# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"2\"} 3\nh_count 5\n",
                     kStart));
  EXPECT_TRUE(Histograms().empty());
  EXPECT_EQ(Samples("scrape_samples_scraped"), "0@1000000");
}

TEST_F(SessionHistogramTest, ExemplarsOfOpenMetrics) {
  content_type = "application/openmetrics-text";
  const std::string text = "# TYPE a counter\na_total 1 # {t=\"x\"} 0.5\nb 1 # {} 2 999\n# EOF\n";
  ASSERT_TRUE(Ingest(text, kStart));
  EXPECT_TRUE(storage.TakeExemplars().empty());
}

TEST_F(SessionHistogramTest, WantedExemplarsOfOpenMetrics) {
  content_type = "application/openmetrics-text";
  options.exemplars = true;
  const std::string text = "# TYPE a counter\na_total 1 # {t=\"x\"} 0.5\nb 1 # {} 2 999\n# EOF\n";
  ASSERT_TRUE(Ingest(text, kStart));
  EXPECT_EQ(storage.TakeExemplars(), (Lines{"a_total {t=\"x\"} 0.5@1000000", "b {} 2@999000"}));
  ASSERT_TRUE(Ingest(text, kStart + 1000));
  EXPECT_EQ(storage.TakeExemplars(), (Lines{"a_total {t=\"x\"} 0.5@1001000", "b {} 2@999000"}));
  EXPECT_EQ(Samples("a_total"), "1@1000000 1@1001000");
  storage.RefuseExemplarsUntil(kStart);
  ASSERT_TRUE(Ingest(text, kStart + 2000));
  EXPECT_EQ(metrics.exemplar_out_of_order.value(), 1u);
}

}  // namespace
}  // namespace narthex::scrape

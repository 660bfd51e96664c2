// SPDX-License-Identifier: Apache-2.0
#include "tests/scrape/session_fixture.h"

namespace narthex::scrape {
namespace {

TEST_F(ScrapeSessionTest, Metadata) {
  ASSERT_TRUE(Ingest("# HELP a An \\\\ a.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n", kStart));
  std::vector<std::string> seen;
  target->metadata().Visit("", [&](std::string_view name, const model::Metadata& m) {
    seen.push_back(fmt::format("{} {} {}", name, model::MetricTypeName(m.type), m.help));
    return true;
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"a counter An \\ a.", "b gauge "}));
  for (int i = 1; i <= 10; ++i) ASSERT_TRUE(Ingest("# TYPE b gauge\nb 1\n", kStart + i * 1000));
  EXPECT_EQ(target->metadata().size(), 2u);
  ASSERT_TRUE(Ingest("# TYPE b gauge\nb 1\n", kStart + 11'000));
  EXPECT_EQ(target->metadata().size(), 1u);
}

using Lines = std::vector<std::string>;

TEST_F(ScrapeSessionTest, MetadataOfNewSeriesAndWhatHasChanged) {
  options.append_metadata = true;
  const std::string body =
      "# HELP a_total What a is.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\n"
      "# TYPE b gauge\nb 1\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n"
      "h_other 1\n";
  ASSERT_TRUE(Ingest(body, kStart));
  EXPECT_EQ(
      storage.TakeMetadata(),
      (Lines{"a_total counter  What a is.", "a_total counter  What a is.", "b gauge  ",
             "h_bucket histogram  ", "h_sum histogram  ", "h_count histogram  ",
             "up gauge targets Health of the scrape target. 1 means the target is healthy, 0 "
             "if the scrape failed.",
             "scrape_duration_seconds gauge seconds Duration of the last scrape in seconds.",
             "scrape_samples_scraped gauge samples Number of samples last scraped.",
             "scrape_samples_post_metric_relabeling gauge samples Number of samples remaining "
             "after metric relabeling was applied.",
             "scrape_series_added gauge series Number of series in the last scrape."}))
      << "h_other is not of the family h";
  ASSERT_TRUE(Ingest(body, kStart + 1000));
  EXPECT_EQ(storage.TakeMetadata(), Lines{}) << "nothing new";
  std::string changed = body;
  changed.replace(changed.find("What a is."), 10, "It is new.");
  changed += "b{late=\"1\"} 1\n";  // Behind another family: it is not of that one.
  ASSERT_TRUE(Ingest(changed, kStart + 2000));
  EXPECT_EQ(storage.TakeMetadata(),
            (Lines{"a_total counter  It is new.", "a_total counter  It is new."}));
}

TEST_F(ScrapeSessionTest, NoMetadataUnlessWanted) {
  ASSERT_TRUE(Ingest("# TYPE a counter\na 1\n", kStart));
  EXPECT_EQ(storage.TakeMetadata(), Lines{});
}

TEST_F(ScrapeSessionTest, ZerosWhereSeriesBegan) {
  options.start_zeros = true;
  content_type = "application/openmetrics-text; version=1.0.0";
  const std::string body =
      "# TYPE c counter\nc_total{x=\"1\"} 7\nc_created{x=\"1\"} 500.5\nc_total{x=\"2\"} 8\n"
      "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 2\n"
      "h_created 600\n"
      "# TYPE g gauge\ng_created 5\n# EOF\n";
  ASSERT_TRUE(Ingest(body, kStart));
  EXPECT_EQ(Samples("c_created"), "");
  EXPECT_EQ(Samples("h_created"), "");
  EXPECT_EQ(Samples("g_created"), "5@1000000") << "gauges have no start";
  EXPECT_EQ(storage.Samples(Series("c_total", {{"x", "1"}})), "0@500500 7@1000000");
  EXPECT_EQ(storage.Samples(Series("c_total", {{"x", "2"}})), "8@1000000");
  EXPECT_EQ(storage.Samples(Series("h_bucket", {{"le", "1.0"}})), "0@600000 1@1000000");
  EXPECT_EQ(storage.Samples(Series("h_bucket", {{"le", "+Inf"}})), "0@600000 2@1000000");
  EXPECT_EQ(Samples("h_sum"), "0@600000 1@1000000");
  EXPECT_EQ(Samples("h_count"), "0@600000 2@1000000");
  EXPECT_EQ(Samples("scrape_samples_scraped"), "7@1000000") << "without the lines of starts";
  // Again: the start is no news. Then the counter is set back.
  ASSERT_TRUE(Ingest(body, kStart + 1000));
  EXPECT_EQ(storage.Samples(Series("c_total", {{"x", "1"}})), "0@500500 7@1000000 7@1001000");
  std::string reset = body;
  reset.replace(reset.find("500.5"), 5, "1001.5");
  ASSERT_TRUE(Ingest(reset, kStart + 2000));
  EXPECT_EQ(storage.Samples(Series("c_total", {{"x", "1"}})),
            "0@500500 7@1000000 7@1001000 0@1001500 7@1002000");
  // Storage has forgotten the series: the zero comes with its labels.
  storage.ForgetRefs();
  reset.replace(reset.find("1001.5"), 6, "1002.5");
  ASSERT_TRUE(Ingest(reset, kStart + 3000));
  EXPECT_EQ(storage.Samples(Series("c_total", {{"x", "1"}})),
            "0@500500 7@1000000 7@1001000 0@1001500 7@1002000 0@1002500 7@1003000");
}

TEST_F(ScrapeSessionTest, StartTimesGoWithTheSamples) {
  options.start_times = true;
  content_type = "application/openmetrics-text; version=1.0.0";
  const std::string body =
      "# TYPE c counter\nc_total{x=\"1\"} 7\nc_created{x=\"1\"} 500.5\nc_total{x=\"2\"} 8\n"
      "c_total{x=\"3\"} 9 1000\nc_created{x=\"3\"} 600\n"
      "# TYPE g gauge\ng 5\n# EOF\n";
  using Starts = std::vector<std::pair<double, model::TimestampMs>>;
  // New series, known ones, and those that the storage has forgotten.
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    if (round == 2) storage.ForgetRefs();
    ASSERT_TRUE(Ingest(body, kStart + round * 1000));
    auto starts = storage.TakeStarts();
    std::sort(starts.begin(), starts.end());
    const Starts want = round == 0 ? Starts{{7, 500'500}, {9, 600'000}} : Starts{{7, 500'500}};
    EXPECT_EQ(starts, want) << "the third has a time of its own, which is taken once";
  }
  EXPECT_EQ(Samples("c_created"), "");
  EXPECT_EQ(storage.Samples(Series("c_total", {{"x", "1"}})), "7@1000000 7@1001000 7@1002000");
}

TEST_F(ScrapeSessionTest, CreatedLinesAreSeriesUnlessStartsAreWanted) {
  content_type = "application/openmetrics-text; version=1.0.0";
  ASSERT_TRUE(Ingest("# TYPE c counter\nc_total 7\nc_created 500\n# EOF\n", kStart));
  EXPECT_EQ(Samples("c_created"), "500@1000000");
  EXPECT_EQ(Samples("c_total"), "7@1000000");
}

}  // namespace
}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include "tests/scrape/session_fixture.h"

namespace narthex::scrape {
namespace {

TEST_F(ScrapeSessionTest, SamplesAndReports) {
  ASSERT_TRUE(Ingest("a 1\nb{x=\"y\"} 2\n", kStart));
  EXPECT_EQ(Samples("a"), "1@1000000");
  EXPECT_EQ(storage.Samples(Series("b", {{"x", "y"}})), "2@1000000");
  EXPECT_EQ(Samples("up"), "1@1000000");
  EXPECT_EQ(Samples("scrape_duration_seconds"), "0.25@1000000");
  EXPECT_EQ(Samples("scrape_samples_scraped"), "2@1000000");
  EXPECT_EQ(Samples("scrape_samples_post_metric_relabeling"), "2@1000000");
  EXPECT_EQ(Samples("scrape_series_added"), "2@1000000");
  EXPECT_EQ(storage.Names().size(), 7u);
  ASSERT_TRUE(Ingest("a 3\nb{x=\"y\"} 4\nc 5\n", kStart + 1000));
  EXPECT_EQ(Samples("a"), "1@1000000 3@1001000");
  EXPECT_EQ(Samples("scrape_series_added"), "2@1000000 1@1001000");
  EXPECT_EQ(storage.column_samples(), 2u);
}

TEST_F(ScrapeSessionTest, ExtraReports) {
  options.extra_metrics = true;
  config.sample_limit = 100;
  ASSERT_TRUE(Ingest("a 1\n", kStart));
  EXPECT_EQ(Samples("scrape_timeout_seconds"), "0.5@1000000");
  EXPECT_EQ(Samples("scrape_sample_limit"), "100@1000000");
  EXPECT_EQ(Samples("scrape_body_size_bytes"), "4@1000000");
}

TEST_F(ScrapeSessionTest, VanishedSeriesBecomeStale) {
  ASSERT_TRUE(Ingest("a 1\nb 1\nc 1\n", kStart));
  ASSERT_TRUE(Ingest("a 2\nc 2\n", kStart + 1000));
  ASSERT_TRUE(Ingest("a 3\nc 3\n", kStart + 2000));
  ASSERT_TRUE(Ingest("b 4\na 4\nc 4\n", kStart + 3000));
  EXPECT_EQ(Samples("a"), "1@1000000 2@1001000 3@1002000 4@1003000");
  EXPECT_EQ(Samples("b"), "1@1000000 stale@1001000 4@1003000");
}

TEST_F(ScrapeSessionTest, SeriesThatComeBackCountAsAdded) {
  ASSERT_TRUE(Ingest("a 1\nb 1\n", kStart));
  ASSERT_TRUE(Ingest("a 2\n", kStart + 1000));
  ASSERT_TRUE(Ingest("a 3\nb 3\n", kStart + 2000));
  // Neither an empty page nor a failure is a reason to forget anything.
  ASSERT_TRUE(Ingest("", kStart + 3000));
  EXPECT_FALSE(Ingest("b 4 x\n", kStart + 4000));
  ASSERT_TRUE(Ingest("a 5\nb 5\n", kStart + 5000));
  EXPECT_EQ(Samples("scrape_series_added"),
            "2@1000000 0@1001000 1@1002000 0@1003000 0@1004000 0@1005000");
}

TEST_F(ScrapeSessionTest, AnotherSpellingOfASeriesKeepsItAlive) {
  ASSERT_TRUE(Ingest("a{x=\"1\",y=\"2\"} 1\n", kStart));
  ASSERT_TRUE(Ingest("a{y=\"2\",x=\"1\"} 2\n", kStart + 1000));
  EXPECT_EQ(storage.Samples(Series("a", {{"x", "1"}, {"y", "2"}})), "1@1000000 2@1001000");
}

TEST_F(ScrapeSessionTest, FailedFetchMarksAllStaleOnce) {
  ASSERT_TRUE(Ingest("a 1\nb 1\n", kStart));
  const auto status = Ingest("", kStart + 1000, Fail(Code::kUnavailable, "connection refused"));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "connection refused");
  ASSERT_FALSE(Ingest("", kStart + 2000, Fail(Code::kUnavailable, "connection refused")));
  ASSERT_TRUE(Ingest("a 2\n", kStart + 3000));
  EXPECT_EQ(Samples("a"), "1@1000000 stale@1001000 2@1003000");
  EXPECT_EQ(Samples("b"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("up"), "1@1000000 0@1001000 0@1002000 1@1003000");
  EXPECT_EQ(Samples("scrape_samples_scraped"), "2@1000000 0@1001000 0@1002000 1@1003000");
}

TEST_F(ScrapeSessionTest, ABadLineTakesAllSamplesBack) {
  ASSERT_TRUE(Ingest("a 1\nb 1\n", kStart));
  const auto status = Ingest("a 2\nnew 1\nb{ 2\n", kStart + 1000);
  ASSERT_FALSE(status);
  EXPECT_EQ(Samples("a"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("b"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("new"), "");
  ASSERT_TRUE(Ingest("a 3\nnew 3\n", kStart + 2000));
  EXPECT_EQ(Samples("a"), "1@1000000 stale@1001000 3@1002000");
  EXPECT_EQ(Samples("b"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("new"), "3@1002000");
}

TEST_F(ScrapeSessionTest, EmptyBodyIsGoodAndMarksStale) {
  ASSERT_TRUE(Ingest("a 1\n", kStart));
  ASSERT_TRUE(Ingest("", kStart + 1000));
  EXPECT_EQ(Samples("a"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("up"), "1@1000000 1@1001000");
}

TEST_F(ScrapeSessionTest, ExplicitTimestamps) {
  ASSERT_TRUE(Ingest("a 1 999000\nb 1\n", kStart));
  ASSERT_TRUE(Ingest("a 2 999500\na 3 999600\n", kStart + 1000));
  ASSERT_TRUE(Ingest("", kStart + 2000));
  EXPECT_EQ(Samples("a"), "1@999000 2@999500 3@999600");
  EXPECT_EQ(Samples("b"), "1@1000000 stale@1001000");
  EXPECT_EQ(metrics.duplicate_timestamp.value(), 0u);
}

TEST_F(ScrapeSessionTest, TrackedTimestampsBecomeStale) {
  config.track_timestamps_staleness = true;
  ASSERT_TRUE(Ingest("a 1 999000\n", kStart));
  ASSERT_TRUE(Ingest("a 2 999500\n", kStart + 1000));
  ASSERT_TRUE(Ingest("b 1\n", kStart + 2000));
  EXPECT_EQ(Samples("a"), "1@999000 2@999500 stale@1002000");
}

TEST_F(ScrapeSessionTest, TimestampsCanBeIgnored) {
  config.honor_timestamps = false;
  ASSERT_TRUE(Ingest("a 1 5\n", kStart));
  EXPECT_EQ(Samples("a"), "1@1000000");
}

TEST_F(ScrapeSessionTest, RefusedSamplesAreCountedAndTheScrapeIsGood) {
  ASSERT_TRUE(Ingest("a 1\na 2\nold 1\n", kStart));
  EXPECT_EQ(Samples("a"), "1@1000000");
  EXPECT_EQ(metrics.duplicate_timestamp.value(), 1u);
  EXPECT_EQ(Samples("scrape_samples_post_metric_relabeling"), "3@1000000");
  ASSERT_TRUE(Ingest("a 3\nold 2 500\nfuture 1 99999999999\n", kStart + 1000));
  EXPECT_EQ(metrics.out_of_order.value(), 1u);
  EXPECT_EQ(metrics.out_of_bounds.value(), 1u);
  EXPECT_EQ(Samples("future"), "");
  EXPECT_EQ(Samples("up"), "1@1000000 1@1001000");
}

TEST_F(ScrapeSessionTest, ForgottenSeriesAreAppendedAgain) {
  config.track_timestamps_staleness = true;
  std::string first;
  std::string second;
  for (int i = 0; i < 1200; ++i) {
    first += fmt::format("m{{i=\"{}\"}} 1\n", i);
    second += fmt::format("m{{i=\"{}\"}} 2\n", i);
  }
  ASSERT_TRUE(Ingest(first + "a 1 999000\n", kStart));
  storage.ForgetRefs();
  ASSERT_TRUE(Ingest(second + "a 2 999500\n", kStart + 1000));
  for (const char* i : {"0", "511", "512", "1199"}) {
    EXPECT_EQ(storage.Samples(Series("m", {{"i", i}})), "1@1000000 2@1001000");
  }
  EXPECT_EQ(Samples("a"), "1@999000 2@999500");
  EXPECT_EQ(Samples("up"), "1@1000000 1@1001000");
  ASSERT_TRUE(Ingest("", kStart + 2000));
  EXPECT_EQ(storage.Samples(Series("m", {{"i", "511"}})), "1@1000000 2@1001000 stale@1002000");
  EXPECT_EQ(Samples("a"), "1@999000 2@999500 stale@1002000");
}

TEST_F(ScrapeSessionTest, FailedCommitIsReported) {
  ASSERT_TRUE(Ingest("a 1\n", kStart));
  storage.FailCommits(true);
  const auto status = Ingest("a 2\n", kStart + 1000);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "no space left on device");
  storage.FailCommits(false);
  ASSERT_TRUE(Ingest("a 3\n", kStart + 2000));
  EXPECT_EQ(Samples("a"), "1@1000000 3@1002000");
}

TEST_F(ScrapeSessionTest, AdoptedCacheGoesOn) {
  ASSERT_TRUE(Ingest("a 1\nb 1\n", kStart));
  ScrapeSession next(std::make_shared<config::ScrapeConfig>(config), target, storage, metrics,
                     SessionOptions());
  next.AdoptCache(session());
  Fetched fetched;
  fetched.content_type = content_type;
  buffers->body = "a 2\n";
  ASSERT_TRUE(next.Ingest(fetched, *buffers, kStart + 1000, kStart, [] { return 0.0; }));
  EXPECT_EQ(Samples("a"), "1@1000000 2@1001000");
  EXPECT_EQ(Samples("b"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("scrape_series_added"), "2@1000000 0@1001000");
}

TEST_F(ScrapeSessionTest, EndOfRunMarksEverything) {
  ASSERT_TRUE(Ingest("a 1\n", kStart));
  ASSERT_TRUE(session().MarkAllStale(*buffers, kStart + 1000));
  EXPECT_EQ(Samples("a"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("up"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("scrape_series_added"), "1@1000000 stale@1001000");
}

TEST_F(ScrapeSessionTest, ContentTypes) {
  const struct {
    const char* type;
    const char* fallback;
    const char* error;
  } cases[] = {
      {"text/plain", "", ""},
      {"Text/Plain ; version=9", "", ""},
      {"", "PrometheusText0.0.4", ""},
      {"text/html", "PrometheusText1.0.0", ""},
      {"", "",
       "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol "
       "specified for target"},
      {"text/html; charset=utf-8", "",
       "received unsupported Content-Type \"text/html; charset=utf-8\" and no "
       "fallback_scrape_protocol specified for target"},
      {"text/", "",
       "cannot parse Content-Type \"text/\" and no fallback_scrape_protocol for target\nmime: "
       "expected token after slash"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.type);
    config::ScrapeConfig job;
    job.fallback_scrape_protocol = c.fallback;
    Target::Identity identity;
    identity.labels = {{"job", "j"}};
    ScrapeSession s(std::make_shared<config::ScrapeConfig>(job),
                    std::make_shared<Target>(identity, model::Labels()), storage, metrics,
                    SessionOptions());
    Fetched fetched;
    fetched.content_type = c.type;
    buffers->body = "a 1\n";
    const auto status = s.Ingest(fetched, *buffers, kStart, kStart, [] { return 0.0; });
    EXPECT_EQ(status ? "" : status.error().message(), c.error);
  }
}

TEST_F(ScrapeSessionTest, OpenMetrics) {
  content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
  const std::string body =
      "# TYPE a counter\n# UNIT a_s s\na_total 1 999.5 # {t=\"x\"} 1\nb{c=\"d\"} 2\n# EOF\n";
  ASSERT_TRUE(Ingest(body, kStart));
  ASSERT_TRUE(Ingest("b{c=\"d\"} 3\n# EOF", kStart + 1000));
  EXPECT_EQ(Samples("a_total"), "1@999500");
  EXPECT_EQ(storage.Samples(Series("b", {{"c", "d"}})), "2@1000000 3@1001000");
  const auto status = Ingest("b{c=\"d\"} 4\n", kStart + 2000);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "data does not end with # EOF");
}

}  // namespace
}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/scrape_session.h"

#include "tests/scrape/recording_storage.h"

namespace narthex::scrape {
namespace {

constexpr model::TimestampMs kStart = 1'000'000;

class ScrapeSessionTest : public ::testing::Test {
 protected:
  /// Call after `config` is as wanted.
  ScrapeSession& session() {
    if (session_ == nullptr) {
      Target::Identity identity;
      identity.labels = {{"__address__", "h:1"}, {"job", "j"}, {"instance", "h:1"}};
      identity.url = "http://h:1/metrics";
      identity.interval_ms = 1000;
      identity.timeout_ms = 500;
      target = std::make_shared<Target>(identity, model::Labels());
      session_ = std::make_unique<ScrapeSession>(std::make_shared<config::ScrapeConfig>(config),
                                                 target, storage, metrics, options);
    }
    return *session_;
  }

  Status Ingest(std::string body, model::TimestampMs t, Status fetch = {}) {
    Fetched fetched;
    fetched.status = std::move(fetch);
    fetched.content_type = content_type;
    fetched.body_bytes = body.size();
    buffers->body = std::move(body);
    return session().Ingest(fetched, *buffers, t, t, [] { return 0.25; });
  }

  static model::Labels Series(
      std::string_view name, std::vector<std::pair<std::string_view, std::string_view>> more = {}) {
    std::vector<std::pair<std::string_view, std::string_view>> pairs = {
        {"__name__", name}, {"job", "j"}, {"instance", "h:1"}};
    for (const auto& pair : more) pairs.push_back(pair);
    return model::Labels::FromPairs(std::move(pairs));
  }
  std::string Samples(std::string_view name) { return storage.Samples(Series(name)); }

  config::ScrapeConfig config;
  std::string content_type = "text/plain; version=0.0.4";
  SessionOptions options;
  metrics::Registry registry;
  ScrapeMetrics metrics{registry};
  RecordingStorage storage;
  std::shared_ptr<Target> target;
  std::unique_ptr<ScrapeBuffers> buffers = std::make_unique<ScrapeBuffers>();

 private:
  std::unique_ptr<ScrapeSession> session_;
};

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

TEST_F(ScrapeSessionTest, SampleLimit) {
  config.sample_limit = 2;
  ASSERT_TRUE(Ingest("a 1\nb 1\n", kStart));
  const auto status = Ingest("a 2\nb 2\nc 2\nd 2\n", kStart + 1000);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "sample limit exceeded");
  EXPECT_EQ(Samples("a"), "1@1000000 stale@1001000");
  EXPECT_EQ(Samples("c"), "");
  EXPECT_EQ(Samples("scrape_samples_scraped"), "2@1000000 4@1001000");
  EXPECT_EQ(Samples("scrape_samples_post_metric_relabeling"), "2@1000000 4@1001000");
  EXPECT_EQ(Samples("scrape_series_added"), "2@1000000 0@1001000");
  EXPECT_EQ(metrics.sample_limit_exceeded.value(), 1u);
}

TEST_F(ScrapeSessionTest, BodyTooLarge) {
  options.extra_metrics = true;
  Fetched fetched;
  fetched.body_too_large = true;
  fetched.content_type = content_type;
  buffers->body = "a 1\n";
  const auto status = session().Ingest(fetched, *buffers, kStart, kStart, [] { return 0.0; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message(), "body size limit exceeded");
  EXPECT_EQ(Samples("scrape_body_size_bytes"), "-1@1000000");
  EXPECT_EQ(Samples("up"), "0@1000000");
  EXPECT_EQ(metrics.body_size_exceeded.value(), 1u);
}

TEST_F(ScrapeSessionTest, LabelLimits) {
  const struct {
    const char* name;
    std::uint64_t count, name_length, value_length;
    const char* error;
  } cases[] = {
      {"fits", 4, 8, 5, ""},
      {"count", 3, 0, 0, "label_limit exceeded (metric: m, number of labels: 4, limit: 3)"},
      {"name", 0, 7, 0,
       "label_name_length_limit exceeded (metric: m, label name: __name__, length: 8, limit: 7)"},
      {"value", 0, 0, 4,
       "label_value_length_limit exceeded (metric: m, label name: x, value: \"12345\", length: 5, "
       "limit: 4)"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    config::ScrapeConfig limited;
    limited.label_limit = c.count;
    limited.label_name_length_limit = c.name_length;
    limited.label_value_length_limit = c.value_length;
    Target::Identity identity;
    identity.labels = {{"job", "j"}, {"instance", "h:1"}};
    ScrapeSession s(std::make_shared<config::ScrapeConfig>(limited),
                    std::make_shared<Target>(identity, model::Labels()), storage, metrics,
                    SessionOptions());
    Fetched fetched;
    fetched.content_type = content_type;
    buffers->body = "m{x=\"12345\"} 1\n";
    const auto status = s.Ingest(fetched, *buffers, kStart, kStart, [] { return 0.0; });
    EXPECT_EQ(status ? "" : status.error().message(), c.error);
  }
  EXPECT_EQ(metrics.label_limits_exceeded.value(), 3u);
}

TEST_F(ScrapeSessionTest, MetricRelabelling) {
  model::RelabelConfig drop;
  drop.action = model::RelabelAction::kDrop;
  drop.source_labels = {"__name__"};
  drop.regex = model::Regex::Compile("drop.*").value();
  config.metric_relabel_configs = {drop};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Ingest("drop_me 1\na 1\n", kStart + i * 1000));
  }
  EXPECT_EQ(Samples("drop_me"), "");
  EXPECT_EQ(Samples("scrape_samples_scraped"), "2@1000000 2@1001000 2@1002000");
  EXPECT_EQ(Samples("scrape_samples_post_metric_relabeling"), "1@1000000 1@1001000 1@1002000");
}

TEST_F(ScrapeSessionTest, FailingNames) {
  const struct {
    const char* name;
    std::string body;
    bool legacy;
    const char* error;
  } cases[] = {
      {"no name", "{\"\"} 1\n", false, "missing metric name (__name__ label)"},
      {"label twice", "a{x=\"1\",x=\"2\"} 1\n", false,
       "label name \"x\" is not unique: invalid sample"},
      {"legacy", "{\"a.b\"} 1\n", true,
       "invalid metric name or label names: {__name__=\"a.b\", instance=\"h:1\", job=\"j\"}"},
      {"content", "", false, ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    config::ScrapeConfig job;
    job.legacy_names = c.legacy;
    Target::Identity identity;
    identity.labels = {{"job", "j"}, {"instance", "h:1"}};
    ScrapeSession s(std::make_shared<config::ScrapeConfig>(job),
                    std::make_shared<Target>(identity, model::Labels()), storage, metrics,
                    SessionOptions());
    Fetched fetched;
    fetched.content_type = content_type;
    buffers->body = c.body;
    const auto status = s.Ingest(fetched, *buffers, kStart, kStart, [] { return 0.0; });
    EXPECT_EQ(status ? "" : status.error().message(), c.error);
  }
}

TEST_F(ScrapeSessionTest, ConflictingLabels) {
  ASSERT_TRUE(Ingest("a{job=\"x\",instance=\"y\",exported_job=\"z\"} 1\n", kStart));
  EXPECT_EQ(storage.Samples(Series("a", {{"exported_exported_job", "x"},
                                         {"exported_instance", "y"},
                                         {"exported_job", "z"}})),
            "1@1000000");
}

TEST_F(ScrapeSessionTest, HonouredLabels) {
  config.honor_labels = true;
  ASSERT_TRUE(Ingest("a{job=\"x\",instance=\"\"} 1\n", kStart));
  EXPECT_EQ(storage.Samples({{"__name__", "a"}, {"job", "x"}}), "1@1000000");
  EXPECT_EQ(Samples("up"), "1@1000000");
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

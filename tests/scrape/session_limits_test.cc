// SPDX-License-Identifier: Apache-2.0
#include "tests/scrape/session_fixture.h"

namespace narthex::scrape {
namespace {

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

}  // namespace
}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include "tests/scrape/session_fixture.h"

namespace narthex::scrape {
namespace {

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

}  // namespace
}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/config/discovery_config.h"
#include "scrape/answers/target_file.h"
#include "scrape/loop/timing.h"
#include "scrape/pool/target_labels.h"
#include "scrape/textparse/protocol.h"

namespace narthex::scrape {
namespace {

config::ScrapeConfig Job() {
  config::ScrapeConfig config;
  config.job_name = "j";
  return config;
}

Result<Target::Identity> Make(const model::Labels& target, const config::ScrapeConfig& config,
                              const model::Labels& group_labels = {}) {
  config::TargetGroup group;
  group.labels = group_labels;
  return MakeTarget(DiscoveredLabels(target, group, config), config);
}

TEST(TargetLabelsTest, Defaults) {
  auto config = Job();
  config.params = {{"a", {"1", "2"}}, {"b c", {"d&e"}}, {"empty", {}}};
  const auto identity =
      Make({{"__address__", "h:1"}, {"x", "target"}}, config, {{"x", "group"}, {"y", "group"}});
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->labels.Get("x"), "target");
  EXPECT_EQ(identity->labels.Get("y"), "group");
  EXPECT_EQ(identity->labels.Get("job"), "j");
  EXPECT_EQ(identity->labels.Get("instance"), "h:1");
  EXPECT_EQ(identity->labels.Get("__scrape_interval__"), "1m");
  EXPECT_EQ(identity->labels.Get("__scrape_native_histograms__"), "false");
  EXPECT_EQ(identity->url, "http://h:1/metrics?a=1&a=2&b+c=d%26e");
  EXPECT_EQ(identity->interval_ms, 60'000);
  EXPECT_EQ(identity->timeout_ms, 10'000);
}

TEST(TargetLabelsTest, LabelsChangeTheRequest) {
  auto config = Job();
  config.params = {{"a", {"1", "2"}}};
  const auto identity = Make({{"__address__", "h"},
                              {"__scheme__", "https"},
                              {"__metrics_path__", "p/ä b"},
                              {"__param_a", "x"},
                              {"__param_z", "y"},
                              {"__scrape_interval__", "5s"},
                              {"__scrape_timeout__", "1500ms"},
                              {"instance", "me"},
                              {"__meta_x", "gone"}},
                             config);
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->url, "https://h/p/%C3%A4%20b?a=x&a=2&z=y");
  EXPECT_EQ(identity->interval_ms, 5000);
  EXPECT_EQ(identity->timeout_ms, 1500);
  EXPECT_EQ(identity->labels.Get("instance"), "me");
  EXPECT_FALSE(identity->labels.Has("__meta_x"));
  const Target target(*identity, {});
  EXPECT_EQ(target.public_labels().ToString(), R"({instance="me", job="j"})");
  EXPECT_EQ(target.Snapshot("p").scrape_interval, "5s");
  EXPECT_EQ(target.Snapshot("p").scrape_timeout, "1500ms") << "as it was written";
}

TEST(TargetLabelsTest, Refused) {
  const struct {
    const char* name;
    model::Labels labels;
    const char* error;
  } cases[] = {
      {"no address", {{"x", "y"}}, "no address"},
      {"slash", {{"__address__", "h/p"}}, "\"h/p\" is not a valid hostname"},
      {"interval",
       {{"__address__", "h"}, {"__scrape_interval__", "x"}},
       "error parsing scrape interval: not a valid duration string: \"x\""},
      {"interval 0",
       {{"__address__", "h"}, {"__scrape_interval__", "0"}},
       "scrape interval cannot be 0"},
      {"timeout 0",
       {{"__address__", "h"}, {"__scrape_timeout__", "0"}},
       "scrape timeout cannot be 0"},
      {"timeout too long",
       {{"__address__", "h"}, {"__scrape_timeout__", "2m"}},
       "scrape timeout cannot be greater than scrape interval (\"2m\" > \"1m\")"},
      {"flag",
       {{"__address__", "h"}, {"__scrape_native_histograms__", "x"}},
       "error parsing scrape native histograms: strconv.ParseBool: parsing \"x\": invalid syntax"},
      {"UTF-8", {{"__address__", "h"}, {"x", "\xff"}}, "invalid label value for \"x\": \"\\xff\""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const auto identity = Make(c.labels, Job());
    ASSERT_FALSE(identity.has_value());
    EXPECT_EQ(identity.error().message(), c.error);
  }
}

TEST(TargetLabelsTest, Dropped) {
  auto config = Job();
  model::RelabelConfig drop;
  drop.action = model::RelabelAction::kDrop;
  config.relabel_configs = {drop};
  const auto identity = Make({{"__address__", "h"}}, config);
  ASSERT_TRUE(identity.has_value());
  EXPECT_TRUE(identity->labels.empty());
}

TEST(TimingTest, FirstDelayIsPinnedToAbsoluteTime) {
  constexpr std::int64_t kInterval = 15'000'000'000;
  for (const std::int64_t offset : {0L, 1L, 7'777'777'777L, kInterval - 1}) {
    for (std::int64_t now = 1'700'000'000'000'000'000; now < 1'700'000'060'000'000'000;
         now += 1'234'567'891) {
      const std::int64_t delay = FirstDelayNs(now, kInterval, offset);
      EXPECT_GT(delay, 0);
      EXPECT_LE(delay, kInterval);
      EXPECT_EQ((now + delay) % kInterval, offset);
    }
  }
}

TEST(TimingTest, TimestampsAreAligned) {
  constexpr std::int64_t kMs = 1'000'000;
  ScrapeGrid grid(1000 * kMs, 1000 * kMs);
  EXPECT_EQ(grid.Timestamp(1000 * kMs, 2 * kMs), 1000 * kMs);
  EXPECT_EQ(grid.Timestamp(2001 * kMs, 2 * kMs), 2000 * kMs);
  EXPECT_EQ(grid.Timestamp(3002 * kMs, 2 * kMs), 3000 * kMs);
  EXPECT_EQ(grid.Timestamp(4003 * kMs, 2 * kMs), 4003 * kMs);
  EXPECT_EQ(grid.Timestamp(9001 * kMs, 2 * kMs), 9000 * kMs);
  EXPECT_EQ(grid.Timestamp(10'001 * kMs, -1), 10'001 * kMs);
  ScrapeGrid fine(0, 100 * kMs);  // The tolerance is one percent at most.
  EXPECT_EQ(fine.Timestamp(100 * kMs + kMs, 2 * kMs), 100 * kMs);
  EXPECT_EQ(fine.Timestamp(202 * kMs, 2 * kMs), 202 * kMs);
}

TEST(TimingTest, MissedTicksCountAsOne) {
  ScrapeGrid grid(100, 10);
  EXPECT_EQ(grid.NextTick(101), 110);
  EXPECT_EQ(grid.NextTick(125), 120);  // One is due at once.
  EXPECT_EQ(grid.NextTick(126), 130);
  EXPECT_EQ(grid.NextTick(175), 170);
  EXPECT_EQ(grid.NextTick(176), 180);
}

TEST(ProtocolTest, Accept) {
  const std::vector<std::string> text = {"PrometheusText1.0.0", "PrometheusText0.0.4"};
  EXPECT_EQ(AcceptHeader(text, "allow-utf-8"),
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5,"
            "*/*;q=0.4");
  const std::vector<std::string> all = {"OpenMetricsText1.0.0", "OpenMetricsText0.0.1",
                                        "PrometheusText1.0.0", "PrometheusText0.0.4"};
  EXPECT_EQ(AcceptHeader(all, "allow-utf-8"),
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
            "application/openmetrics-text;version=0.0.1;q=0.5,"
            "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,"
            "*/*;q=0.2");
  const std::vector<std::string> proto = {"PrometheusProto", "PrometheusText0.0.4"};
  EXPECT_EQ(AcceptHeader(proto, "dots"),
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
            "encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.4");
}

TEST(ProtocolTest, ContentTypesWithParameters) {
  const auto error = [](std::string_view type) {
    const auto format = FormatOf(type, "");
    return format ? std::string() : format.error().message();
  };
  for (const char* good : {"text/plain", "text/plain;", "text/plain ; ", "Text/Plain; A=\"b ; c\"",
                           "text/plain; a=\"x\\\"y\"; b=z", "text/plain; a=b; a=b"}) {
    EXPECT_EQ(error(good), "") << good;
  }
  for (const char* bad :
       {"text/plain; a", "text/plain; =b", "text/plain; a=", "text/plain; a=\"b", "text/plain;;"}) {
    EXPECT_EQ(error(bad),
              fmt::format("cannot parse Content-Type {} and no fallback_scrape_protocol "
                          "for target\nmime: invalid media parameter",
                          go::Quote(bad)));
  }
  EXPECT_TRUE(error("text/plain; a=b; A=c").ends_with("mime: duplicate parameter name"));
  EXPECT_EQ(FormatOf("application/vnd.google.protobuf; proto=x", "").value(), Format::kProtobuf);
  EXPECT_EQ(FormatOf("", "PrometheusProto").value(), Format::kProtobuf);
}

TEST(TargetFileTest, Json) {
  const auto groups = ParseTargetGroupsJson(
      R"([{"targets": ["a:1", "b:2"], "labels": {"x": "y"}}, {"targets": []}, {}])");
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  ASSERT_EQ(groups->size(), 3u);
  EXPECT_EQ((*groups)[0].targets[1].Get("__address__"), "b:2");
  EXPECT_EQ((*groups)[0].labels.Get("x"), "y");
  EXPECT_TRUE((*groups)[2].targets.empty());
  for (const char* bad :
       {"", "{}", "[", "[null]", "[1]", R"([{"target": []}])", R"([{"targets": "a"}])",
        R"([{"targets": [1]}])", R"([{"labels": {"a": 1}}])", R"([{"labels": []}])"}) {
    SCOPED_TRACE(bad);
    EXPECT_FALSE(ParseTargetGroupsJson(bad).has_value());
  }
}

TEST(TargetFileTest, JsonNullIsAnEmptyText) {
  const auto groups =
      ParseTargetGroupsJson(R"([{"targets": [null, "b:2"], "labels": {"a": null, "b": "c"}}])");
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  ASSERT_EQ((*groups)[0].targets.size(), 2u);
  EXPECT_TRUE((*groups)[0].targets[0].empty());
  EXPECT_EQ((*groups)[0].targets[1].Get("__address__"), "b:2");
  EXPECT_EQ((*groups)[0].labels.ToString(), R"({b="c"})");
}

TEST(TargetFileTest, JsonIsBounded) {
  const std::string text = R"([{"targets": ["a", "b"]}, {"targets": ["c"], "labels": {"d": "e"}}])";
  EXPECT_TRUE(ParseTargetGroupsJson(text, {.targets = 3}).has_value());
  for (const TargetLimits& limits :
       {TargetLimits{.targets = 2}, TargetLimits{.bytes = 1}, TargetLimits{.labels_of_one = 0}}) {
    const auto groups = ParseTargetGroupsJson(text, limits);
    ASSERT_FALSE(groups.has_value());
    EXPECT_EQ(groups.error().code(), Code::kResourceExhausted);
  }
}

TEST(TargetFileTest, JsonOfNullHasNoGroups) {
  const auto groups = ParseTargetFile("a.json", "null");
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  EXPECT_TRUE(groups->empty());
}

TEST(TargetFileTest, EndingOfJsonIsInAnyCase) {
  for (const char* path : {"a.json", "a.JSON", "d/a.Json"}) {
    SCOPED_TRACE(path);
    const auto groups = ParseTargetFile(path, R"([{"target": []}])");
    ASSERT_FALSE(groups.has_value());
    EXPECT_EQ(groups.error().message(), R"(json: unknown field "target")");
  }
  for (const char* path : {"json", "a.json.yml"}) {
    EXPECT_TRUE(ParseTargetFile(path, "- targets: [a:1]\n").has_value()) << path;
  }
}

TEST(TargetFileTest, Yaml) {
  const auto groups = config::ParseTargetGroupsYaml("- targets: [a:1]\n  labels: {x: y}\n- {}\n");
  ASSERT_TRUE(groups.has_value()) << groups.error().message();
  ASSERT_EQ(groups->size(), 2u);
  EXPECT_EQ((*groups)[0].targets[0].Get("__address__"), "a:1");
  EXPECT_TRUE(config::ParseTargetGroupsYaml("").has_value());
  for (const char* bad : {"a: b", "- null", "- {target: []}", "- {targets: {}}"}) {
    SCOPED_TRACE(bad);
    EXPECT_FALSE(config::ParseTargetGroupsYaml(bad).has_value());
  }
}

}  // namespace
}  // namespace narthex::scrape

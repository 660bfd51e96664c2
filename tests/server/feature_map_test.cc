// SPDX-License-Identifier: Apache-2.0
#include "src/server/feature_map.h"

#include <gtest/gtest.h>

namespace narthex::server {
namespace {

using Category = std::map<std::string, bool>;

std::map<std::string, Category> FeaturesOf(std::vector<std::string> arguments) {
  auto parsed = ParseCommandLine(std::move(arguments));
  EXPECT_TRUE(parsed.run) << parsed.text_err;
  return FeatureMap(parsed.flags);
}

// As Prometheus 3.14.0 answers without flags; functions and mechanisms are counted and sampled.
TEST(FeatureMapTest, WithoutFlags) {
  auto features = FeaturesOf({});
  EXPECT_EQ((Category{{"admin", false},
                      {"exclude_alerts", true},
                      {"label_values_match", true},
                      {"lifecycle", false},
                      {"openapi_3.1", true},
                      {"openapi_3.2", true},
                      {"otlp_write_receiver", false},
                      {"query_stats", true},
                      {"query_warnings", true},
                      {"remote_write_receiver", false},
                      {"search", false},
                      {"search_fuzz_alg_jarowinkler", true},
                      {"search_fuzz_alg_subsequence", true},
                      {"time_range_labels", true},
                      {"time_range_series", true}}),
            features["api"]);
  EXPECT_EQ((Category{{"delta_conversion", false}, {"native_delta_ingestion", false}}),
            features["otlp_receiver"]);
  EXPECT_EQ((Category{{"agent_mode", false},
                      {"auto_reload_config", false},
                      {"server_mode", true},
                      {"stringlabels", true}}),
            features["prometheus"]);
  EXPECT_EQ((Category{{"anchored", false},
                      {"at_modifier", true},
                      {"bool", true},
                      {"by", true},
                      {"delayed_name_removal", false},
                      {"duration_expr", true},
                      {"fill", false},
                      {"fill_left", false},
                      {"fill_right", false},
                      {"group_left", true},
                      {"group_right", true},
                      {"ignoring", true},
                      {"negative_offset", true},
                      {"offset", true},
                      {"on", true},
                      {"per_query_lookback_delta", true},
                      {"per_step_stats", false},
                      {"smoothed", false},
                      {"subqueries", true},
                      {"type_and_unit_labels", false},
                      {"without", true}}),
            features["promql"]);
  EXPECT_EQ((Category{{"!=", true},
                      {"!~", true},
                      {"%", true},
                      {"*", true},
                      {"+", true},
                      {"-", true},
                      {"/", true},
                      {"<", true},
                      {"</", true},
                      {"<=", true},
                      {"==", true},
                      {"=~", true},
                      {">", true},
                      {">/", true},
                      {">=", true},
                      {"@", true},
                      {"^", true},
                      {"and", true},
                      {"atan2", true},
                      {"avg", true},
                      {"bottomk", true},
                      {"count", true},
                      {"count_values", true},
                      {"group", true},
                      {"limit_ratio", false},
                      {"limitk", false},
                      {"max", true},
                      {"min", true},
                      {"or", true},
                      {"quantile", true},
                      {"stddev", true},
                      {"stdvar", true},
                      {"sum", true},
                      {"topk", true},
                      {"unless", true}}),
            features["promql_operators"]);
  EXPECT_EQ(90U, features["promql_functions"].size());
  EXPECT_TRUE(features["promql_functions"].at("rate"));
  EXPECT_FALSE(features["promql_functions"].at("info"));
  EXPECT_EQ(
      (Category{
          {"concurrent_rule_eval", false}, {"keep_firing_for", true}, {"query_offset", true}}),
      features["rules"]);
  EXPECT_EQ((Category{{"extra_scrape_metrics", true},
                      {"start_timestamp_zero_ingestion", false},
                      {"type_and_unit_labels", false}}),
            features["scrape"]);
  for (const char* name : {"file", "http", "static", "kubernetes"}) {
    EXPECT_TRUE(features["service_discovery_providers"].at(name)) << name;
  }
  EXPECT_FALSE(features["service_discovery_providers"].contains("serverset"))
      << "it is not there yet";
  EXPECT_EQ(29U, features["templating_functions"].size());
  EXPECT_TRUE(features["templating_functions"].at("humanize"));
  EXPECT_EQ((Category{{"delayed_compaction", false},
                      {"exemplar_storage", false},
                      {"histograms_st_encoding", false},
                      {"isolation", true},
                      {"native_histograms", true},
                      {"st_storage", false},
                      {"use_uncached_io", false},
                      {"xor2_encoding", false}}),
            features["tsdb"]);
  EXPECT_EQ((Category{{"ui_v2", false}, {"ui_v3", true}}), features["ui"]);
  EXPECT_EQ(12U, features.size());
}

TEST(FeatureMapTest, OfAnAgent) {
  auto features = FeaturesOf({"--agent"});
  EXPECT_TRUE(features["prometheus"].at("agent_mode"));
  EXPECT_FALSE(features["prometheus"].at("server_mode"));
  for (const char* category : {"promql", "promql_functions", "promql_operators", "rules", "tsdb"}) {
    EXPECT_FALSE(features.contains(category)) << category;
  }
  EXPECT_EQ((Category{{"metadata_wal_records", true}}),
            FeaturesOf({"--agent", "--enable-feature=metadata-wal-records"})["tsdb"]);
}

// Each flag and feature switches what it is said to, and nothing else.
TEST(FeatureMapTest, WithFlags) {
  const struct {
    const char* argument;
    const char* category;
    std::vector<const char*> names;
  } cases[] = {
      {"--web.enable-admin-api", "api", {"admin"}},
      {"--web.enable-lifecycle", "api", {"lifecycle"}},
      {"--web.enable-remote-write-receiver", "api", {"remote_write_receiver"}},
      {"--web.enable-otlp-receiver", "api", {"otlp_write_receiver"}},
      {"--enable-feature=search-api", "api", {"search"}},
      {"--config.auto-reload", "prometheus", {"auto_reload_config"}},
      {"--enable-feature=auto-reload-config", "prometheus", {"auto_reload_config"}},
      {"--enable-feature=promql-extended-range-selectors", "promql", {"anchored", "smoothed"}},
      {"--enable-feature=promql-binop-fill-modifiers",
       "promql",
       {"fill", "fill_left", "fill_right"}},
      {"--enable-feature=promql-delayed-name-removal", "promql", {"delayed_name_removal"}},
      {"--enable-feature=promql-per-step-stats", "promql", {"per_step_stats"}},
      {"--enable-feature=concurrent-rule-eval", "rules", {"concurrent_rule_eval"}},
      {"--enable-feature=created-timestamp-zero-ingestion",
       "scrape",
       {"start_timestamp_zero_ingestion"}},
      {"--enable-feature=st-synthesis", "scrape", {"st-synthesis"}},
      {"--enable-feature=metadata-wal-records", "tsdb", {"metadata_wal_records"}},
      {"--enable-feature=exemplar-storage", "tsdb", {"exemplar_storage"}},
      {"--enable-feature=delayed-compaction", "tsdb", {"delayed_compaction"}},
      {"--enable-feature=histograms-st-encoding", "tsdb", {"histograms_st_encoding"}},
      {"--enable-feature=xor2-encoding", "tsdb", {"xor2_encoding"}},
      {"--enable-feature=st-storage", "tsdb", {"st_storage"}},
      {"--enable-feature=use-uncached-io", "tsdb", {"use_uncached_io"}},
      {"--enable-feature=memory-snapshot-on-shutdown,fast-startup,old-ui", "tsdb", {}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.argument);
    auto expected = FeaturesOf({});
    for (const char* name : c.names) expected[c.category][name] = true;
    EXPECT_EQ(expected, FeaturesOf({c.argument}));
  }
  auto both = FeaturesOf({"--enable-feature=type-and-unit-labels"});
  EXPECT_TRUE(both["promql"].at("type_and_unit_labels"));
  EXPECT_TRUE(both["scrape"].at("type_and_unit_labels"));
  auto experimental = FeaturesOf({"--enable-feature=promql-experimental-functions"});
  for (const char* category : {"promql_functions", "promql_operators"}) {
    for (const auto& [name, on] : experimental[category]) EXPECT_TRUE(on) << name;
  }
}

}  // namespace
}  // namespace narthex::server

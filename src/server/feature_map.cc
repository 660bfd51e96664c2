// SPDX-License-Identifier: Apache-2.0
#include "src/server/feature_map.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "narthex/alerting/template_functions.h"
#include "narthex/config/discovery_config.h"
#include "narthex/promql/language.h"
#include "narthex/web/search.h"

namespace narthex::server {
namespace {

using Features = std::map<std::string, bool>;

Features AllOn(const std::vector<std::string_view>& names) {
  Features features;
  for (const std::string_view name : names) features.emplace(name, true);
  return features;
}

Features Listed(const std::vector<promql::LanguagePart>& parts) {
  Features features;
  for (const auto& [name, on] : parts) features.emplace(name, on);
  return features;
}

Features OfApi(const ServerFlags& flags) {
  Features features{
      {"admin", flags.enable_admin_api},
      {"exclude_alerts", true},
      {"label_values_match", true},
      {"lifecycle", flags.enable_lifecycle},
      {"openapi_3.1", true},
      {"openapi_3.2", true},
      {"otlp_write_receiver", flags.enable_otlp_receiver},
      {"query_stats", true},
      {"query_warnings", true},
      {"remote_write_receiver", flags.enable_remote_write_receiver},
      {"search", flags.features.search_api},
      {"time_range_labels", true},
      {"time_range_series", true},
  };
  for (const std::string_view name : web::FuzzyAlgorithmNames()) {
    features.emplace(fmt::format("search_fuzz_alg_{}", name), true);
  }
  return features;
}

Features OfLanguage(const promql::Features& promql, const promql::LanguageParts& parts) {
  Features features = Listed(parts.keywords);
  features.merge(Features{{"at_modifier", true},
                          {"delayed_name_removal", promql.delayed_name_removal},
                          {"duration_expr", promql.duration_expressions},
                          {"negative_offset", true},
                          {"per_query_lookback_delta", true},
                          {"per_step_stats", promql.per_step_stats},
                          {"subqueries", true},
                          {"type_and_unit_labels", promql.type_and_unit_labels}});
  return features;
}

Features OfScrape(const EnabledFeatures& enabled) {
  Features features{{"extra_scrape_metrics", true},
                    {"start_timestamp_zero_ingestion", enabled.start_zeros},
                    {"type_and_unit_labels", enabled.promql.type_and_unit_labels}};
  // Upstream tells of this one, as of metadata_wal_records, only when it is on.
  if (enabled.start_synthesis) features.emplace("st-synthesis", true);
  return features;
}

Features OfStorage(const ServerFlags& flags) {
  const EnabledFeatures& enabled = flags.features;
  Features features;
  if (!flags.agent) {
    features = {{"delayed_compaction", enabled.delayed_compaction},
                {"exemplar_storage", enabled.exemplar_storage},
                {"histograms_st_encoding", enabled.histogram_start_times},
                {"isolation", true},
                {"native_histograms", true},
                {"st_storage", enabled.start_times},
                {"use_uncached_io", enabled.uncached_io},
                {"xor2_encoding", enabled.xor2_encoding}};
  }
  if (enabled.metadata_wal_records) features.emplace("metadata_wal_records", true);
  return features;
}

}  // namespace

std::map<std::string, std::map<std::string, bool>> FeatureMap(const ServerFlags& flags) {
  const EnabledFeatures& enabled = flags.features;
  std::map<std::string, Features> map{
      {"api", OfApi(flags)},
      {"otlp_receiver",
       {{"delta_conversion", enabled.otlp_sum_deltas},
        {"native_delta_ingestion", enabled.otlp_store_deltas}}},
      {"prometheus",
       {{"agent_mode", flags.agent},
        {"auto_reload_config", flags.auto_reload_interval_ms > 0},
        {"server_mode", !flags.agent},
        {"stringlabels", true}}},  // A set of labels is one string.
      {"scrape", OfScrape(enabled)},
      {"service_discovery_providers", AllOn(config::DiscoveryMechanisms())},
      {"templating_functions", AllOn(alerting::TemplateFunctionNames())},
      {"ui", {{"ui_v2", false}, {"ui_v3", true}}},
  };
  if (Features storage = OfStorage(flags); !storage.empty())
    map.emplace("tsdb", std::move(storage));
  if (flags.agent) return map;  // It evaluates nothing.
  const promql::LanguageParts language = promql::DescribeLanguage(enabled.promql);
  map.emplace("promql", OfLanguage(enabled.promql, language));
  map.emplace("promql_functions", Listed(language.functions));
  map.emplace("promql_operators", Listed(language.operators));
  map.emplace("rules", Features{{"concurrent_rule_eval", enabled.concurrent_rule_eval},
                                {"keep_firing_for", true},
                                {"query_offset", true}});
  return map;
}

}  // namespace narthex::server

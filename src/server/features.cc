// SPDX-License-Identifier: Apache-2.0
#include "src/server/features.h"

#include <array>
#include <string_view>

#include <fmt/format.h>

namespace narthex::server {
namespace {

/// Names that ask for what is there anyway, or that there is nothing to switch for.
struct Note {
  std::string_view name;
  std::string_view text;
};
constexpr std::array<Note, 3> kNotes = {{
    {"fast-startup",
     "No series_state.json is needed: a start after a clean stop maps what was in memory, and one "
     "after a kill replays only what was written since"},
    {"memory-snapshot-on-shutdown",
     "What is in memory is always written out at a stop and mapped at the next start"},
    {"old-ui", "There is one UI, which is served as always"},
}};
// Names whose behaviour is always on, in Prometheus too.
constexpr std::array<std::string_view, 3> kAlwaysOn = {"promql-duration-expr", "native-histograms",
                                                       "ooo-native-histograms"};

template <typename Names>
bool Contains(const Names& names, std::string_view name) {
  for (const auto& candidate : names) {
    if (candidate == name) return true;
  }
  return false;
}

bool* FindSwitch(EnabledFeatures& features, std::string_view name) {
  promql::Features& promql = features.promql;
  const std::pair<std::string_view, bool*> switches[] = {
      {"auto-reload-config", &features.auto_reload_config},
      {"concurrent-rule-eval", &features.concurrent_rule_eval},
      {"created-timestamp-zero-ingestion", &features.start_zeros},
      {"delayed-compaction", &features.delayed_compaction},
      {"exemplar-storage", &features.exemplar_storage},
      {"extra-scrape-metrics", &features.extra_scrape_metrics},
      {"histograms-st-encoding", &features.histogram_start_times},
      {"metadata-wal-records", &features.metadata_wal_records},
      {"otlp-deltatocumulative", &features.otlp_sum_deltas},
      {"otlp-native-delta-ingestion", &features.otlp_store_deltas},
      {"promql-binop-fill-modifiers", &promql.binop_fill_modifiers},
      {"promql-delayed-name-removal", &promql.delayed_name_removal},
      {"promql-experimental-functions", &promql.experimental_functions},
      {"promql-extended-range-selectors", &promql.extended_range_selectors},
      {"promql-per-step-stats", &promql.per_step_stats},
      {"search-api", &features.search_api},
      {"st-storage", &features.start_times},
      {"st-synthesis", &features.start_synthesis},
      {"type-and-unit-labels", &promql.type_and_unit_labels},
      {"use-uncached-io", &features.uncached_io},
      {"use-start-timestamps", &promql.use_start_timestamps},
      {"xor2-encoding", &features.xor2_encoding},
  };
  for (const auto& [candidate, value] : switches) {
    if (candidate == name) return value;
  }
  return nullptr;
}

const Note* FindNote(std::string_view name) {
  for (const Note& note : kNotes) {
    if (note.name == name) return &note;
  }
  return nullptr;
}

}  // namespace

EnabledFeatures ParseFeatures(const std::vector<std::string>& names) {
  EnabledFeatures features;
  for (const std::string& name : names) {
    if (name.empty()) continue;
    if (bool* value = FindSwitch(features, name)) {
      *value = true;
      if (value == &features.auto_reload_config) {
        features.warnings.push_back(
            fmt::format("This option for --enable-feature is deprecated, use --config.auto-reload "
                        "instead: {}",
                        name));
      }
    } else if (const Note* note = FindNote(name)) {
      features.notes.push_back(fmt::format("--enable-feature={}: {}", name, note->text));
    } else if (Contains(kAlwaysOn, name)) {
      features.warnings.push_back(fmt::format(
          "This option for --enable-feature is a no-op, its behaviour is always on: {}", name));
    } else {
      features.warnings.push_back(fmt::format("Unknown option for --enable-feature: {}", name));
    }
  }
  return features;
}

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
//
// What --enable-feature switches on.
#pragma once

#include <string>
#include <vector>

#include "narthex/promql/engine.h"

namespace narthex::server {

struct EnabledFeatures {
  promql::Features promql;
  bool auto_reload_config = false;  // As --config.auto-reload.
  bool concurrent_rule_eval = false;
  bool exemplar_storage = false;
  bool extra_scrape_metrics = false;
  bool delayed_compaction = false;
  bool metadata_wal_records = false;
  bool search_api = false;
  bool start_zeros = false;      // created-timestamp-zero-ingestion
  bool start_times = false;      // st-storage
  bool start_synthesis = false;  // st-synthesis
  bool uncached_io = false;
  bool xor2_encoding = false;
  bool otlp_sum_deltas = false;        // otlp-deltatocumulative
  bool otlp_store_deltas = false;      // otlp-native-delta-ingestion
  bool histogram_start_times = false;  // histograms-st-encoding
  std::vector<std::string> warnings;   // One line for each name that is unknown or without effect.
  std::vector<std::string> notes;      // … and for each that asks for what is there anyway.
};

/// @param names  as given, split at commas; compared exactly
EnabledFeatures ParseFeatures(const std::vector<std::string>& names);

}  // namespace narthex::server

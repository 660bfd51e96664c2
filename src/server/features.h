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
  bool concurrent_rule_eval = false;
  bool exemplar_storage = false;
  bool extra_scrape_metrics = false;
  bool delayed_compaction = false;
  bool metadata_wal_records = false;
  bool start_zeros = false;  // created-timestamp-zero-ingestion
  bool start_times = false;  // st-storage
  bool xor2_encoding = false;
  bool otlp_sum_deltas = false;        // otlp-deltatocumulative
  bool otlp_store_deltas = false;      // otlp-native-delta-ingestion
  bool histogram_start_times = false;  // histograms-st-encoding
  std::vector<std::string> warnings;   // One line for each name that is unknown or without effect.
};

/// @param names  as given, split at commas; compared exactly
EnabledFeatures ParseFeatures(const std::vector<std::string>& names);

}  // namespace narthex::server

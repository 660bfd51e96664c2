// SPDX-License-Identifier: Apache-2.0
//
// narthex check config: whether configuration files are good, with all that they name.
#pragma once

#include <span>
#include <string>

#include "narthex/model/timestamp.h"
#include "src/cli/check_rules.h"

namespace narthex::cli {

struct CheckConfigOptions {
  bool agent = false;
  bool syntax_only = false;  // Nothing but the file itself is looked at.
  /// Jobs that are scraped less often than this are found by the lint too-long-scrape-interval.
  model::DurationMs lookback_delta_ms = 300'000;
  /// Its `lint` may also name too-long-scrape-interval.
  CheckRulesOptions rules;
};

/// Prints what promtool prints.
/// @return the exit code: 0, 1 for a bad file, 3 for lint with lint_fatal
int CheckConfig(std::span<const std::string> files, CheckConfigOptions options);

}  // namespace narthex::cli

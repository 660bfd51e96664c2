// SPDX-License-Identifier: Apache-2.0
//
// Whether rule files are good, without running anything.
#pragma once

#include <string>

#include "narthex/base/result.h"
#include "narthex/config/rule_file.h"
#include "narthex/promql/features.h"

namespace narthex::alerting {

/// The checks of a rule file: form, expressions and templates.
/// @param legacy_names  metric_name_validation_scheme: legacy
config::RuleFileOptions RuleFileChecks(const promql::Features& features, bool ignore_unknown_fields,
                                       bool legacy_names = false);

/// The groups of a file and all that is wrong with them. Errors: as config::ReadRuleFile.
Result<config::RuleFile> CheckRuleFile(const std::string& file, const promql::Features& features,
                                       bool ignore_unknown_fields);

}  // namespace narthex::alerting

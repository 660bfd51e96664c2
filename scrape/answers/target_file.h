// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "scrape/answers/target_budget.h"

namespace narthex::scrape {

/// The groups of a file_sd file, JSON or YAML by its ending; each with __meta_filepath and the
/// source "PATH:INDEX". Errors: kInvalidArgument, kResourceExhausted, kIo,
/// kNotFound.
Result<std::vector<config::TargetGroup>> ReadTargetFile(const std::string& path);

/// The groups of the text of such a file, with nothing of its name.
Result<std::vector<config::TargetGroup>> ParseTargetFile(const std::string& path,
                                                         std::string_view text);

/// [{"targets": ["host:port", …], "labels": {"name": "value", …}}, …], nothing else.
/// Errors: kInvalidArgument, kResourceExhausted.
Result<std::vector<config::TargetGroup>> ParseTargetGroupsJson(std::string_view text,
                                                               const TargetLimits& limits = {});

}  // namespace narthex::scrape

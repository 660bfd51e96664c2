// SPDX-License-Identifier: Apache-2.0
//
// What discoveries find, and the files of file discovery.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"

namespace narthex::config {

/// Targets with common labels: an entry of static_configs, or what a discovery found together.
struct TargetGroup {
  std::vector<model::Labels> targets;  // Each at least {__address__="host:port"}.
  model::Labels labels;
  std::string source;  // Where it came from, unique within its discovery: "0", "FILE:1".
};

/// The groups of a file_sd file in YAML; sources are left empty.
/// Errors: kInvalidArgument with the line ("yaml: unmarshal errors:\n  line 3: …").
Result<std::vector<TargetGroup>> ParseTargetGroupsYaml(std::string_view text);

}  // namespace narthex::config

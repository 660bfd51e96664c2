// SPDX-License-Identifier: Apache-2.0
//
// --enable-feature of the tools.
#pragma once

#include <string>
#include <vector>

#include "narthex/promql/features.h"

namespace CLI {  // NOLINT(readability-identifier-naming): the library chose it.
class App;
}

namespace narthex::cli {

/// @param[out] names  as given, not split at commas yet; outlives the parsing
void AddFeatureOption(CLI::App& app, std::vector<std::string>& names);

/// What the names switch on in PromQL; a warning is printed for others.
promql::Features PromqlFeatures(const std::vector<std::string>& names);

}  // namespace narthex::cli

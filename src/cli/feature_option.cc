// SPDX-License-Identifier: Apache-2.0
#include "src/cli/feature_option.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

namespace narthex::cli {
namespace {

void SwitchOn(std::string_view name, promql::Features& features) {
  const std::pair<std::string_view, bool*> switches[] = {
      {"promql-binop-fill-modifiers", &features.binop_fill_modifiers},
      {"promql-delayed-name-removal", &features.delayed_name_removal},
      {"promql-experimental-functions", &features.experimental_functions},
      {"promql-extended-range-selectors", &features.extended_range_selectors}};
  const auto found = std::find_if(std::begin(switches), std::end(switches),
                                  [name](const auto& entry) { return entry.first == name; });
  if (found != std::end(switches)) {
    *found->second = true;
  } else if (!name.empty() && name != "promql-duration-expr") {  // The last is always on.
    fmt::print("  WARNING: --enable-feature is not supported: {}\n", name);
  }
}

}  // namespace

void AddFeatureOption(CLI::App& app, std::vector<std::string>& names) {
  app.add_option("--enable-feature", names,
                 "Comma-separated names of PromQL features to switch on. Can be repeated.")
      ->expected(1);
}

promql::Features PromqlFeatures(const std::vector<std::string>& names) {
  promql::Features features;
  for (const std::string& list : names) {
    for (std::size_t at = 0; at <= list.size();) {
      const std::size_t comma = std::min(list.find(',', at), list.size());
      SwitchOn(std::string_view(list).substr(at, comma - at), features);
      at = comma + 1;
    }
  }
  return features;
}

}  // namespace narthex::cli

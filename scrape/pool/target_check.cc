// SPDX-License-Identifier: Apache-2.0
#include "narthex/scrape/target_check.h"

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/config/scrape_config.h"
#include "scrape/answers/target_file.h"
#include "scrape/pool/target_labels.h"

namespace narthex::scrape {

Result<std::vector<config::TargetGroup>> LoadTargetFile(const std::string& path) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  return ParseTargetFile(path, text);
}

Status CheckTargets(std::span<const config::TargetGroup> groups,
                    const config::ScrapeConfig& config) {
  for (const config::TargetGroup& group : groups) {
    for (std::size_t i = 0; i < group.targets.size(); ++i) {
      auto target = MakeTarget(DiscoveredLabels(group.targets[i], group, config), config);
      if (target) continue;
      return Fail(
          std::move(target).error().Wrap(fmt::format("instance {} in group {}", i, group.source)));
    }
  }
  return {};
}

}  // namespace narthex::scrape

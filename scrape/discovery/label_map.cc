// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/label_map.h"

namespace narthex::scrape {

model::Labels ToLabels(const LabelMap& map) {
  return model::Labels::FromPairs({map.begin(), map.end()});
}

Status TargetAllowance::Add(const LabelMap& labels, config::TargetGroup& group) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : labels) bytes += name.size() + value.size();
  if (targets_left_ == 0 || bytes > bytes_left_) {
    return Fail(Code::kResourceExhausted, "the answer makes too many targets, or too large ones");
  }
  --targets_left_;
  bytes_left_ -= bytes;
  group.targets.push_back(ToLabels(labels));
  return {};
}

std::string JoinSurrounded(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out(separator);
  for (const std::string& part : parts) out.append(part).append(separator);
  return out;
}

}  // namespace narthex::scrape

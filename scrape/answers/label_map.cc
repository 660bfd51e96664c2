// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/label_map.h"

namespace narthex::scrape {

model::Labels ToLabels(const LabelMap& map) {
  return model::Labels::FromPairs({map.begin(), map.end()});
}

std::string JoinSurrounded(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out(separator);
  for (const std::string& part : parts) out.append(part).append(separator);
  return out;
}

}  // namespace narthex::scrape

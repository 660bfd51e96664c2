// SPDX-License-Identifier: Apache-2.0
#include "narthex/storage/querier.h"

#include <algorithm>

namespace narthex::storage {

model::Labels SeriesSet::SomeLabelsAt(std::size_t i, std::span<const std::string> names) const {
  model::Labels labels = LabelsAt(i);
  labels.EraseIf(
      [&](std::string_view name) { return !std::binary_search(names.begin(), names.end(), name); });
  return labels;
}

void SeriesSet::ForEachLabel(std::size_t i, const VisitLabel& visit) const {
  for (const auto [name, value] : LabelsAt(i)) visit(name, value);
}

Result<std::vector<std::unique_ptr<SeriesSet>>> Querier::SelectAll(
    std::span<const Selection> selections,
    std::stop_token stop) const {  // NOLINT: as Select has it.
  std::vector<std::unique_ptr<SeriesSet>> sets;
  sets.reserve(selections.size());
  for (const Selection& selection : selections) {
    NX_ASSIGN_OR_RETURN(auto set, Select(selection.matchers, selection.hints, stop));
    sets.push_back(std::move(set));
  }
  return sets;
}

void Querier::CollectWarnings(Annotations&) const {}

}  // namespace narthex::storage

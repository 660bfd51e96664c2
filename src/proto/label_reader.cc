// SPDX-License-Identifier: Apache-2.0
#include "src/proto/label_reader.h"

#include <fmt/format.h>

#include "src/proto/wire_reader.h"

namespace narthex::proto {

void ReadLabelInto(std::string_view bytes, std::string& error,
                   std::vector<model::LabelView>& labels) {
  if (labels.size() == kMaxLabelsOfSeries) {
    if (error.empty()) error = fmt::format("a series has more than {} labels", kMaxLabelsOfSeries);
    return;
  }
  model::LabelView label;
  WireReader pair(bytes, "Label", error);
  while (pair.Next()) {
    switch (pair.field()) {
      case 1:
        label.name = pair.Bytes("Name");
        break;
      case 2:
        label.value = pair.Bytes("Value");
        break;
      default:
        pair.Skip();
    }
  }
  labels.push_back(label);
}

}  // namespace narthex::proto

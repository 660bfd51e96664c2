// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "narthex/model/labels.h"

namespace narthex::alerting {

struct LabelsHash {
  std::size_t operator()(const model::Labels& labels) const { return labels.Hash(); }
};

}  // namespace narthex::alerting

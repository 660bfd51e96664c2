// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"

namespace narthex::model {

/// An example observation, usually with a trace id in its labels.
struct Exemplar {
  Labels labels;
  double value = 0;
  TimestampMs t = 0;
  bool has_timestamp = false;
};

}  // namespace narthex::model

// SPDX-License-Identifier: Apache-2.0
//
// What an appender looks at whatever storage it writes to. See also histogram_check.h.
#pragma once

#include "narthex/model/labels.h"

namespace narthex::tsdb {

/// Whether a sorted set has a name twice.
bool NamesRepeat(const model::Labels& labels);

/// Whether the labels of an exemplar are longer than Prometheus takes: 128 characters in all.
bool ExemplarIsTooLong(const model::Labels& labels);

}  // namespace narthex::tsdb

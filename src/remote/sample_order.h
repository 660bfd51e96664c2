// SPDX-License-Identifier: Apache-2.0
//
// Samples of other servers, which may come in any order.
#pragma once

#include "narthex/storage/querier.h"

namespace narthex::remote {

/// Sorts the columns by time and leaves one sample for each time: a float before a histogram, of
/// several of a kind the last one. Columns that are in order already only cost a look at them; of
/// others start times and hints of resets are lost.
void PutInOrder(storage::SampleColumns& columns);

/// The histogram follows another one than its hint tells of; gauges keep theirs.
void ForgetReset(model::FloatHistogram& histogram);

}  // namespace narthex::remote

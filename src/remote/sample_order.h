// SPDX-License-Identifier: Apache-2.0
//
// Samples of other servers, which may come in any order.
#pragma once

#include "narthex/storage/querier.h"

namespace narthex::remote {

/// Sorts the columns by time and leaves one sample for each time: a float before a histogram, of
/// several of a kind the last one. Columns that are in order already only cost a look at them.
void PutInOrder(storage::SampleColumns& columns);

}  // namespace narthex::remote

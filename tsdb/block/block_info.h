// SPDX-License-Identifier: Apache-2.0
//
// A block as the doors describe it.
#pragma once

#include "narthex/tsdb/db.h"
#include "tsdb/block/block.h"

namespace narthex::tsdb {

/// meta_json is "" when the file can't be read any more.
BlockInfo InfoOf(Fs& fs, const Block& block);

}  // namespace narthex::tsdb

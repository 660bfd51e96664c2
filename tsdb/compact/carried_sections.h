// SPDX-License-Identifier: Apache-2.0
//
// What a compacted block keeps of the sections that other programs put into meta.json.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tsdb/block/meta.h"

namespace narthex::tsdb {

/// Of Thanos' section what says whose data it is (version, labels, downsampling, source), when all
/// inputs agree about labels and downsampling. What is about files or a moment is left out, since
/// it would be wrong for the new block; so are the sections of strangers.
std::vector<std::pair<std::string, std::string>> CarriedSections(
    std::span<const BlockMeta* const> inputs);

}  // namespace narthex::tsdb

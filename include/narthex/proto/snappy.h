// SPDX-License-Identifier: Apache-2.0
//
// Snappy's block format, in which remote write and remote read bodies travel.
// Source: https://github.com/google/snappy/blob/main/format_description.txt
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/base/uninit_vector.h"

namespace narthex::proto {

/// Replaces `out` by the decoded block. Nothing is allocated for a block that says it is longer
/// than `limit` bytes, or than a block of its size can be.
/// Errors: kInvalidArgument with the texts of Prometheus: "snappy: corrupt input",
/// "snappy: decoded length N exceeds limit M".
Status SnappyDecode(std::string_view block, std::size_t limit, std::string& out);

/// How long the decoded block says it is. Errors: kInvalidArgument "snappy: corrupt input".
Result<std::size_t> SnappyDecodedSize(std::string_view block);

/// Replaces `out` by a block of the bytes (less than 4 GiB).
void SnappyEncode(std::string_view bytes, std::string& out);
/// The same for one block after another: `scratch` keeps its memory, which is not filled
/// beforehand, and the block is in it.
std::string_view SnappyEncode(std::string_view bytes, UninitVector<char>& scratch);

}  // namespace narthex::proto

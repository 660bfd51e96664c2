// SPDX-License-Identifier: Apache-2.0
//
// The message Histogram, which versions 1 and 2 of remote write share.
#pragma once

#include <string>
#include <string_view>

#include "narthex/proto/remote_write.h"

namespace narthex::proto {

/// Replaces `out`, whose vectors keep their memory when the kind stays the same.
void ReadHistogram(std::string_view bytes, std::string& error, WriteHistogram& out);

}  // namespace narthex::proto

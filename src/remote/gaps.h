// SPDX-License-Identifier: Apache-2.0
//
// Times whose samples the log no longer has and an endpoint has not got yet.
// Format of their file: docs/formats/remote_write.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"

namespace narthex::remote {

/// A closed range of times.
struct Gap {
  model::TimestampMs from = 0, to = 0;
  bool operator==(const Gap&) const = default;
};

/// Errors: kIo; kCorruption for lines that are something else.
Result<std::vector<Gap>> ReadGaps(Fs& fs, const std::string& path);
/// Whole or not at all; none = no file.
Status WriteGaps(Fs& fs, const std::string& path, const std::vector<Gap>& gaps);

/// Adds a gap to those that are known, which are apart from each other and rise in time. What the
/// first one has lost already, from its beginning, was sent, so nothing before it is added to it.
void AddGap(std::vector<Gap>& gaps, Gap gap);

/// What is sent first of a gap, and the rest, if there is one.
Gap FirstSlice(const Gap& gap);
std::optional<Gap> AfterSlice(const Gap& gap, const Gap& slice);

}  // namespace narthex::remote

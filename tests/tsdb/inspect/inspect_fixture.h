// SPDX-License-Identifier: Apache-2.0
//
// A data folder with a little of everything, and what inspection prints of it.
#pragma once

#include <map>
#include <string>

#include "narthex/base/fs.h"
#include "narthex/tsdb/inspect.h"
#include "tests/support/temp_dir.h"

namespace narthex::tsdb::testing {

inline constexpr model::TimestampMs kInspectStart = 1'700'006'400'000;  // Aligned to 2 h.

/// Two blocks and a head that was not closed: floats, stale markers, NaN payloads, all kinds of
/// native histograms, a series that changes between them, UTF-8 names, tombstones.
/// @param histograms  false = floats only
/// @param blocks      false = all of it is in the head
std::string MakeFolder(const narthex::testing::TempDir& parent, bool histograms, bool blocks);

/// Content hash and modification time of everything in a folder, by path.
std::map<std::string, std::string> StateOf(const std::string& dir);

struct Printed {
  Status status;
  std::string text;
};
Printed List(const std::string& dir, bool readable = false, Fs& fs = SystemFs());
Printed Analyze(const AnalyzeOptions& options, Fs& fs = SystemFs());
/// With a sandbox of its own.
Printed DumpText(DumpOptions options, Fs& fs = SystemFs());

}  // namespace narthex::tsdb::testing

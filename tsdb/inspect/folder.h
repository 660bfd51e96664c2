// SPDX-License-Identifier: Apache-2.0
//
// The parts of a data folder, opened for reading only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/base/result.h"
#include "narthex/tsdb/db.h"
#include "tsdb/block/block.h"
#include "tsdb/head/head.h"
#include "tsdb/inspect/sandbox_fs.h"

namespace narthex::tsdb::inspect {

/// Errors: kNotFound "opening the db dir: stat DIR: …".
Status CheckFolder(Fs& fs, const std::string& dir);

/// See ReadBlockList.
Result<std::vector<std::shared_ptr<const Block>>> OpenBlocks(Fs& fs, const std::string& dir);

/// The block with this ULID, or the newest by ULID when it is "". Errors: kNotFound "invalid block
/// ID X", "no blocks found".
Result<std::shared_ptr<const Block>> OpenBlock(Fs& fs, const std::string& dir,
                                               const std::string& ulid);

/// A head replayed from a folder that stays as it is. Thread safety: that of Head.
class InspectedHead {
 public:
  /// @param sandbox         see DumpOptions
  /// @param min_valid_time  samples of the WAL before it are left out
  static Result<std::unique_ptr<InspectedHead>> Open(Fs& fs, const std::string& dir,
                                                     const std::string& sandbox,
                                                     model::TimestampMs min_valid_time);
  const Head& head() const { return head_; }

 private:
  InspectedHead(Fs& fs, const std::string& dir, const std::string& sandbox);

  SandboxFs fs_;
  metrics::Registry registry_;
  Head head_;
};

}  // namespace narthex::tsdb::inspect

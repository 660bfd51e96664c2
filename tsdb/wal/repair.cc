// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/log.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::wal {
namespace {

constexpr std::size_t kCopyBatch = 256;

// Copies the records that end before the bad bytes into the segment of the same number of a log in
// the folder `to`.
Status CopyGoodRecords(Fs& fs, const Corruption& corruption, const std::string& to,
                       WalOptions options) {
  NX_ASSIGN_OR_RETURN(const auto file, fs.Map(SegmentPath(corruption.dir, corruption.segment)));
  options.segment_bytes = std::uint64_t{1} << 40;  // All of it must fit in the one segment.
  NX_ASSIGN_OR_RETURN(const auto copy, Wal::Open(fs, to, options, {}, corruption.segment));
  SegmentReader reader(file->bytes());
  std::vector<std::string> batch;
  while (reader.Next() && reader.offset() < corruption.offset) {
    batch.emplace_back(AsText(reader.record()));
    if (batch.size() == kCopyBatch) {
      NX_RETURN_IF_ERROR(copy->Log(batch));
      batch.clear();
    }
  }
  NX_RETURN_IF_ERROR(copy->Log(batch));
  return copy->Close();
}

}  // namespace

Result<std::uint64_t> RepairSegment(Fs& fs, const Corruption& corruption,
                                    const WalOptions& options) {
  log::Warn("Repairing a corrupt WAL segment", {{"err", corruption.ToString()}});
  NX_ASSIGN_OR_RETURN(const auto segments, ListSegments(fs, corruption.dir));
  const std::string path = SegmentPath(corruption.dir, corruption.segment);
  const std::string work = path + ".repair";
  NX_RETURN_IF_ERROR(fs.RemoveAll(work));
  NX_RETURN_IF_ERROR(CopyGoodRecords(fs, corruption, work, options));
  const std::uint64_t before = fs.FileSize(path).value_or(0);
  if (segments.back() != corruption.segment) {
    const std::string aside = AsidePath(fs, path);
    NX_RETURN_IF_ERROR(fs.Rename(path, aside));
    log::Warn("The corrupt WAL segment was moved aside", {{"file", aside}});
  }
  NX_RETURN_IF_ERROR(fs.Rename(SegmentPath(work, corruption.segment), path));
  NX_RETURN_IF_ERROR(fs.RemoveAll(work));
  NX_RETURN_IF_ERROR(fs.SyncDir(corruption.dir));
  return before > corruption.offset ? before - corruption.offset : 0;
}

}  // namespace narthex::tsdb::wal

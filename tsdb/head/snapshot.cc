// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/snapshot.h"

#include <fmt/format.h>

#include "narthex/base/crc32c.h"
#include "narthex/base/hash.h"
#include "narthex/base/log.h"
#include "tsdb/head/snapshot_file.h"
#include "tsdb/head/stopwatch.h"

namespace narthex::tsdb {
namespace {

using model::TimestampMs;
using wal::WalRef;

// Raised whenever the meaning of a section changes.
constexpr int kContentVersion = 3;
constexpr std::size_t kTailBytes = 64 << 10;

struct HeadSection {
  TimestampMs min_time = 0;
  TimestampMs max_time = 0;
  TimestampMs min_valid_time = 0;
  std::uint64_t num_series = 0;
  std::uint64_t num_chunks = 0;
  WalRef last_wal_ref = 0;
  std::uint64_t last_commit = 0;
  std::uint64_t num_removed = 0;
};
struct RemovedEntry {
  WalRef ref = 0;
  TimestampMs until = 0;
};

// Changes when anything does that the sections take for granted about memory.
std::uint64_t LayoutSum() {
  std::string facts = fmt::format("{} {} {} {} ", sizeof(MemSeries), sizeof(FullChunk),
                                  SlabArena::kSlabBytes, SlabArena::kUnitBytes);
  for (const auto bytes : SlabArena::kClassBytes) facts += fmt::format("{},", bytes);
  // The tables hold hashes: another hash function would not find what is in them.
  facts += fmt::format(" {}", model::Labels({{"a", "b"}}).Hash());
  const std::uint32_t order = 1;
  facts += static_cast<char>(*reinterpret_cast<const std::uint8_t*>(&order));
  return Hash64(facts);
}

Status AddFolder(Fs& fs, const std::string& dir, const std::string& name, std::string& base) {
  const std::string path = JoinPath(dir, name);
  if (!fs.Exists(path)) return {};
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(path));
  for (const auto& entry : entries) {
    const std::string below = name + "/" + entry.name;
    if (entry.is_dir) {
      NX_RETURN_IF_ERROR(AddFolder(fs, dir, below, base));
    } else {
      base += fmt::format("file {} {}\n", below, entry.size);
    }
  }
  return {};
}

// The last bytes of the newest segment: a log that was put in place of ours may have its size.
Status AddTail(const HeadState& head, std::string& base) {
  const std::string dir = JoinPath(head.dir, "wal");
  if (!head.fs.Exists(dir)) return {};
  NX_ASSIGN_OR_RETURN(const auto segments, wal::ListSegments(head.fs, dir));
  if (segments.empty()) return {};
  NX_ASSIGN_OR_RETURN(const auto file,
                      head.fs.OpenReadable(wal::SegmentPath(dir, segments.back())));
  std::vector<std::uint8_t> tail(std::min<std::uint64_t>(file->size(), kTailBytes));
  NX_RETURN_IF_ERROR(file->ReadAt(file->size() - tail.size(), tail));
  base += fmt::format("tail {} {:08x}\n", wal::SegmentName(segments.back()), Crc32c(tail));
  return {};
}

// The first line in which two bases differ, for the log.
std::string FirstDifference(std::string_view then, std::string_view now) {
  while (!then.empty() || !now.empty()) {
    const auto a = then.substr(0, then.find('\n'));
    const auto b = now.substr(0, now.find('\n'));
    if (a != b) return fmt::format("then \"{}\", now \"{}\"", a, b);
    then.remove_prefix(std::min(then.size(), a.size() + 1));
    now.remove_prefix(std::min(now.size(), b.size() + 1));
  }
  return "none";
}

Status WriteSections(HeadState& head, std::string_view base,
                     const absl::flat_hash_map<WalRef, TimestampMs>& removed, SnapshotWriter& out) {
  out.Begin(SnapshotSection::kBase);
  out.Write(AsBytes(base));
  HeadSection state;
  state.min_time = head.min_time.load();
  state.max_time = head.max_time.load();
  state.min_valid_time = head.min_valid_time.load();
  state.num_series = head.index.num_series();
  state.num_chunks = head.metrics.chunks_created.value() - head.metrics.chunks_removed.value();
  state.last_wal_ref = head.index.last_wal_ref();
  state.last_commit = head.isolation.last_commit();
  state.num_removed = removed.size();
  out.Begin(SnapshotSection::kHead);
  out.WriteValue(state);
  for (const auto& [ref, until] : removed) out.WriteValue(RemovedEntry{ref, until});
  head.index.Save(out);
  head.chunks.Save(out);
  head.tombstones.Save(out);
  head.exemplars.Save(out);
  head.ooo.store().Save(out);
  head.metadata.Save(out);
  return out.Finish();
}

void Forget(HeadState& head, absl::flat_hash_map<WalRef, TimestampMs>& removed) {
  head.index.Reset();
  head.chunks.Reset();
  head.tombstones.Reset();
  head.exemplars.Reset();
  head.ooo.store().Reset();
  head.metadata.Reset();
  head.isolation.Resume(0);
  removed.clear();
}

// Queues everything and reads it.
Status ReadSections(HeadState& head, SnapshotReader& in, HeadSection& state,
                    absl::flat_hash_map<WalRef, TimestampMs>& removed) {
  NX_ASSIGN_OR_RETURN(const std::string bytes, in.Read(SnapshotSection::kHead));
  SnapshotCursor cursor(bytes);
  state = cursor.Value<HeadSection>();
  if (state.num_removed > bytes.size()) return Fail(Code::kCorruption, "malformed head section");
  removed.reserve(state.num_removed);
  for (std::uint64_t i = 0; i < state.num_removed; ++i) {
    const auto entry = cursor.Value<RemovedEntry>();
    removed[entry.ref] = entry.until;
  }
  if (!cursor.done()) return Fail(Code::kCorruption, "malformed head section");
  in.Queue([&] { return head.exemplars.Load(in); });
  in.Queue([&] { return head.tombstones.Load(in); });
  in.Queue([&] { return head.metadata.Load(in); });
  NX_RETURN_IF_ERROR(head.index.Load(in));
  NX_RETURN_IF_ERROR(head.chunks.Load(in));
  in.Queue([&] { return head.ooo.store().Load(in, head.index.end()); });
  NX_RETURN_IF_ERROR(in.Run());
  return head.files.Adopt();
}

void Resume(HeadState& head, const HeadSection& state, TimestampMs covered_until) {
  head.index.SetCounts(state.num_series, state.last_wal_ref);
  head.isolation.Resume(state.last_commit);
  head.min_valid_time = std::max(state.min_valid_time, covered_until);
  head.max_time = state.max_time;
  head.min_time =
      state.max_time == model::kMinTime ? state.min_time : std::max(state.min_time, covered_until);
  head.metrics.series_created.Add(state.num_series);
  head.metrics.chunks_created.Add(state.num_chunks);
}

}  // namespace

std::string ReasonAgainstSnapshot(const HeadState& head) {
  // State that has no section would be named here; see snapshot_file.h.
  if (head.metrics.active_appenders.value() != 0) return "appenders are open";
  // A reader may hold the lock of a series, and memory that is not in use any more.
  if (head.isolation.OldestReader() != head.isolation.NextReaderSequence()) {
    return "queries are running";
  }
  return {};
}

Result<std::string> SnapshotBase(const HeadState& head, TimestampMs covered_until) {
  const HeadOptions& options = head.options;
  std::string base = fmt::format(
      "content {}\nprogram {}\nlayout {:016x}\nchunk_range_ms {}\nsamples_per_chunk {}\n"
      "max_exemplars {}\nmetadata {}\ncovered_until {}\n",
      kContentVersion, options.program_version, LayoutSum(), options.limits.chunk_range_ms,
      options.limits.samples_per_chunk, head.exemplars.capacity(), options.metadata_wal_records,
      covered_until);
  for (const char* folder : {"chunks_head", "wal", "wbl"}) {
    NX_RETURN_IF_ERROR(AddFolder(head.fs, head.dir, folder, base));
  }
  NX_RETURN_IF_ERROR(AddTail(head, base));
  return base;
}

void WriteSnapshot(HeadState& head, TimestampMs covered_until,
                   const absl::flat_hash_map<WalRef, TimestampMs>& removed) {
  if (const auto reason = ReasonAgainstSnapshot(head); !reason.empty()) {
    log::Info("No head snapshot; the next start replays the WAL", {{"reason", reason}});
    return;
  }
  const Stopwatch stopwatch;
  const std::string path = JoinPath(head.dir, kSnapshotName);
  const std::string unfinished = path + ".tmp";
  std::uint64_t bytes = 0;
  const auto write = [&]() -> Status {
    NX_ASSIGN_OR_RETURN(const std::string base, SnapshotBase(head, covered_until));
    NX_ASSIGN_OR_RETURN(auto out, SnapshotWriter::Create(head.fs, unfinished));
    NX_RETURN_IF_ERROR(WriteSections(head, base, removed, out));
    bytes = out.bytes_written();
    return head.fs.Rename(unfinished, path);
  };
  head.index.Reclaim();
  if (const auto status = write(); !status) {
    log::Warn("Writing the head snapshot failed; the next start replays the WAL",
              {{"err", status.error().message()}});
    (void)head.fs.RemoveAll(unfinished);
    return;
  }
  log::Info("Head snapshot written",
            {{"bytes", bytes}, {"duration", fmt::format("{:.3f}s", stopwatch.seconds())}});
}

Result<bool> LoadSnapshot(HeadState& head, TimestampMs covered_until,
                          absl::flat_hash_map<WalRef, TimestampMs>& removed) {
  if (!head.options.use_snapshot) return false;
  const std::string path = JoinPath(head.dir, kSnapshotName);
  (void)head.fs.RemoveAll(path + ".tmp");
  if (!head.fs.Exists(path)) return false;
  const Stopwatch stopwatch;
  HeadSection state;
  const auto load = [&]() -> Status {
    NX_ASSIGN_OR_RETURN(auto in, SnapshotReader::Open(head.fs, path));
    NX_ASSIGN_OR_RETURN(const std::string then, in.Read(SnapshotSection::kBase));
    NX_ASSIGN_OR_RETURN(const std::string now, SnapshotBase(head, covered_until));
    if (then != now) {
      return Fail(Code::kUnavailable, "its base has changed: " + FirstDifference(then, now));
    }
    return ReadSections(head, in, state, removed);
  };
  const auto status = load();
  if (!status) {
    Forget(head, removed);
    const bool stale = status.error().code() == Code::kUnavailable;
    if (!stale) head.metrics.snapshot_replay_errors.Add();
    log::Warn("Head snapshot not used; replaying the WAL", {{"reason", status.error().message()}});
  }
  // From here on the files change, and it stands on them no more.
  if (const auto gone = head.fs.RemoveAll(path); !gone) {
    log::Warn("Removing the head snapshot failed", {{"err", gone.error().message()}});
  }
  if (!status) return false;
  Resume(head, state, covered_until);
  NX_ASSIGN_OR_RETURN(head.wal, wal::Wal::Open(head.fs, JoinPath(head.dir, "wal"), head.options.wal,
                                               head.metrics.wal));
  NX_RETURN_IF_ERROR(head.ooo.Resume(head.out_of_order_window_ms.load() > 0));
  head.metrics.replay_seconds.Set(stopwatch.seconds());
  log::Info(
      "Head loaded from its snapshot",
      {{"series", state.num_series}, {"duration", fmt::format("{:.3f}s", stopwatch.seconds())}});
  return true;
}

}  // namespace narthex::tsdb

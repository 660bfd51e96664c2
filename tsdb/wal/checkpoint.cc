// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/checkpoint.h"

#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "narthex/base/log.h"
#include "tsdb/wal/reader.h"

namespace narthex::tsdb::wal {
namespace {

constexpr std::size_t kFlushBytes = 1 << 20;
constexpr std::string_view kWorkSuffix = ".tmp";

// Rewrites records, keeping what the filter keeps.
class Checkpointer {
 public:
  Checkpointer(const CheckpointFilter& filter, Wal& out) : filter_(filter), out_(out) {}

  Status Copy(LogReader& reader) {
    while (reader.Next()) {
      if (filter_.stop != nullptr && *filter_.stop) {
        return Fail(Code::kCancelled, "the checkpoint was given up");
      }
      // Its checksum was right, so this is no damage of the disk. Replay can't tell what it says
      // either, and passes over it.
      if (auto status = Add(reader.record()); !status) {
        ++passed_over_;
        log::Error("Leaving a WAL record out of the checkpoint",
                   {{"segment", reader.segment()}, {"err", status.error().message()}});
      }
      NX_RETURN_IF_ERROR(FlushWhenLarge());
    }
    if (reader.corruption()) return Fail(Code::kCorruption, reader.corruption()->ToString());
    return reader.status();
  }

  Status Finish() {
    // The newest metadata of each series, in the order of series.
    std::vector<MetadataEntry> entries;
    for (auto& [ref, metadata] : metadata_) entries.push_back({ref, std::move(metadata)});
    std::sort(entries.begin(), entries.end(),
              [](const auto& a, const auto& b) { return a.ref < b.ref; });
    std::string record;
    EncodeMetadata(entries, record);
    Put(std::move(record));
    return Flush();
  }
  std::size_t passed_over() const { return passed_over_; }

 private:
  bool Keeps(WalRef ref) const { return filter_.keep(ref); }

  template <typename Entry, typename Decode, typename Keep>
  Status Filtered(ByteSpan record, Decode decode, Keep keep, std::vector<Entry>& entries) {
    entries.clear();
    NX_RETURN_IF_ERROR(decode(record, entries));
    std::erase_if(entries, [&](const Entry& entry) { return !keep(entry); });
    return {};
  }

  // Errors: kCorruption, and then nothing of the record is kept.
  Status Add(ByteSpan record) {
    std::string out;
    std::string custom;
    switch (TypeOf(record)) {
      case RecordType::kSeries: {
        std::vector<SeriesEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeSeries, [&](const auto& entry) { return Keeps(entry.ref); }, entries));
        if (entries.empty()) return {};
        BeginSeries(out);
        for (const auto& [ref, labels] : entries) AppendSeries(ref, labels, out);
        break;
      }
      case RecordType::kSamples:
      case RecordType::kSamplesV2:
        NX_RETURN_IF_ERROR(AddSamples(record, out));
        break;
      case RecordType::kTombstones: {
        std::vector<TombstoneEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeTombstones,
            [&](const auto& entry) { return entry.maxt >= filter_.late_mint && Keeps(entry.ref); },
            entries));
        EncodeTombstones(entries, out);
        break;
      }
      case RecordType::kExemplars: {
        std::vector<ExemplarEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeExemplars,
            [&](const auto& entry) { return entry.exemplar.t >= filter_.mint; }, entries));
        EncodeExemplars(entries, out);
        break;
      }
      case RecordType::kHistograms:
      case RecordType::kCustomHistograms:
      case RecordType::kHistogramsV2: {
        std::vector<HistogramEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeHistograms, [&](const auto& entry) { return entry.t >= filter_.mint; },
            entries));
        if (filter_.start_times) {
          EncodeStartedHistograms(entries, out);
        } else {
          EncodeHistograms(entries, out, custom);
        }
        break;
      }
      case RecordType::kFloatHistograms:
      case RecordType::kCustomFloatHistograms:
      case RecordType::kFloatHistogramsV2: {
        std::vector<FloatHistogramEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeFloatHistograms,
            [&](const auto& entry) { return entry.t >= filter_.mint; }, entries));
        if (filter_.start_times) {
          EncodeStartedFloatHistograms(entries, out);
        } else {
          EncodeFloatHistograms(entries, out, custom);
        }
        break;
      }
      case RecordType::kMetadata: {
        std::vector<MetadataEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeMetadata, [&](const auto& entry) { return Keeps(entry.ref); }, entries));
        for (auto& [ref, metadata] : entries) metadata_[ref] = std::move(metadata);
        return {};
      }
      default:
        return {};  // As Prometheus: records it does not know are not carried over.
    }
    Put(std::move(out));
    Put(std::move(custom));
    return {};
  }

  Status AddSamples(ByteSpan record, std::string& out) {
    samples_.clear();
    starts_.clear();
    NX_RETURN_IF_ERROR(DecodeSamples(record, samples_, filter_.start_times ? &starts_ : nullptr));
    std::size_t kept = 0;
    for (std::size_t i = 0; i < samples_.size(); ++i) {
      if (samples_[i].t < filter_.mint) continue;
      starts_.Move(i, kept);
      samples_[kept++] = samples_[i];
    }
    samples_.resize(kept);
    if (filter_.start_times) {
      EncodeStartedSamples(samples_, starts_, out);
    } else {
      EncodeSamples(samples_, out);
    }
    return {};
  }

  Status FlushWhenLarge() { return pending_bytes_ >= kFlushBytes ? Flush() : Status(); }

  void Put(std::string record) {
    if (record.empty()) return;
    pending_bytes_ += record.size();
    pending_.push_back(std::move(record));
  }

  Status Flush() {
    NX_RETURN_IF_ERROR(out_.Log(pending_));
    pending_.clear();
    pending_bytes_ = 0;
    return {};
  }

  const CheckpointFilter& filter_;
  Wal& out_;
  std::size_t passed_over_ = 0;
  std::vector<std::string> pending_;
  std::size_t pending_bytes_ = 0;
  std::vector<SampleEntry> samples_;
  storage::StartTimes starts_;  // Of samples_.
  absl::flat_hash_map<WalRef, model::Metadata> metadata_;
};

}  // namespace

int LastToCheckpoint(int first, int last) {
  const int finished = last - 1;  // The last one is being written.
  if (finished < first) return -1;
  const int chosen = first + (finished - first) * 2 / 3;
  return chosen <= first ? -1 : chosen;
}

Status WriteCheckpointFolder(Fs& fs, const std::string& wal_dir, int number,
                             const WalOptions& options,
                             const std::function<Status(Wal& out)>& write) {
  const std::string path = CheckpointPath(wal_dir, number);
  const std::string work = path + std::string(kWorkSuffix);
  NX_RETURN_IF_ERROR(fs.RemoveAll(work));
  {
    NX_ASSIGN_OR_RETURN(const auto out, Wal::Open(fs, work, options, {}));
    NX_RETURN_IF_ERROR(write(*out));
    NX_RETURN_IF_ERROR(out->Close());
  }
  NX_RETURN_IF_ERROR(fs.SyncDir(work));
  NX_RETURN_IF_ERROR(fs.RemoveAll(path));
  NX_RETURN_IF_ERROR(fs.Rename(work, path));
  return fs.SyncDir(wal_dir);
}

Result<std::size_t> WriteCheckpoint(Fs& fs, const std::string& wal_dir, int first, int last,
                                    const CheckpointFilter& filter, const WalOptions& options) {
  std::size_t passed_over = 0;
  const auto write = [&](Wal& out) -> Status {
    NX_ASSIGN_OR_RETURN(const auto checkpoints, ListCheckpoints(fs, wal_dir));
    Checkpointer checkpointer(filter, out);
    if (!checkpoints.empty()) {
      const std::string dir = CheckpointPath(wal_dir, checkpoints.back());
      NX_ASSIGN_OR_RETURN(const auto segments, ListSegments(fs, dir));
      if (!segments.empty()) {
        LogReader reader(fs, dir, segments.front(), segments.back());
        NX_RETURN_IF_ERROR(checkpointer.Copy(reader));
      }
      first = std::max(first, checkpoints.back() + 1);
    }
    LogReader reader(fs, wal_dir, first, last);
    NX_RETURN_IF_ERROR(checkpointer.Copy(reader));
    NX_RETURN_IF_ERROR(checkpointer.Finish());
    passed_over = checkpointer.passed_over();
    return {};
  };
  NX_RETURN_IF_ERROR(WriteCheckpointFolder(fs, wal_dir, last, options, write));
  return passed_over;
}

Status RemoveUnfinishedCheckpoints(Fs& fs, const std::string& wal_dir) {
  if (!fs.Exists(wal_dir)) return {};
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(wal_dir));
  for (const auto& entry : entries) {
    if (entry.is_dir && entry.name.starts_with("checkpoint.") &&
        entry.name.ends_with(kWorkSuffix)) {
      NX_RETURN_IF_ERROR(fs.RemoveAll(JoinPath(wal_dir, entry.name)));
    }
  }
  return {};
}

Status RemoveCheckpointsBefore(Fs& fs, const std::string& wal_dir, int number) {
  NX_ASSIGN_OR_RETURN(const auto checkpoints, ListCheckpoints(fs, wal_dir));
  for (const int checkpoint : checkpoints) {
    if (checkpoint >= number) break;
    NX_RETURN_IF_ERROR(fs.RemoveAll(CheckpointPath(wal_dir, checkpoint)));
  }
  return {};
}

}  // namespace narthex::tsdb::wal

// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/checkpoint.h"

#include <algorithm>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "tsdb/wal/reader.h"

namespace narthex::tsdb::wal {
namespace {

constexpr std::size_t kFlushBytes = 1 << 20;
constexpr std::string_view kWorkSuffix = ".tmp";

// Rewrites records, keeping what the filter keeps.
class Checkpointer {
 public:
  Checkpointer(const CheckpointFilter& filter, int last, Wal& out)
      : filter_(filter), last_(last), out_(out) {}

  Status Copy(LogReader& reader) {
    while (reader.Next()) NX_RETURN_IF_ERROR(Add(reader.record()));
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

 private:
  bool Keeps(WalRef ref) const { return filter_.keep(ref, last_); }

  template <typename Entry, typename Decode, typename Keep>
  Status Filtered(ByteSpan record, Decode decode, Keep keep, std::vector<Entry>& entries) {
    entries.clear();
    NX_RETURN_IF_ERROR(decode(record, entries));
    std::erase_if(entries, [&](const Entry& entry) { return !keep(entry); });
    return {};
  }

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
      case RecordType::kSamples: {
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeSamples, [&](const auto& entry) { return entry.t >= filter_.mint; },
            samples_));
        EncodeSamples(samples_, out);
        break;
      }
      case RecordType::kTombstones: {
        std::vector<TombstoneEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeTombstones,
            [&](const auto& entry) { return entry.maxt >= filter_.tombstones_mint && Keeps(entry.ref); },
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
      case RecordType::kCustomHistograms: {
        std::vector<HistogramEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeHistograms, [&](const auto& entry) { return entry.t >= filter_.mint; },
            entries));
        EncodeHistograms(entries, out, custom);
        break;
      }
      case RecordType::kFloatHistograms:
      case RecordType::kCustomFloatHistograms: {
        std::vector<FloatHistogramEntry> entries;
        NX_RETURN_IF_ERROR(Filtered(
            record, DecodeFloatHistograms,
            [&](const auto& entry) { return entry.t >= filter_.mint; }, entries));
        EncodeFloatHistograms(entries, out, custom);
        break;
      }
      case RecordType::kSamplesV2:
        return AddWhole(record, DecodeSamples, samples_);
      case RecordType::kHistogramsV2: {
        std::vector<HistogramEntry> entries;
        return AddWhole(record, DecodeHistograms, entries);
      }
      case RecordType::kFloatHistogramsV2: {
        std::vector<FloatHistogramEntry> entries;
        return AddWhole(record, DecodeFloatHistograms, entries);
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
    return FlushWhenLarge();
  }

  // Keeps a record as it is while one of its entries is needed: written anew it would lose the
  // start timestamps.
  template <typename Entry, typename Decode>
  Status AddWhole(ByteSpan record, Decode decode, std::vector<Entry>& entries) {
    NX_RETURN_IF_ERROR(Filtered(
        record, decode, [&](const Entry& entry) { return entry.t >= filter_.mint; }, entries));
    if (!entries.empty()) Put(std::string(AsText(record)));
    return FlushWhenLarge();
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
  const int last_;
  Wal& out_;
  std::vector<std::string> pending_;
  std::size_t pending_bytes_ = 0;
  std::vector<SampleEntry> samples_;
  absl::flat_hash_map<WalRef, model::Metadata> metadata_;
};

}  // namespace

int LastToCheckpoint(int first, int last) {
  const int finished = last - 1;  // The last one is being written.
  if (finished < first) return -1;
  const int chosen = first + (finished - first) * 2 / 3;
  return chosen <= first ? -1 : chosen;
}

Status WriteCheckpoint(Fs& fs, const std::string& wal_dir, int first, int last,
                       const CheckpointFilter& filter, const WalOptions& options) {
  const std::string path = CheckpointPath(wal_dir, last);
  const std::string work = path + std::string(kWorkSuffix);
  NX_RETURN_IF_ERROR(fs.RemoveAll(work));
  NX_ASSIGN_OR_RETURN(const auto checkpoints, ListCheckpoints(fs, wal_dir));
  {
    NX_ASSIGN_OR_RETURN(const auto out, Wal::Open(fs, work, options, {}));
    Checkpointer checkpointer(filter, last, *out);
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
    NX_RETURN_IF_ERROR(out->Close());
  }
  NX_RETURN_IF_ERROR(fs.SyncDir(work));
  NX_RETURN_IF_ERROR(fs.RemoveAll(path));
  NX_RETURN_IF_ERROR(fs.Rename(work, path));
  return fs.SyncDir(wal_dir);
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

// SPDX-License-Identifier: Apache-2.0
#include "src/remote/wal_feed.h"

#include <algorithm>
#include <utility>

#include "narthex/base/heap_bytes.h"
#include "narthex/base/log.h"

namespace narthex::remote {

using tsdb::TailStep;
using tsdb::wal::RecordType;

WalFeed::WalFeed(Options options, tsdb::WalTail& tail, SeriesStore& series, ShardSet& shards,
                 QueueMetrics& metrics, SendingTally& tally, Clock& clock)
    : options_(std::move(options)),
      with_histograms_(options_.endpoint->version() == proto::WriteVersion::kV2 ||
                       options_.endpoint->config.send_native_histograms),
      tail_(tail),
      series_(series),
      shards_(shards),
      metrics_(metrics),
      tally_(tally),
      clock_(clock),
      unknown_log_(clock),
      decode_log_(clock),
      custom_log_(clock) {}

Status WalFeed::Open(model::TimestampMs sent_until) {
  sent_until_ = sent_until;
  first_wanted_ = shards_.first_wanted();
  NX_RETURN_IF_ERROR(tail_.Open(first_wanted_.record));
  if (tail_.first_segment() > first_wanted_.record.segment) gap_from_ = sent_until;
  place_ = {tail_.next_position(), 0};
  return {};
}

Result<FeedStep> WalFeed::Next() {
  NX_ASSIGN_OR_RETURN(const TailStep step, tail_.Next());
  LookForDamage();
  switch (step) {
    case TailStep::kCaughtUp:
      place_ = std::max(place_, Mark{tail_.next_position(), 0});
      tailing_ = true;
      return FeedStep::kCaughtUp;
    case TailStep::kGap:
      // What was read before is with the shards, so the latest of it begins the gap. What was read
      // once more for its series only is none.
      if (tail_.first_segment() > std::max(place_, first_wanted_).record.segment && !gap_from_) {
        gap_from_ = highest_ > 0 ? reached() : sent_until_;
      }
      return FeedStep::kRecord;
    case TailStep::kRecord:
      break;
  }
  if (!Handle()) return FeedStep::kInterrupted;
  if (!tail_.in_checkpoint()) place_ = {tail_.next_position(), 0};
  return FeedStep::kRecord;
}

bool WalFeed::Wanted() const {
  return !tail_.in_checkpoint() && tail_.position() >= first_wanted_.record;
}

void WalFeed::BeginRecord() {
  place_ = {tail_.position(), 0};
  if (!tailing_) metrics_.sent_pre_tailing.Add();
  if (const model::DurationMs age = options_.endpoint->config.queue.sample_age_limit_ms; age > 0) {
    oldest_wanted_ = clock_.NowMs() - age;
  }
}

bool WalFeed::Handle() {
  Status status;
  bool go_on = true;
  const RecordType type = tsdb::wal::TypeOf(tail_.record());
  metrics_.CountRecord(static_cast<std::uint8_t>(type));
  if (!tail_.in_checkpoint()) metrics_.wal_segment.Set(tail_.position().segment);
  switch (type) {
    case RecordType::kSeries:
      new_series_.clear();
      status = tsdb::wal::DecodeSeries(tail_.record(), new_series_);
      series_.Store(new_series_, tail_.position().segment);
      break;
    case RecordType::kMetadata:
      metadata_.clear();
      status = tsdb::wal::DecodeMetadata(tail_.record(), metadata_);
      series_.StoreMetadata(metadata_);
      break;
    case RecordType::kSamples:
    case RecordType::kSamplesV2:
      if (Wanted()) go_on = AddSamples(status);
      break;
    case RecordType::kHistograms:
    case RecordType::kCustomHistograms:
    case RecordType::kHistogramsV2:
      if (with_histograms_ && Wanted()) {
        go_on = AddHistograms(histograms_, tsdb::wal::DecodeHistograms, status);
      }
      break;
    case RecordType::kFloatHistograms:
    case RecordType::kCustomFloatHistograms:
    case RecordType::kFloatHistogramsV2:
      if (with_histograms_ && Wanted()) {
        go_on = AddHistograms(float_histograms_, tsdb::wal::DecodeFloatHistograms, status);
      }
      break;
    case RecordType::kExemplars:
      if (options_.endpoint->config.send_exemplars && Wanted()) go_on = AddExemplars(status);
      break;
    case RecordType::kUnknown:
      metrics_.wal_decode_failures.Add();
      break;
    default:
      break;
  }
  if (!status) {
    // The entries before the bad one were taken.
    metrics_.wal_decode_failures.Add();
    decode_log_.Error(
        "A record of the WAL could not be read for remote write",
        {{"remote_name", options_.endpoint->name}, {"err", status.error().message()}});
  }
  return go_on;
}

bool WalFeed::Keep(WalRef ref, model::TimestampMs t, std::uint32_t& series, Counts& counts) const {
  if (t < oldest_wanted_) {
    ++counts.too_old;
    return false;
  }
  series = series_.Find(ref);
  if (series > SeriesStore::kDropped) [[likely]]
    return true;
  ++(series == SeriesStore::kDropped ? counts.dropped : counts.unknown);
  return false;
}

void WalFeed::Count(KindCounters& kind, const Counts& counts) {
  kind.Drop(DropReason::kTooOld, counts.too_old);
  kind.Drop(DropReason::kDroppedSeries, counts.dropped);
  kind.Drop(DropReason::kUnknownSeries, counts.unknown);
  kind.Drop(DropReason::kCustomBuckets, counts.custom);
  tally_.dropped.Add(counts.dropped + counts.unknown);
  if (counts.unknown > 0) {
    unknown_log_.Warn("Samples of series that the WAL does not name are not sent",
                      {{"remote_name", options_.endpoint->name}, {"count", counts.unknown}});
  }
  shards_.CountPending();
  RaiseTo(metrics_.highest_seconds, WholeSeconds(highest_));
}

void WalFeed::NoteTime(model::TimestampMs t) { highest_ = std::max(highest_, t); }

model::TimestampMs WalFeed::reached() const { return std::min(highest_, clock_.NowMs()); }

// What is behind the damage in its segment is not in the log, but the database may have it.
void WalFeed::LookForDamage() {
  const std::uint64_t damaged = tail_.num_damaged();
  if (damaged == damaged_) return;
  metrics_.wal_damaged.Add(damaged - std::exchange(damaged_, damaged));
  if (!gap_from_) gap_from_ = highest_ > 0 ? reached() : sent_until_;
}

template <typename Entry>
void WalFeed::EndGap(const std::vector<Entry>& first_behind) {
  if (first_behind.empty()) return;
  Gap gap{*std::exchange(gap_from_, std::nullopt), first_behind.front().t};
  for (const Entry& entry : first_behind) gap.to = std::max(gap.to, entry.t);
  gap.from = std::min(gap.from, gap.to);  // The log may get samples of any time.
  metrics_.gaps.Add();
  log::Warn("WAL segments were gone before remote write had sent them",
            {{"remote_name", options_.endpoint->name}, {"from", gap.from}, {"to", gap.to}});
  if (options_.on_gap) options_.on_gap(gap);
}

bool WalFeed::AddSamples(Status& status) {
  BeginRecord();
  samples_.clear();
  starts_.clear();
  const bool v2 = options_.endpoint->version() == proto::WriteVersion::kV2;
  status = tsdb::wal::DecodeSamples(tail_.record(), samples_, v2 ? &starts_ : nullptr);
  if (gap_from_) EndGap(samples_);
  Counts counts;
  bool go_on = true;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    place_.index = static_cast<std::uint32_t>(i);
    const auto& [ref, t, value] = samples_[i];
    std::uint32_t series = 0;
    if (!Keep(ref, t, series, counts)) continue;
    go_on = shards_.AddFloat(ref, series, t, starts_.At(i), value, place_);
    if (!go_on) break;
    NoteTime(t);
  }
  Count(metrics_.samples, counts);
  return go_on;
}

template <typename Entry, typename Decode>
bool WalFeed::AddHistograms(std::vector<Entry>& entries, Decode&& decode, Status& status) {
  BeginRecord();
  entries.clear();
  status = decode(tail_.record(), entries);
  if (gap_from_) EndGap(entries);
  const bool v1 = options_.endpoint->version() == proto::WriteVersion::kV1;
  Counts counts;
  bool go_on = true;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    place_.index = static_cast<std::uint32_t>(i);
    const Entry& entry = entries[i];
    if (v1 && entry.histogram.schema == model::kCustomBucketsSchema && entry.t >= oldest_wanted_) {
      ++counts.custom;
      continue;
    }
    std::uint32_t series = 0;
    if (!Keep(entry.ref, entry.t, series, counts)) continue;
    message_.clear();
    proto::EncodeWriteHistogram(entry.t, v1 ? 0 : entry.start, entry.histogram, message_);
    go_on = shards_.AddHistogram(entry.ref, series, entry.t, message_, place_);
    if (!go_on) break;
    NoteTime(entry.t);
  }
  Count(metrics_.histograms, counts);
  if (counts.custom > 0) {
    custom_log_.Warn(
        "Native histograms with custom buckets are not sent: remote write 1.0 has none",
        {{"remote_name", options_.endpoint->name}, {"count", counts.custom}});
  }
  return go_on;
}

bool WalFeed::AddExemplars(Status& status) {
  BeginRecord();
  exemplars_.clear();
  status = tsdb::wal::DecodeExemplars(tail_.record(), exemplars_);
  Counts counts;
  bool go_on = true;
  for (std::size_t i = 0; i < exemplars_.size(); ++i) {
    place_.index = static_cast<std::uint32_t>(i);
    const auto& [ref, exemplar] = exemplars_[i];
    std::uint32_t series = 0;
    if (!Keep(ref, exemplar.t, series, counts)) continue;
    go_on = shards_.AddExemplar(ref, series, exemplar, place_);
    if (!go_on) break;
  }
  Count(metrics_.exemplars, counts);
  return go_on;
}

void WalFeed::ForgetOldSeries() {
  const auto covered = tail_.VisitNewCheckpoint(
      [this](int segment, std::span<const WalRef> refs) { series_.Touch(refs, segment); });
  if (!covered) {
    // Another one may have taken its place; the next look finds that.
    log::Debug("Reading the checkpoint for remote write failed",
               {{"remote_name", options_.endpoint->name}, {"err", covered.error().message()}});
    return;
  }
  if (*covered) forget_before_ = *covered;
  // What waits to be a batch names series by their places, which others may get.
  if (forget_before_ && shards_.CutAll(place_)) {
    series_.Reset(*std::exchange(forget_before_, std::nullopt));
  }
}

std::size_t WalFeed::held_bytes() const {
  return tail_.held_bytes() + HeapBytes(samples_) + HeapBytes(histograms_) +
         HeapBytes(float_histograms_) + HeapBytes(exemplars_) + HeapBytes(new_series_);
}

}  // namespace narthex::remote

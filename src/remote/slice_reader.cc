// SPDX-License-Identifier: Apache-2.0
#include "src/remote/slice_reader.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "narthex/base/log.h"
#include "narthex/model/matcher.h"
#include "narthex/tsdb/chunk_decoder.h"
#include "src/remote/shard_set.h"

namespace narthex::remote {
namespace {

// Series whose labels are in memory together.
constexpr std::size_t kSeriesAtOnce = 4096;
// Of the requests of a piece: each piece looks for all series anew.
constexpr std::size_t kPieceBytes = std::size_t{16} << 20;

// The first series behind `after`; they are sorted by their labels.
std::size_t FirstBehind(const storage::ChunkSeriesSet& set,
                        const std::optional<model::Labels>& after) {
  if (!after) return 0;
  std::size_t low = 0;
  std::size_t high = set.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (set.LabelsAt(middle) <= *after) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

SliceReader::SliceReader(std::shared_ptr<const Endpoint> endpoint, SeriesStore::Options series,
                         storage::ChunkQueryable& history, QueueMetrics& metrics,
                         const Clock& clock)
    : endpoint_(std::move(endpoint)),
      options_(std::move(series)),
      history_(history),
      metrics_(metrics),
      unreadable_log_(clock),
      max_items_(MaxItems(endpoint_->config.queue)),
      with_histograms_(endpoint_->version() == proto::WriteVersion::kV2 ||
                       endpoint_->config.send_native_histograms) {}

void SliceReader::BeginSeries() {
  writer_ = nullptr;
  series_ = std::make_unique<SeriesStore>(options_);
  writer_ = std::make_unique<proto::WriteRequestWriter>(endpoint_->version(), series_->pairs());
}

Result<SliceReader::Piece> SliceReader::Read(const Gap& slice,
                                             const std::optional<model::Labels>& after,
                                             const std::stop_token& stop) {
  NX_ASSIGN_OR_RETURN(const model::Matcher all,
                      model::Matcher::Create(model::MatchType::kRegex, model::kMetricName, ".*"));
  storage::SelectHints hints;
  hints.start_ms = slice.from;
  hints.end_ms = slice.to;
  NX_ASSIGN_OR_RETURN(const auto set,
                      history_.SelectChunks(slice.from, slice.to, {&all, 1}, hints, stop));
  Piece piece;
  piece_bytes_ = 0;
  partial_ = {};
  BeginSeries();
  const std::size_t first = FirstBehind(*set, after);
  for (std::size_t i = first; i < set->size(); ++i) {
    if (stop.stop_requested()) return Fail(Code::kCancelled, "context canceled");
    if (i > first && (i - first) % kSeriesAtOnce == 0) {
      Cut(piece);
      BeginSeries();
    }
    model::Labels labels = set->LabelsAt(i);
    if (const Status status = ReadSeries(*set, i); !status) {
      metrics_.unreadable_series.Add();
      unreadable_log_.Error("Reading a series for remote write failed, its samples are not sent",
                            {{"remote_name", endpoint_->name},
                             {"series", labels.ToString()},
                             {"err", status.error().message()}});
      continue;
    }
    if (piece_bytes_ > kPieceBytes) piece.last = labels;
    AddSeries(i + 1, std::move(labels), piece);
    if (piece.last) break;
  }
  Cut(piece);
  series_ = nullptr;
  held_bytes_ = piece_bytes_ + compressed_.capacity() + writer_->held_bytes();
  writer_ = nullptr;
  return piece;
}

Status SliceReader::ReadSeries(const storage::ChunkSeriesSet& set, std::size_t i) {
  samples_.Clear();
  NX_RETURN_IF_ERROR(set.Read(i, chunks_));
  for (const storage::EncodedChunk& chunk : chunks_) {
    NX_RETURN_IF_ERROR(tsdb::DecodeChunk(chunk, samples_));
  }
  return {};
}

void SliceReader::AddSeries(WalRef ref, model::Labels labels, Piece& piece) {
  if (samples_.size() == 0) return;
  const tsdb::wal::SeriesEntry entry{ref, std::move(labels)};
  series_->Store({&entry, 1}, 0);
  const std::uint32_t series = series_->Find(ref);
  const auto& floats = samples_.floats;
  if (series == SeriesStore::kDropped) {
    metrics_.samples.Drop(DropReason::kDroppedSeries, floats.t.size());
    if (with_histograms_) {
      metrics_.histograms.Drop(DropReason::kDroppedSeries, samples_.histograms.size());
    }
    return;
  }
  // In their order, whatever their kinds.
  std::size_t f = 0;
  std::size_t h = 0;
  while (f < floats.t.size() || h < samples_.histograms.size()) {
    const bool is_float = h == samples_.histograms.size() ||
                          (f < floats.t.size() && floats.t[f] < samples_.histograms[h].first);
    if (is_float) {
      partial_.AddFloat(series, floats.t[f], 0, floats.v[f]);
      ++f;
    } else {
      const auto& [t, value] = samples_.histograms[h++];
      if (!AddHistogram(series, t, value)) continue;
    }
    if (partial_.size() >= max_items_ || partial_.extra_bytes() > kMaxExtraBytes) Cut(piece);
  }
}

bool SliceReader::AddHistogram(std::uint32_t series, model::TimestampMs t,
                               const model::AnyHistogram& value) {
  if (!with_histograms_) return false;
  return std::visit(
      [&](const auto& histogram) {
        const bool custom = histogram.schema == model::kCustomBucketsSchema;
        if (custom && endpoint_->version() == proto::WriteVersion::kV1) {
          metrics_.histograms.Drop(DropReason::kCustomBuckets, 1);
          return false;
        }
        message_.clear();
        proto::EncodeWriteHistogram(t, 0, histogram, message_);
        partial_.AddHistogram(series, t, message_);
        return true;
      },
      value);
}

void SliceReader::Cut(Piece& piece) {
  if (partial_.empty()) return;
  piece.batches.push_back(partial_.Take(*series_, *writer_, compressed_));
  piece_bytes_ += piece.batches.back().body.size();
}

}  // namespace narthex::remote

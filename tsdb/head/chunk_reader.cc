// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/chunk_reader.h"

#include <algorithm>

#include "narthex/base/coding.h"
#include "narthex/storage/merge.h"
#include "tsdb/chunkenc/histogram_reader.h"
#include "tsdb/compact/sample_run.h"
#include "tsdb/head/ooo_commit.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

// As a column has it. What a late histogram says of the one before it is about another one.
template <typename H>
model::FloatHistogram ToFloatWithoutReset(const H& h) {
  model::FloatHistogram out;
  if constexpr (std::is_same_v<H, model::Histogram>) {
    out = model::ToFloat(h);
  } else {
    out = h;
  }
  if (out.counter_reset_hint != model::CounterResetHint::kGauge) {
    out.counter_reset_hint = model::CounterResetHint::kUnknown;
  }
  return out;
}

constexpr std::size_t kMaxSpareBytes = 64 << 10;

}  // namespace

ChunkReader::Buffers& ChunkReader::Spare() {
  static thread_local Buffers buffers;
  return buffers;
}

ChunkReader::ChunkReader(const HeadState& head) : head_(head) {
  parts_.swap(Spare().parts);
  bytes_.swap(Spare().bytes);
}

ChunkReader::~ChunkReader() {
  if (bytes_.capacity() > kMaxSpareBytes) return;
  parts_.clear();
  bytes_.clear();
  parts_.swap(Spare().parts);
  bytes_.swap(Spare().bytes);
}

void ChunkReader::Load(SeriesSlot slot, TimestampMs mint, TimestampMs maxt,
                       const Isolation::Reader* reader) {
  parts_.clear();
  bytes_.clear();
  mint_ = mint;
  maxt_ = maxt;
  nothing_ = mint > maxt;
  if (files_.size() > 1) files_.erase(files_.begin(), files_.end() - 1);
  const std::uint32_t from = CoarseSeconds(mint);
  const std::uint32_t to = CoarseSeconds(maxt);
  MemSeries& series = head_.index.At(slot);
  bool has_tombstones = false;
  std::uint64_t commit = 0;
  TimestampMs commit_t = 0;
  {
    SeriesLock lock(series);
    commit = series.commit;
    commit_t = series.commit_t;
    has_tombstones = series.has_tombstones;
    has_out_of_order_ = series.out_of_order;
    bool more = !nothing_;  // A chunk that ends after maxt is the last one that may be wanted.
    for (const auto& chunk : head_.chunks.FullChunks(series)) {
      if (!more) break;
      if (chunk.max_seconds < from) continue;
      parts_.push_back({chunk, bytes_.size()});
      if (chunk.in_memory()) bytes_.append(AsText(head_.chunks.MemoryBytes(chunk)));
      more = chunk.max_seconds <= to;
    }
    if (more && series.has_open_chunk() && series.xor_state.t >= mint) {
      const ByteSpan open = head_.chunks.OpenBytes(series);
      parts_.push_back(
          {FullChunk::InMemory(series.chunk, series.encoding, open.size(), series.xor_state.t),
           bytes_.size(), true});
      bytes_.append(AsText(open));
      // Readers get this chunk as Prometheus encodes it anew for them: without what its first
      // sample is to the chunk before.
      if (series.histogram != 0) {
        ForgetReset(series.encoding, std::span(bytes_).last(open.size()));
      }
    }
  }
  deleted_.clear();
  if (has_tombstones) [[unlikely]]
    deleted_ = head_.DeletedOf(slot);
  TimestampMs hidden_from = 0;
  if (reader != nullptr && reader->HiddenFrom(slot, commit, commit_t, hidden_from)) {
    nothing_ = nothing_ || hidden_from == model::kMinTime;
    if (!nothing_) maxt_ = std::min(maxt_, hidden_from - 1);
  }
}

Result<ChunkView> ChunkReader::ViewOf(const Part& part) {
  if (part.place.in_memory()) {
    ChunkView view;
    view.encoding = part.place.encoding();
    view.bytes = AsBytes(bytes_).subspan(part.at, part.place.size());
    return view;
  }
  return ViewOf(ChunkPlace{part.place.file, part.place.offset});
}

Result<ChunkView> ChunkReader::ViewOf(ChunkPlace place) {
  if (!files_.empty()) {
    if (auto chunk = ChunkFiles::Read(*files_.back(), place)) return chunk;
  }
  files_.push_back(head_.files.view());  // The file is newer, or has grown.
  return ChunkFiles::Read(*files_.back(), place);
}

OooSeries ChunkReader::LoadLate(SeriesSlot slot, TimestampMs mint, TimestampMs maxt) {
  // First the files: a compaction that does not wait for this reader, because it began after the
  // blocks were there, may remove them once the places are known.
  files_.push_back(head_.files.view());
  OooSeries late;
  head_.ooo.store().Load(slot, mint, maxt, late);
  return late;
}

Result<ChunkView> ChunkReader::TimedViewOf(const Part& part) {
  NX_ASSIGN_OR_RETURN(ChunkView chunk, ViewOf(part));
  if (part.place.in_memory()) NX_RETURN_IF_ERROR(ChunkTimes(chunk));
  return chunk;
}

Status ChunkReader::Decode(storage::SampleColumns& out) {
  if (nothing_) return {};
  const std::size_t first_float = out.t.size();
  const std::size_t first_histogram = out.histogram_t.size();
  for (const auto& part : parts_) {
    NX_ASSIGN_OR_RETURN(const ChunkView chunk, ViewOf(part));
    if (!part.place.in_memory() && (chunk.mint > maxt_ || chunk.maxt < mint_)) continue;
    NX_RETURN_IF_ERROR(DecodeChunk(chunk.encoding, chunk.bytes, mint_, maxt_, out));
  }
  DropDeleted(deleted_, first_float, first_histogram, out);
  return {};
}

Result<bool> ChunkReader::AnyKept() {
  if (nothing_) return false;
  for (const auto& part : parts_) {
    NX_ASSIGN_OR_RETURN(const ChunkView chunk, TimedViewOf(part));
    if (chunk.mint > maxt_ || chunk.maxt < mint_) continue;
    if (part.open || !Covers(deleted_, chunk.mint, chunk.maxt)) return true;
  }
  return false;
}

TimestampMs ChunkReader::FirstTime(SeriesSlot slot) {
  Load(slot, model::kMinTime, model::kMaxTime, nullptr);
  for (const auto& part : parts_) {
    if (const auto chunk = TimedViewOf(part)) return chunk->mint;
  }
  return model::kMaxTime;
}

Status ChunkReader::DecodeOutOfOrder(SeriesSlot slot, TimestampMs mint, TimestampMs maxt,
                                     storage::SampleColumns& out) {
  OooSeries late = LoadLate(slot, mint, maxt);
  // By time, so that most chunks are appended rather than merged.
  std::stable_sort(late.full.begin(), late.full.end(),
                   [](const OooChunk& a, const OooChunk& b) { return a.mint < b.mint; });
  storage::SampleColumns merged;
  storage::SampleColumns next;
  storage::SampleColumns scratch;
  for (const auto& chunk : late.full) {
    NX_ASSIGN_OR_RETURN(const ChunkView view, ViewOf(chunk.place));
    next.Clear();
    NX_RETURN_IF_ERROR(DecodeChunk(view.encoding, view.bytes, mint, maxt, next));
    storage::AppendOrMerge(merged, next, scratch);
  }
  next.Clear();
  for (const auto& sample : late.open) {
    if (sample.is_float()) {
      next.starts.Append(next.t.size(), sample.start());
      next.t.push_back(sample.t);
      next.v.push_back(sample.v);
    } else {
      next.histogram_starts.Append(next.histogram_t.size(), sample.start());
      next.histogram_t.push_back(sample.t);
      sample.VisitHistogram(
          [&](const auto& h) { next.histograms.push_back(ToFloatWithoutReset(h)); });
    }
  }
  storage::AppendOrMerge(merged, next, scratch);
  DropDeleted(deleted_, 0, 0, merged);
  storage::AppendOrMerge(out, merged, scratch);
  return {};
}

Status ChunkReader::OutOfOrderChunks(SeriesSlot slot, TimestampMs mint, TimestampMs maxt,
                                     std::vector<ChunkView>& out, std::vector<Interval>& unwanted) {
  unwanted = deleted_;
  if (mint > model::kMinTime) AddInterval(unwanted, {model::kMinTime, mint - 1});
  if (maxt < model::kMaxTime) AddInterval(unwanted, {maxt + 1, model::kMaxTime});
  const OooSeries late = LoadLate(slot, mint, maxt);
  for (const auto& chunk : late.full) {
    NX_ASSIGN_OR_RETURN(const ChunkView view, ViewOf(chunk.place));
    out.push_back(view);
  }
  EncodeOoo(late.open, head_.encodings(), [&](EncodedChunk chunk) {
    const auto& bytes = recoded_.emplace_back(std::move(chunk.bytes));
    out.push_back({chunk.mint, chunk.maxt, chunk.encoding, AsBytes(bytes)});
  });
  return {};
}

Status ChunkReader::Recode(const ChunkView& chunk, std::vector<ChunkView>& out) {
  std::vector<Interval> unwanted = deleted_;
  if (mint_ > model::kMinTime) AddInterval(unwanted, {model::kMinTime, mint_ - 1});
  if (maxt_ < model::kMaxTime) AddInterval(unwanted, {maxt_ + 1, model::kMaxTime});
  SampleRun run;
  NX_RETURN_IF_ERROR(run.Add(chunk, unwanted));
  const RunEncodings encodings{chunk.encoding == Encoding::kXor2, HasStartTimes(chunk.encoding)};
  run.Encode(ChunkCut::kNever, encodings, [&](EncodedChunk part) {
    const auto& bytes = recoded_.emplace_back(std::move(part.bytes));
    out.push_back({part.mint, part.maxt, part.encoding, AsBytes(bytes)});
  });
  return {};
}

Status ChunkReader::AddChunk(const Part& part, std::vector<ChunkView>& out) {
  NX_ASSIGN_OR_RETURN(const ChunkView chunk, TimedViewOf(part));
  if (chunk.mint > maxt_ || chunk.maxt < mint_) return {};
  if (Covers(deleted_, chunk.mint, chunk.maxt)) return {};
  if (chunk.mint >= mint_ && chunk.maxt <= maxt_ && !Touches(deleted_, chunk.mint, chunk.maxt)) {
    out.push_back(chunk);
    return {};
  }
  return Recode(chunk, out);
}

Status ChunkReader::Chunks(std::vector<ChunkView>& out, const OnUnreadable& on_unreadable) {
  out.clear();
  recoded_.clear();
  if (nothing_) return {};
  for (const auto& part : parts_) {
    if (auto status = AddChunk(part, out); !status) {
      NX_RETURN_IF_ERROR(on_unreadable(std::move(status).error()));
    }
  }
  return {};
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include "tsdb/build/series_buffer.h"

#include <algorithm>

#include <absl/container/flat_hash_set.h>

#include "tsdb/chunkenc/xor.h"
#include "tsdb/compact/chunk_merge.h"
#include "tsdb/head/chunk_files.h"

namespace narthex::tsdb {
namespace {

// Of a series beside its labels and chunks: the table's entry and what the allocator adds.
constexpr std::size_t kSeriesOverhead = 64;

struct XorChunk {
  model::TimestampMs mint = 0;
  model::TimestampMs maxt = 0;
  std::string bytes;
};

// Samples in the order in which they came: by time, the first of equal times, as chunks.
std::vector<XorChunk> Encode(std::vector<model::Sample> samples) {
  std::stable_sort(samples.begin(), samples.end(),
                   [](const model::Sample& a, const model::Sample& b) { return a.t < b.t; });
  samples.erase(
      std::unique(samples.begin(), samples.end(),
                  [](const model::Sample& a, const model::Sample& b) { return a.t == b.t; }),
      samples.end());
  std::vector<XorChunk> chunks;
  XorState state;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i % kSamplesPerChunk == 0) {
      state = {};
      chunks.push_back({samples[i].t, 0, std::string(kXorHeaderBytes, '\0')});
    }
    XorChunk& chunk = chunks.back();
    chunk.bytes.resize(state.tail_offset() + kMaxXorSampleBytes);
    XorAppend(state, reinterpret_cast<std::uint8_t*>(chunk.bytes.data()), samples[i].t,
              samples[i].v);
    chunk.bytes.resize(state.size);
    chunk.maxt = samples[i].t;
  }
  return chunks;
}

}  // namespace

class SeriesBuffer::Source final : public BlockSource {
 public:
  Source(const ChunkStore& store, std::deque<Series>& series) : store_(store) {
    sorted_.reserve(series.size());
    for (Series& s : series) sorted_.push_back(&s);
    std::sort(sorted_.begin(), sorted_.end(),
              [](const Series* a, const Series* b) { return a->labels < b->labels; });
  }

  Status Symbols(const SymbolSink& add) override {
    absl::flat_hash_set<std::string_view> symbols;
    for (const Series* series : sorted_) {
      for (const auto& [name, value] : series->labels) {
        symbols.insert(name);
        symbols.insert(value);
      }
    }
    std::vector<std::string_view> texts(symbols.begin(), symbols.end());
    std::sort(texts.begin(), texts.end());
    for (const auto text : texts) add(text);
    return {};
  }

  Result<bool> Next() override {
    if (next_ == sorted_.size()) return false;
    current_ = sorted_[next_++];
    late_ = Encode(current_->late);
    std::vector<MergeInput> inputs;
    // Later inputs win: what came late is never the first sample of its time.
    for (const XorChunk& chunk : late_) {
      inputs.push_back({{chunk.mint, chunk.maxt, Encoding::kXor, AsBytes(chunk.bytes)}, {}});
    }
    const auto add = [&](Encoding encoding, ByteSpan bytes) -> Status {
      ChunkView view{0, 0, encoding, bytes};
      NX_RETURN_IF_ERROR(ChunkTimes(view));
      inputs.push_back({view, {}});
      return {};
    };
    for (const FullChunk& chunk : store_.FullChunks(current_->chunks)) {
      NX_RETURN_IF_ERROR(add(chunk.encoding(), store_.MemoryBytes(chunk)));
    }
    NX_RETURN_IF_ERROR(add(current_->chunks.encoding, store_.OpenBytes(current_->chunks)));
    NX_RETURN_IF_ERROR(merger_.Merge(std::move(inputs)));
    return true;
  }
  const model::Labels& labels() const override { return current_->labels; }
  std::span<const ChunkView> chunks() const override { return merger_.chunks(); }

 private:
  const ChunkStore& store_;
  std::vector<Series*> sorted_;
  std::size_t next_ = 0;
  Series* current_ = nullptr;
  std::vector<XorChunk> late_;
  ChunkMerger merger_;
};

void SeriesBuffer::Clear() {
  by_labels_.clear();
  series_.clear();
  chunks_ = std::make_unique<ChunkStore>(limits_);
  other_bytes_ = 0;
  min_time_ = model::kMaxTime;
  max_time_ = model::kMinTime;
}

void SeriesBuffer::Append(const model::Labels& labels, model::TimestampMs t, double value) {
  auto it = by_labels_.find(labels.bytes());
  if (it == by_labels_.end()) {
    Series& added = series_.emplace_back();
    added.labels = labels;
    it = by_labels_.emplace(added.labels.bytes(), &added).first;
    other_bytes_ += sizeof(Series) + labels.bytes().size() + kSeriesOverhead;
  }
  Series& series = *it->second;
  if (series.chunks.has_samples() && t <= series.chunks.xor_state.t) {
    series.late.push_back({t, value});
    other_bytes_ += sizeof(model::Sample);
  } else {
    chunks_->AppendFloat(series.chunks, t, value);
  }
  min_time_ = std::min(min_time_, t);
  max_time_ = std::max(max_time_, t);
}

std::unique_ptr<BlockSource> SeriesBuffer::NewSource() const {
  return std::make_unique<Source>(*chunks_, series_);
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include "tsdb/inspect/chunk_fill.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "tsdb/chunkenc/histogram.h"

namespace narthex::tsdb::inspect {
namespace {

// How often each number occurs: few numbers are different, chunks are many.
class Distribution {
 public:
  void Add(std::int64_t n) {
    ++counts_[n];
    sum_ += n;
    ++total_;
  }

  /// @param num_chunks  of all kinds: what bars are a share of
  std::string Text(std::string_view title, std::int64_t num_chunks) const {
    if (counts_.empty()) return fmt::format("{}: N/A\n\n", title);
    const std::int64_t least = counts_.begin()->first;
    const std::int64_t most = counts_.rbegin()->first;
    const std::int64_t step = StepFor(least, most);
    const std::int64_t start = least - least % step;
    const std::int64_t end = most - most % step + step;
    std::vector<std::int64_t> bars(static_cast<std::size_t>((end - start) / step + 1));
    for (const auto& [n, count] : counts_) {
      bars[static_cast<std::size_t>((n - start) / step)] += count;
    }
    std::string text =
        fmt::format("{} (min/avg/max): {}/{}/{}\n", title, least, sum_ / total_, most);
    const auto width = [](std::int64_t n) { return std::to_string(n).size(); };
    const std::size_t count_width = width(*std::max_element(bars.begin(), bars.end()));
    std::int64_t from = start;
    for (const std::int64_t count : bars) {
      text += fmt::format("[{:{}}, {:{}}]: {:{}} {}\n", from + 1, width(end), from + step,
                          width(end + step), count, count_width,
                          std::string(static_cast<std::size_t>(100 * count / num_chunks), '#'));
      from += step;
    }
    return text + '\n';
  }

 private:
  // A power of ten, from 10 to 100,000, that makes about ten bars.
  static std::int64_t StepFor(std::int64_t least, std::int64_t most) {
    std::int64_t step = 10;
    while (step < (most - least) / 10 && step <= 10'000) step *= 10;
    return step;
  }

  std::map<std::int64_t, std::int64_t> counts_;
  std::int64_t sum_ = 0;
  std::int64_t total_ = 0;
};

template <typename H>
Result<std::int64_t> CountBuckets(const StoredChunk& chunk) {
  NX_ASSIGN_OR_RETURN(const auto samples, ReadHistograms<H>(chunk.encoding, chunk.bytes));
  std::size_t n = 0;
  for (const auto& [t, h, start] : samples)
    n += h.positive_buckets.size() + h.negative_buckets.size();
  return static_cast<std::int64_t>(n);
}

struct ChunkFill {
  Distribution float_samples, float_bytes;
  Distribution histogram_samples, histogram_bytes, histogram_buckets;
  std::int64_t num_chunks = 0;

  Status Add(const StoredChunk& chunk) {
    ++num_chunks;
    const std::int64_t samples = ChunkSampleCount(chunk.encoding, chunk.bytes);
    const auto bytes = static_cast<std::int64_t>(chunk.bytes.size());
    if (IsFloatEncoding(chunk.encoding)) {
      float_samples.Add(samples);
      float_bytes.Add(bytes);
      return {};
    }
    const bool is_int =
        chunk.encoding == Encoding::kHistogram || chunk.encoding == Encoding::kHistogramSt;
    NX_ASSIGN_OR_RETURN(const std::int64_t buckets,
                        is_int ? CountBuckets<model::Histogram>(chunk)
                               : CountBuckets<model::FloatHistogram>(chunk));
    histogram_samples.Add(samples);
    histogram_bytes.Add(bytes);
    histogram_buckets.Add(buckets);
    return {};
  }
};

}  // namespace

Status PrintChunkFill(const Block& block, const PostingList& ids, const TextSink& out) {
  ChunkFill fill;
  std::vector<ChunkMeta> chunks;
  for (const SeriesId id : ids) {
    NX_RETURN_IF_ERROR(block.index().Series(id, nullptr, &chunks));
    for (const ChunkMeta& chunk : chunks) {
      NX_ASSIGN_OR_RETURN(const StoredChunk stored, block.chunks().Read(chunk.ref));
      NX_RETURN_IF_ERROR(fill.Add(stored));
    }
  }
  std::string text = "\nCompaction analysis:\n\n";
  text += fill.float_samples.Text("samples per float chunk", fill.num_chunks);
  text += fill.float_bytes.Text("bytes per float chunk", fill.num_chunks);
  text += fill.histogram_samples.Text("samples per histogram chunk", fill.num_chunks);
  text += fill.histogram_bytes.Text("bytes per histogram chunk", fill.num_chunks);
  text += fill.histogram_buckets.Text("buckets per histogram chunk", fill.num_chunks);
  return out(text);
}

}  // namespace narthex::tsdb::inspect

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "narthex/proto/remote_read.h"
#include "narthex/storage/merge.h"
#include "narthex/storage/typed_samples.h"
#include "narthex/tsdb/chunk_decoder.h"
#include "src/remote/read_answer.h"
#include "src/remote/sample_order.h"

namespace narthex::remote {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;

/// Beside the bytes of the labels, twice: the list may double when it grows.
template <typename T>
constexpr std::size_t kListed = 2 * sizeof(T);

/// Moves the samples of [mint, maxt] behind those of `to`. Times of `from` ascend.
void MoveWithin(storage::SampleColumns& from, model::TimestampMs mint, model::TimestampMs maxt,
                storage::SampleColumns& to) {
  const auto within = [&](const auto& t) {
    const auto begin = std::lower_bound(t.begin(), t.end(), mint);
    const auto end = std::upper_bound(begin, t.end(), maxt);
    return std::pair(begin - t.begin(), end - t.begin());
  };
  const auto [first, last] = within(from.t);
  to.t.insert(to.t.end(), from.t.begin() + first, from.t.begin() + last);
  to.v.insert(to.v.end(), from.v.begin() + first, from.v.begin() + last);
  const auto [first_h, last_h] = within(from.histogram_t);
  to.histogram_t.insert(to.histogram_t.end(), from.histogram_t.begin() + first_h,
                        from.histogram_t.begin() + last_h);
  to.histograms.insert(to.histograms.end(),
                       std::make_move_iterator(from.histograms.begin() + first_h),
                       std::make_move_iterator(from.histograms.begin() + last_h));
}

}  // namespace

Result<const char*> ChunkedAnswer::Store(std::string_view bytes) {
  if (bytes.size() > room_) {
    const std::size_t size = std::max(kBlockBytes, bytes.size());
    NX_RETURN_IF_ERROR(memory_.Hold(size));
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    free_ = blocks_.back().get();
    room_ = size;
  }
  char* const stored = free_;
  std::memcpy(stored, bytes.data(), bytes.size());
  free_ += bytes.size();
  room_ -= bytes.size();
  return stored;
}

Status ChunkedAnswer::Add(std::string_view message) {
  proto::ReadFrameReader reader(message);
  proto::ReadChunk chunk;
  while (reader.NextSeries()) {
    NX_ASSIGN_OR_RETURN(model::Labels labels, MakeLabels(reader.labels(), scope_.without));
    // A long series comes in several frames, one after the other.
    if (parts().empty() || parts().back().labels != labels) {
      NX_RETURN_IF_ERROR(memory_.Hold(kListed<Part> + labels.bytes().size()));
      parts().push_back({std::move(labels), chunks_.size(), chunks_.size()});
    }
    while (reader.NextChunk(chunk)) {
      NX_RETURN_IF_ERROR(memory_.Hold(kListed<Chunk>));
      NX_ASSIGN_OR_RETURN(const char* stored, Store(chunk.bytes));
      chunks_.push_back({stored, static_cast<std::uint32_t>(chunk.bytes.size()), chunk.encoding});
    }
    parts().back().end = chunks_.size();
  }
  const Status status = reader.status();
  if (!status) return Fail(Code::kUnavailable, status.error().message());
  return {};
}

Status ChunkedAnswer::ReadPart(const Part& part, model::TimestampMs mint, model::TimestampMs maxt,
                               storage::SampleColumns& out) const {
  mint = std::max(mint, scope_.mint);
  maxt = std::min(maxt, scope_.maxt);
  if (mint > maxt) return {};
  storage::EncodedChunk encoded;
  storage::TypedSamples samples;
  for (std::size_t i = part.begin; i < part.end; ++i) {
    encoded.encoding = chunks_[i].encoding;
    encoded.bytes.assign(chunks_[i].bytes, chunks_[i].size);
    samples.Clear();
    if (Status decoded = tsdb::DecodeChunk(encoded, samples); !decoded) {
      return Fail(std::move(decoded).error().Wrap(
          fmt::format("remote_read: chunk {} of {}", i - part.begin, part.labels.ToString())));
    }
    storage::SampleColumns& columns = samples.floats;
    for (auto& [t, histogram] : samples.histograms) {
      columns.histogram_t.push_back(t);
      if (const auto* h = std::get_if<model::Histogram>(&histogram)) {
        columns.histograms.push_back(model::ToFloat(*h));
      } else {
        columns.histograms.push_back(std::move(std::get<model::FloatHistogram>(histogram)));
      }
    }
    PutInOrder(columns);
    const std::size_t floats = out.t.size(), histograms = out.histogram_t.size();
    MoveWithin(columns, mint, maxt, out);
    storage::MergeTail(out, floats, histograms);
  }
  return {};
}

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "narthex/proto/remote_read.h"
#include "narthex/tsdb/chunk_decoder.h"
#include "narthex/tsdb/histogram_check.h"
#include "src/remote/read_answer.h"

namespace narthex::remote {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;

/// Beside the bytes of the labels, twice: the list may double when it grows.
template <typename T>
constexpr std::size_t kListed = 2 * sizeof(T);

Status CheckHistograms(const storage::SampleColumns& columns, std::size_t from) {
  for (std::size_t i = from; i < columns.histograms.size(); ++i) {
    if (std::string problem = tsdb::ProblemOf(columns.histograms[i]); !problem.empty()) {
      return Fail(Code::kCorruption, std::move(problem));
    }
  }
  return {};
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
  if (!bytes.empty()) std::memcpy(stored, bytes.data(), bytes.size());
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
  for (std::size_t i = part.begin; i < part.end; ++i) {
    const Chunk& chunk = chunks_[i];
    const std::size_t histograms = out.histograms.size();
    Status read = tsdb::DecodeColumns(chunk.encoding, {chunk.bytes, chunk.size}, mint, maxt, out);
    if (read) read = CheckHistograms(out, histograms);
    if (!read) {
      return Fail(std::move(read).error().Wrap(
          fmt::format("remote_read: chunk {} of {}", i - part.begin, part.labels.ToString())));
    }
  }
  return {};
}

}  // namespace narthex::remote

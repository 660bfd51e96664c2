// SPDX-License-Identifier: Apache-2.0
//
// Answers as who asked reads them.
#include <fmt/format.h>

#include "narthex/proto/remote_read.h"
#include "src/proto/label_reader.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {

Result<std::string_view> DecodeReadResponse(std::string_view message) {
  std::string error;
  std::string_view result;
  std::size_t results = 0;
  WireReader in(message, "ReadResponse", error);
  while (in.Next()) {
    if (in.field() != 1) {
      in.Skip();
      continue;
    }
    result = in.Bytes("Results");
    ++results;
  }
  if (!error.empty()) return Fail(Code::kInvalidArgument, std::move(error));
  if (results != 1) {
    return Fail(Code::kNotFound, fmt::format("responses: want 1, got {}", results));
  }
  return result;
}

bool ReadFrameReader::NextSeries() {
  WireReader in(message_.substr(next_series_), "ChunkedReadResponse", error_);
  while (in.Next()) {
    if (in.field() != 1) {
      in.Skip();
      continue;
    }
    series_ = in.Bytes("ChunkedSeries");
    next_series_ = static_cast<std::size_t>(in.position() - message_.data());
    if (error_.empty()) OpenSeries();
    return error_.empty();
  }
  next_series_ = message_.size();
  return false;
}

// Reads the labels, and remembers where the first chunk begins.
void ReadFrameReader::OpenSeries() {
  labels_.clear();
  next_chunk_ = series_.size();
  WireReader in(series_, "ChunkedSeries", error_);
  while (true) {
    const auto begin = static_cast<std::size_t>(in.position() - series_.data());
    if (!in.Next()) return;
    if (in.field() == 1) {
      ReadLabelInto(in.Bytes("Labels"), error_, labels_);
      continue;
    }
    if (in.field() == 2) next_chunk_ = std::min(next_chunk_, begin);
    in.Skip();
  }
}

bool ReadFrameReader::NextChunk(ReadChunk& chunk) {
  WireReader in(series_.substr(next_chunk_), "ChunkedSeries", error_);
  while (in.Next()) {
    if (in.field() != 2) {
      in.Skip();
      continue;
    }
    chunk = {};
    WireReader fields(in.Bytes("Chunks"), "Chunk", error_);
    next_chunk_ = static_cast<std::size_t>(in.position() - series_.data());
    std::uint64_t type = 0;
    while (fields.Next()) {
      switch (fields.field()) {
        case 1:
          chunk.mint = fields.Int64("MinTimeMs");
          break;
        case 2:
          chunk.maxt = fields.Int64("MaxTimeMs");
          break;
        case 3:
          type = fields.Varint("Type");
          break;
        case 4:
          chunk.bytes = fields.Bytes("Data");
          break;
        default:
          fields.Skip();
      }
    }
    if (error_.empty() && type > 0xff) error_ = fmt::format("invalid chunk encoding \"{}\"", type);
    chunk.encoding = static_cast<std::uint8_t>(type);
    return error_.empty();
  }
  next_chunk_ = series_.size();
  return false;
}

Status ReadFrameReader::status() const {
  if (error_.empty()) return {};
  return Fail(Code::kInvalidArgument, error_);
}

}  // namespace narthex::proto

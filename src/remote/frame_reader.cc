// SPDX-License-Identifier: Apache-2.0
#include "src/remote/frame_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "narthex/base/crc32c.h"

namespace narthex::remote {
namespace {

constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kMaxLengthBytes = 10;

std::uint32_t BigEndian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char c : bytes.substr(0, kCrcBytes)) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

/// @return the bytes that it takes, 0 when it is not whole. Errors: no number of 64 bits.
Result<std::size_t> ReadLength(std::string_view bytes, std::uint64_t& length) {
  length = 0;
  for (std::size_t i = 0; i < std::min(bytes.size(), kMaxLengthBytes); ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    const std::uint64_t bits = byte & 0x7f;
    if (i + 1 == kMaxLengthBytes && byte > 1) break;
    length |= bits << (7 * i);
    if (byte < 0x80) return i + 1;
  }
  if (bytes.size() < kMaxLengthBytes) return std::size_t{0};
  return Fail(Code::kUnavailable, "binary: varint overflows a 64-bit integer");
}

}  // namespace

Result<bool> FrameReader::TakeFrame(std::string_view& bytes) {
  std::uint64_t length = 0;
  NX_ASSIGN_OR_RETURN(const std::size_t head, ReadLength(bytes, length));
  wanted_ = 0;
  if (head == 0) return false;
  if (length > max_bytes_) {
    return Fail(
        Code::kUnavailable,
        fmt::format("chunkedReader: message size exceeded the limit {} bytes; got: {} bytes",
                    max_bytes_, length));
  }
  wanted_ = head + kCrcBytes + static_cast<std::size_t>(length);
  if (bytes.size() < wanted_) return false;
  const std::uint32_t crc = BigEndian(bytes.substr(head));
  const std::string_view message = bytes.substr(head + kCrcBytes, static_cast<std::size_t>(length));
  if (Crc32c({reinterpret_cast<const std::uint8_t*>(message.data()), message.size()}) != crc) {
    return Fail(Code::kUnavailable, "chunkedReader: corrupted frame; checksum mismatch");
  }
  NX_RETURN_IF_ERROR(on_message_(message));
  bytes.remove_prefix(std::exchange(wanted_, 0));
  return true;
}

Status FrameReader::Feed(std::string_view piece) {
  // A frame that has begun is completed first: its length byte by byte, then so many bytes.
  while (!piece.empty() && !pending_.empty()) {
    const std::size_t n = wanted_ > 0 ? std::min(piece.size(), wanted_ - pending_.size()) : 1;
    pending_.append(piece.substr(0, n));
    piece.remove_prefix(n);
    std::string_view bytes = pending_;
    NX_ASSIGN_OR_RETURN(const bool whole, TakeFrame(bytes));
    if (whole) pending_.clear();
  }
  // The others are read where they are.
  while (!piece.empty()) {
    NX_ASSIGN_OR_RETURN(const bool whole, TakeFrame(piece));
    if (whole) continue;
    pending_ = piece;
    break;
  }
  return {};
}

Status FrameReader::Finish() const {
  if (pending_.empty()) return {};
  return Fail(Code::kUnavailable, "unexpected EOF");
}

}  // namespace narthex::remote

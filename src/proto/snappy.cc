// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/snappy.h"

#include <cstdint>

#include <fmt/format.h>
#include <snappy.h>

namespace narthex::proto {
namespace {

// The first byte that is not a whole varint of 32 bits; snappy's own check also refuses what does
// not fit, but cannot tell one from the other.
bool DecodedLength(std::string_view block, std::uint64_t& length) {
  length = 0;
  for (std::size_t i = 0; i < block.size() && i < 10; ++i) {
    const auto byte = static_cast<std::uint8_t>(block[i]);
    length |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * i);
    if (byte < 0x80) return length <= 0xffffffff;
  }
  return false;
}

}  // namespace

Result<std::size_t> SnappyDecodedSize(std::string_view block) {
  std::uint64_t length = 0;
  if (DecodedLength(block, length)) return static_cast<std::size_t>(length);
  return Fail(Code::kInvalidArgument, "snappy: corrupt input");
}

Status SnappyDecode(std::string_view block, std::size_t limit, std::string& out) {
  std::uint64_t length = 0;
  if (!DecodedLength(block, length)) {
    return Fail(Code::kInvalidArgument, "snappy: corrupt input");
  }
  if (length > limit) {
    return Fail(Code::kInvalidArgument,
                fmt::format("snappy: decoded length {} exceeds limit {}", length, limit));
  }
  // What takes least of a block is a copy: three bytes for up to 64. Snappy would set aside, and
  // fill, all that the first bytes tell of.
  if (length / 64 > block.size() / 3 + 1 || !snappy::Uncompress(block.data(), block.size(), &out)) {
    return Fail(Code::kInvalidArgument, "snappy: corrupt input");
  }
  return {};
}

void SnappyEncode(std::string_view bytes, std::string& out) {
  snappy::Compress(bytes.data(), bytes.size(), &out);
}

std::string_view SnappyEncode(std::string_view bytes, UninitVector<char>& scratch) {
  const std::size_t most = snappy::MaxCompressedLength(bytes.size());
  if (scratch.size() < most) scratch.resize(most);
  std::size_t size = 0;
  snappy::RawCompress(bytes.data(), bytes.size(), scratch.data(), &size);
  return {scratch.data(), size};
}

}  // namespace narthex::proto

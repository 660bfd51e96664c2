// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/compress.h"

#include <algorithm>

#include <fmt/format.h>
#include <snappy.h>
#include <zstd.h>

#include "tsdb/wal/compress_samples.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb::wal {
namespace {

// Snappy can't shrink bytes by more than about 21; a larger claim is not worth an allocation.
constexpr std::size_t kMaxSnappyRatio = 64;
constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 30;

ByteSpan View(const std::string& text) { return AsBytes(text); }

}  // namespace

Compressor::~Compressor() { ZSTD_freeCCtx(context_); }

ByteSpan Compressor::Compress(ByteSpan record, std::uint8_t& flag) {
  flag = 0;
  if (record.empty() || kind_ == WalCompression::kNone) return record;
  std::size_t size = 0;
  if (kind_ == WalCompression::kSnappy) {
    buffer_.resize(std::max({buffer_.size(), snappy::MaxCompressedLength(record.size()),
                             CompressSamplesBound(record.size())}));
    if (TypeOf(record) == RecordType::kSamples) {
      size = CompressSamples(record, reinterpret_cast<std::uint8_t*>(buffer_.data()));
    }
    if (size == 0) {
      snappy::RawCompress(reinterpret_cast<const char*>(record.data()), record.size(),
                          buffer_.data(), &size);
    }
  } else {
    if (context_ == nullptr) context_ = ZSTD_createCCtx();
    buffer_.resize(std::max(buffer_.size(), ZSTD_compressBound(record.size())));
    size = ZSTD_compressCCtx(context_, buffer_.data(), buffer_.size(), record.data(), record.size(),
                             1);
    if (ZSTD_isError(size) != 0) return record;
  }
  if (size >= record.size()) return record;
  flag = kind_ == WalCompression::kSnappy ? kSnappyFlag : kZstdFlag;
  return View(buffer_).first(size);
}

std::size_t Compressor::held_bytes() const {
  return buffer_.capacity() + (context_ == nullptr ? 0 : ZSTD_sizeof_CCtx(context_));
}

Decompressor::~Decompressor() { ZSTD_freeDCtx(context_); }

Status Decompressor::Decompress(ByteSpan stored, std::uint8_t flags, std::string& out) {
  if ((flags & kZstdFlag) != 0) return DecompressZstd(stored, out);
  const auto* bytes = reinterpret_cast<const char*>(stored.data());
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(bytes, stored.size(), &size) ||
      size > stored.size() * kMaxSnappyRatio) {
    return Fail(Code::kCorruption, "snappy: corrupt input");
  }
  out.resize(size);
  if (!snappy::RawUncompress(bytes, stored.size(), out.data())) {
    return Fail(Code::kCorruption, "snappy: corrupt input");
  }
  return {};
}

// Frames of other writers need not name their size, so this always streams.
Status Decompressor::DecompressZstd(ByteSpan stored, std::string& out) {
  if (context_ == nullptr) context_ = ZSTD_createDCtx();
  ZSTD_DCtx_reset(context_, ZSTD_reset_session_only);
  ZSTD_inBuffer in{stored.data(), stored.size(), 0};
  out.resize(std::max<std::size_t>(4 * stored.size(), 1024));
  ZSTD_outBuffer result{out.data(), out.size(), 0};
  for (;;) {
    const std::size_t left = ZSTD_decompressStream(context_, &result, &in);
    if (ZSTD_isError(left) != 0) {
      return Fail(Code::kCorruption, fmt::format("zstd: {}", ZSTD_getErrorName(left)));
    }
    if (left == 0) break;
    if (result.pos == result.size) {
      if (out.size() >= kMaxRecordBytes) return Fail(Code::kCorruption, "zstd: record too large");
      out.resize(out.size() * 2);
      result.dst = out.data();
      result.size = out.size();
    } else if (in.pos == in.size) {
      return Fail(Code::kCorruption, "zstd: unexpected end of input");
    }
  }
  out.resize(result.pos);
  return {};
}

}  // namespace narthex::tsdb::wal

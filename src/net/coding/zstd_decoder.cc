// SPDX-License-Identifier: Apache-2.0
#include "src/net/coding/zstd_decoder.h"

#include <algorithm>
#include <string_view>

#include <zstd.h>
#include <zstd_errors.h>

#include "narthex/base/check.h"

namespace narthex::net {
namespace {

constexpr int kMaxWindowLog = 23;
constexpr std::size_t kStep = 64 << 10;
constexpr std::size_t kMagicBytes = 4;

/// Of today's format, or of a frame to be skipped. The library also decodes formats from before the
/// RFC, whose windows it does not limit.
bool IsMagic(std::string_view bytes) {
  return bytes == "\x28\xb5\x2f\xfd" || ((static_cast<unsigned char>(bytes[0]) & 0xf0U) == 0x50 &&
                                         bytes.substr(1) == "\x2a\x4d\x18");
}

}  // namespace

struct ZstdDecoder::Impl {
  ~Impl() { ZSTD_freeDCtx(context); }
  ZSTD_DCtx* const context = ZSTD_createDCtx();
};

ZstdDecoder::ZstdDecoder() : impl_(std::make_unique<Impl>()) {
  NX_CHECK(impl_->context != nullptr, "out of memory for zstd");
  ZSTD_DCtx_setParameter(impl_->context, ZSTD_d_windowLogMax, kMaxWindowLog);
}

ZstdDecoder::~ZstdDecoder() = default;

DecodeOutcome ZstdDecoder::Feed(std::string_view in, std::size_t max_bytes, std::string& out) {
  DecodeOutcome outcome = DecodeOutcome::kOk;
  while (outcome == DecodeOutcome::kOk && !in.empty()) {
    if (in_frame_) {
      outcome = DecodeFrame(in, max_bytes, out);
      continue;
    }
    const bool whole = magic_.empty() && in.size() >= kMagicBytes;
    const std::string_view part = in.substr(0, kMagicBytes - magic_.size());
    magic_ += part;
    if (!whole) in.remove_prefix(part.size());
    if (magic_.size() < kMagicBytes) break;
    if (!IsMagic(magic_)) return DecodeOutcome::kBadHeader;
    in_frame_ = true;
    std::string_view begin = magic_;
    if (!whole) outcome = DecodeFrame(begin, max_bytes, out);
    magic_.clear();
  }
  return outcome;
}

DecodeOutcome ZstdDecoder::DecodeFrame(std::string_view& in, std::size_t max_bytes,
                                       std::string& out) {
  ZSTD_inBuffer input{in.data(), in.size(), 0};
  char buffer[kStep];
  std::size_t left = 1;  // A guess of what the frame still has; 0 = it is over.
  for (bool more = true; more;) {
    ZSTD_outBuffer piece{buffer, sizeof(buffer), 0};
    left = ZSTD_decompressStream(impl_->context, &piece, &input);
    if (ZSTD_isError(left) != 0) {
      const bool sum = ZSTD_getErrorCode(left) == ZSTD_error_checksum_wrong;
      return sum ? DecodeOutcome::kBadSum : DecodeOutcome::kCorrupt;
    }
    const std::size_t n = piece.pos;
    const std::size_t room = max_bytes == 0 ? n : max_bytes - std::min(max_bytes, out.size());
    out.append(buffer, std::min(n, room));
    if (n > room) return DecodeOutcome::kTooLarge;
    // A full piece may have left bytes inside.
    more = left != 0 && (input.pos < input.size || piece.pos == piece.size);
  }
  in.remove_prefix(input.pos);
  in_frame_ = left != 0;
  complete_ = !in_frame_;
  return DecodeOutcome::kOk;
}

}  // namespace narthex::net

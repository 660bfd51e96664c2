// SPDX-License-Identifier: Apache-2.0
//
// Bounds-checked bits, most significant first, for the encodings that are not on the hottest path.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narthex/base/fs.h"
#include "tsdb/chunkenc/bit_stream.h"

namespace narthex::tsdb {

/// After the first read past the end ok() is false and every value is zero.
class BitReader {
 public:
  explicit BitReader(ByteSpan bytes) : bytes_(bytes), end_(8 * bytes.size()) {}

  bool ok() const { return ok_; }
  std::uint64_t position() const { return pos_; }
  std::uint64_t remaining() const { return end_ - pos_; }

  /// The next n bits, 1 ≤ n ≤ 64.
  std::uint64_t Bits(unsigned n) {
    if (remaining() < n) return Stop();
    const std::uint64_t v = Peek() >> (64 - n);
    pos_ += n;
    return v;
  }
  bool Bit() { return Bits(1) != 0; }

  /// How many ones lead, at most `max`; the zero that ends a shorter run is consumed too.
  unsigned Ones(unsigned max) {
    unsigned n = 0;
    while (n < max && Bit()) ++n;
    return n;
  }

  /// An n-bit number in −(2ⁿ⁻¹−1) … 2ⁿ⁻¹.
  std::int64_t Asymmetric(unsigned n) {
    const std::uint64_t raw = Bits(n);
    const bool negative = n < 64 && raw > (std::uint64_t{1} << (n - 1));
    return static_cast<std::int64_t>(negative ? raw - (std::uint64_t{1} << n) : raw);
  }
  /// An n-bit number in two's complement.
  std::int64_t Signed(unsigned n) {
    return static_cast<std::int64_t>(Bits(n) << (64 - n)) >> (64 - n);
  }

  /// Eight-bit groups as in Go's binary.ReadUvarint, wherever the bit position is.
  std::uint64_t Uvarint() {
    std::uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint64_t b = Bits(8);
      v |= (b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    return Stop();
  }
  std::int64_t Varint() { return UnZigZag(Uvarint()); }

  /// The varbit code of histogram chunks: up to eight ones choose the width.
  std::int64_t VarbitInt() {
    const unsigned ones = Ones(8);
    return ones == 0 ? 0 : Asymmetric(kVarbitWidths[ones]);
  }
  std::uint64_t VarbitUint() {
    const unsigned ones = Ones(8);
    return ones == 0 ? 0 : Bits(kVarbitWidths[ones]);
  }

  std::uint64_t Stop() {
    ok_ = false;
    pos_ = end_;
    return 0;
  }

 private:
  std::uint64_t Peek() const {
    const std::size_t at = pos_ >> 3;
    if (bytes_.size() - at >= 9) return PeekBits(bytes_.data(), pos_);
    std::uint8_t tail[9] = {};
    std::memcpy(tail, bytes_.data() + at, bytes_.size() - at);
    return PeekBits(tail, pos_ & 7);
  }

  ByteSpan bytes_;
  std::uint64_t pos_ = 0;
  std::uint64_t end_;
  bool ok_ = true;
};

/// A value stored as XOR with the one before it, with its window of significant bits.
struct XorField {
  std::uint64_t bits = 0;
  std::uint8_t leading = 0xff;  // 0xff = no window yet.
  std::uint8_t trailing = 0;

  double value() const { return std::bit_cast<double>(bits); }

  /// Reads the significant bits with the window at hand, or a new one.
  void ReadWindow(BitReader& in, bool new_window) {
    if (leading == 0xff) leading = 0;
    unsigned significant = 64U - leading - trailing;
    if (new_window) {
      leading = static_cast<std::uint8_t>(in.Bits(5));
      significant = static_cast<unsigned>(in.Bits(6));
      if (significant == 0) significant = 64;
      if (leading + significant > 64) {
        in.Stop();
        return;
      }
      trailing = static_cast<std::uint8_t>(64 - leading - significant);
    }
    bits ^= in.Bits(significant) << trailing;
  }
  void Read(BitReader& in) {
    if (in.Bit()) ReadWindow(in, in.Bit());
  }
  template <typename Bits>
  void Write(Bits& out, double v) {
    const auto next = std::bit_cast<std::uint64_t>(v);
    PutXor(out, next ^ bits, leading, trailing);
    bits = next;
  }
};

}  // namespace narthex::tsdb

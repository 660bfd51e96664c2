// SPDX-License-Identifier: Apache-2.0
//
// Bits, most significant first, read and written through 64-bit loads and stores.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#include "narthex/base/coding.h"

namespace narthex::tsdb {

/// The bits from `pos` on, the first one on top: at least 57 good ones. Reads 8 bytes.
inline std::uint64_t PeekShort(const std::uint8_t* p, std::uint64_t pos) {
  return LoadBe64(p + (pos >> 3)) << (pos & 7);
}

/// The 64 bits from `pos` on. Reads 9 bytes.
inline std::uint64_t PeekBits(const std::uint8_t* p, std::uint64_t pos) {
  const std::uint8_t* const at = p + (pos >> 3);
  const unsigned shift = static_cast<unsigned>(pos & 7);
  return LoadBe64(at) << shift | static_cast<std::uint64_t>(at[8]) >> (8 - shift);
}

/// Payload bits of the varbit code by the number of leading ones.
inline constexpr unsigned kVarbitWidths[] = {0, 3, 6, 9, 12, 18, 25, 56, 64};

/// Writes bits after those already used in a byte. Each Put may touch 9 bytes from where it starts;
/// what lies behind the last bit is not defined until then.
class BitTail {
 public:
  /// @param used  bits of *p that are taken (0…7)
  BitTail(std::uint8_t* p, unsigned used)
      : p_(p), used_(used), partial_(static_cast<std::uint8_t>(*p & (0xff00U >> used))) {}

  /// Appends the lowest n bits of v (1 ≤ n ≤ 64); higher ones must be zero unless n is 64.
  void Put(std::uint64_t v, unsigned n) {
    const std::uint64_t top = v << (64 - n);
    const std::uint64_t word = static_cast<std::uint64_t>(partial_) << 56 | top >> used_;
    StoreBe64(p_, word);
    const unsigned end = used_ + n;
    if (end > 64) p_[8] = static_cast<std::uint8_t>(top << (64 - used_) >> 56);
    p_ += end >> 3;
    used_ = end & 7;
    partial_ = static_cast<std::uint8_t>(*p_ & (0xff00U >> used_));
  }

  unsigned used_bits() const { return used_; }
  /// Bytes from `start` to the last one with a used bit.
  std::size_t Finish(const std::uint8_t* start) const {
    return static_cast<std::size_t>(p_ - start) + (used_ != 0 ? 1 : 0);
  }

 private:
  std::uint8_t* p_;
  unsigned used_;
  std::uint8_t partial_;
};

/// Writes the XOR of a value with the one before it: 0, or reuse of the last window of significant
/// bits, or a new window. `leading` is 0xff when there is no window yet.
template <typename Bits>
inline void PutXor(Bits& out, std::uint64_t x, std::uint8_t& leading, std::uint8_t& trailing) {
  if (x == 0) {
    out.Put(0, 1);
    return;
  }
  unsigned lead = static_cast<unsigned>(std::countl_zero(x));
  const unsigned trail = static_cast<unsigned>(std::countr_zero(x));
  if (lead > 31) lead = 31;  // It has five bits in the stream.
  if (leading != 0xff && lead >= leading && trail >= trailing) {
    const unsigned significant = 64U - leading - trailing;
    out.Put(0b10, 2);
    out.Put(x >> trailing, significant);
    return;
  }
  leading = static_cast<std::uint8_t>(lead);
  trailing = static_cast<std::uint8_t>(trail);
  const unsigned significant = 64 - lead - trail;
  out.Put(0b11ULL << 11 | lead << 6 | (significant & 0x3f), 13);
  out.Put(x >> trail, significant);
}

/// Writes eight-bit groups as Go's binary.PutUvarint, wherever the bit position is.
template <typename Bits>
void PutUvarintBits(Bits& out, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out.Put((v & 0x7f) | 0x80, 8);
  out.Put(v, 8);
}
template <typename Bits>
void PutVarintBits(Bits& out, std::int64_t v) {
  PutUvarintBits(out, ZigZag(v));
}

/// Writes a varbit code: `ones` ones choose the width.
template <typename Bits>
void PutVarbit(Bits& out, unsigned ones, std::uint64_t v) {
  if (ones == 8) {
    out.Put(0xff, 8);
    out.Put(v, 64);
    return;
  }
  out.Put(((std::uint64_t{1} << ones) - 1) << 1, ones + 1);
  const unsigned width = kVarbitWidths[ones];
  if (width != 0) out.Put(v & ((std::uint64_t{1} << width) - 1), width);
}
template <typename Bits>
void PutVarbitInt(Bits& out, std::int64_t v) {
  // A width of n bits holds −(2ⁿ⁻¹−1) … 2ⁿ⁻¹.
  const auto fits = [v](unsigned n) {
    const std::int64_t limit = std::int64_t{1} << (n - 1);
    return v > -limit && v <= limit;
  };
  unsigned ones = v == 0 ? 0 : 1;
  while (ones != 0 && ones < 8 && !fits(kVarbitWidths[ones])) ++ones;
  PutVarbit(out, ones, static_cast<std::uint64_t>(v));
}

/// Appends bits to a byte string.
class BitWriter {
 public:
  /// @param tail_bits  bits used in the last byte; 0 = all of them
  BitWriter(std::string& bytes, unsigned tail_bits) : bytes_(bytes), used_(tail_bits) {}

  void Put(std::uint64_t v, unsigned n) {
    const std::size_t tail = bytes_.size() - (used_ != 0 ? 1 : 0);
    bytes_.resize(tail + 10);
    BitTail out(reinterpret_cast<std::uint8_t*>(bytes_.data()) + tail, used_);
    out.Put(v, n);
    used_ = out.used_bits();
    bytes_.resize(tail + out.Finish(reinterpret_cast<std::uint8_t*>(bytes_.data()) + tail));
  }
  unsigned tail_bits() const { return used_; }

  void VarbitInt(std::int64_t v) { PutVarbitInt(*this, v); }
  void VarbitUint(std::uint64_t v) {
    unsigned ones = v == 0 ? 0 : 1;
    while (ones != 0 && ones < 8 && v >> kVarbitWidths[ones] != 0) ++ones;
    PutVarbit(*this, ones, v);
  }

 private:
  std::string& bytes_;
  unsigned used_;
};

}  // namespace narthex::tsdb

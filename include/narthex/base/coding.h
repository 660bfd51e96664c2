// SPDX-License-Identifier: Apache-2.0
//
// Big-endian integers and LEB128 varints as in Go's encoding/binary, over byte spans.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace narthex {

inline std::uint16_t LoadBe16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>((p[0] << 8) | p[1]);
}
inline std::uint32_t LoadBe32(const std::uint8_t* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline std::uint64_t LoadBe64(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}
inline void StoreBe16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void StoreBe32(std::uint8_t* p, std::uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(p, &v, 4);
}
inline void StoreBe64(std::uint8_t* p, std::uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, 8);
}

/// Longest varint of 64 bits.
inline constexpr std::size_t kMaxVarintBytes = 10;

inline std::size_t PutUvarint(std::uint8_t* p, std::uint64_t v) {
  std::size_t n = 0;
  while (v >= 0x80) {
    p[n++] = static_cast<std::uint8_t>(v | 0x80);
    v >>= 7;
  }
  p[n++] = static_cast<std::uint8_t>(v);
  return n;
}
inline std::uint64_t ZigZag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
inline std::int64_t UnZigZag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}
inline std::size_t PutVarint(std::uint8_t* p, std::int64_t v) { return PutUvarint(p, ZigZag(v)); }

/// Appends encoded values to a byte string.
class Encoder {
 public:
  explicit Encoder(std::string& out) : out_(out) {}
  void Byte(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void Be16(std::uint16_t v) { Fixed<2>(v, StoreBe16); }
  void Be32(std::uint32_t v) { Fixed<4>(v, StoreBe32); }
  void Be64(std::uint64_t v) { Fixed<8>(v, StoreBe64); }
  void Double(double v) {
    std::uint64_t bits;
    std::memcpy(&bits, &v, 8);
    Be64(bits);
  }
  void Uvarint(std::uint64_t v) {
    std::uint8_t b[kMaxVarintBytes];
    out_.append(reinterpret_cast<const char*>(b), PutUvarint(b, v));
  }
  void Varint(std::int64_t v) { Uvarint(ZigZag(v)); }
  /// Length as uvarint, then the bytes.
  void String(std::string_view s) {
    Uvarint(s.size());
    out_.append(s);
  }
  void Bytes(std::string_view s) { out_.append(s); }

 private:
  template <std::size_t kSize, typename T, typename Store>
  void Fixed(T v, Store store) {
    std::uint8_t b[kSize];
    store(b, v);
    out_.append(reinterpret_cast<const char*>(b), kSize);
  }
  std::string& out_;
};

/// Reads encoded values; after the first bad read ok() is false and every value is zero or empty.
class Decoder {
 public:
  explicit Decoder(std::span<const std::uint8_t> bytes)
      : p_(bytes.data()), end_(p_ + bytes.size()) {}

  bool ok() const { return ok_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - p_); }
  bool done() const { return p_ == end_ || !ok_; }
  const std::uint8_t* position() const { return p_; }

  std::uint8_t Byte() { return Need(1) ? *p_++ : std::uint8_t{0}; }
  std::uint16_t Be16() { return Fixed<2, std::uint16_t>(LoadBe16); }
  std::uint32_t Be32() { return Fixed<4, std::uint32_t>(LoadBe32); }
  std::uint64_t Be64() { return Fixed<8, std::uint64_t>(LoadBe64); }
  double Double() {
    const std::uint64_t bits = Be64();
    double v;
    std::memcpy(&v, &bits, 8);
    return v;
  }
  std::uint64_t Uvarint() {
    std::uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!Need(1)) return 0;
      const std::uint8_t b = *p_++;
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t Varint() { return UnZigZag(Uvarint()); }
  /// A view into the decoded bytes.
  std::string_view String() { return Bytes(Uvarint()); }
  std::string_view Bytes(std::uint64_t n) {
    if (!Need(n)) return {};
    const std::string_view s(reinterpret_cast<const char*>(p_), n);
    p_ += n;
    return s;
  }

 private:
  bool Need(std::uint64_t n) {
    if (ok_ && n <= remaining()) return true;
    ok_ = false;
    return false;
  }
  template <std::size_t kSize, typename T, typename Load>
  T Fixed(Load load) {
    if (!Need(kSize)) return 0;
    const T v = load(p_);
    p_ += kSize;
    return v;
  }
  const std::uint8_t* p_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

}  // namespace narthex

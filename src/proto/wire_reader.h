// SPDX-License-Identifier: Apache-2.0
//
// Walks the fields of a protobuf message in place. Strict where Prometheus's own decoder is: a
// known field of the wrong wire type breaks the message, unknown fields are skipped, and strings
// need not be UTF-8. (Google's runtime has each of these the other way, and copies every string.)
// Source: https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace narthex::proto {

enum class Wire : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

/// One message. Messages inside it are read by readers of their own, which share the error: after
/// the first one Next gives false and values are zero or empty.
///   WireReader in(bytes, "Sample", error);
///   while (in.Next()) {
///     switch (in.field()) { case 1: v = in.Double("Value"); break; default: in.Skip(); }
///   }
/// Each field has to be read or skipped.
class WireReader {
 public:
  /// @param message  name for errors
  /// @param error    empty as long as all is well; set once
  WireReader(std::string_view bytes, const char* message, std::string& error)
      : p_(bytes.data()), end_(p_ + bytes.size()), message_(message), error_(&error) {}

  bool Next() {
    if (p_ == end_ || !error_->empty()) return false;
    const std::uint64_t tag = RawVarint();
    field_ = static_cast<std::int32_t>(tag >> 3);
    wire_ = static_cast<Wire>(tag & 7);
    if (field_ <= 0 || wire_ == Wire::kEndGroup) [[unlikely]]
      BadTag();
    return error_->empty();
  }
  std::int32_t field() const { return field_; }
  Wire wire() const { return wire_; }

  // The value of the current field; `name` is the field's, for errors.
  std::uint64_t Varint(const char* name) { return Expect(Wire::kVarint, name) ? RawVarint() : 0; }
  std::int64_t Int64(const char* name) { return static_cast<std::int64_t>(Varint(name)); }
  double Double(const char* name) { return Expect(Wire::kFixed64, name) ? RawDouble() : 0; }
  std::uint64_t Fixed64(const char* name) { return std::bit_cast<std::uint64_t>(Double(name)); }
  std::string_view Bytes(const char* name) {
    return Expect(Wire::kBytes, name) ? RawBytes() : std::string_view();
  }
  void Skip();

  /// Calls add(value) for the number or numbers of a repeated field, packed or not.
  template <typename Add>
  void Varints(const char* name, Add add) {
    if (wire_ == Wire::kVarint) return add(RawVarint());
    WireReader packed(Bytes(name), message_, *error_);
    while (packed.p_ != packed.end_ && error_->empty()) add(packed.RawVarint());
  }
  template <typename Add>
  void Doubles(const char* name, Add add) {
    if (wire_ == Wire::kFixed64) return add(RawDouble());
    WireReader packed(Bytes(name), message_, *error_);
    while (packed.p_ != packed.end_ && error_->empty()) add(packed.RawDouble());
  }

  template <typename Add>
  void Fixed64s(const char* name, Add add) {
    Doubles(name, [&add](double value) { add(std::bit_cast<std::uint64_t>(value)); });
  }

  /// Passes over the next field when its tag is this one, of one byte and of bytes, and it is
  /// shorter than 128 bytes; else stays where it is.
  bool SkipShort(char tag) {
    if (end_ - p_ < 2 || p_[0] != tag) return false;
    const auto size = static_cast<std::uint8_t>(p_[1]);
    if (size >= 0x80 || size > end_ - p_ - 2) return false;
    p_ += 2 + size;
    return true;
  }

  /// Where the next field begins; to come back with Seek.
  const char* position() const { return p_; }
  void Seek(const char* position) { p_ = position; }

 private:
  std::uint64_t RawVarint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (p_ == end_) [[unlikely]]
        return Break("unexpected EOF");
      const auto byte = static_cast<std::uint8_t>(*p_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return Break("proto: integer overflow");
  }
  double RawDouble() {
    if (end_ - p_ < 8) [[unlikely]] {
      Break("unexpected EOF");
      return 0;
    }
    double value = 0;
    std::memcpy(&value, p_, 8);
    p_ += 8;
    static_assert(std::endian::native == std::endian::little);
    return value;
  }
  std::string_view RawBytes() {
    const std::uint64_t size = RawVarint();
    if (size > static_cast<std::uint64_t>(end_ - p_)) [[unlikely]] {
      Break("unexpected EOF");
      return {};
    }
    const std::string_view bytes(p_, size);
    p_ += size;
    return bytes;
  }
  bool Expect(Wire wire, const char* name) {
    if (wire_ == wire) [[likely]]
      return true;
    BadWire(name);
    return false;
  }

  std::uint64_t Break(std::string_view why);
  void BadTag();
  void BadWire(const char* name);

  const char* p_;
  const char* end_;
  const char* message_;
  std::string* error_;
  std::int32_t field_ = 0;
  Wire wire_ = Wire::kVarint;
};

}  // namespace narthex::proto

// SPDX-License-Identifier: Apache-2.0
//
// Writes protobuf messages field by field, for bodies of the protobuf exposition format.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace narthex::scrape {

class Message {
 public:
  Message& Varint(int field, std::uint64_t value) {
    Raw(static_cast<std::uint64_t>(field) << 3);
    Raw(value);
    return *this;
  }
  Message& Zigzag(int field, std::int64_t value) {
    return Varint(field,
                  static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  }
  Message& Double(int field, double value) {
    Raw(static_cast<std::uint64_t>(field) << 3 | 1);
    char bytes[8];
    std::memcpy(bytes, &value, 8);
    text_.append(bytes, 8);
    return *this;
  }
  Message& Bytes(int field, std::string_view bytes) {
    Raw(static_cast<std::uint64_t>(field) << 3 | 2);
    Raw(bytes.size());
    text_ += bytes;
    return *this;
  }
  Message& Sub(int field, const Message& message) { return Bytes(field, message.text_); }
  Message& Label(std::string_view name, std::string_view value) {
    return Sub(1, Message().Bytes(1, name).Bytes(2, value));
  }
  const std::string& text() const { return text_; }
  /// Behind its length, as families stand in a body.
  std::string Delimited() const {
    Message length;
    length.Raw(text_.size());
    return length.text_ + text_;
  }

 private:
  void Raw(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(value | 0x80);
    text_ += static_cast<char>(value);
  }
  std::string text_;
};

enum FamilyKind { kCounter, kGauge, kSummary, kUntyped, kHistogram, kGaugeHistogram };

inline Message Family(std::string_view name, FamilyKind kind, std::string_view help = "help") {
  return Message().Bytes(1, name).Bytes(2, help).Varint(3, static_cast<std::uint64_t>(kind));
}
inline Message Timestamp(std::int64_t seconds, std::int64_t nanos = 0) {
  return Message()
      .Varint(1, static_cast<std::uint64_t>(seconds))
      .Varint(2, static_cast<std::uint64_t>(nanos));
}
inline Message Bucket(std::uint64_t count, double bound) {
  return Message().Varint(1, count).Double(2, bound);
}
inline Message Span(std::int64_t offset, std::uint64_t length) {
  return Message().Zigzag(1, offset).Varint(2, length);
}
inline Message Exemplar(std::string_view trace, double value, std::int64_t seconds = 0) {
  Message exemplar = Message().Label("trace", trace).Double(2, value);
  return seconds == 0 ? exemplar : exemplar.Sub(3, Timestamp(seconds, 5'000'000));
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// Appends protobuf fields to a string; values that are zero or empty are left out, as proto3 does.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "narthex/base/coding.h"

namespace narthex::proto {

inline std::size_t VarintBytes(std::uint64_t v) {
  return v == 0 ? 1 : (static_cast<std::size_t>(63 - __builtin_clzll(v)) / 7 + 1);
}

class WireWriter {
 public:
  explicit WireWriter(std::string& out) : out_(out) {}

  void Varint(std::uint32_t field, std::uint64_t value) {
    if (value != 0) VarintAlways(field, value);
  }
  void VarintAlways(std::uint32_t field, std::uint64_t value) {
    Raw(field << 3);
    Raw(value);
  }
  void Int64(std::uint32_t field, std::int64_t value) {
    Varint(field, static_cast<std::uint64_t>(value));
  }
  void Double(std::uint32_t field, double value) {
    if (value != 0) DoubleAlways(field, value);  // NaN is not 0.
  }
  void DoubleAlways(std::uint32_t field, double value) {
    Raw(field << 3 | 1);
    RawDouble(value);
  }
  void Bytes(std::uint32_t field, std::string_view value) {
    if (!value.empty()) Message(field, value);
  }
  /// An embedded message, also when it is empty.
  void Message(std::uint32_t field, std::string_view message) {
    BeginMessage(field, message.size());
    out_.append(message);
  }
  /// The caller appends exactly `size` bytes.
  void BeginMessage(std::uint32_t field, std::size_t size) {
    Raw(field << 3 | 2);
    Raw(size);
  }
  void Raw(std::uint64_t varint) {
    std::uint8_t bytes[kMaxVarintBytes];
    out_.append(reinterpret_cast<const char*>(bytes), PutUvarint(bytes, varint));
  }
  void RawDouble(double value) {
    char bytes[8];
    std::memcpy(bytes, &value, 8);
    out_.append(bytes, 8);
  }

 private:
  std::string& out_;
};

}  // namespace narthex::proto

// SPDX-License-Identifier: Apache-2.0
#include "src/proto/otlp_value.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/base/json_writer.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

using Kind = OtlpValue::Kind;

// Values within values. Each level is a call of a function.
constexpr int kMaxDepth = 64;

/// One level of an AnyValue. Of several values the last one counts.
void ReadValue(std::string_view message, OtlpValue& out, std::string& error) {
  const auto set = [&out](Kind kind, std::uint64_t bits, std::string_view bytes = {}) {
    out = {.kind = kind, .bits = bits, .bytes = bytes};
  };
  WireReader in(message, "AnyValue", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        set(Kind::kString, 0, in.Bytes("StringValue"));
        break;
      case 2:
        set(Kind::kBool, in.Varint("BoolValue") != 0);
        break;
      case 3:
        set(Kind::kInt, in.Varint("IntValue"));
        break;
      case 4:
        set(Kind::kDouble, in.Fixed64("DoubleValue"));
        break;
      case 5:
        set(Kind::kArray, 0, in.Bytes("ArrayValue"));
        break;
      case 6:
        set(Kind::kMap, 0, in.Bytes("KvlistValue"));
        break;
      case 7:
        set(Kind::kBytes, 0, in.Bytes("BytesValue"));
        break;
      case 8:  // A place in a table of strings, which metrics do not have.
        in.Varint("StringValueStrindex");
        set(Kind::kEmpty, 0);
        break;
      default:
        in.Skip();
    }
  }
}

/// One level of a KeyValue; `value` is the whole message of its value, the last one.
void ReadPair(std::string_view message, std::string_view& key, OtlpValue& value,
              std::string& error) {
  WireReader in(message, "KeyValue", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        key = in.Bytes("Key");
        break;
      case 2:
        ReadValue(in.Bytes("Value"), value, error);
        break;
      case 3:
        in.Varint("KeyStrindex");
        break;
      default:
        in.Skip();
    }
  }
}

/// Calls visit(message) for each member of an array or a map.
template <typename Visit>
void ForEachMember(const OtlpValue& value, std::string& error, Visit visit) {
  WireReader in(value.bytes, value.kind == Kind::kMap ? "KeyValueList" : "ArrayValue", error);
  while (in.Next()) {
    if (in.field() == 1) {
      visit(in.Bytes("Values"));
    } else {
      in.Skip();
    }
  }
}

void Check(const OtlpValue& value, int depth, std::string& error) {
  if (value.kind != Kind::kArray && value.kind != Kind::kMap) return;
  if (depth == kMaxDepth) {
    if (error.empty()) error = fmt::format("proto: AnyValue: more than {} levels", kMaxDepth);
    return;
  }
  ForEachMember(value, error, [&](std::string_view message) {
    OtlpValue member;
    std::string_view key;
    if (value.kind == Kind::kMap) {
      ReadPair(message, key, member, error);
    } else {
      ReadValue(message, member, error);
    }
    Check(member, depth + 1, error);
  });
}

/// Writes nested values, which were checked before.
class NestedText {
 public:
  /// @return "" when there is a number that JSON has no form of, as the collector gives
  std::string Of(const OtlpValue& value) {
    Write(value);
    return impossible_ ? std::string() : json_.TakeText();
  }

 private:
  void Write(const OtlpValue& value) {
    switch (value.kind) {
      case Kind::kEmpty:
        json_.Null();
        return;
      case Kind::kString:
        json_.PlainString(value.bytes);
        return;
      case Kind::kBool:
        json_.Bool(value.bits != 0);
        return;
      case Kind::kInt:
        json_.Int(static_cast<std::int64_t>(value.bits));
        return;
      case Kind::kDouble: {
        const double number = std::bit_cast<double>(value.bits);
        impossible_ = impossible_ || !std::isfinite(number);
        json_.Double(number);
        return;
      }
      case Kind::kBytes:  // Go prints a slice that was never made as null.
        if (value.bytes.empty()) {
          json_.Null();
        } else {
          json_.PlainString(EncodeBase64(value.bytes));
        }
        return;
      case Kind::kArray:
        return WriteArray(value);
      case Kind::kMap:
        return WriteMap(value);
    }
  }

  void WriteArray(const OtlpValue& array) {
    std::string error;
    json_.BeginArray();
    ForEachMember(array, error, [&](std::string_view message) {
      OtlpValue member;
      ReadValue(message, member, error);
      Write(member);
    });
    json_.EndArray();
  }

  // Keys in order; of equal ones the last counts.
  void WriteMap(const OtlpValue& map) {
    std::string error;
    std::vector<std::pair<std::string_view, OtlpValue>> members;
    ForEachMember(map, error, [&](std::string_view message) {
      auto& [key, value] = members.emplace_back();
      ReadPair(message, key, value, error);
    });
    std::stable_sort(members.begin(), members.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    json_.BeginObject();
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i + 1 < members.size() && members[i + 1].first == members[i].first) continue;
      json_.PlainKey(members[i].first);
      Write(members[i].second);
    }
    json_.EndObject();
  }

  JsonWriter json_;
  bool impossible_ = false;
};

void AppendDouble(std::string& out, double v) {
  if (std::isnan(v)) {
    out += "NaN";
  } else if (std::isinf(v)) {
    out += v > 0 ? "Infinity" : "-Infinity";
  } else {
    go::AppendFloatJson(out, v, false);
  }
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> Base64Digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kBase64.size(); ++i) {
    digits[static_cast<unsigned char>(kBase64[i])] = static_cast<std::uint8_t>(i);
  }
  return digits;
}
constexpr auto kDigits = Base64Digits();

}  // namespace

void OtlpValue::AppendText(std::string& out) const {
  switch (kind) {
    case Kind::kEmpty:
      return;
    case Kind::kString:
      out += bytes;
      return;
    case Kind::kBool:
      out += bits != 0 ? "true" : "false";
      return;
    case Kind::kInt:
      out += std::to_string(static_cast<std::int64_t>(bits));
      return;
    case Kind::kDouble:
      return AppendDouble(out, std::bit_cast<double>(bits));
    case Kind::kBytes:
      out += EncodeBase64(bytes);
      return;
    case Kind::kArray:
    case Kind::kMap:
      out += NestedText().Of(*this);
  }
}

bool ReadOtlpAttribute(std::string_view message, OtlpAttribute& out, std::string& error) {
  out = {};
  ReadPair(message, out.key, out.value, error);
  Check(out.value, 0, error);
  return error.empty();
}

std::string EncodeBase64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t k) -> std::uint32_t {
      return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0;
    };
    const std::uint32_t group = byte(0) << 16 | byte(1) << 8 | byte(2);
    text += kBase64[group >> 18];
    text += kBase64[group >> 12 & 63];
    text += i + 1 < bytes.size() ? kBase64[group >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kBase64[group & 63] : '=';
  }
  return text;
}

bool DecodeBase64(std::string_view text, std::string& out) {
  std::uint32_t group = 0;
  int digits = 0;   // In the group.
  int padding = 0;  // '=' seen.
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    if (c == '=') {
      if (++padding + digits > 4 || digits < 2) return false;
      continue;
    }
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit || padding > 0) return false;
    group = group << 6 | digit;
    if (++digits < 4) continue;
    out += static_cast<char>(group >> 16);
    out += static_cast<char>(group >> 8);
    out += static_cast<char>(group);
    group = 0;
    digits = 0;
  }
  if (digits == 0) return padding == 0;
  if (digits + padding != 4) return false;
  group <<= 6 * (4 - digits);
  out += static_cast<char>(group >> 16);
  if (digits == 3) out += static_cast<char>(group >> 8);
  return true;
}

}  // namespace narthex::proto

// SPDX-License-Identifier: Apache-2.0
//
// The messages of OTLP's metrics as the JSON form needs them: names, numbers and types of fields.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace narthex::proto {

enum class OtlpFieldType : std::uint8_t {
  kString,
  kBase64,  // Bytes.
  kHex,     // Bytes of an id.
  kBool,
  kInt64,  // As varints.
  kUint64,
  kUint32,
  kSint32,
  kFixed64,  // Eight bytes each.
  kSfixed64,
  kDouble,
  kTemporality,
  kMessage,
};

struct OtlpMessage;

struct OtlpField {
  std::string_view camel, snake;  // Both names are understood; the second may be the first.
  std::uint32_t number = 0;
  OtlpFieldType type = OtlpFieldType::kString;
  bool repeated = false;
  const OtlpMessage* message = nullptr;  // Of kMessage.
};

struct OtlpMessage {
  std::span<const OtlpField> fields;

  /// Null when there is none.
  const OtlpField* Find(std::string_view name) const {
    for (const OtlpField& field : fields) {
      if (field.camel == name || field.snake == name) return &field;
    }
    return nullptr;
  }
};

/// ExportMetricsServiceRequest.
extern const OtlpMessage kOtlpRequest;

}  // namespace narthex::proto

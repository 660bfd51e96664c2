// SPDX-License-Identifier: Apache-2.0
//
// All endpoints below /api/v1 as data, for the description that /openapi.yaml gives of them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace narthex::web {

enum class ParameterKind : std::uint8_t {
  kText,
  kTexts,   // Can be given several times.
  kChoice,  // One of `choices`, which '|' separates.
  kBool,
  kCount,     // A whole number.
  kBatch,     // One above zero, 100 when it is not given.
  kLimit,     // The same, but not more than the server allows.
  kTime,      // Unix seconds or RFC 3339.
  kDuration,  // Seconds or a Prometheus duration.
};

struct ApiParameter {
  std::string_view name;
  ParameterKind kind;
  bool required;
  std::string_view description;
  std::string_view choices = {};
};

/// What `data` of a good answer is, or which other form the answer has.
enum class AnswerKind : std::uint8_t {
  kObject,
  kArray,
  kStrings,
  kString,
  kNothing,  // 204.
  kLines,    // A JSON object per line.
  kEvents,   // Server-sent events.
};

struct ApiOperation {
  std::string_view path;     // Below /api/v1.
  std::string_view methods;  // "get", "get post": then the parameters may come as a form; …
  std::string_view tag;
  std::string_view id;  // Of the first method; the others have one of their own, see OperationId.
  std::string_view summary;
  std::span<const ApiParameter> parameters;
  AnswerKind answer;
};

struct ApiTag {
  std::string_view name;
  std::string_view title;
  std::string_view description;
};

/// Operations of one path follow each other.
std::span<const ApiOperation> ApiOperations();
std::span<const ApiTag> ApiTags();

}  // namespace narthex::web

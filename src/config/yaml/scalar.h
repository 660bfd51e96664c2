// SPDX-License-Identifier: Apache-2.0
//
// Texts of single values: numbers, durations, sizes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {

/// Sets a scalar value from its text. Errors: kInvalidArgument with Go's wording; kNotFound when
/// the text is of another type ("cannot unmarshal …" is for the caller to say).
Status ParseScalar(std::string_view text, Value& value);

/// "15MB", "1GiB512MiB": base-2 units with B or iB (github.com/alecthomas/units).
Result<std::int64_t> ParseSize(std::string_view text);
std::string FormatSize(std::int64_t bytes);

/// The bytes of a base64 text; line breaks and the padding at its end are passed over.
/// Errors: kInvalidArgument.
Result<std::string> DecodeBase64(std::string_view text);

/// The text of a scalar value as it is printed, secrets masked.
std::string ScalarText(const Value& value);

/// A URL with its password replaced by "xxxxx".
std::string RedactUrl(std::string_view url);

}  // namespace narthex::config

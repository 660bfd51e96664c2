// SPDX-License-Identifier: Apache-2.0
//
// Go's literals.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "alerting/template/value.h"
#include "narthex/base/result.h"

namespace narthex::alerting::tmpl {

/// "…" with escapes or `…` as it stands; the quotes are part of `text`.
std::optional<std::string> UnquoteString(std::string_view text);

/// int64 or double: decimal, 0x, 0b, 0o, leading zero, underscores, hex floats; "1e3" is a float.
/// Errors: kInvalidArgument "bad number syntax: …" and such.
Result<Value> NumberConstant(std::string_view text);

/// 'a' as its code point.
Result<Value> CharConstant(std::string_view text);

}  // namespace narthex::alerting::tmpl

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

/// int64, double or, with an "i" at the end, complex: decimal, 0x, 0b, 0o, leading zero,
/// underscores, hex floats; "1e3" is a float. Nil is an unsigned number that an int64 does not
/// hold. Errors: kInvalidArgument "illegal number syntax: …" and such.
Result<Value> NumberConstant(std::string_view text);

/// "1+2i". Errors: kInvalidArgument.
Result<Value> ComplexConstant(std::string_view text);

/// 'a' as its code point. Errors: kInvalidArgument.
Result<Value> CharConstant(std::string_view text);

}  // namespace narthex::alerting::tmpl

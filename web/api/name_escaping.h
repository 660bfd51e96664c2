// SPDX-License-Identifier: Apache-2.0
//
// How metric and label names that are not plain words are written for clients that only know plain
// ones. Source: prometheus/common model.EscapeName and expfmt.Negotiate.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::web {

enum class NameEscaping : std::uint8_t { kUnderscores, kDots, kValues, kAllowUtf8 };

/// What the Accept header asks for in its `escaping` parameter; underscores when it is silent.
NameEscaping NegotiateEscaping(std::string_view accept);

/// The text format's content type with the escaping.
std::string TextContentType(NameEscaping escaping);

std::string EscapeName(std::string_view name, NameEscaping escaping);

}  // namespace narthex::web

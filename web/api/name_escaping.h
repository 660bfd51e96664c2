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

/// What a client is best given of text format 0.0.4 and of protobuf, each behind its length. Names
/// are as the Accept header's `escaping` says; with underscores when it is silent.
struct Exposition {
  bool protobuf = false;
  NameEscaping escaping = NameEscaping::kUnderscores;
};
Exposition NegotiateExposition(std::string_view accept);

/// The text format's content type with the escaping.
std::string TextContentType(NameEscaping escaping);
/// The same of protobuf.
std::string ProtobufContentType(NameEscaping escaping);

std::string EscapeName(std::string_view name, NameEscaping escaping);

/// Undoes NameEscaping::kValues; what is not of that form is returned as it is.
std::string UnescapeName(std::string_view name);

}  // namespace narthex::web

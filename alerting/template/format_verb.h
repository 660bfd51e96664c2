// SPDX-License-Identifier: Apache-2.0
//
// Numbers and texts as the verbs of Go's fmt print them. Source: https://pkg.go.dev/fmt
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "alerting/template/value.h"

namespace narthex::alerting::tmpl {

/// What stands behind a '%'.
struct Verb {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  bool go_syntax = false;       // %#v
  bool field_names = false;     // %+v
  int width = -1;               // -1 = not given.
  int precision = -1;           // -1 = not given.
  std::string_view text = "v";  // The verb itself, one character.

  char letter() const { return text.size() == 1 ? text[0] : '\0'; }
};

/// The text in the verb's width.
std::string Pad(const Verb& verb, const std::string& text);

/// All append to `out`. @return false when there is no such verb for such a value; then nothing is
/// appended
bool AppendBool(const Verb& verb, bool v, std::string& out);
bool AppendInteger(const Verb& verb, std::int64_t v, std::string& out);
bool AppendFloat(const Verb& verb, double v, std::string& out);
bool AppendComplex(const Verb& verb, const Complex& v, std::string& out);
bool AppendText(const Verb& verb, std::string_view v, std::string& out);

}  // namespace narthex::alerting::tmpl

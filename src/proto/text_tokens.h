// SPDX-License-Identifier: Apache-2.0
//
// Text format 0.0.4 as bytes, words and names; errors in expfmt's wording.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace narthex::proto {

inline bool IsBlank(char c) { return c == ' ' || c == '\t'; }
inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
/// Go's %q of one byte.
std::string QuoteByte(char c);

/// A place in a body. What reads gives false at the end and when error_ is set. The byte behind a
/// token is left in current_. Thread safety: one thread.
class TextTokens {
 protected:
  /// @param max_bytes  that Take gives
  TextTokens(std::string_view body, std::size_t max_bytes) : body_(body), room_(max_bytes) {}
  ~TextTokens() = default;

  /// Goes to the first byte of the next line that is no blank. No error at the end.
  bool BeginLine();
  bool Advance();
  bool SkipBlanks();
  bool SkipBlanksHere() { return !IsBlank(current_) || SkipBlanks(); }

  bool ReadWord();
  /// The rest of the line; a backslash without escapes vanishes.
  bool ReadRest(bool escapes);
  bool ReadLabelValue();
  /// A name, quoted or not; empty when there is none here.
  /// @param metric  whether it may have colons, and ends at a blank or at '='
  bool ReadName(bool metric);

  /// @return false when there is no room for so many bytes
  bool Take(std::size_t bytes);
  /// Sets error_. @return false
  bool Complain(std::string_view what);

  char current_ = 0;
  std::string token_;
  std::string error_;
  bool room_used_up_ = false;

 private:
  bool Unescape();
  bool ComplainOfEscape();

  const std::string_view body_;
  std::size_t room_;  // Bytes that may still be taken.
  std::size_t at_ = 0;
  std::size_t line_ = 0;
};

}  // namespace narthex::proto

// SPDX-License-Identifier: Apache-2.0
//
// The text format's grammar, token by token, as Prometheus's lexer has it. It is the careful way:
// TextParser calls it for lines that it has not seen before and for errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::scrape {

enum class Token : std::uint8_t {
  kInvalid,
  kEof,
  kLinebreak,
  kMetricName,
  kQuoted,
  kBraceOpen,
  kBraceClose,
  kLabelName,
  kLabelValue,
  kEqual,
  kComma,
  kValue,
  kTimestamp,
};

/// Reads one sample line. Thread safety: one thread.
class TextLexer {
 public:
  /// @param body   ends with a line break
  /// @param start  of the line
  TextLexer(std::string_view body, std::size_t start) : body_(body), line_(start), pos_(start) {}

  /// A piece of the body.
  struct Piece {
    std::size_t from = 0;
    std::size_t to = 0;
  };
  struct Line {
    Piece name;
    std::vector<std::pair<Piece, Piece>> labels;  // Without quotes, escapes as they are.
    std::size_t series_end = 0;
    double value = 0;
    bool has_timestamp = false;
    std::int64_t timestamp = 0;
    std::size_t end = 0;  // Behind the line break.
  };

  /// Errors: kInvalidArgument in Prometheus's wording.
  Status ReadLine(Line& line);

 private:
  enum class State : std::uint8_t { kInit, kLabels, kLabelValue, kValue, kTimestamp };

  Token Next();     // Skips blanks.
  Token NextRaw();  // pos_ is behind the token, start_ at its beginning.
  Token InLabels(char c);
  Token InString(Token token, bool allow_nul);
  Status ReadLabels(Line& line);
  Status ReadSuffix(Line& line, Token token);
  Status ReadTimestamp(Line& line, Token token);
  tl::unexpected<Error> Unexpected(std::string_view expected, Token got) const;
  std::string Quoted(std::size_t from, std::size_t to) const;

  const std::string_view body_;
  const std::size_t line_;
  std::size_t pos_;
  std::size_t start_ = 0;
  State state_ = State::kInit;
  bool name_set_ = false;
};

}  // namespace narthex::scrape

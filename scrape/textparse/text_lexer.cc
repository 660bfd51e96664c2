// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/text_lexer.h"

#include <charconv>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "scrape/textparse/number.h"

namespace narthex::scrape {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

constexpr std::string_view kTokenNames[] = {"INVALID", "EOF",    "LINEBREAK", "MNAME",  "QSTRING",
                                            "BOPEN",   "BCLOSE", "LNAME",     "LVALUE", "EQUAL",
                                            "COMMA",   "VALUE",  "TIMESTAMP"};

}  // namespace

Status TextLexer::ReadLine(Line& line) {
  Token token = Next();
  if (token == Token::kBraceOpen) {
    NX_RETURN_IF_ERROR(ReadLabels(line));
    line.series_end = pos_;
    return ReadSuffix(line, Next());
  }
  if (token != Token::kMetricName) return Unexpected("expected a valid start token", token);
  // The name begins at the line, with the blanks before it: so does Prometheus's.
  line.name = {line_, pos_};
  name_set_ = true;
  line.series_end = pos_;
  token = Next();
  if (token == Token::kBraceOpen) {
    NX_RETURN_IF_ERROR(ReadLabels(line));
    line.series_end = pos_;
    token = Next();
  }
  return ReadSuffix(line, token);
}

Token TextLexer::Next() {
  while (pos_ < body_.size() && (body_[pos_] == ' ' || body_[pos_] == '\t')) ++pos_;
  return NextRaw();
}

Token TextLexer::NextRaw() {
  start_ = pos_;
  if (pos_ >= body_.size()) return Token::kEof;
  const char c = body_[pos_];
  switch (state_) {
    case State::kInit:
      if (c == '{') {
        ++pos_;
        state_ = State::kLabels;
        return Token::kBraceOpen;
      }
      if (!IsLetter(c) && c != ':') return Token::kInvalid;
      while (IsLetter(body_[pos_]) || IsDigit(body_[pos_]) || body_[pos_] == ':') ++pos_;
      state_ = State::kValue;
      return Token::kMetricName;
    case State::kLabels:
      return InLabels(c);
    case State::kLabelValue:
      return c == '"' ? InString(Token::kLabelValue, true) : Token::kInvalid;
    case State::kValue:
      if (c == '{') {
        ++pos_;
        state_ = State::kLabels;
        return Token::kBraceOpen;
      }
      if (c == '\n' || c == '\0') return Token::kInvalid;
      while (body_[pos_] != '{' && body_[pos_] != ' ' && body_[pos_] != '\t' &&
             body_[pos_] != '\n' && body_[pos_] != '\0') {
        ++pos_;
      }
      state_ = State::kTimestamp;
      return Token::kValue;
    case State::kTimestamp:
      if (c == '\n') {
        ++pos_;
        return Token::kLinebreak;
      }
      if (!IsDigit(c)) return Token::kInvalid;
      while (IsDigit(body_[pos_])) ++pos_;
      return Token::kTimestamp;
  }
  return Token::kInvalid;
}

Token TextLexer::InLabels(char c) {
  if (IsLetter(c)) {
    while (IsLetter(body_[pos_]) || IsDigit(body_[pos_])) ++pos_;
    return Token::kLabelName;
  }
  switch (c) {
    case '"':
      return InString(Token::kQuoted, false);
    case '}':
      ++pos_;
      state_ = State::kValue;
      return Token::kBraceClose;
    case '=':
      ++pos_;
      state_ = State::kLabelValue;
      return Token::kEqual;
    case ',':
      ++pos_;
      return Token::kComma;
    default:
      return Token::kInvalid;
  }
}

Token TextLexer::InString(Token token, bool allow_nul) {
  for (++pos_; pos_ < body_.size(); ++pos_) {
    const char c = body_[pos_];
    if (c == '"') {
      ++pos_;
      state_ = State::kLabels;
      return token;
    }
    if (c == '\0' && !allow_nul) return Token::kInvalid;
    if (c != '\\') continue;
    ++pos_;
    if (pos_ >= body_.size() || body_[pos_] == '\n') return Token::kInvalid;
  }
  return Token::kInvalid;
}

Status TextLexer::ReadLabels(Line& line) {
  Token token = Next();
  while (token != Token::kBraceClose) {
    if (token != Token::kLabelName && token != Token::kQuoted) {
      return Unexpected("expected label name", token);
    }
    const bool quoted = token == Token::kQuoted;
    const Piece name{quoted ? start_ + 1 : start_, quoted ? pos_ - 1 : pos_};
    token = Next();
    // A quoted text that nothing is assigned to is the metric's name.
    if (quoted && (token == Token::kComma || token == Token::kBraceClose)) {
      if (name_set_) {
        return Fail(Code::kInvalidArgument,
                    "metric name already set while parsing: " + Quoted(line_, pos_));
      }
      line.name = name;
      name_set_ = true;
      if (token == Token::kComma) token = Next();
      continue;
    }
    if (token != Token::kEqual) return Unexpected("expected equal", token);
    token = Next();
    if (token != Token::kLabelValue) return Unexpected("expected label value", token);
    if (!model::IsValidUtf8(body_.substr(start_, pos_ - start_))) {
      return Fail(Code::kInvalidArgument, "invalid UTF-8 label value: " + Quoted(start_, pos_));
    }
    line.labels.emplace_back(name, Piece{start_ + 1, pos_ - 1});
    token = Next();
    if (token == Token::kComma) token = Next();  // Missing and trailing commas are tolerated.
  }
  return {};
}

Status TextLexer::ReadSuffix(Line& line, Token token) {
  if (!name_set_) {
    return Fail(Code::kInvalidArgument,
                "metric name not set while parsing: " + Quoted(line_, pos_));
  }
  if (token != Token::kValue) return Unexpected("expected value after metric", token);
  const auto value = ParseValue(body_.substr(start_, pos_ - start_));
  if (!value) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} while parsing: {}", value.error().message(), Quoted(line_, pos_)));
  }
  line.value = *value;
  token = Next();
  if (token == Token::kTimestamp) return ReadTimestamp(line, token);
  if (token != Token::kLinebreak) return Unexpected("expected timestamp or new record", token);
  line.end = pos_;
  return {};
}

Status TextLexer::ReadTimestamp(Line& line, Token token) {
  const std::string_view digits = body_.substr(start_, pos_ - start_);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), line.timestamp);
  if (result.ec != std::errc()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("strconv.ParseInt: parsing {}: value out of range while parsing: {}",
                            go::Quote(digits), Quoted(line_, pos_)));
  }
  line.has_timestamp = true;
  token = Next();
  if (token != Token::kLinebreak) {
    return Unexpected("expected next entry after timestamp", token);
  }
  line.end = pos_;
  return {};
}

tl::unexpected<Error> TextLexer::Unexpected(std::string_view expected, Token got) const {
  const std::size_t end = std::min(body_.size(), pos_ + 1);
  return Fail(Code::kInvalidArgument,
              fmt::format("{}, got {} (\"{}\") while parsing: {}", expected, Quoted(start_, end),
                          kTokenNames[static_cast<std::size_t>(got)], Quoted(line_, end)));
}

std::string TextLexer::Quoted(std::size_t from, std::size_t to) const {
  return go::Quote(body_.substr(from, to - from));
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/openmetrics_lexer.h"

#include <cmath>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "scrape/textparse/number.h"

namespace narthex::scrape {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameStart(char c) { return IsLetter(c) || c == ':'; }

constexpr std::string_view kTokenNames[] = {"INVALID", "EOF",     "LINEBREAK", "HELP",    "TYPE",
                                            "UNIT",    "EOFWORD", "TEXT",      "COMMENT", "MNAME",
                                            "QSTRING", "BOPEN",   "BCLOSE",    "LNAME",   "LVALUE",
                                            "EQUAL",   "COMMA",   "TIMESTAMP", "VALUE"};

struct TypeName {
  std::string_view name;
  model::MetricType type;
};
constexpr TypeName kTypes[] = {{"counter", model::MetricType::kCounter},
                               {"gauge", model::MetricType::kGauge},
                               {"histogram", model::MetricType::kHistogram},
                               {"gaugehistogram", model::MetricType::kGaugeHistogram},
                               {"summary", model::MetricType::kSummary},
                               {"info", model::MetricType::kInfo},
                               {"stateset", model::MetricType::kStateset},
                               {"unknown", model::MetricType::kUnknown}};

tl::unexpected<Error> NoEof() {
  return Fail(Code::kInvalidArgument, "data does not end with # EOF");
}

}  // namespace

Status OpenMetricsLexer::Read(Entry& entry) {
  Token token = Next();
  bool name_set = false;
  switch (token) {
    case Token::kEofWord:
      if (Next() != Token::kEof) {
        return Fail(Code::kInvalidArgument, "unexpected data after # EOF");
      }
      entry.kind = EntryKind::kEnd;
      return {};
    case Token::kEof:
      return NoEof();
    case Token::kHelp:
    case Token::kType:
    case Token::kUnit:
      return ReadMetadata(entry, token);
    case Token::kBraceOpen: {
      NX_RETURN_IF_ERROR(ReadLabels(entry.labels, &entry.name, false));
      name_set = entry.name.to > 0;
      break;
    }
    case Token::kMetricName:
      entry.name = {line_, pos_};
      entry.series_end = pos_;
      name_set = true;
      token = Next();
      if (token != Token::kBraceOpen) {
        entry.kind = EntryKind::kSeries;
        return ReadEndOfLine(entry, token, name_set);
      }
      NX_RETURN_IF_ERROR(ReadLabels(entry.labels, &entry.name, true));
      break;
    default:
      return Unexpected("expected a valid start token", token);
  }
  entry.kind = EntryKind::kSeries;
  entry.series_end = pos_;
  return ReadEndOfLine(entry, Next(), name_set);
}

OpenMetricsLexer::Token OpenMetricsLexer::Next() {
  start_ = pos_;
  if (pos_ >= body_.size()) return Token::kEof;
  switch (state_) {
    case State::kInit:
      return InInit();
    case State::kComment:
      return InComment();
    case State::kFamily:
      if (At(pos_) == '"') return InString(Token::kMetricName, State::kText, true);
      if (!IsNameStart(At(pos_))) return Token::kInvalid;
      while (IsNameStart(At(pos_)) || IsDigit(At(pos_))) ++pos_;
      state_ = State::kText;
      return Token::kMetricName;
    case State::kText:
      return InText();
    case State::kLabels:
      return InLabels(State::kLabelValue, State::kValue, true);
    case State::kLabelValue:
      return At(pos_) == '"' ? InString(Token::kLabelValue, State::kLabels, false)
                             : Token::kInvalid;
    case State::kValue:
      if (At(pos_) == '{') {
        ++pos_;
        state_ = State::kLabels;
        return Token::kBraceOpen;
      }
      return Word(Token::kValue, State::kTimestamp);
    case State::kTimestamp:
      if (body_.substr(pos_, 3) == " # ") {
        pos_ += 3;
        if (At(pos_) != '{') return Token::kInvalid;
        ++pos_;
        state_ = State::kExemplar;
        return Token::kComment;
      }
      return Word(Token::kTimestamp, State::kTimestamp);
    case State::kExemplar:
      return InLabels(State::kExemplarValue, State::kExemplarValue, false);
    case State::kExemplarValue:
      if (At(pos_) == '"') return InString(Token::kLabelValue, State::kExemplar, false);
      return Word(Token::kValue, State::kExemplarTimestamp);
    case State::kExemplarTimestamp:
      return Word(Token::kTimestamp, State::kExemplarTimestamp);
  }
  return Token::kInvalid;
}

OpenMetricsLexer::Token OpenMetricsLexer::InInit() {
  const char c = At(pos_);
  if (c == '#') {
    ++pos_;
    if (At(pos_) != ' ') return Token::kInvalid;
    ++pos_;
    state_ = State::kComment;
    return InComment();
  }
  if (c == '{') {
    ++pos_;
    state_ = State::kLabels;
    return Token::kBraceOpen;
  }
  if (!IsNameStart(c)) return Token::kInvalid;
  while (IsNameStart(At(pos_)) || IsDigit(At(pos_))) ++pos_;
  state_ = State::kValue;
  return Token::kMetricName;
}

OpenMetricsLexer::Token OpenMetricsLexer::InComment() {
  constexpr std::pair<std::string_view, Token> kWords[] = {{"HELP ", Token::kHelp},
                                                           {"TYPE ", Token::kType},
                                                           {"UNIT ", Token::kUnit},
                                                           {"EOF", Token::kEofWord}};
  std::size_t longest = 0;
  for (const auto& [word, token] : kWords) {
    std::size_t n = 0;
    while (n < word.size() && At(pos_ + n) == word[n]) ++n;
    longest = std::max(longest, n);
    if (n < word.size()) continue;
    pos_ += n;
    if (token == Token::kEofWord) {
      if (At(pos_) == '\n') ++pos_;
      state_ = State::kInit;
    } else {
      state_ = State::kFamily;
    }
    return token;
  }
  pos_ += longest;
  return Token::kInvalid;
}

OpenMetricsLexer::Token OpenMetricsLexer::InText() {
  if (At(pos_) != ' ') return Token::kInvalid;
  const std::size_t newline = body_.find('\n', pos_);
  if (newline == std::string_view::npos) {
    pos_ = body_.size();
    return Token::kInvalid;
  }
  pos_ = newline + 1;
  state_ = State::kInit;
  return Token::kText;
}

OpenMetricsLexer::Token OpenMetricsLexer::InLabels(State value_state, State end_state,
                                                   bool line_breaks) {
  const char c = At(pos_);
  if (IsLetter(c)) {
    while (IsLetter(At(pos_)) || IsDigit(At(pos_))) ++pos_;
    return Token::kLabelName;
  }
  if (c == '"') return InString(Token::kQuoted, state_, line_breaks);
  if (c != '}' && c != '=' && c != ',') return Token::kInvalid;
  ++pos_;
  if (c == ',') return Token::kComma;
  state_ = c == '}' ? end_state : value_state;
  return c == '}' ? Token::kBraceClose : Token::kEqual;
}

OpenMetricsLexer::Token OpenMetricsLexer::InString(Token token, State next, bool line_breaks) {
  for (++pos_; pos_ < body_.size(); ++pos_) {
    const char c = body_[pos_];
    if (c == '"') {
      ++pos_;
      state_ = next;
      return token;
    }
    if (c == '\n' && !line_breaks) return Token::kInvalid;
    if (c == '\\') {
      ++pos_;
      if (pos_ >= body_.size() || body_[pos_] == '\n') return Token::kInvalid;
    }
  }
  return Token::kInvalid;
}

/// A blank and what follows up to the next blank; or the end of the line where that may come.
OpenMetricsLexer::Token OpenMetricsLexer::Word(Token token, State next) {
  if (At(pos_) == '\n' && token == Token::kTimestamp) {
    ++pos_;
    state_ = State::kInit;
    return Token::kLinebreak;
  }
  if (At(pos_) != ' ') return Token::kInvalid;
  const std::size_t from = ++pos_;
  while (pos_ < body_.size() && body_[pos_] != ' ' && body_[pos_] != '\n') ++pos_;
  if (pos_ == from) return Token::kInvalid;
  state_ = next;
  return token;
}

Status OpenMetricsLexer::ReadMetadata(Entry& entry, Token kind) {
  const std::string_view word = kTokenNames[static_cast<std::size_t>(kind)];
  Token token = Next();
  if (token != Token::kMetricName) {
    return Unexpected(fmt::format("expected metric name after {}", word), token);
  }
  const bool quoted = At(start_) == '"';
  entry.name = {start_ + (quoted ? 1 : 0), pos_ - (quoted ? 1 : 0)};
  if (Next() != Token::kText) {
    return Fail(Code::kInvalidArgument, fmt::format("expected text in {}", word));
  }
  entry.text = {start_ + 1, pos_ - 1};
  entry.end = pos_;
  const std::string_view text = body_.substr(entry.text.from, entry.text.to - entry.text.from);
  const std::string_view name = body_.substr(entry.name.from, entry.name.to - entry.name.from);
  if (kind == Token::kHelp) {
    entry.kind = EntryKind::kHelp;
    if (model::IsValidUtf8(text)) return {};
    return Fail(Code::kInvalidArgument,
                fmt::format("help text {} is not a valid utf8 string", go::Quote(text)));
  }
  if (kind == Token::kUnit) {
    entry.kind = EntryKind::kUnit;
    const bool suffix = name.size() > text.size() && name.ends_with(text) &&
                        name[name.size() - text.size() - 1] == '_';
    if (text.empty() || suffix) return {};
    return Fail(Code::kInvalidArgument,
                fmt::format("unit {} not a suffix of metric {}", go::Quote(text), go::Quote(name)));
  }
  entry.kind = EntryKind::kType;
  for (const TypeName& known : kTypes) {
    if (known.name != text) continue;
    entry.type = known.type;
    return {};
  }
  return Fail(Code::kInvalidArgument, "invalid metric type " + go::Quote(text));
}

Status OpenMetricsLexer::ReadLabels(LabelPieces& labels, Piece* name, bool name_set) {
  Token token = Next();
  while (token != Token::kBraceClose) {
    if (token != Token::kLabelName && token != Token::kQuoted) {
      return Unexpected("expected label name", token);
    }
    const bool quoted = token == Token::kQuoted;
    const Piece label{start_ + (quoted ? 1 : 0), pos_ - (quoted ? 1 : 0)};
    token = Next();
    // A quoted text that nothing is assigned to is the metric's name; exemplars have none.
    if (quoted && (token == Token::kComma || token == Token::kBraceClose)) {
      if (name == nullptr) return Unexpected("expected label name", token);
      if (name_set) {
        return Fail(Code::kInvalidArgument,
                    "metric name already set while parsing: " + Quoted(line_, pos_));
      }
      *name = label;
      name_set = true;
      if (token == Token::kComma) token = Next();
      continue;
    }
    if (token != Token::kEqual) return Unexpected("expected equal", token);
    token = Next();
    if (token != Token::kLabelValue) return Unexpected("expected label value", token);
    if (!model::IsValidUtf8(body_.substr(start_, pos_ - start_))) {
      return Fail(Code::kInvalidArgument, "invalid UTF-8 label value: " + Quoted(start_, pos_));
    }
    labels.emplace_back(label, Piece{start_ + 1, pos_ - 1});
    token = Next();
    if (token == Token::kComma) {
      token = Next();
    } else if (token != Token::kBraceClose) {
      return Unexpected("expected comma or brace close", token);
    }
  }
  return {};
}

Status OpenMetricsLexer::ReadEndOfLine(Entry& entry, Token token, bool name_set) {
  if (!name_set) {
    return Fail(Code::kInvalidArgument,
                "metric name not set while parsing: " + Quoted(line_, pos_));
  }
  NX_RETURN_IF_ERROR(ReadNumber(token, "metric", entry.value));
  token = Next();
  if (token == Token::kTimestamp) {
    entry.has_timestamp = true;
    NX_RETURN_IF_ERROR(ReadTimestamp("timestamp", entry.timestamp));
    token = Next();
    if (token != Token::kLinebreak && token != Token::kComment) {
      return Unexpected("expected next entry after timestamp", token);
    }
  }
  if (token == Token::kEof) return NoEof();
  if (token == Token::kComment) NX_RETURN_IF_ERROR(ReadExemplar(entry));
  entry.end = pos_;
  return {};
}

Status OpenMetricsLexer::ReadExemplar(Entry& entry) {
  NX_RETURN_IF_ERROR(ReadLabels(entry.exemplar_labels, nullptr, false));
  NX_RETURN_IF_ERROR(ReadNumber(Next(), "exemplar labels", entry.exemplar_value));
  entry.has_exemplar = true;
  Token token = Next();
  if (token == Token::kEof) return NoEof();
  if (token == Token::kLinebreak) return {};
  if (token != Token::kTimestamp) return Unexpected("expected timestamp or comment", token);
  NX_RETURN_IF_ERROR(ReadTimestamp("exemplar timestamp", entry.exemplar_timestamp));
  entry.exemplar_has_timestamp = true;
  token = Next();
  if (token == Token::kLinebreak) return {};
  return Unexpected("expected next entry after exemplar timestamp", token);
}

Status OpenMetricsLexer::ReadNumber(Token token, std::string_view after, double& value) {
  if (token != Token::kValue) {
    return Unexpected(fmt::format("expected value after {}", after), token);
  }
  const auto number = ParseValue(body_.substr(start_ + 1, pos_ - start_ - 1));
  if (!number) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} while parsing: {}", number.error().message(), Quoted(line_, pos_)));
  }
  value = *number;
  return {};
}

Status OpenMetricsLexer::ReadTimestamp(std::string_view what, std::int64_t& timestamp) {
  const auto seconds = ParseValue(body_.substr(start_ + 1, pos_ - start_ - 1));
  if (!seconds) {
    return Fail(
        Code::kInvalidArgument,
        fmt::format("{} while parsing: {}", seconds.error().message(), Quoted(line_, pos_)));
  }
  if (!std::isfinite(*seconds)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("invalid {} {}", what, go::FormatFloatF(*seconds)));
  }
  timestamp = SecondsToMs(*seconds);
  return {};
}

tl::unexpected<Error> OpenMetricsLexer::Unexpected(std::string_view expected, Token got) const {
  const std::size_t end = std::min(body_.size(), pos_ + 1);
  return Fail(Code::kInvalidArgument,
              fmt::format("{}, got {} (\"{}\") while parsing: {}", expected, Quoted(start_, end),
                          kTokenNames[static_cast<std::size_t>(got)], Quoted(line_, end)));
}

std::string OpenMetricsLexer::Quoted(std::size_t from, std::size_t to) const {
  return go::Quote(body_.substr(from, to - from));
}

}  // namespace narthex::scrape

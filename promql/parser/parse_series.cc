// SPDX-License-Identifier: Apache-2.0
//
// Series with values: `up{job="a"} 1 _ 2+3x4 stale {{schema:0 sum:3 buckets:[1 2]}}x3`.
#include <charconv>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/sample.h"
#include "promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

constexpr std::string_view kLabelSet = "label set";
constexpr std::string_view kSeriesValues = "series values";

// A line of a test script that wants more than this is a mistake.
constexpr std::uint64_t kMaxRepetitions = 10'000'000;

SequenceValue Omitted() {
  SequenceValue v;
  v.omitted = true;
  return v;
}

SequenceValue Float(double value) {
  SequenceValue v;
  v.value = value;
  return v;
}

bool IsSign(TokenKind kind) { return kind == TokenKind::kAdd || kind == TokenKind::kSub; }

}  // namespace

Result<model::Labels> Parser::ParseMetricOnly() {
  model::Labels labels;
  if (ParseMetricLabels(labels) && PeekKind() != TokenKind::kEof) SyntaxError();
  if (failed()) return narthex::Fail(TakeError());
  return labels;
}

bool Parser::ParseMetricLabels(model::Labels& labels) {
  std::optional<Token> name;
  if (IsMetricName(PeekKind())) name = Take();
  model::LabelsBuilder builder;
  if (PeekKind() == TokenKind::kLeftBrace && !ParseLabelSet(builder)) return false;
  if (name) builder.Set(model::kMetricName, name->text);
  labels = builder.Build();
  return !failed();
}

bool Parser::ParseLabelSet(model::LabelsBuilder& labels) {
  Take();
  if (TakeIf(TokenKind::kRightBrace)) return true;
  while (ParseLabelSetItem(labels)) {
    if (TakeIf(TokenKind::kRightBrace)) return true;
    if (!TakeIf(TokenKind::kComma)) {
      Unexpected(kLabelSet, R"("," or "}")");
      return false;
    }
    if (TakeIf(TokenKind::kRightBrace)) return true;
  }
  return false;
}

bool Parser::ParseLabelSetItem(model::LabelsBuilder& labels) {
  std::string name;
  const bool quoted = PeekKind() == TokenKind::kString;
  if (quoted) {
    name = Unquote(Take());
    if (failed()) return false;
    if (PeekKind() != TokenKind::kAssign) {
      labels.Set(model::kMetricName, name);
      return !failed();
    }
  } else if (PeekKind() == TokenKind::kIdentifier) {
    name = Take().text;
  } else {
    Unexpected(kLabelSet, R"(identifier or "}")");
    return false;
  }
  if (!TakeIf(TokenKind::kAssign)) {
    Unexpected(kLabelSet, R"("=")");
    return false;
  }
  if (PeekKind() != TokenKind::kString) {
    Unexpected(kLabelSet, "string");
    return false;
  }
  labels.Set(name, Unquote(Take()));
  return !failed();
}

Result<SeriesDescription> Parser::ParseSeries() {
  SeriesDescription series;
  if (!ParseMetricLabels(series.labels)) return narthex::Fail(TakeError());
  if (PeekKind() != TokenKind::kSpace && PeekKind() != TokenKind::kEof) {
    Unexpected(kSeriesValues, "");
  }
  while (!failed() && TakeIf(TokenKind::kSpace)) {
    const ErrorScope scope(*this, kSeriesValues, "");
    if (!ParseSeriesItem(series.values)) break;
  }
  if (!failed() && PeekKind() != TokenKind::kEof) SyntaxError();
  if (failed()) return narthex::Fail(TakeError());
  return series;
}

// Nothing, when no value begins here: the blank was the last one.
bool Parser::ParseSeriesItem(std::vector<SequenceValue>& values) {
  switch (PeekKind()) {
    case TokenKind::kBlank: {
      Take();
      std::uint64_t count = 1;
      if (TakeIf(TokenKind::kTimes)) {
        const auto times = ParseRepetitions();
        if (!times) return false;
        count = *times;
      }
      values.resize(values.size() + count, Omitted());
      return true;
    }
    case TokenKind::kOpenHistogram:
      return ParseHistogramItem(values);
    case TokenKind::kIdentifier:
    case TokenKind::kNumber:
    case TokenKind::kAdd:
    case TokenKind::kSub:
      return ParseFloatItem(values);
    default:
      return !failed();
  }
}

bool Parser::ParseFloatItem(std::vector<SequenceValue>& values) {
  double value = model::kStaleNaN;
  if (PeekKind() == TokenKind::kIdentifier) {
    if (Peek().text != "stale") {
      Unexpected(kSeriesValues, R"(number or "stale")");
      return false;
    }
    Take();
  } else {
    const auto number = ParseSignedNumber(false);
    if (!number) return false;
    value = *number;
  }
  double step = 0;
  std::uint64_t more = 0;
  if (IsSign(PeekKind())) {
    const auto number = ParseSignedNumber(true);
    if (!number || !Expect(TokenKind::kTimes)) return false;
    step = *number;
    const auto times = ParseRepetitions();
    if (!times) return false;
    more = *times;
  } else if (TakeIf(TokenKind::kTimes)) {
    const auto times = ParseRepetitions();
    if (!times) return false;
    more = *times;
  }
  values.reserve(values.size() + more + 1);
  for (std::uint64_t i = 0; i <= more; ++i) {
    values.push_back(Float(value));
    if (step != 0) value += step;
  }
  return !failed();
}

std::optional<std::uint64_t> Parser::ParseRepetitions() {
  if (PeekKind() != TokenKind::kNumber) {
    SyntaxError();
    return std::nullopt;
  }
  const Token token = Take();
  std::uint64_t count = 0;
  const char* end = token.text.data() + token.text.size();
  const auto [rest, error] = std::from_chars(token.text.data(), end, count);
  if (error == std::errc() && rest == end && count <= kMaxRepetitions) return count;
  const bool syntax = error == std::errc::invalid_argument || rest != end;
  Fail(token.start,
       fmt::format("invalid repetition in series values: strconv.ParseUint: parsing {}: {}",
                   go::Quote(token.text), syntax ? "invalid syntax" : "value out of range"));
  return std::nullopt;
}

std::optional<double> Parser::ParseSignedNumber(bool sign_required) {
  bool negative = false;
  if (IsSign(PeekKind())) {
    negative = Take().kind == TokenKind::kSub;
  } else if (sign_required) {
    SyntaxError();
    return std::nullopt;
  }
  if (PeekKind() != TokenKind::kNumber && PeekKind() != TokenKind::kDuration) {
    SyntaxError();
    return std::nullopt;
  }
  const auto value = NumberValue(Take());
  if (!value) return std::nullopt;
  return negative ? -*value : *value;
}

}  // namespace narthex::promql

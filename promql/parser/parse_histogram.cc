// SPDX-License-Identifier: Apache-2.0
//
// Native histograms in series descriptions: {{schema:1 count:2 sum:3 buckets:[1 2] offset:1}}.
#include <algorithm>
#include <charconv>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

// As many bytes of histograms as a line may stand for.
constexpr std::uint64_t kMaxHistograms = 100'000;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

model::CounterResetHint HintOf(std::string_view word) {
  if (word == "reset") return model::CounterResetHint::kReset;
  if (word == "not_reset") return model::CounterResetHint::kNotReset;
  if (word == "gauge") return model::CounterResetHint::kGauge;
  return model::CounterResetHint::kUnknown;
}

// One span over all buckets of a side, beginning at the offset.
void SetSpans(const std::vector<double>& buckets, std::vector<model::Span>& spans) {
  if (buckets.empty()) {
    spans.clear();
    return;
  }
  if (spans.empty()) spans.push_back({});
  spans[0].length = static_cast<std::uint32_t>(buckets.size());
}

std::int32_t& OffsetOf(std::vector<model::Span>& spans) {
  if (spans.empty()) spans.push_back({});
  return spans[0].offset;
}

}  // namespace

bool Parser::ParseHistogramItem(std::vector<SequenceValue>& values) {
  auto value = ParseHistogram();
  if (!value) return false;
  std::optional<SequenceValue> step;
  bool subtract = false;
  if (PeekKind() == TokenKind::kAdd || PeekKind() == TokenKind::kSub) {
    subtract = Take().kind == TokenKind::kSub;
    if (PeekKind() != TokenKind::kOpenHistogram) {
      SyntaxError();
      return false;
    }
    step = ParseHistogram();
    if (!step || PeekKind() != TokenKind::kTimes) {
      SyntaxError();
      return false;
    }
    value->hint_given = step->hint_given;
  }
  std::uint64_t more = 0;
  if (TakeIf(TokenKind::kTimes)) {
    const auto times = ParseRepetitions();
    if (!times) return false;
    more = std::min(*times, kMaxHistograms);
  }
  values.push_back(*value);
  for (std::uint64_t i = 0; i < more; ++i) {
    if (step && !StepHistogram(*value->histogram, *step->histogram, subtract)) return false;
    values.push_back(*value);
  }
  return !failed();
}

// Adds or subtracts the step once.
bool Parser::StepHistogram(model::FloatHistogram& h, const model::FloatHistogram& step,
                           bool subtract) {
  if (h.schema > step.schema) {
    Fail(lexer_.last_start(),
         fmt::format("error combining histograms: cannot merge from schema {} to {}", step.schema,
                     h.schema));
    return false;
  }
  const auto outcome = subtract ? model::Subtract(h, step) : model::Add(h, step);
  if (outcome.compatible) return true;
  Fail(lexer_.last_start(),
       "cannot apply this operation on histograms with a mix of exponential and "
       "custom bucket schemas");
  return false;
}

std::optional<SequenceValue> Parser::ParseHistogram() {
  Take();
  SequenceValue value;
  value.histogram.emplace();
  std::vector<std::string> seen;
  TakeIf(TokenKind::kSpace);
  if (TakeIf(TokenKind::kCloseHistogram)) return value;
  if (!ParseHistogramEntry(value, seen)) return std::nullopt;
  const ErrorScope scope(*this, "histogram description",
                         "histogram description key, e.g. buckets:[5 10 7]");
  while (!TakeIf(TokenKind::kCloseHistogram)) {
    if (!Expect(TokenKind::kSpace)) return std::nullopt;
    if (TakeIf(TokenKind::kCloseHistogram)) break;
    if (!ParseHistogramEntry(value, seen)) return std::nullopt;
  }
  SetSpans(value.histogram->positive_buckets, value.histogram->positive_spans);
  SetSpans(value.histogram->negative_buckets, value.histogram->negative_spans);
  return value;
}

bool Parser::ParseHistogramEntry(SequenceValue& value, std::vector<std::string>& seen) {
  if (PeekKind() != TokenKind::kHistogramKey) {
    SyntaxError();
    return false;
  }
  const std::string key = Lower(Take().text);
  if (!Expect(TokenKind::kColon) || !ParseHistogramField(key, value)) return false;
  if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
    Fail(0, fmt::format("duplicate key \"{}\" in histogram", key));
    return false;
  }
  seen.push_back(key);
  return true;
}

bool Parser::ParseHistogramField(std::string_view key, SequenceValue& value) {
  model::FloatHistogram& h = *value.histogram;
  if (key == "buckets") return ParseBucketSet(h.positive_buckets);
  if (key == "n_buckets") return ParseBucketSet(h.negative_buckets);
  if (key == "custom_values") return ParseBucketSet(h.custom_values);
  if (key == "schema") return ParseInt(h.schema);
  if (key == "offset") return ParseInt(OffsetOf(h.positive_spans));
  if (key == "n_offset") return ParseInt(OffsetOf(h.negative_spans));
  if (key == "counter_reset_hint") {
    const Token hint = Peek();
    if (!Expect(TokenKind::kResetHint)) return false;
    h.counter_reset_hint = HintOf(Lower(hint.text));
    value.hint_given = true;
    return true;
  }
  double& field = key == "sum"        ? h.sum
                  : key == "count"    ? h.count
                  : key == "z_bucket" ? h.zero_count
                                      : h.zero_threshold;
  const auto number = ParseSignedNumber(false);
  if (number) field = *number;
  return number.has_value();
}

bool Parser::ParseBucketSet(std::vector<double>& buckets) {
  if (!Expect(TokenKind::kLeftBracket)) return false;
  do {
    const auto number = ParseSignedNumber(false);
    if (!number) return false;
    buckets.push_back(*number);
    if (TakeIf(TokenKind::kRightBracket)) return true;
    if (!Expect(TokenKind::kSpace)) return false;
  } while (!TakeIf(TokenKind::kRightBracket));
  return true;
}

bool Parser::ParseInt(std::int32_t& out) {
  const bool negative = TakeIf(TokenKind::kSub);
  const auto magnitude = ParseRepetitions();
  if (!magnitude) return false;
  out = static_cast<std::int32_t>(*magnitude);
  if (negative) out = -out;
  return true;
}

}  // namespace narthex::promql

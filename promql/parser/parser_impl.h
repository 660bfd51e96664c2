// SPDX-License-Identifier: Apache-2.0
//
// Recursive descent over the tokens. The first error ends the work: every method that fails has
// recorded why and returns null or false, and its callers do the same.
//
// Upstream's parser is generated, and its error texts show it: what was expected depends on the
// innermost rule with an error alternative. ErrorScope marks those rules here. Tokens are read only
// when they decide something, so that of two errors the same one comes first.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/promql/ast.h"
#include "narthex/promql/features.h"
#include "narthex/promql/parser.h"
#include "promql/parser/functions.h"
#include "promql/parser/lexer.h"

namespace narthex::promql {

class Parser {
 public:
  Parser(std::string_view input, const Features& features, bool series_description = false)
      : lexer_(input, series_description), features_(features) {}

  Result<ExprPtr> ParseExpression();
  Result<std::vector<model::Matcher>> ParseSelector();
  Result<model::Labels> ParseMetricOnly();
  Result<SeriesDescription> ParseSeries();

 private:
  /// While alive, a syntax error is reported as `unexpected … in CONTEXT, expected EXPECTED`.
  class ErrorScope {
   public:
    ErrorScope(Parser& parser, std::string_view context, std::string_view expected)
        : parser_(parser), outer_context_(parser.context_), outer_expected_(parser.expected_) {
      parser.context_ = context;
      parser.expected_ = expected;
    }
    ~ErrorScope() {
      parser_.context_ = outer_context_;
      parser_.expected_ = outer_expected_;
    }
    ErrorScope(const ErrorScope&) = delete;
    ErrorScope& operator=(const ErrorScope&) = delete;

   private:
    Parser& parser_;
    std::string_view outer_context_;
    std::string_view outer_expected_;
  };

  // Tokens and errors: parser.cc.
  const Token& Peek();
  TokenKind PeekKind() { return Peek().kind; }
  Token Take();
  bool TakeIf(TokenKind kind);
  bool Expect(TokenKind kind);  // Takes it, or fails in the present scope.
  bool failed() const { return error_.has_value(); }
  void Fail(int start, std::string message);
  void Unexpected(std::string_view context, std::string_view expected);
  void SyntaxError() { Unexpected(context_, expected_); }
  Error TakeError() { return Error(Code::kInvalidArgument, std::move(*error_)); }
  bool EnterNesting(int start);
  /// Sets the height above the children; false and an error when the tree gets too deep.
  bool SetHeight(Expr& expr);
  std::string Unquote(const Token& token);

  // Expressions: parse_expr.cc.
  ExprPtr ParseBinary(int min_precedence);
  ExprPtr ParseUnary();
  ExprPtr ParsePostfix();
  ExprPtr ParsePrimary();
  ExprPtr ParseParen();
  ExprPtr ParseCall(const Token& name);
  ExprPtr ParseAggregate(const Token& op);
  ExprPtr ParseNumber();
  ExprPtr ParseStringLiteral();
  bool ParseArgs(std::vector<ExprPtr>& args);
  ExprPtr MakeAggregate(const Token& op, std::unique_ptr<AggregateExpr> expr,
                        std::vector<ExprPtr> args, int end);
  ExprPtr MakeBinary(const Token& op, std::unique_ptr<BinaryExpr> expr, ExprPtr lhs, ExprPtr rhs);
  bool ParseBinaryModifiers(BinaryExpr& expr);
  bool ParseGrouping(VectorMatching& matching);
  bool ParseFill(VectorMatching& matching);
  std::optional<double> ParseFillValue();
  std::optional<double> NumberValue(const Token& token);

  // Selectors and lists of labels: parse_selector.cc.
  std::unique_ptr<VectorSelector> ParseVectorSelector(std::optional<Token> name);
  bool ParseMatchers(VectorSelector& selector);
  bool ParseMatcher(std::vector<model::Matcher>& matchers);
  bool AddMatcher(const Token& label, std::string_view name, std::vector<model::Matcher>& out);
  bool ParseAggregateModifier(AggregateExpr& expr);
  bool ParseGroupingLabels(std::vector<std::string>& labels);
  bool ParseGroupingLabel(std::vector<std::string>& labels);

  // Ranges, offsets and @: parse_time.cc.
  ExprPtr ParseBrackets(ExprPtr expr);
  ExprPtr MakeMatrix(ExprPtr expr, ExprPtr range, const Token& open);
  ExprPtr MakeSubquery(ExprPtr expr, ExprPtr range, ExprPtr step, int end);
  bool ParseOffset(Expr& expr);
  bool ParseAt(Expr& expr);
  bool SetAtTime(Expr& expr, double seconds);
  bool SetExtended(Expr& expr, bool anchored);
  TimeModifiers* ModifiersOf(Expr& expr, std::string_view modifier);
  ExprPtr ParsePositiveDuration();

  // Duration expressions: parse_duration.cc.
  ExprPtr ParseDuration(int min_precedence);
  ExprPtr ParseDurationOperand();
  ExprPtr ParseDurationLiteral();
  ExprPtr ParseDurationCall();
  ExprPtr ParseDurationParen();
  ExprPtr ParseOffsetDuration();
  ExprPtr ParseSignedOffset();
  ExprPtr ContinueDuration(ExprPtr lhs, int min_precedence);
  ExprPtr CombineDurations(const Token& op, ExprPtr lhs, ExprPtr rhs);
  ExprPtr ApplySign(const Token& sign, ExprPtr operand);
  bool CheckDurationsEnabled(const Expr& expr);

  // Labels and values of series: parse_series.cc.
  bool ParseMetricLabels(model::Labels& labels);
  bool ParseLabelSet(model::LabelsBuilder& labels);
  bool ParseLabelSetItem(model::LabelsBuilder& labels);
  bool ParseSeriesItem(std::vector<SequenceValue>& values);
  bool ParseFloatItem(std::vector<SequenceValue>& values);
  bool ParseHistogramItem(std::vector<SequenceValue>& values);
  std::optional<std::uint64_t> ParseRepetitions();
  std::optional<double> ParseSignedNumber(bool sign_required);
  std::optional<SequenceValue> ParseHistogram();
  bool ParseHistogramEntry(SequenceValue& value, std::vector<std::string>& seen);
  bool ParseHistogramField(std::string_view key, SequenceValue& value);
  bool ParseBucketSet(std::vector<double>& buckets);
  bool ParseInt(std::int32_t& out);
  bool StepHistogram(model::FloatHistogram& h, const model::FloatHistogram& step, bool subtract);

  Lexer lexer_;
  const Features& features_;
  std::optional<Token> peeked_;
  int last_closing_ = 0;  // End of the last ), }, ], number or duration that was read.
  int nesting_ = 0;
  std::optional<std::string> error_;
  std::string_view context_;
  std::string_view expected_;
};

/// Checks the types of a tree bottom-up and completes the matching of binary expressions.
/// @return the first problem: its byte in the query and its text
struct TypeProblem {
  int start = 0;
  std::string text;
};
std::optional<TypeProblem> CheckTypes(Expr& expr, std::string_view query);

/// Whether a token can be the name of a metric where an operand is expected.
bool IsMetricName(TokenKind kind);
/// Whether an operand can begin with the token.
bool StartsOperand(TokenKind kind);
/// Seconds as nanoseconds, as Go converts: out of range gives the smallest number.
std::int64_t SecondsToNs(double seconds);

inline std::unique_ptr<NumberLiteral> AsNumber(ExprPtr expr) {
  return std::unique_ptr<NumberLiteral>(static_cast<NumberLiteral*>(expr.release()));
}
inline DurationExprPtr AsDuration(ExprPtr expr) {
  return DurationExprPtr(static_cast<DurationExpr*>(expr.release()));
}

}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
//
// The syntax tree of a PromQL expression, as parser.h returns it: types are checked, the depth is
// bounded (see kMaxDepth), nothing is evaluated or rewritten.
// Nodes are plain structs that own their children. Walk them by switching on `kind` and As<T>().
// Source: Prometheus promql/parser, whose node kinds these are.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/annotations.h"

namespace narthex::promql {

struct Function;  // promql/parser/functions.h

using storage::PositionRange;

/// Most levels of nodes in a tree. What walks a tree may recurse.
inline constexpr int kMaxDepth = 1000;

enum class ValueType : std::uint8_t { kScalar, kString, kVector, kMatrix };

/// "scalar", "string", "instant vector", "range vector".
std::string_view ValueTypeName(ValueType type);

enum class ExprKind : std::uint8_t {
  kNumberLiteral,
  kStringLiteral,
  kVectorSelector,
  kMatrixSelector,
  kSubquery,
  kCall,
  kAggregate,
  kBinary,
  kUnary,
  kParen,
  kStepInvariant,  // Only made by the plan.
  kDuration,       // Only as a part of selectors and subqueries.
};

struct Expr {
  virtual ~Expr() = default;
  Expr(const Expr&) = delete;
  Expr& operator=(const Expr&) = delete;

  const ExprKind kind;
  ValueType type;
  /// Bytes of the query that the node was read from, with its modifiers.
  PositionRange position;
  /// Levels of nodes below and with this one; at most kMaxDepth.
  int height = 1;

 protected:
  Expr(ExprKind k, ValueType t) : kind(k), type(t) {}
};
using ExprPtr = std::unique_ptr<Expr>;

/// The node as a T when it is one, else null.
template <typename T>
const T* As(const Expr& expr) {
  return expr.kind == T::kKind ? static_cast<const T*>(&expr) : nullptr;
}
template <typename T>
T* As(Expr& expr) {
  return expr.kind == T::kKind ? static_cast<T*>(&expr) : nullptr;
}

struct NumberLiteral final : Expr {
  static constexpr ExprKind kKind = ExprKind::kNumberLiteral;
  NumberLiteral() : Expr(kKind, ValueType::kScalar) {}
  double value = 0;       // Of a duration: seconds.
  bool duration = false;  // Written, and printed back, as a duration ("5m").
};

struct StringLiteral final : Expr {
  static constexpr ExprKind kKind = ExprKind::kStringLiteral;
  StringLiteral() : Expr(kKind, ValueType::kString) {}
  std::string value;  // Without quotes and escapes.
};

enum class DurationOp : std::uint8_t {
  kAdd,  // Unary when lhs is null, as kSub.
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kStep,   // step(): the query's step, 0 for an instant query.
  kRange,  // range(): the query's end - start.
  kMin,    // min_of(lhs, rhs)
  kMax,
};

/// Arithmetic on durations inside of [] and after offset; seconds, evaluated once per query.
/// Children are NumberLiteral or DurationExpr.
struct DurationExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kDuration;
  DurationExpr() : Expr(kKind, ValueType::kScalar) {}
  DurationOp op = DurationOp::kAdd;
  bool wrapped = false;  // In parentheses.
  ExprPtr lhs;
  ExprPtr rhs;
};
using DurationExprPtr = std::unique_ptr<DurationExpr>;

enum class AtKind : std::uint8_t { kNone, kTimestamp, kStart, kEnd };

/// `offset` and `@` as written; both may be present, the offset then counts from the @ time.
struct TimeModifiers {
  model::DurationMs offset_ms = 0;  // Positive looks back. Meaningless with offset_expr.
  DurationExprPtr offset_expr;      // Null = offset_ms.
  bool offset_given = false;        // A second one is an error; `offset 0s` does not count.
  bool offset_negative = false;     // Also of what is less than a millisecond.
  AtKind at = AtKind::kNone;
  model::TimestampMs at_ms = 0;  // Of kTimestamp.
};

struct VectorSelector final : Expr {
  static constexpr ExprKind kKind = ExprKind::kVectorSelector;
  VectorSelector() : Expr(kKind, ValueType::kVector) {}
  std::string name;  // Written before or without braces; also among the matchers. Else "".
  std::vector<model::Matcher> matchers;  // As written, the name's last.
  TimeModifiers time;
  bool anchored = false;
  bool smoothed = false;
};

struct MatrixSelector final : Expr {
  static constexpr ExprKind kKind = ExprKind::kMatrixSelector;
  MatrixSelector() : Expr(kKind, ValueType::kMatrix) {}
  std::unique_ptr<VectorSelector> selector;  // Holds the time modifiers, anchored and smoothed.
  model::DurationMs range_ms = 0;            // Meaningless with range_expr.
  DurationExprPtr range_expr;                // Null = range_ms.
};

struct SubqueryExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kSubquery;
  SubqueryExpr() : Expr(kKind, ValueType::kMatrix) {}
  ExprPtr expr;
  model::DurationMs range_ms = 0;  // Meaningless with range_expr.
  DurationExprPtr range_expr;      // Null = range_ms.
  model::DurationMs step_ms = 0;   // 0 without step_expr: the engine's default step.
  DurationExprPtr step_expr;       // Null = step_ms.
  TimeModifiers time;
};

struct Call final : Expr {
  static constexpr ExprKind kKind = ExprKind::kCall;
  Call() : Expr(kKind, ValueType::kVector) {}
  const Function* function = nullptr;  // Never null in a parsed tree; lives forever.
  std::vector<ExprPtr> args;
};

enum class AggregateOp : std::uint8_t {
  kSum,
  kAvg,
  kCount,
  kMin,
  kMax,
  kGroup,
  kStddev,
  kStdvar,
  kTopk,
  kBottomk,
  kLimitk,
  kLimitRatio,
  kQuantile,
  kCountValues,
};
/// "sum", …
std::string_view AggregateOpName(AggregateOp op);
/// topk, bottomk, limitk, limit_ratio, quantile and count_values.
bool HasParam(AggregateOp op);

struct AggregateExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kAggregate;
  AggregateExpr() : Expr(kKind, ValueType::kVector) {}
  AggregateOp op = AggregateOp::kSum;
  ExprPtr expr;
  ExprPtr param;                      // Null when the operation has none.
  std::vector<std::string> grouping;  // As written.
  bool without = false;
};

enum class BinaryOp : std::uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kMod,
  kPow,
  kAtan2,
  kEq,
  kNe,
  kGt,
  kLt,
  kGe,
  kLe,
  kTrimUpper,  // </
  kTrimLower,  // >/
  kAnd,
  kOr,
  kUnless,
};
/// "+", "and", …
std::string_view BinaryOpName(BinaryOp op);
inline bool IsSetOp(BinaryOp op) { return op >= BinaryOp::kAnd; }
inline bool IsComparison(BinaryOp op) { return op >= BinaryOp::kEq && op <= BinaryOp::kLe; }

enum class MatchCardinality : std::uint8_t { kOneToOne, kManyToOne, kOneToMany, kManyToMany };

/// How the rows of two vectors find each other.
struct VectorMatching {
  MatchCardinality card = MatchCardinality::kOneToOne;  // kManyToMany: set operators.
  std::vector<std::string> labels;                      // Of on() or ignoring(), as written.
  bool on = false;                                      // Else ignoring, also when none is written.
  std::vector<std::string> include;                     // Of group_left() or group_right().
  std::optional<double> fill_lhs, fill_rhs;             // Value of a row missing on that side.
};

struct BinaryExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kBinary;
  BinaryExpr() : Expr(kKind, ValueType::kVector) {}
  BinaryOp op = BinaryOp::kAdd;
  ExprPtr lhs;
  ExprPtr rhs;
  std::optional<VectorMatching> matching;  // Only when both sides are vectors, then always.
  bool return_bool = false;
};

struct UnaryExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kUnary;
  UnaryExpr() : Expr(kKind, ValueType::kVector) {}
  bool negative = false;  // -expr, else +expr.
  ExprPtr expr;
};

struct ParenExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kParen;
  ParenExpr() : Expr(kKind, ValueType::kVector) {}
  ExprPtr expr;
};

/// Marks a part whose value is the same at every step.
struct StepInvariantExpr final : Expr {
  static constexpr ExprKind kKind = ExprKind::kStepInvariant;
  StepInvariantExpr() : Expr(kKind, ValueType::kVector) {}
  ExprPtr expr;
};

/// Calls fn(const Expr&) for each child that is evaluated, in the order they are written (an
/// aggregation's expr before its param, as upstream). The selector of a matrix selector counts,
/// duration expressions don't.
template <typename Fn>
void ForEachChild(const Expr& e, Fn&& fn) {
  const auto visit = [&fn](const auto& child) {
    if (child != nullptr) fn(static_cast<const Expr&>(*child));
  };
  switch (e.kind) {
    case ExprKind::kNumberLiteral:
    case ExprKind::kStringLiteral:
    case ExprKind::kVectorSelector:
    case ExprKind::kDuration:
      return;
    case ExprKind::kMatrixSelector:
      return visit(As<MatrixSelector>(e)->selector);
    case ExprKind::kSubquery:
      return visit(As<SubqueryExpr>(e)->expr);
    case ExprKind::kCall:
      for (const auto& arg : As<Call>(e)->args) visit(arg);
      return;
    case ExprKind::kAggregate:
      visit(As<AggregateExpr>(e)->expr);
      return visit(As<AggregateExpr>(e)->param);
    case ExprKind::kBinary:
      visit(As<BinaryExpr>(e)->lhs);
      return visit(As<BinaryExpr>(e)->rhs);
    case ExprKind::kUnary:
      return visit(As<UnaryExpr>(e)->expr);
    case ExprKind::kParen:
      return visit(As<ParenExpr>(e)->expr);
    case ExprKind::kStepInvariant:
      return visit(As<StepInvariantExpr>(e)->expr);
  }
}

}  // namespace narthex::promql

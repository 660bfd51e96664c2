// SPDX-License-Identifier: Apache-2.0
#include "promql/testing/fix_time.h"

#include "narthex/promql/parser.h"
#include "narthex/promql/printer.h"
#include "promql/parser/functions.h"

namespace narthex::promql {
namespace {

bool DependsOnEvaluationTime(FunctionId id) {
  switch (id) {
    case FunctionId::kDaysInMonth:
    case FunctionId::kDayOfMonth:
    case FunctionId::kDayOfWeek:
    case FunctionId::kDayOfYear:
    case FunctionId::kHour:
    case FunctionId::kMinute:
    case FunctionId::kMonth:
    case FunctionId::kYear:
    case FunctionId::kPredictLinear:
    case FunctionId::kTime:
    case FunctionId::kTimestamp:
    case FunctionId::kStart:
    case FunctionId::kEnd:
    case FunctionId::kStep:
    case FunctionId::kRange:
      return true;
    default:
      return false;
  }
}

class TimeFixer {
 public:
  explicit TimeFixer(model::TimestampMs t) : t_(t) {}

  void Visit(Expr& expr) {
    if (auto* selector = As<VectorSelector>(expr)) return Fix(selector->time);
    if (auto* matrix = As<MatrixSelector>(expr)) return Fix(matrix->selector->time);
    if (auto* subquery = As<SubqueryExpr>(expr)) {
      // Now it has an @, so what is inside of it stays as it is.
      Fix(subquery->time);
      return;
    }
    if (const auto* call = As<Call>(expr)) varies_ |= DependsOnEvaluationTime(call->function->id);
    // The tree is ours to change: it was parsed for this alone.
    ForEachChild(expr, [this](const Expr& child) { Visit(const_cast<Expr&>(child)); });
  }

  bool varies() const { return varies_; }

 private:
  void Fix(TimeModifiers& time) const {
    if (time.at == AtKind::kTimestamp) return;
    time.at = AtKind::kTimestamp;
    time.at_ms = t_;
  }

  model::TimestampMs t_;
  bool varies_ = false;
};

}  // namespace

Result<std::optional<std::string>> FixTime(std::string_view query, model::TimestampMs t,
                                           const Features& features) {
  NX_ASSIGN_OR_RETURN(const ExprPtr expr, ParseExpr(query, features));
  TimeFixer fixer(t);
  fixer.Visit(*expr);
  if (fixer.varies()) return std::nullopt;
  return ToString(*expr);
}

}  // namespace narthex::promql

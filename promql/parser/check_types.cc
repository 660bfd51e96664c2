// SPDX-License-Identifier: Apache-2.0
//
// Which types fit where. Children are checked before their parent; the first problem counts.
#include <algorithm>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "promql/parser/parser_impl.h"

namespace narthex::promql {
namespace {

using Problem = std::optional<TypeProblem>;

TypeProblem At(const Expr& expr, std::string text) {
  return {expr.position.start, std::move(text)};
}

bool IsOperandType(ValueType type) {
  return type == ValueType::kScalar || type == ValueType::kVector;
}

// The short names that one text uses.
std::string_view RawTypeName(ValueType type) {
  switch (type) {
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
    default:
      return ValueTypeName(type);
  }
}

class TypeChecker {
 public:
  explicit TypeChecker(std::string_view query) : query_(query) {}

  Problem Check(Expr& expr) {
    switch (expr.kind) {
      case ExprKind::kAggregate:
        return CheckAggregate(*As<AggregateExpr>(expr));
      case ExprKind::kBinary:
        return CheckBinary(*As<BinaryExpr>(expr));
      case ExprKind::kCall:
        return CheckCall(*As<Call>(expr));
      case ExprKind::kParen:
        return Check(*As<ParenExpr>(expr)->expr);
      case ExprKind::kUnary:
        return CheckUnary(*As<UnaryExpr>(expr));
      case ExprKind::kSubquery:
        return CheckSubquery(*As<SubqueryExpr>(expr));
      case ExprKind::kMatrixSelector:
        return CheckSelector(*As<MatrixSelector>(expr)->selector);
      case ExprKind::kVectorSelector:
        return CheckSelector(*As<VectorSelector>(expr));
      default:
        return std::nullopt;
    }
  }

 private:
  Problem Expect(Expr& expr, ValueType wanted, std::string_view context) {
    if (auto problem = Check(expr)) return problem;
    if (expr.type == wanted) return std::nullopt;
    return At(expr, fmt::format("expected type {} in {}, got {}", ValueTypeName(wanted), context,
                                ValueTypeName(expr.type)));
  }

  Problem CheckAggregate(AggregateExpr& expr) {
    if (auto p = Expect(*expr.expr, ValueType::kVector, "aggregation expression")) return p;
    if (expr.param == nullptr) return std::nullopt;
    const ValueType wanted =
        expr.op == AggregateOp::kCountValues ? ValueType::kString : ValueType::kScalar;
    return Expect(*expr.param, wanted, "aggregation parameter");
  }

  Problem CheckUnary(UnaryExpr& expr) {
    if (auto p = Check(*expr.expr)) return p;
    if (IsOperandType(expr.expr->type)) return std::nullopt;
    return At(expr, fmt::format("unary expression only allowed on expressions of type scalar or "
                                "instant vector, got \"{}\"",
                                ValueTypeName(expr.expr->type)));
  }

  Problem CheckSubquery(SubqueryExpr& expr) {
    if (auto p = Check(*expr.expr)) return p;
    if (expr.expr->type == ValueType::kVector) return std::nullopt;
    return At(expr, fmt::format("subquery is only allowed on instant vector, got {} instead",
                                RawTypeName(expr.expr->type)));
  }

  static Problem CheckSelector(const VectorSelector& expr) {
    const auto& matchers = expr.matchers;
    if (!expr.name.empty()) {
      const auto second = std::find_if(matchers.begin(), matchers.end() - 1, [](const auto& m) {
        return m.name() == model::kMetricName;
      });
      if (second == matchers.end() - 1) return std::nullopt;
      return At(expr, fmt::format("metric name must not be set twice: {} or {}",
                                  go::Quote(expr.name), go::Quote(second->value())));
    }
    const bool selective = std::any_of(matchers.begin(), matchers.end(),
                                       [](const auto& m) { return !m.MatchesEmpty(); });
    if (selective) return std::nullopt;
    return At(expr, "vector selector must contain at least one non-empty matcher");
  }

  Problem CheckCall(Call& call) {
    if (auto p = CheckArgCount(call)) return p;
    const bool info = call.function->id == FunctionId::kInfo;
    if (info && call.args.size() > 1) {
      if (auto p = CheckInfoLabels(call)) return p;
    }
    const auto types = call.function->args();
    for (std::size_t i = 0; i < call.args.size(); ++i) {
      // The second argument of info() selects labels, so it may match the empty label set.
      if (info && i == 1) continue;
      Expr& arg = *call.args[i];
      const ValueType wanted = types[std::min(i, types.size() - 1)];
      if (auto p = Check(arg)) return p;
      if (arg.type == wanted) continue;
      return At(arg,
                fmt::format("expected type {} in call to function \"{}\", got {}",
                            ValueTypeName(wanted), call.function->name, ValueTypeName(arg.type)));
    }
    return std::nullopt;
  }

  static Problem CheckArgCount(const Call& call) {
    const Function& f = *call.function;
    const auto given = static_cast<int>(call.args.size());
    const int wanted = f.num_arg_types;
    const auto problem = [&](std::string_view bound, int count) {
      return At(call, fmt::format("expected {}{} argument(s) in call to \"{}\", got {}", bound,
                                  count, f.name, given));
    };
    if (f.variadic == 0) {
      return given == wanted ? Problem() : problem("", wanted);
    }
    const int least = wanted - 1;
    if (given < least) return problem("at least ", least);
    if (f.variadic > 0 && given > least + f.variadic) {
      return problem("at most ", least + f.variadic);
    }
    return std::nullopt;
  }

  static Problem CheckInfoLabels(const Call& call) {
    const Expr& labels = *call.args[1];
    if (labels.type != ValueType::kVector) {
      return At(call, fmt::format("expected type instant vector in call to function \"info\", got "
                                  "{}",
                                  ValueTypeName(labels.type)));
    }
    const auto* selector = As<VectorSelector>(labels);
    if (selector == nullptr) return At(labels, "expected label selectors only");
    if (selector->name.empty()) return std::nullopt;
    return At(labels, "expected label selectors only, got vector selector instead");
  }

  Problem CheckBinary(BinaryExpr& expr) {
    if (auto p = Check(*expr.lhs)) return p;
    if (auto p = Check(*expr.rhs)) return p;
    const ValueType left = expr.lhs->type;
    const ValueType right = expr.rhs->type;
    if (expr.return_bool && !IsComparison(expr.op)) {
      return AtOperator(expr, "bool modifier can only be used on comparison operators");
    }
    if (IsComparison(expr.op) && !expr.return_bool && left == ValueType::kScalar &&
        right == ValueType::kScalar) {
      return AtOperator(expr, "comparisons between scalars must use BOOL modifier");
    }
    if (auto p = CheckLabelLists(expr)) return p;
    constexpr auto kTypes = "binary expression must contain only scalar and instant vector types";
    if (!IsOperandType(left)) return At(*expr.lhs, kTypes);
    if (!IsOperandType(right)) return At(*expr.rhs, kTypes);
    const bool vectors = left == ValueType::kVector && right == ValueType::kVector;
    return vectors ? CheckSetMatching(expr) : DropMatching(expr);
  }

  Problem CheckLabelLists(const BinaryExpr& expr) const {
    if (!expr.matching->on) return std::nullopt;
    const auto& include = expr.matching->include;
    for (const auto& label : expr.matching->labels) {
      if (std::find(include.begin(), include.end(), label) != include.end()) {
        return AtOperator(expr,
                          fmt::format("label {} must not occur in ON and GROUP clause at once",
                                      go::Quote(label)));
      }
    }
    return std::nullopt;
  }

  // Of two vectors.
  static Problem CheckSetMatching(BinaryExpr& expr) {
    if (!IsSetOp(expr.op)) return std::nullopt;
    VectorMatching& matching = *expr.matching;
    if (matching.card != MatchCardinality::kOneToOne) {
      return At(expr,
                fmt::format("no grouping allowed for \"{}\" operation", BinaryOpName(expr.op)));
    }
    matching.card = MatchCardinality::kManyToMany;
    if (matching.fill_lhs || matching.fill_rhs) {
      return At(expr, "filling in missing series not allowed for set operators");
    }
    return std::nullopt;
  }

  // A side is a scalar: there is nothing to match.
  static Problem DropMatching(BinaryExpr& expr) {
    if (!expr.matching->labels.empty()) {
      return At(expr, "vector matching only allowed between instant vectors");
    }
    if (expr.matching->fill_lhs || expr.matching->fill_rhs) {
      return At(expr, "filling in missing series only allowed between instant vectors");
    }
    expr.matching.reset();
    if (!IsSetOp(expr.op)) return std::nullopt;
    return At(expr, fmt::format("set operator \"{}\" not allowed in binary scalar expression",
                                BinaryOpName(expr.op)));
  }

  TypeProblem AtOperator(const BinaryExpr& expr, std::string text) const {
    auto start = static_cast<std::size_t>(expr.lhs->position.end);
    while (start < query_.size() && IsSpaceChar(query_[start])) ++start;
    return {static_cast<int>(start), std::move(text)};
  }

  std::string_view query_;
};

}  // namespace

std::optional<TypeProblem> CheckTypes(Expr& expr, std::string_view query) {
  return TypeChecker(query).Check(expr);
}

}  // namespace narthex::promql

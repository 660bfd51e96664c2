// SPDX-License-Identifier: Apache-2.0
//
// The tree as /api/v1/parse_query shows it. Keys of an object come sorted, as Go prints maps.
#include <string>

#include "narthex/base/go_format.h"
#include "narthex/base/json_writer.h"
#include "narthex/promql/printer.h"
#include "promql/parser/functions.h"
#include "promql/parser/print_parts.h"

namespace narthex::promql {
namespace {

void WriteStrings(JsonWriter& out, const std::vector<std::string>& texts) {
  out.BeginArray();
  for (const auto& text : texts) out.String(text);
  out.EndArray();
}

std::string_view CardinalityName(MatchCardinality card) {
  switch (card) {
    case MatchCardinality::kOneToOne:
      return "one-to-one";
    case MatchCardinality::kManyToOne:
      return "many-to-one";
    case MatchCardinality::kOneToMany:
      return "one-to-many";
    case MatchCardinality::kManyToMany:
      return "many-to-many";
  }
  return "";
}

std::string_view ApiTypeName(ValueType type) {
  switch (type) {
    case ValueType::kVector:
      return "vector";
    case ValueType::kMatrix:
      return "matrix";
    default:
      return ValueTypeName(type);
  }
}

class AstWriter {
 public:
  explicit AstWriter(JsonWriter& out) : out_(out) {}

  void Write(const Expr& expr) {
    if (const auto* invariant = As<StepInvariantExpr>(expr)) return Write(*invariant->expr);
    out_.BeginObject();
    switch (expr.kind) {
      case ExprKind::kNumberLiteral:
        WriteNumber(*As<NumberLiteral>(expr));
        break;
      case ExprKind::kStringLiteral:
        Field("type", "stringLiteral");
        Field("val", As<StringLiteral>(expr)->value);
        break;
      case ExprKind::kVectorSelector:
        WriteSelector(*As<VectorSelector>(expr), nullptr);
        break;
      case ExprKind::kMatrixSelector:
        WriteSelector(*As<MatrixSelector>(expr)->selector, As<MatrixSelector>(expr));
        break;
      case ExprKind::kSubquery:
        WriteSubquery(*As<SubqueryExpr>(expr));
        break;
      case ExprKind::kCall:
        WriteCall(*As<Call>(expr));
        break;
      case ExprKind::kAggregate:
        WriteAggregate(*As<AggregateExpr>(expr));
        break;
      case ExprKind::kBinary:
        WriteBinary(*As<BinaryExpr>(expr));
        break;
      case ExprKind::kUnary:
        Child("expr", As<UnaryExpr>(expr)->expr.get());
        Field("op", As<UnaryExpr>(expr)->negative ? "-" : "+");
        Field("type", "unaryExpr");
        break;
      case ExprKind::kParen:
        Child("expr", As<ParenExpr>(expr)->expr.get());
        Field("type", "parenExpr");
        break;
      case ExprKind::kDuration:
        WriteDuration(*As<DurationExpr>(expr));
        break;
      case ExprKind::kStepInvariant:
        break;
    }
    out_.EndObject();
  }

 private:
  void Field(std::string_view key, std::string_view text) {
    out_.Key(key);
    out_.String(text);
  }
  void Field(std::string_view key, std::int64_t number) {
    out_.Key(key);
    out_.Int(number);
  }
  void Flag(std::string_view key, bool value) {
    out_.Key(key);
    out_.Bool(value);
  }
  void Child(std::string_view key, const Expr* child) {
    out_.Key(key);
    if (child != nullptr) {
      Write(*child);
    } else {
      out_.Null();
    }
  }

  void WriteNumber(const NumberLiteral& number) {
    // Only inside of duration expressions the form matters.
    if (in_duration_) Flag("duration", number.duration);
    Field("type", "numberLiteral");
    Field("val", go::FormatFloatF(number.value));
  }

  void DurationChild(std::string_view key, const Expr* child) {
    in_duration_ = true;
    Child(key, child);
    in_duration_ = false;
  }

  void WriteDuration(const DurationExpr& expr) {
    DurationChild("lhs", expr.lhs.get());
    Field("op", DurationOpName(expr.op));
    DurationChild("rhs", expr.rhs.get());
    Field("type", "durationExpr");
    Flag("wrapped", expr.wrapped);
  }

  void WriteMatchers(const std::vector<model::Matcher>& matchers) {
    out_.Key("matchers");
    out_.BeginArray();
    for (const auto& m : matchers) {
      out_.BeginObject();
      Field("name", m.name());
      Field("type", model::MatchOperator(m.type()));
      Field("value", m.value());
      out_.EndObject();
    }
    out_.EndArray();
  }

  void WriteOffset(const TimeModifiers& time) {
    Field("offset", time.offset_expr == nullptr ? time.offset_ms : 0);
    DurationChild("offsetExpr", time.offset_expr.get());
  }

  void WriteStartOrEnd(AtKind at) {
    out_.Key("startOrEnd");
    if (at == AtKind::kStart) return out_.String("start");
    if (at == AtKind::kEnd) return out_.String("end");
    out_.Null();
  }

  void WriteTimestamp(const TimeModifiers& time) {
    out_.Key("timestamp");
    if (time.at == AtKind::kTimestamp) return out_.Int(time.at_ms);
    out_.Null();
  }

  void WriteSelector(const VectorSelector& selector, const MatrixSelector* matrix) {
    Flag("anchored", selector.anchored);
    WriteMatchers(selector.matchers);
    Field("name", selector.name);
    WriteOffset(selector.time);
    if (matrix != nullptr) {
      Field("range", matrix->range_ms);
      DurationChild("rangeExpr", matrix->range_expr.get());
    }
    Flag("smoothed", selector.smoothed);
    WriteStartOrEnd(selector.time.at);
    WriteTimestamp(selector.time);
    Field("type", matrix != nullptr ? "matrixSelector" : "vectorSelector");
  }

  void WriteSubquery(const SubqueryExpr& expr) {
    Child("expr", expr.expr.get());
    WriteOffset(expr.time);
    Field("range", expr.range_ms);
    DurationChild("rangeExpr", expr.range_expr.get());
    WriteStartOrEnd(expr.time.at);
    Field("step", expr.step_ms);
    DurationChild("stepExpr", expr.step_expr.get());
    WriteTimestamp(expr.time);
    Field("type", "subquery");
  }

  void WriteCall(const Call& call) {
    out_.Key("args");
    out_.BeginArray();
    for (const auto& arg : call.args) Write(*arg);
    out_.EndArray();
    out_.Key("func");
    out_.BeginObject();
    out_.Key("argTypes");
    out_.BeginArray();
    for (const ValueType type : call.function->args()) out_.String(ApiTypeName(type));
    out_.EndArray();
    Field("name", call.function->name);
    Field("returnType", ApiTypeName(call.function->return_type));
    Field("variadic", std::int64_t{call.function->variadic});
    out_.EndObject();
    Field("type", "call");
  }

  void WriteAggregate(const AggregateExpr& expr) {
    Child("expr", expr.expr.get());
    out_.Key("grouping");
    WriteStrings(out_, expr.grouping);
    Field("op", AggregateOpName(expr.op));
    Child("param", expr.param.get());
    Field("type", "aggregation");
    Flag("without", expr.without);
  }

  void WriteFill(std::string_view key, const std::optional<double>& value) {
    out_.Key(key);
    if (value) return out_.Double(*value);
    out_.Null();
  }

  void WriteMatching(const VectorMatching& matching) {
    out_.BeginObject();
    Field("card", CardinalityName(matching.card));
    out_.Key("fillValues");
    out_.BeginObject();
    WriteFill("lhs", matching.fill_lhs);
    WriteFill("rhs", matching.fill_rhs);
    out_.EndObject();
    out_.Key("include");
    WriteStrings(out_, matching.include);
    out_.Key("labels");
    WriteStrings(out_, matching.labels);
    Flag("on", matching.on);
    out_.EndObject();
  }

  void WriteBinary(const BinaryExpr& expr) {
    Flag("bool", expr.return_bool);
    Child("lhs", expr.lhs.get());
    out_.Key("matching");
    if (expr.matching) {
      WriteMatching(*expr.matching);
    } else {
      out_.Null();
    }
    Field("op", BinaryOpName(expr.op));
    Child("rhs", expr.rhs.get());
    Field("type", "binaryExpr");
  }

  JsonWriter& out_;
  bool in_duration_ = false;
};

}  // namespace

void WriteJson(const Expr& expr, JsonWriter& out) { AstWriter(out).Write(expr); }

}  // namespace narthex::promql

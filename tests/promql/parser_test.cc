// SPDX-License-Identifier: Apache-2.0
#include "narthex/promql/parser.h"

#include <string>

#include <gtest/gtest.h>

#include "narthex/base/json_writer.h"
#include "narthex/promql/printer.h"

namespace narthex::promql {
namespace {

ExprPtr Parse(std::string_view query) {
  auto expr = ParseExpr(query, Features());
  EXPECT_TRUE(expr.has_value()) << query << ": " << expr.error().message();
  return expr ? std::move(*expr) : nullptr;
}

std::string Position(const Expr& expr) {
  return std::to_string(expr.position.start) + "-" + std::to_string(expr.position.end);
}

TEST(ParserTest, PrecedenceIsSeenInTheTree) {
  const ExprPtr expr = Parse("a + b * c ^ d ^ e");
  const auto* sum = As<BinaryExpr>(*expr);
  ASSERT_NE(sum, nullptr);
  EXPECT_EQ(sum->op, BinaryOp::kAdd);
  const auto* product = As<BinaryExpr>(*sum->rhs);
  ASSERT_NE(product, nullptr);
  EXPECT_EQ(product->op, BinaryOp::kMul);
  const auto* power = As<BinaryExpr>(*product->rhs);
  ASSERT_NE(power, nullptr);
  EXPECT_EQ(As<VectorSelector>(*power->lhs)->name, "c");  // To the right: c ^ (d ^ e).
  EXPECT_EQ(power->rhs->kind, ExprKind::kBinary);
}

TEST(ParserTest, UnaryMinusBindsLikeAProduct) {
  EXPECT_EQ(Parse("-a ^ b")->kind, ExprKind::kUnary);
  EXPECT_EQ(Parse("-a * b")->kind, ExprKind::kBinary);
  const ExprPtr number = Parse("- 3");
  ASSERT_EQ(number->kind, ExprKind::kNumberLiteral);
  EXPECT_EQ(As<NumberLiteral>(*number)->value, -3);
  EXPECT_EQ(Position(*number), "0-3");
}

TEST(ParserTest, ValueTypes) {
  const struct {
    const char* query;
    ValueType type;
  } cases[] = {{"1", ValueType::kScalar},          {"\"a\"", ValueType::kString},
               {"a", ValueType::kVector},          {"a[5m]", ValueType::kMatrix},
               {"a[5m:]", ValueType::kMatrix},     {"(1 + time())", ValueType::kScalar},
               {"1 + a", ValueType::kVector},      {"-(a)", ValueType::kVector},
               {"sum(a)", ValueType::kVector},     {"scalar(a)", ValueType::kScalar},
               {"rate(a[5m])", ValueType::kVector}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    EXPECT_EQ(Parse(c.query)->type, c.type);
  }
}

TEST(ParserTest, PositionsCoverNodeAndModifiers) {
  const struct {
    const char* query;
    const char* position;
  } cases[] = {{" a{b=\"c\"} ", "1-9"},
               {"a[5m] offset 1m", "0-15"},
               {"a @ start() offset 1m", "0-21"},
               {"(a)[5m:1m] @ 5 ", "0-14"},
               {"sum by (x) (a) ", "0-14"},
               {"sum(a) by (x) ", "0-13"},
               {" rate(a[5m]) ", "1-12"},
               {"-  a", "0-4"},
               {"(a\n+b)", "0-6"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    EXPECT_EQ(Position(*Parse(c.query)), c.position);
  }
}

TEST(ParserTest, SelectorKeepsMatchersAndModifiers) {
  const ExprPtr expr = Parse("up{job=\"a\",x!~\"b|c\"} @ 1.5 offset -5m");
  const auto* selector = As<VectorSelector>(*expr);
  ASSERT_NE(selector, nullptr);
  EXPECT_EQ(selector->name, "up");
  ASSERT_EQ(selector->matchers.size(), 3U);
  EXPECT_EQ(selector->matchers[1].type(), model::MatchType::kNotRegex);
  EXPECT_EQ(selector->matchers[2].name(), "__name__");  // The name comes last.
  EXPECT_EQ(selector->time.at, AtKind::kTimestamp);
  EXPECT_EQ(selector->time.at_ms, 1500);
  EXPECT_EQ(selector->time.offset_ms, -300'000);
}

TEST(ParserTest, RangesAndSteps) {
  const ExprPtr expr = Parse("max_over_time(rate(a[90])[1h:1.5])");
  const auto* subquery = As<SubqueryExpr>(*As<Call>(*expr)->args[0]);
  ASSERT_NE(subquery, nullptr);
  EXPECT_EQ(subquery->range_ms, 3'600'000);
  EXPECT_EQ(subquery->step_ms, 1500);
  const auto* matrix = As<MatrixSelector>(*As<Call>(*subquery->expr)->args[0]);
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->range_ms, 90'000);
  const ExprPtr dynamic = Parse("a[step() * 2]");
  EXPECT_EQ(As<MatrixSelector>(*dynamic)->range_expr->op, DurationOp::kMul);
}

TEST(ParserTest, MatchingIsSetBetweenVectorsOnly) {
  EXPECT_FALSE(As<BinaryExpr>(*Parse("a + 1"))->matching.has_value());
  EXPECT_EQ(As<BinaryExpr>(*Parse("a + b"))->matching->card, MatchCardinality::kOneToOne);
  EXPECT_EQ(As<BinaryExpr>(*Parse("a or b"))->matching->card, MatchCardinality::kManyToMany);
  const ExprPtr expr = Parse("a * on(x) group_right(y) b");
  const VectorMatching& matching = *As<BinaryExpr>(*expr)->matching;
  EXPECT_EQ(matching.card, MatchCardinality::kOneToMany);
  EXPECT_TRUE(matching.on);
  EXPECT_EQ(matching.labels, std::vector<std::string>{"x"});
  EXPECT_EQ(matching.include, std::vector<std::string>{"y"});
}

TEST(ParserTest, DeepNestingIsAnError) {
  for (const char* open : {"(", "-(", "abs(", "sum((", "a+(", "a[5m:]+("}) {
    std::string query;
    for (int i = 0; i < 100'000; ++i) query += open;
    SCOPED_TRACE(open);
    EXPECT_FALSE(ParseExpr(query, Features()).has_value());
  }
  std::string balanced = std::string(5000, '(') + "a" + std::string(5000, ')');
  const auto result = ParseExpr(balanced, Features());
  ASSERT_FALSE(result.has_value());
  EXPECT_NE(result.error().message().find("nested too deeply"), std::string::npos);
}

TEST(ParserTest, LongInputsEnd) {
  std::string chain = "a";
  std::string durations = "a[1m";
  std::string powers = "1";
  for (int i = 0; i < 1'000'000; ++i) {
    chain += "+a";
    durations += "+1m";
    powers += "^1";
  }
  EXPECT_FALSE(ParseExpr(chain, Features()).has_value());
  EXPECT_FALSE(ParseExpr(durations + "]", Features()).has_value());
  EXPECT_FALSE(ParseExpr(powers, Features()).has_value());
  EXPECT_FALSE(ParseExpr(std::string(10'000'000, '-') + "a", Features()).has_value());
  EXPECT_FALSE(ParseExpr(std::string(10'000'000, '{'), Features()).has_value());
  // Long is not deep.
  std::string list = "a{x=~\"";
  for (int i = 0; i < 100'000; ++i) list += "value|";
  EXPECT_TRUE(ParseExpr(list + "z\"}", Features()).has_value());
}

TEST(ParserTest, MetricSelector) {
  const auto matchers = ParseMetricSelector("up{job=~\"a.*\"}");
  ASSERT_TRUE(matchers.has_value());
  ASSERT_EQ(matchers->size(), 2U);
  EXPECT_EQ((*matchers)[0].ToString(), "job=~\"a.*\"");
  EXPECT_EQ((*matchers)[1].ToString(), "__name__=\"up\"");
  EXPECT_TRUE(ParseMetricSelector("{}").has_value());  // Its user decides whether that is enough.
  const auto modified = ParseMetricSelector("up[5m]");
  ASSERT_FALSE(modified.has_value());
  EXPECT_EQ(modified.error().message(), "1:3: parse error: unexpected \"[\"");
  EXPECT_FALSE(ParseMetricSelector("").has_value());
  EXPECT_FALSE(ParseMetricSelector("1").has_value());
}

TEST(ParserTest, Metric) {
  const struct {
    const char* text;
    const char* labels;
  } cases[] = {{"up", "{__name__=\"up\"}"},
               {"up{b=\"2\",a=\"1\",}", "{__name__=\"up\", a=\"1\", b=\"2\"}"},
               {"{\"x.y\", a=\"b\"}", "{__name__=\"x.y\", a=\"b\"}"},
               {"{\"x.y\"=\"z\"}", "{\"x.y\"=\"z\"}"},
               {"{}", "{}"},
               {"", "{}"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto labels = ParseMetric(c.text);
    ASSERT_TRUE(labels.has_value()) << labels.error().message();
    EXPECT_EQ(labels->ToString(), c.labels);
  }
  const auto wrong = ParseMetric("up{a=~\"b\"}");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message(),
            "1:5: parse error: unexpected <op:=~> in label set, expected \"=\"");
}

TEST(ParserTest, JsonTree) {
  const ExprPtr expr = Parse("sum by (x) (rate(a{b=\"c\"}[5m] offset 1m)) / 2");
  JsonWriter json;
  WriteJson(*expr, json);
  EXPECT_EQ(
      json.TakeText(),
      R"({"bool":false,"lhs":{"expr":{"args":[{"anchored":false,"matchers":[{"name":"b","type":"=","value":"c"},{"name":"__name__","type":"=","value":"a"}],"name":"a","offset":60000,"offsetExpr":null,"range":300000,"rangeExpr":null,"smoothed":false,"startOrEnd":null,"timestamp":null,"type":"matrixSelector"}],"func":{"argTypes":["matrix"],"name":"rate","returnType":"vector","variadic":0},"type":"call"},"grouping":["x"],"op":"sum","param":null,"type":"aggregation","without":false},"matching":null,"op":"/","rhs":{"type":"numberLiteral","val":"2"},"type":"binaryExpr"})");
}

}  // namespace
}  // namespace narthex::promql

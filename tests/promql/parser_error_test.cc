// SPDX-License-Identifier: Apache-2.0
//
// Expected texts: answers of Prometheus 3.14.
#include <gtest/gtest.h>

#include "narthex/promql/parser.h"
#include "narthex/promql/printer.h"
#include "promql/parser/functions.h"

namespace narthex::promql {
namespace {

struct Case {
  const char* query;
  const char* want;
};

Features AllFeatures() {
  Features features;
  features.experimental_functions = true;
  features.extended_range_selectors = true;
  features.binop_fill_modifiers = true;
  return features;
}

constexpr Case kDefaultErrors[] = {
    {"+", "1:2: parse error: unexpected end of input"},
    {"1 +", "1:4: parse error: unexpected end of input"},
    {"1 up", "1:3: parse error: unexpected identifier \"up\""},
    {"()", "1:2: parse error: unexpected \")\""},
    {"(1", "1:3: parse error: unclosed left parenthesis"},
    {"((1)", "1:5: parse error: unclosed left parenthesis"},
    {")", "1:2: parse error: unexpected right parenthesis ')'"},
    {"[5m]", "1:1: parse error: unexpected \"[\""},
    {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"up{", "1:4: parse error: unexpected end of input inside braces"},
    {"up{job}",
     "1:7: parse error: unexpected \"}\" in label matching, expected label matching operator"},
    {"up{job=}", "1:8: parse error: unexpected \"}\" in label matching, expected string"},
    {"up{job=\"a\",,}",
     "1:12: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
    {"up{,job=\"a\"}",
     "1:4: parse error: unexpected \",\" in label matching, expected identifier or \"}\""},
    {"up{job=a}",
     "1:8: parse error: unexpected identifier \"a\" in label matching, expected string"},
    {"up{=\"a\"}",
     "1:4: parse error: unexpected \"=\" in label matching, expected identifier or \"}\""},
    {"up{job==\"a\"}", "1:8: parse error: unexpected \"=\" in label matching, expected string"},
    {"up{job=!\"a\"}", "1:8: parse error: unexpected character after '!' inside braces: '\"'"},
    {"up{job<>\"a\"}", "1:7: parse error: unexpected character inside braces: '<'"},
    {"up{1job=\"a\"}", "1:4: parse error: unexpected character inside braces: '1'"},
    {"up{job=\"a\" instance=\"b\"}",
     "1:12: parse error: unexpected identifier \"instance\" in label matching, expected \",\" or "
     "\"}\""},
    {"up{job=\"a\";b=\"c\"}", "1:11: parse error: unexpected character inside braces: ';'"},
    {"up{\"job\":\"a\"}", "1:9: parse error: unexpected character inside braces: ':'"},
    {"up{{job=\"a\"}}", "1:4: parse error: unexpected left brace '{'"},
    {"up{__name__=\"up\"}",
     "1:1: parse error: metric name must not be set twice: \"up\" or \"up\""},
    {"{\"a\", __name__=\"b\"}{c=\"d\"}", "1:20: parse error: unexpected \"{\""},
    {"foo{\"bar\"}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""},
    {"{job=\"\"}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{job=~\".*\"}",
     "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"{job!~\"a\"}",
     "1:1: parse error: vector selector must contain at least one non-empty matcher"},
    {"up{job=~\"(\"}", "1:4: parse error: error parsing regexp: missing closing ): `(`"},
    {"up{job=~\"a**\"}",
     "1:4: parse error: error parsing regexp: invalid nested repetition operator: `**`"},
    {"up{job=~\"[z-a]\"}",
     "1:4: parse error: error parsing regexp: invalid character class range: `z-a`"},
    {"up{job=\"\\q\"}", "1:8: parse error: unknown escape sequence U+0071 'q'"},
    {"up{job=\"\\x1g\"}", "1:8: parse error: illegal character U+0067 'g' in escape sequence"},
    {"up{job=\"\\ud800\"}", "1:8: parse error: escape sequence is an invalid Unicode code point"},
    {"up{job=\"\\400\"}", "1:8: parse error: escape sequence is an invalid Unicode code point"},
    {"\"abc", "1:1: parse error: unterminated quoted string"},
    {"'abc", "1:1: parse error: unterminated quoted string"},
    {"`abc", "1:1: parse error: unterminated raw string"},
    {"\"\\", "1:1: parse error: escape sequence not terminated"},
    {"foo bar", "1:5: parse error: unexpected identifier \"bar\""},
    {"sum(", "1:5: parse error: unclosed left parenthesis"},
    {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
    {"sum(a, b)",
     "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, "
     "got 2"},
    {"sum(1)",
     "1:5: parse error: expected type instant vector in aggregation expression, got scalar"},
    {"sum(\"x\")",
     "1:5: parse error: expected type instant vector in aggregation expression, got string"},
    {"sum(a", "1:6: parse error: unclosed left parenthesis"},
    {"sum by (a", "1:10: parse error: unclosed left parenthesis"},
    {"sum by a (b)",
     "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected \"(\""},
    {"sum by (a b) (c)",
     "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected \",\" or \")\""},
    {"sum by (a,,b) (c)", "1:11: parse error: unexpected \",\" in grouping opts, expected label"},
    {"sum by (1) (c)",
     "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
    {"sum by (\"\") (c)", "1:9: parse error: invalid label name for grouping: \"\""},
    {"sum by (a)", "1:11: parse error: unexpected end of input in aggregation"},
    {"sum by (a) b", "1:12: parse error: unexpected identifier \"b\" in aggregation"},
    {"sum (a) by", "1:11: parse error: unexpected end of input in grouping opts, expected \"(\""},
    {"sum by (a) (b) by (c)", "1:16: parse error: unexpected <by>"},
    {"sum foo", "1:5: parse error: unexpected identifier \"foo\""},
    {"sum without (without) (a)",
     "1:14: parse error: unexpected <without> in grouping opts, expected label"},
    {"topk(1)",
     "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, "
     "got 1"},
    {"topk(\"a\", b)",
     "1:6: parse error: expected type scalar in aggregation parameter, got string"},
    {"topk(1, 2)",
     "1:9: parse error: expected type instant vector in aggregation expression, got scalar"},
    {"quantile(a, b)",
     "1:10: parse error: expected type scalar in aggregation parameter, got instant vector"},
    {"count_values(1, a)",
     "1:14: parse error: expected type string in aggregation parameter, got scalar"},
    {"count_values(a, b)",
     "1:14: parse error: expected type string in aggregation parameter, got instant vector"},
    {"limitk(1, a)",
     "1:1: parse error: limitk() is experimental and must be enabled with "
     "--enable-feature=promql-experimental-functions"},
    {"limit_ratio(0.5, a)",
     "1:1: parse error: limit_ratio() is experimental and must be enabled with "
     "--enable-feature=promql-experimental-functions"},
    {"rate(a)",
     "1:6: parse error: expected type range vector in call to function \"rate\", got instant "
     "vector"},
    {"rate(a[5m],)", "1:11: parse error: trailing commas not allowed in function call args"},
    {"rate(a[5m], 1)", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 2"},
    {"rate()", "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0"},
    {"rate(a[5m]", "1:11: parse error: unclosed left parenthesis"},
    {"nosuch(a)", "1:1: parse error: unknown function with name \"nosuch\""},
    {"Rate(a[5m])", "1:1: parse error: unknown function with name \"Rate\""},
    {"abs()", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"},
    {"abs(1)",
     "1:5: parse error: expected type instant vector in call to function \"abs\", got scalar"},
    {"abs(a, b)", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 2"},
    {"round()", "1:1: parse error: expected at least 1 argument(s) in call to \"round\", got 0"},
    {"round(a, 1, 2)",
     "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"},
    {"label_replace(a, \"b\")",
     "1:1: parse error: expected 5 argument(s) in call to \"label_replace\", got 2"},
    {"label_join(a, \"b\")",
     "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 2"},
    {"label_replace(a, b, \"c\", \"d\", \"e\")",
     "1:18: parse error: expected type string in call to function \"label_replace\", got instant "
     "vector"},
    {"histogram_quantile(a, b)",
     "1:20: parse error: expected type scalar in call to function \"histogram_quantile\", got "
     "instant vector"},
    {"clamp(a, b, 1)",
     "1:10: parse error: expected type scalar in call to function \"clamp\", got instant vector"},
    {"vector(a)",
     "1:8: parse error: expected type scalar in call to function \"vector\", got instant vector"},
    {"scalar(1)",
     "1:8: parse error: expected type instant vector in call to function \"scalar\", got scalar"},
    {"time(1)", "1:1: parse error: expected 0 argument(s) in call to \"time\", got 1"},
    {"absent(1)",
     "1:8: parse error: expected type instant vector in call to function \"absent\", got scalar"},
    {"mad_over_time(a[5m])", "1:1: parse error: function \"mad_over_time\" is not enabled"},
    {"info(a)", "1:1: parse error: function \"info\" is not enabled"},
    {"sort_by_label(a, \"b\")", "1:1: parse error: function \"sort_by_label\" is not enabled"},
    {"start()", "1:1: parse error: function \"start\" is not enabled"},
    {"max_of(1, 2)", "1:1: parse error: function \"max_of\" is not enabled"},
    {"a[5m", "1:5: parse error: unclosed left bracket"},
    {"a[", "1:3: parse error: unexpected end of input in duration expression"},
    {"a[]",
     "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, "
     "step(), or range()"},
    {"a[5m]]", "1:6: parse error: unexpected right bracket ']'"},
    {"a[[5m]]", "1:3: parse error: unexpected character in duration expression: '['"},
    {"a[5m:1m", "1:8: parse error: unclosed left bracket"},
    {"a[:5m]", "1:4: parse error: unexpected colon before duration in duration expression"},
    {"a[5m::]", "1:6: parse error: unexpected colon ':'"},
    {"a[5m:1m:1m]", "1:8: parse error: unexpected colon ':'"},
    {"a[5m 5m]",
     "1:6: parse error: unexpected duration \"5m\" in subquery or range, expected \":\" or \"]\""},
    {"a[x]", "1:3: parse error: unexpected character in duration expression: 'x'"},
    {"a[5m x]", "1:6: parse error: unexpected character: 'x', expected ':'"},
    {"a[\"5m\"]", "1:3: parse error: unexpected character in duration expression: '\"'"},
    {"a[0]", "1:3: parse error: duration must be greater than 0"},
    {"a[-5m]", "1:3: parse error: duration must be greater than 0"},
    {"a[0s:1m]", "1:3: parse error: duration must be greater than 0"},
    {"a[5m:0]", "1:6: parse error: duration must be greater than 0"},
    {"a[5m:-1m]", "1:6: parse error: duration must be greater than 0"},
    {"a[1.5h]", "1:3: parse error: unknown unit \".\" in duration \"1.5h\""},
    {"a[5mm]", "1:3: parse error: bad number or duration syntax: \"5mm\""},
    {"a[1s1h]", "1:3: parse error: not a valid duration string: \"1s1h\""},
    {"a[5]]", "1:5: parse error: unexpected right bracket ']'"},
    {"a[9223372037]", "1:3: parse error: duration out of range"},
    {"a[5m+]",
     "1:6: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, "
     "step(), or range()"},
    {"a[(5m]",
     "1:6: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, "
     "step(), or range()"},
    {"a[5m/0]", "1:5: parse error: division by zero"},
    {"a[5m%0s]", "1:5: parse error: modulo by zero"},
    {"a[step(]",
     "1:8: parse error: unexpected \"]\" in subquery or range selector, expected number, duration, "
     "step(), or range()"},
    {"a[step(1)]",
     "1:8: parse error: unexpected number \"1\" in subquery or range selector, expected number, "
     "duration, step(), or range()"},
    {"a[max_of(1)]",
     "1:11: parse error: unexpected \")\" in subquery or range selector, expected number, "
     "duration, step(), or range()"},
    {"a[min_of(1,2,3)]",
     "1:13: parse error: unexpected \",\" in subquery or range selector, expected number, "
     "duration, step(), or range()"},
    {"a[5m][5m]", "1:6: parse error: ranges only allowed for vector selectors"},
    {"(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors"},
    {"rate(a[5m])[5m]", "1:12: parse error: ranges only allowed for vector selectors"},
    {"a offset 5m[5m]", "1:12: parse error: no offset modifiers allowed before range"},
    {"a @ 1 [5m]", "1:7: parse error: no @ modifiers allowed before range"},
    {"a[5m] + 1",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"1 + a[5m]",
     "1:5: parse error: binary expression must contain only scalar and instant vector types"},
    {"-a[5m]",
     "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
     "vector, got \"range vector\""},
    {"a[5m][5m:1m]",
     "1:1: parse error: subquery is only allowed on instant vector, got matrix instead"},
    {"\"s\"[5m:]",
     "1:1: parse error: subquery is only allowed on instant vector, got string instead"},
    {"1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
    {"a offset",
     "1:9: parse error: unexpected end of input in offset, expected number, duration, step(), or "
     "range()"},
    {"a offset x",
     "1:10: parse error: unexpected identifier \"x\" in offset, expected number, duration, step(), "
     "or range()"},
    {"a offset (x",
     "1:11: parse error: unexpected identifier \"x\" in offset, expected number, duration, step(), "
     "or range()"},
    {"a offset - x",
     "1:12: parse error: unexpected identifier \"x\" in offset, expected number, duration, step(), "
     "or range()"},
    {"a offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
    {"a[5m] offset 5m offset 5m", "1:1: parse error: offset may not be set multiple times"},
    {"a[5m:] offset 1m offset 1m", "1:1: parse error: offset may not be set multiple times"},
    {"1 offset 5m",
     "1:1: parse error: offset modifier must be preceded by an instant vector selector or range "
     "vector selector or a subquery"},
    {"(a) offset 5m",
     "1:1: parse error: offset modifier must be preceded by an instant vector selector or range "
     "vector selector or a subquery"},
    {"sum(a) offset 5m",
     "1:1: parse error: offset modifier must be preceded by an instant vector selector or range "
     "vector selector or a subquery"},
    {"a offset (5m) + b",
     "1:17: parse error: unexpected identifier \"b\" in offset, expected number, duration, step(), "
     "or range()"},
    {"a offset 1e10", "1:10: parse error: duration out of range"},
    {"a offset -1e10", "1:10: parse error: duration out of range"},
    {"a @", "1:4: parse error: unexpected end of input in @, expected timestamp"},
    {"a @ x", "1:5: parse error: unexpected identifier \"x\" in @, expected timestamp"},
    {"a @ start", "1:10: parse error: unexpected end of input in @, expected timestamp"},
    {"a @ start(1)", "1:11: parse error: unexpected number \"1\" in @, expected timestamp"},
    {"a @ -", "1:6: parse error: unexpected end of input in @, expected timestamp"},
    {"a @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
    {"a @ start() @ end()", "1:1: parse error: @ <timestamp> may not be set multiple times"},
    {"1 @ 1",
     "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector "
     "selector or a subquery"},
    {"(a) @ 1",
     "1:1: parse error: @ modifier must be preceded by an instant vector selector or range vector "
     "selector or a subquery"},
    {"a @ inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
    {"a @ nan", "1:1: parse error: timestamp out of bounds for @ modifier: NaN"},
    {"a @ 1e19",
     "1:1: parse error: timestamp out of bounds for @ modifier: 10000000000000000000.000000"},
    {"a anchored", "1:1: parse error: anchored modifier is experimental and not enabled"},
    {"a[5m] smoothed", "1:1: parse error: smoothed modifier is experimental and not enabled"},
    {"a == bool", "1:10: parse error: unexpected end of input"},
    {"a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
    {"1 > 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
    {"1 == 2 == 3", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
    {"a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
    {"1 or a", "1:1: parse error: set operator \"or\" not allowed in binary scalar expression"},
    {"a unless bool b", "1:3: parse error: bool modifier can only be used on comparison operators"},
    {"a and on(x) group_left b", "1:1: parse error: no grouping allowed for \"and\" operation"},
    {"a or group_left b", "1:6: parse error: unexpected <group_left>"},
    {"a + on b", "1:8: parse error: unexpected identifier \"b\" in grouping opts, expected \"(\""},
    {"a + on( b", "1:10: parse error: unclosed left parenthesis"},
    {"a + on(x group_left",
     "1:10: parse error: unexpected <group_left> in grouping opts, expected \",\" or \")\""},
    {"a + on(x) group_left , b",
     "1:22: parse error: unexpected \",\" in grouping opts, expected \"(\""},
    {"a + on(x) group_left() bool b", "1:24: parse error: unexpected <bool>"},
    {"a + on(x) group_left(x) b",
     "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once"},
    {"1 + on(x) a", "1:1: parse error: vector matching only allowed between instant vectors"},
    {"a + ignoring(x) 1", "1:1: parse error: vector matching only allowed between instant vectors"},
    {"a + group_left b", "1:5: parse error: unexpected <group_left>"},
    {"a + on(x) on(y) b", "1:11: parse error: unexpected <on>"},
    {"a + fill(1) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"},
    {"a atan2", "1:8: parse error: unexpected end of input"},
    {"a and", "1:6: parse error: unexpected end of input"},
    {"\"a\" + 1",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"\"a\" + \"b\"",
     "1:1: parse error: binary expression must contain only scalar and instant vector types"},
    {"-\"a\"",
     "1:1: parse error: unary expression only allowed on expressions of type scalar or instant "
     "vector, got \"string\""},
    {"a =~ b", "1:3: parse error: unexpected character after '=': '~'"},
    {"a = b", "1:3: parse error: unexpected \"=\""},
    {"a ! b", "1:3: parse error: unexpected character after '!': ' '"},
    {"a !~ b", "1:3: parse error: unexpected character after '!': '~'"},
    {"a & b", "1:3: parse error: unexpected character: '&'"},
    {"a $ b", "1:3: parse error: unexpected character: '$'"},
    {"a ; b", "1:3: parse error: unexpected character: ';'"},
    {"a : b", "1:3: parse error: unexpected metric identifier \":\""},
    {"0x",
     "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"0x\": invalid syntax"},
    {"0xg", "1:1: parse error: bad number or duration syntax: \"0x\""},
    {"1_", "1:1: parse error: bad number or duration syntax: \"1_\""},
    {"1__0", "1:1: parse error: bad number or duration syntax: \"1__\""},
    {"1.2.3", "1:1: parse error: bad number or duration syntax: \"1.2.\""},
    {"1e", "1:1: parse error: bad number or duration syntax: \"1e\""},
    {"1e3.5",
     "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e3.5\": invalid "
     "syntax"},
    {"1e999",
     "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of "
     "range"},
    {"08x", "1:1: parse error: bad number or duration syntax: \"08\""},
    {"1h30", "1:1: parse error: bad number or duration syntax: \"1h30\""},
    {"1hh", "1:1: parse error: bad number or duration syntax: \"1hh\""},
    {"5y1y", "1:1: parse error: bad number or duration syntax: \"5y1\""},
    {"9999999999y", "1:1: parse error: duration out of range"},
    {"é", "1:1: parse error: unexpected character: 'é'"},
    {"\"a\" 'b'", "1:5: parse error: unexpected string \"'b'\""},
    {") # x", "1:2: parse error: unexpected right parenthesis ')'"},
    {"", "unknown position: parse error: no expression found in input"},
    {"\n\t ", "1:1: parse error: no expression found in input"},
    {"a\n+\n)", "3:2: parse error: unexpected right parenthesis ')'"},
    {"sum(a)\n  + on(x) bool b", "2:11: parse error: unexpected <bool>"},
    {"\"a\nb\"", "1:1: parse error: unterminated quoted string"},
};

constexpr Case kExperimentalErrors[] = {
    {"info(a, b)", "1:9: parse error: expected label selectors only, got vector selector instead"},
    {"info(a, b{c=\"d\"})",
     "1:9: parse error: expected label selectors only, got vector selector instead"},
    {"info(a, 1)",
     "1:1: parse error: expected type instant vector in call to function \"info\", got scalar"},
    {"info(a, sum(b))", "1:9: parse error: expected label selectors only"},
    {"a anchored smoothed",
     "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
    {"a[5m] smoothed anchored",
     "1:1: parse error: anchored and smoothed modifiers cannot be used together"},
    {"a[5m:] anchored", "1:1: parse error: anchored modifier is not supported for subqueries"},
    {"a[5m:] smoothed", "1:1: parse error: smoothed modifier is not supported for subqueries"},
    {"1 smoothed", "1:1: parse error: smoothed modifier not implemented"},
    {"sum(a) anchored", "1:1: parse error: anchored modifier not implemented"},
    {"a + fill b", "1:10: parse error: unexpected identifier \"b\""},
    {"a + fill() b", "1:10: parse error: unexpected \")\""},
    {"a + fill(x) b", "1:10: parse error: unexpected identifier \"x\""},
    {"a + fill(1) 2",
     "1:1: parse error: filling in missing series only allowed between instant vectors"},
    {"1 + fill(1) b",
     "1:1: parse error: filling in missing series only allowed between instant vectors"},
    {"a and fill(1) b",
     "1:1: parse error: filling in missing series not allowed for set operators"},
    {"a + fill(1) fill_left(2) b", "1:22: parse error: unexpected \"(\""},
    {"a + on(x) fill(1) group_left b", "1:19: parse error: unexpected <group_left>"},
    {"histogram_quantiles(a, \"q\")",
     "1:1: parse error: expected at least 3 argument(s) in call to \"histogram_quantiles\", got 2"},
    {"max_of(1)", "1:1: parse error: expected 2 argument(s) in call to \"max_of\", got 1"},
};

template <typename Cases>
void ExpectErrors(const Cases& cases, const Features& features) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    const auto expr = ParseExpr(c.query, features);
    ASSERT_FALSE(expr.has_value());
    EXPECT_EQ(expr.error().code(), Code::kInvalidArgument);
    EXPECT_EQ(expr.error().message(), c.want);
  }
}

TEST(ParserErrorTest, ExperimentalFunctionsWithoutTheirFlag) {
  int experimental = 0;
  for (const Function& function : AllFunctions()) {
    if (!function.experimental) continue;
    ++experimental;
    const std::string name(function.name);
    const auto expr = ParseExpr(name + "(a)", Features());
    ASSERT_FALSE(expr.has_value()) << name;
    EXPECT_EQ(expr.error().message(), "1:1: parse error: function \"" + name + "\" is not enabled");
  }
  EXPECT_EQ(experimental, 17);
}

TEST(ParserErrorTest, DefaultFeatures) { ExpectErrors(kDefaultErrors, Features()); }

TEST(ParserErrorTest, ExperimentalFeatures) { ExpectErrors(kExperimentalErrors, AllFeatures()); }

}  // namespace
}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
//
// Expected texts: answers of Prometheus 3.14.
#include "narthex/promql/printer.h"

#include <gtest/gtest.h>

#include "narthex/promql/parser.h"

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

constexpr Case kDefault[] = {
    {"1", "1"},
    {"-1", "-1"},
    {"+1", "1"},
    {"1e3", "1000"},
    {"1E-3", "0.001"},
    {".5", "0.5"},
    {"5.", "5"},
    {"0x1F", "31"},
    {"0X_1f", "31"},
    {"010", "8"},
    {"08", "8"},
    {"1_000", "1000"},
    {"Inf", "+Inf"},
    {"-inf", "-Inf"},
    {"NaN", "NaN"},
    {"5m", "5m"},
    {"1h30m", "1h30m"},
    {"-5m", "-5m"},
    {"1y2w3d4h5m6s7ms", "382d4h5m6s7ms"},
    {"90s", "1m30s"},
    {"36h", "1d12h"},
    {"\"a\\tb\\n\\\"q\\\"\"", "\"a\\tb\\n\\\"q\\\"\""},
    {"`raw \\n`", "\"raw \\\\n\""},
    {"\"\\x41\\101\\u00e9\\U0001F600\"", "\"AAé😀\""},
    {"up", "up"},
    {"up{}", "up"},
    {"up{job=\"a\"}", "up{job=\"a\"}"},
    {"up{job=\"a\",}", "up{job=\"a\"}"},
    {"up{ job = \"a\" , env != \"b\" , x =~ \"c|d\" , y !~ \"e\" }",
     "up{env!=\"b\",job=\"a\",x=~\"c|d\",y!~\"e\"}"},
    {"{__name__=\"up\"}", "{__name__=\"up\"}"},
    {"{\"up\"}", "{__name__=\"up\"}"},
    {"{\"up\", job=\"a\"}", "{__name__=\"up\",job=\"a\"}"},
    {"{\"a.b\", \"c.d\"=\"e\"}", "{\"c.d\"=\"e\",__name__=\"a.b\"}"},
    {"{job=\"a\", instance=~\"b.*\"}", "{instance=~\"b.*\",job=\"a\"}"},
    {"a:b:c", "a:b:c"},
    {":a", ":a"},
    {"sum", "sum"},
    {"by", "by"},
    {"offset offset 5m", "offset offset 5m"},
    {"and and and", "and and and"},
    {"start", "start"},
    {"step{a=\"b\"}", "step{a=\"b\"}"},
    {"up # comment", "up"},
    {"(up)", "(up)"},
    {"((1))", "((1))"},
    {"-up", "-up"},
    {"- - up", "--up"},
    {"--1", "1"},
    {"-1^2", "-1 ^ 2"},
    {"-up^2", "-up ^ 2"},
    {"2^3^2", "2 ^ 3 ^ 2"},
    {"1+2*3-4/5%6", "1 + 2 * 3 - 4 / 5 % 6"},
    {"(1+2)*3", "(1 + 2) * 3"},
    {"a+b-c", "a + b - c"},
    {"a-(b-c)", "a - (b - c)"},
    {"a and b or c unless d", "a and b or c unless d"},
    {"a or b and c", "a or b and c"},
    {"a == b", "a == b"},
    {"a == bool b", "a == bool b"},
    {"a != bool 1", "a != bool 1"},
    {"1 < bool 2", "1 < bool 2"},
    {"a atan2 b", "a atan2 b"},
    {"a ATAN2 b AND c", "a atan2 b and c"},
    {"a </ 5", "a </ 5"},
    {"a >/ b", "a >/ b"},
    {"a + on(x) b", "a + on (x) b"},
    {"a + on() b", "a + on () b"},
    {"a + ignoring(x, y) b", "a + ignoring (x, y) b"},
    {"a + ignoring() b", "a + b"},
    {"a * on(x) group_left b", "a * on (x) group_left () b"},
    {"a * on(x) group_left() b", "a * on (x) group_left () b"},
    {"a * on(x) group_left(y, z) b", "a * on (x) group_left (y, z) b"},
    {"a * ignoring(x) group_right(y) b", "a * ignoring (x) group_right (y) b"},
    {"a / on(\"x y\", z) group_left(\"a.b\") b", "a / on (\"x y\", z) group_left (\"a.b\") b"},
    {"a and on(x) b", "a and on (x) b"},
    {"a unless ignoring(x) b", "a unless ignoring (x) b"},
    {"a + on(x,) b", "a + on (x) b"},
    {"a == bool on(x) group_left b", "a == bool on (x) group_left () b"},
    {"sum(a)", "sum(a)"},
    {"SUM(a)", "sum(a)"},
    {"sum by (x) (a)", "sum by (x) (a)"},
    {"sum(a) by (x)", "sum by (x) (a)"},
    {"sum by () (a)", "sum(a)"},
    {"sum without () (a)", "sum without () (a)"},
    {"sum without (x, y,) (a)", "sum without (x, y) (a)"},
    {"sum by (\"x y\", z, sum, bool) (a)", "sum by (\"x y\", z, sum, bool) (a)"},
    {"topk(5, a)", "topk(5, a)"},
    {"topk by (x) (5, a)", "topk by (x) (5, a)"},
    {"quantile(0.9, a)", "quantile(0.9, a)"},
    {"count_values(\"v\", a)", "count_values(\"v\", a)"},
    {"avg(a) without (x)", "avg without (x) (a)"},
    {"rate(a[5m])", "rate(a[5m])"},
    {"rate(a{b=\"c\"}[300])", "rate(a{b=\"c\"}[5m])"},
    {"sum_over_time(a[1.5])", "sum_over_time(a[1s500ms])"},
    {"a[5m] offset 1m", "a[5m] offset 1m"},
    {"a[5m] @ 1", "a[5m] @ 1.000"},
    {"a[5m] @ 1 offset 1m", "a[5m] @ 1.000 offset 1m"},
    {"a offset 1m @ 1", "a @ 1.000 offset 1m"},
    {"a @ 1 offset -1m", "a @ 1.000 offset -1m"},
    {"a @ 1603774568", "a @ 1603774568.000"},
    {"a @ -1.5", "a @ -1.500"},
    {"a @ 0.0004", "a @ 0.000"},
    {"a @ start()", "a @ start()"},
    {"a @ END() offset 5m", "a @ end() offset 5m"},
    {"a offset 300", "a offset 5m"},
    {"a offset -0.5", "a offset -500ms"},
    {"a offset 0s", "a"},
    {"a OFFSET 1h", "a offset 1h"},
    {"a[5m:1m]", "a[5m:1m]"},
    {"a[5m:]", "a[5m:]"},
    {"a[ 5m : 1m ]", "a[5m:1m]"},
    {"rate(a[5m])[1h:1m] offset 1m @ 5", "rate(a[5m])[1h:1m] @ 5.000 offset 1m"},
    {"sum(a)[5m:30s] @ end()", "sum(a)[5m:30s] @ end()"},
    {"(a + b)[5m:]", "(a + b)[5m:]"},
    {"max_over_time(rate(a[5m])[1h:])[2h:5m]", "max_over_time(rate(a[5m])[1h:])[2h:5m]"},
    {"a[5m+1m]", "a[5m + 1m]"},
    {"a[5m*2]", "a[5m * 2]"},
    {"a[(5m+1m)*2]", "a[(5m + 1m) * 2]"},
    {"a[2^3]", "a[2 ^ 3]"},
    {"a[step()]", "a[step()]"},
    {"a[range()+step()]", "a[range() + step()]"},
    {"a[max_of(step(), 1m)]", "a[max_of(step(), 1m)]"},
    {"a[min_of(1m, 2m):step()]", "a[min_of(1m, 2m):step()]"},
    {"a[-(-5m)]", "a[5m]"},
    {"a offset step()", "a offset step()"},
    {"a offset -step()", "a offset -step()"},
    {"a offset (5m+1m)", "a offset (5m + 1m)"},
    {"a offset -(5m+1m)", "a offset -(5m + 1m)"},
    {"a offset -2^2", "a offset -2s ^ 2"},
    {"a offset max_of(1m, step())", "a offset max_of(1m, step())"},
    {"label_replace(a, \"dst\", \"$1\", \"src\", \"(.*)\")",
     "label_replace(a, \"dst\", \"$1\", \"src\", \"(.*)\")"},
    {"label_join(a, \"dst\", \",\", \"x\", \"y\", \"z\")",
     "label_join(a, \"dst\", \",\", \"x\", \"y\", \"z\")"},
    {"histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))",
     "histogram_quantile(0.9, sum by (le) (rate(a_bucket[5m])))"},
    {"clamp(a, 0, 1)", "clamp(a, 0, 1)"},
    {"round(a)", "round(a)"},
    {"round(a, 5)", "round(a, 5)"},
    {"hour()", "hour()"},
    {"hour(a)", "hour(a)"},
    {"time()", "time()"},
    {"vector(1)", "vector(1)"},
    {"scalar(a)", "scalar(a)"},
    {"pi()", "pi()"},
    {"absent_over_time(a[5m])", "absent_over_time(a[5m])"},
};

constexpr Case kExperimental[] = {
    {"limitk(5, a)", "limitk(5, a)"},
    {"limit_ratio(-0.5, a)", "limit_ratio(-0.5, a)"},
    {"mad_over_time(a[5m])", "mad_over_time(a[5m])"},
    {"info(a)", "info(a)"},
    {"info(a, {b=\"c\"})", "info(a, {b=\"c\"})"},
    {"sort_by_label(a, \"x\", \"y\")", "sort_by_label(a, \"x\", \"y\")"},
    {"start() + end() + range() + step()", "start() + end() + range() + step()"},
    {"max_of(1, time())", "max_of(1, time())"},
    {"a anchored", "a anchored"},
    {"a smoothed", "a smoothed"},
    {"a[5m] anchored", "a[5m] anchored"},
    {"rate(a[5m] smoothed)", "rate(a[5m] smoothed)"},
    {"a[5m] smoothed @ 1 offset 1m", "a[5m] smoothed @ 1.000 offset 1m"},
    {"a @ 1 anchored offset 1m", "a @ 1.000 anchored offset 1m"},
    {"a + fill(0) b", "a + fill (0) b"},
    {"a + on(x) fill_left(1) b", "a + on (x) fill_left (1) b"},
    {"a + on(x) group_left(y) fill_left(-1) fill_right(5m) b",
     "a + on (x) group_left (y) fill_left (-1) fill_right (300) b"},
    {"a + fill_right(inf) fill_left(nan) b", "a + fill_left (NaN) fill_right (+Inf) b"},
    {"fill + fill_left", "fill + fill_left"},
    {"fill_right{a=\"b\"}", "fill_right{a=\"b\"}"},
    {"histogram_quantiles(a, \"q\", 0.5, 0.9)", "histogram_quantiles(a, \"q\", 0.5, 0.9)"},
};

// The printed text, which must also be what its own tree prints to.
template <typename Cases>
void ExpectPrinted(const Cases& cases, const Features& features) {
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    const auto expr = ParseExpr(c.query, features);
    ASSERT_TRUE(expr.has_value()) << expr.error().message();
    EXPECT_EQ(ToString(**expr), c.want);
    const auto again = ParseExpr(c.want, features);
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(ToString(**again), c.want);
  }
}

TEST(PrinterTest, DefaultFeatures) { ExpectPrinted(kDefault, Features()); }

TEST(PrinterTest, ExperimentalFeatures) { ExpectPrinted(kExperimental, AllFeatures()); }

TEST(PrinterTest, EmptySelectorKeepsItsBraces) {
  // Prometheus 3.14 prints "info(a, )".
  constexpr Case kCases[] = {{"info(a, {})", "info(a, {})"}};
  ExpectPrinted(kCases, AllFeatures());
}

}  // namespace
}  // namespace narthex::promql

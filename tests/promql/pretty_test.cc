// SPDX-License-Identifier: Apache-2.0
//
// Expected texts: answers of Prometheus 3.14.
#include <gtest/gtest.h>

#include "narthex/promql/parser.h"
#include "narthex/promql/printer.h"

namespace narthex::promql {
namespace {

constexpr struct {
  const char* query;
  const char* pretty;
} kCases[] = {
    {"sum by (job, instance) (rate(http_requests_total{job=\"api-server\", "
     "instance=~\"web-[0-9]+\", code!~\"5..\"}[5m]))",
     "sum by (job, instance) (\n"
     "  rate(http_requests_total{code!~\"5..\",instance=~\"web-[0-9]+\",job=\"api-server\"}[5m])\n"
     ")"},
    {"sum by (job) (rate(http_requests_total{job=\"api-server\"}[5m])) / on (job) group_left "
     "(team) sum by (job) (rate(http_errors_total[5m]))",
     "  sum by (job) (rate(http_requests_total{job=\"api-server\"}[5m]))\n"
     "/ on (job) group_left (team)\n"
     "  sum by (job) (rate(http_errors_total[5m]))"},
    {"histogram_quantile(0.99, sum by (le, job) "
     "(rate(http_request_duration_seconds_bucket{job=\"api-server\", "
     "handler=\"/api/v1/query\"}[5m])))",
     "histogram_quantile(\n"
     "  0.99,\n"
     "  sum by (le, job) (\n"
     "    "
     "rate(http_request_duration_seconds_bucket{handler=\"/api/v1/"
     "query\",job=\"api-server\"}[5m])\n"
     "  )\n"
     ")"},
    {"(sum(rate(http_requests_total{job=\"api-server\", instance=\"a\"}[5m])) + "
     "sum(rate(http_requests_total{job=\"api-server\"}[5m])))",
     "(\n"
     "    sum(rate(http_requests_total{instance=\"a\",job=\"api-server\"}[5m]))\n"
     "  +\n"
     "    sum(rate(http_requests_total{job=\"api-server\"}[5m]))\n"
     ")"},
    {"-(sum(rate(http_requests_total{job=\"api-server\", instance=\"a\"}[5m])) + "
     "sum(rate(http_requests_total{job=\"api-server\"}[5m])))",
     "-(\n"
     "    sum(rate(http_requests_total{instance=\"a\",job=\"api-server\"}[5m]))\n"
     "  +\n"
     "    sum(rate(http_requests_total{job=\"api-server\"}[5m]))\n"
     ")"},
    {"max_over_time((sum(rate(http_requests_total{job=\"api-server\", instance=\"a\"}[5m])) + "
     "sum(rate(other_total[5m])))[1h:5m] offset 1d)",
     "max_over_time(\n"
     "  (sum(rate(http_requests_total{instance=\"a\",job=\"api-server\"}[5m])) + "
     "sum(rate(other_total[5m])))[1h:5m] offset 1d\n"
     ")"},
    {"topk by (a_long_label_name, another_long_label_name) (5, "
     "some_metric_name_that_is_long{with=\"matchers\", and=\"more\"} > bool 7)",
     "topk by (a_long_label_name, another_long_label_name) (\n"
     "  5,\n"
     "  some_metric_name_that_is_long{and=\"more\",with=\"matchers\"} > bool 7\n"
     ")"},
    {"label_replace(some_metric_name_that_is_long{with=\"matchers\"}, \"destination_label\", "
     "\"$1-$2\", \"source_label\", \"(.*)-(.*)\")",
     "label_replace(\n"
     "  some_metric_name_that_is_long{with=\"matchers\"},\n"
     "  \"destination_label\",\n"
     "  \"$1-$2\",\n"
     "  \"source_label\",\n"
     "  \"(.*)-(.*)\"\n"
     ")"},
    {"{__name__=\"a_metric_with_a_very_long_name_that_never_ends\", "
     "label_number_one=\"value_one\", label_number_two=\"value_two\"}",

     "{__name__=\"a_metric_with_a_very_long_name_that_never_ends\",label_number_one=\"value_one\","
     "label_number_two=\"value_two\"}"},
    {"rate(x[5m]) or rate(y[5m])",

     "rate(x[5m]) or rate(y[5m])"},
};

TEST(PrettyTest, SplitsLongExpressions) {
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.query);
    const auto expr = ParseExpr(c.query, Features());
    ASSERT_TRUE(expr.has_value()) << expr.error().message();
    EXPECT_EQ(Pretty(**expr), c.pretty);
    const auto again = ParseExpr(c.pretty, Features());
    ASSERT_TRUE(again.has_value()) << again.error().message();
    EXPECT_EQ(ToString(**again), ToString(**expr));
  }
}

}  // namespace
}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
#include "src/cli/rule_test_case.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/core.h>

#include "narthex/alerting/rule_runner.h"
#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/base/metrics.h"
#include "narthex/promql/engine.h"
#include "narthex/promql/parser.h"
#include "narthex/storage/appender.h"
#include "src/cli/alert_diff.h"
#include "src/cli/rule_test_text.h"
#include "src/cli/test_promql.h"

namespace narthex::cli {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kMaxSamples = 10'000;  // As promtool's engine.
constexpr model::DurationMs kTimeoutMs = 100'000;
const std::string kIndent(12, ' ');

class RuleTest {
 public:
  RuleTest(const RuleTestContext& context, const config::RuleTestGroup& test)
      : context_(context),
        test_(test),
        interval_ms_(test.interval_ms == 0 ? context.file.evaluation_interval_ms
                                           : test.interval_ms),
        storage_(NewTsdbTestStorage()),
        engine_(EngineOptions(context), nullptr, SystemClock(), registry_) {}

  std::vector<std::string> Run();

 private:
  struct Series {
    std::vector<promql::SequenceValue> values;
    std::size_t loaded = 0;
    storage::SeriesRef ref{0};
  };

  static promql::EngineOptions EngineOptions(const RuleTestContext& context) {
    promql::EngineOptions options;
    options.max_samples = kMaxSamples;
    options.timeout_ms = kTimeoutMs;
    options.default_subquery_step_ms = context.file.evaluation_interval_ms;
    options.features = context.features;
    return options;
  }
  model::DurationMs LastEvalTime() const;
  model::TimestampMs TimeAt(model::DurationMs since_start) const {
    return test_.start_ns / kNsPerMs + since_start;
  }

  Status ParseSeries();
  Status CheckAlertTests() const;
  std::vector<std::string> LoadRules(alerting::RuleRunner& runner) const;
  Status LoadUntil(model::TimestampMs t);
  bool EvaluateAll(alerting::RuleRunner& runner);
  /// @return false when a rule failed
  bool EvaluateAt(model::DurationMs since_start, alerting::RuleRunner& runner);
  void CompareAlerts(model::DurationMs eval_time, const alerting::RuleRunner& runner);
  void CompareAlert(const config::AlertRuleTest& expected, const alerting::RuleRunner& runner);
  void CompareExpr(const config::PromqlExprTest& expected);
  Result<promql::Vector> Query(const config::PromqlExprTest& expected);
  static Result<TestedSample> ParseExpected(const config::ExpectedSample& sample);
  bool Same(const TestedSample& a, const TestedSample& b) const;
  void Dump();

  const RuleTestContext& context_;
  const config::RuleTestGroup& test_;
  const model::DurationMs interval_ms_;  // Between the samples of the series.
  metrics::Registry registry_;
  const std::unique_ptr<promql::TestStorage> storage_;
  promql::Engine engine_;
  std::map<model::Labels, Series> series_;
  std::vector<std::string> failures_;
};

model::DurationMs RuleTest::LastEvalTime() const {
  model::DurationMs last = 0;
  for (const auto& test : test_.alert_tests) last = std::max(last, test.eval_time_ms);
  for (const auto& test : test_.promql_tests) last = std::max(last, test.eval_time_ms);
  return last;
}

Status RuleTest::ParseSeries() {
  // The series are lines of a script that begins with "load"; errors name the line.
  std::size_t line = 1;
  for (const config::RuleTestSeries& input : test_.input_series) {
    ++line;
    auto parsed = promql::ParseSeriesDescription(input.series + " " + input.values);
    if (!parsed) {
      std::string message = parsed.error().message();
      if (message.starts_with("1:")) message = fmt::format("{}{}", line, message.substr(1));
      return Fail(parsed.error().code(), std::move(message));
    }
    series_[parsed->labels] = {std::move(parsed->values), 0, storage::SeriesRef{0}};
  }
  return {};
}

Status RuleTest::CheckAlertTests() const {
  for (const config::AlertRuleTest& test : test_.alert_tests) {
    if (!test.alertname.empty()) continue;
    return Fail(
        Code::kInvalidArgument,
        fmt::format("an item under alert_rule_test misses required attribute alertname at "
                    "eval_time {}{}",
                    model::FormatDuration(test.eval_time_ms),
                    test_.name.empty() ? "" : fmt::format(" (in TestGroup {})", test_.name)));
  }
  return {};
}

std::vector<std::string> RuleTest::LoadRules(alerting::RuleRunner& runner) const {
  alerting::RuleRunnerOptions options;
  options.interval_ms = interval_ms_;
  options.external_labels = test_.external_labels;
  options.external_url = test_.external_url;
  options.group_order = context_.file.group_eval_order;
  options.ignore_unknown_fields = context_.ignore_unknown_fields;
  options.features = context_.features;
  return runner.Load(context_.rule_files, options);
}

Status RuleTest::LoadUntil(model::TimestampMs t) {
  const auto appender = storage_->appendable().NewAppender();
  for (auto& [labels, series] : series_) {
    for (; series.loaded < series.values.size(); ++series.loaded) {
      const model::TimestampMs at =
          TimeAt(static_cast<model::DurationMs>(series.loaded) * interval_ms_);
      if (at > t) break;
      const promql::SequenceValue& value = series.values[series.loaded];
      if (value.omitted) continue;
      const auto error =
          value.histogram ? appender->AppendFloatHistogram(series.ref, labels, at, *value.histogram)
                          : appender->Append(series.ref, labels, at, value.value);
      if (error != storage::AppendError::kNone) {
        return Fail(Code::kExecution, std::string(storage::AppendErrorText(error)));
      }
    }
  }
  return appender->Commit();
}

bool RuleTest::EvaluateAt(model::DurationMs since_start, alerting::RuleRunner& runner) {
  if (const Status loaded = LoadUntil(TimeAt(since_start)); !loaded) {
    failures_.push_back(loaded.error().message());
    return true;
  }
  const std::int64_t at_ns = test_.start_ns + since_start * kNsPerMs;
  runner.Evaluate(at_ns);
  bool good = true;
  for (const alerting::GroupSnapshot& group : runner.Groups(false)) {
    for (const alerting::RuleSnapshot& rule : group.rules) {
      if (rule.last_error.empty()) continue;
      failures_.push_back(fmt::format("    rule: {}, time: {}, err: {}", rule.name,
                                      go::FormatDuration(at_ns), rule.last_error));
      good = false;
    }
  }
  return good;
}

bool RuleTest::EvaluateAll(alerting::RuleRunner& runner) {
  std::set<model::DurationMs> alert_times;
  for (const config::AlertRuleTest& test : test_.alert_tests) alert_times.insert(test.eval_time_ms);
  const model::DurationMs step = context_.file.evaluation_interval_ms;
  for (model::DurationMs at = 0; at <= LastEvalTime(); at += step) {
    if (!EvaluateAt(at, runner)) return false;
    for (auto it = alert_times.lower_bound(at); it != alert_times.end() && *it < at + step; ++it) {
      CompareAlerts(*it, runner);
    }
  }
  return true;
}

void RuleTest::CompareAlerts(model::DurationMs eval_time, const alerting::RuleRunner& runner) {
  for (const config::AlertRuleTest& test : test_.alert_tests) {
    if (test.eval_time_ms == eval_time) CompareAlert(test, runner);
  }
}

void RuleTest::CompareAlert(const config::AlertRuleTest& expected,
                            const alerting::RuleRunner& runner) {
  std::vector<TestedAlert> got;
  for (const alerting::GroupSnapshot& group : runner.Groups(true)) {
    for (const alerting::RuleSnapshot& rule : group.rules) {
      if (!rule.alerting || rule.name != expected.alertname) continue;
      for (const alerting::AlertSnapshot& alert : rule.alerts) {
        if (alert.state != alerting::AlertState::kFiring) continue;
        got.push_back({alert.labels, alert.annotations});
      }
    }
  }
  std::vector<TestedAlert> want;
  for (const config::ExpectedAlert& alert : expected.alerts) {
    std::map<std::string_view, std::string_view> labels;
    for (const auto& [name, value] : alert.labels) labels[name] = value;
    labels[model::kAlertName] = expected.alertname;  // Users leave it out.
    want.push_back({model::Labels::FromSorted(labels), alert.annotations});
  }
  std::sort(got.begin(), got.end());
  std::sort(want.begin(), want.end());
  if (got == want) return;
  const std::string where =
      fmt::format("{}    alertname: {}, time: {}, \n        ",
                  test_.name.empty() ? "" : fmt::format("    name: {},\n", test_.name),
                  expected.alertname, model::FormatDuration(expected.eval_time_ms));
  failures_.push_back(
      context_.diff ? where + "diff: " + AlertDiff(std::move(want), std::move(got), kIndent)
                    : where + fmt::format("exp:{}, \n        got:{}", AlertsText(want, kIndent),
                                          AlertsText(got, kIndent)));
}

Result<promql::Vector> RuleTest::Query(const config::PromqlExprTest& expected) {
  NX_ASSIGN_OR_RETURN(auto result, engine_.Instant(storage_->queryable(), expected.expr,
                                                   TimeAt(expected.eval_time_ms)));
  if (auto* vector = std::get_if<promql::Vector>(&result.value)) return std::move(*vector);
  if (const auto* scalar = std::get_if<promql::ScalarValue>(&result.value)) {
    promql::Vector vector(1);
    vector[0].v = scalar->v;
    return vector;
  }
  return Fail(Code::kExecution, "rule result is not a vector or scalar");
}

Result<TestedSample> RuleTest::ParseExpected(const config::ExpectedSample& sample) {
  TestedSample out;
  out.value = sample.value;
  NX_ASSIGN_OR_RETURN(out.labels, promql::ParseMetric(sample.labels));
  if (sample.histogram.empty()) return out;
  NX_ASSIGN_OR_RETURN(const auto parsed, promql::ParseSeriesDescription("{} " + sample.histogram));
  if (parsed.values.size() != 1) {
    return Fail(Code::kInvalidArgument,
                fmt::format("expected 1 value, got {}", parsed.values.size()));
  }
  if (!parsed.values[0].histogram) {
    return Fail(Code::kInvalidArgument, fmt::format("expected histogram, got {}",
                                                    go::FormatFloatF(parsed.values[0].value)));
  }
  out.histogram = DescribeHistogram(*parsed.values[0].histogram);
  return out;
}

bool RuleTest::Same(const TestedSample& a, const TestedSample& b) const {
  if (a.labels != b.labels || a.histogram != b.histogram) return false;
  if (a.value == b.value) return true;  // So NaN equals nothing, as there.
  constexpr double kInf = std::numeric_limits<double>::infinity();
  return context_.file.fuzzy_compare &&
         (std::nextafter(a.value, -kInf) == b.value || std::nextafter(a.value, kInf) == b.value);
}

void RuleTest::CompareExpr(const config::PromqlExprTest& expected) {
  const std::string where = fmt::format("    expr: {}, time: {},", go::Quote(expected.expr),
                                        model::FormatDuration(expected.eval_time_ms));
  auto result = Query(expected);
  if (!result) {
    failures_.push_back(fmt::format("{} err: {}", where, result.error().message()));
    return;
  }
  std::vector<TestedSample> got, want;
  for (const promql::VectorSample& sample : *result) {
    got.push_back({sample.metric, sample.h ? 0 : sample.v,
                   sample.h ? DescribeHistogram(*sample.h) : std::string()});
  }
  for (const config::ExpectedSample& sample : expected.samples) {
    auto parsed = ParseExpected(sample);
    if (!parsed) {
      failures_.push_back(fmt::format("{} err: labels {}: {}", where, go::Quote(sample.labels),
                                      parsed.error().message()));
      return;
    }
    want.push_back(std::move(*parsed));
  }
  const auto by_labels = [](const TestedSample& a, const TestedSample& b) {
    return (a.labels <=> b.labels) < 0;
  };
  std::stable_sort(got.begin(), got.end(), by_labels);
  std::stable_sort(want.begin(), want.end(), by_labels);
  if (std::equal(got.begin(), got.end(), want.begin(), want.end(),
                 [this](const auto& a, const auto& b) { return Same(a, b); })) {
    return;
  }
  failures_.push_back(fmt::format("{}\n        exp: {}\n        got: {}", where, SamplesText(want),
                                  SamplesText(got)));
}

void RuleTest::Dump() {
  // Whole seconds, past the last evaluation.
  const std::int64_t ns = (LastEvalTime() * kNsPerMs + kNsPerSecond) / kNsPerSecond * kNsPerSecond;
  const std::string time = go::FormatDuration(ns);
  const std::string expr = fmt::format(R"({{__name__=~".+"}}[{}])", time);
  const auto result = engine_.Instant(storage_->queryable(), expr, TimeAt(ns / kNsPerMs));
  if (!result) {
    fmt::print(stderr, "DEBUG: Failed query exec, expr: {}, err: {}\n", go::Quote(expr),
               result.error().message());
    return;
  }
  fmt::print(stderr, "DEBUG: Dump of all data (input_series and rules) at {}:\n", time);
  std::string text;
  for (const promql::MatrixSeries& series : std::get<promql::Matrix>(result->value)) {
    text += (text.empty() ? "" : "\n") + MatrixText(series);
  }
  fmt::print(stderr, "{}\n", text);
}

std::vector<std::string> RuleTest::Run() {
  if (storage_ == nullptr) return {"creating a database for the test failed"};
  const auto failed = [](const Status& status) { return std::vector{status.error().message()}; };
  if (const Status status = ParseSeries(); !status) return failed(status);
  alerting::RuleRunner runner(engine_, storage_->queryable(), storage_->appendable());
  if (auto problems = LoadRules(runner); !problems.empty()) return problems;
  if (const Status status = CheckAlertTests(); !status) return failed(status);
  if (!EvaluateAll(runner)) return std::move(failures_);
  for (const config::PromqlExprTest& test : test_.promql_tests) CompareExpr(test);
  if (context_.debug) Dump();
  return std::move(failures_);
}

}  // namespace

std::vector<std::string> RunRuleTest(const RuleTestContext& context,
                                     const config::RuleTestGroup& test, const std::string& name) {
  const std::int64_t begin = SystemClock().MonotonicNs();
  if (context.debug) fmt::print(stderr, "DEBUG: Starting test {}\n", name);
  std::vector<std::string> failures = RuleTest(context, test).Run();
  if (context.debug) {
    fmt::print(stderr, "DEBUG: Test {} finished, took {}\n", name,
               go::FormatDuration(SystemClock().MonotonicNs() - begin));
  }
  return failures;
}

}  // namespace narthex::cli

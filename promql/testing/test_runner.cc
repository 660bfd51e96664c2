// SPDX-License-Identifier: Apache-2.0
#include "narthex/promql/test_runner.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "promql/testing/compare.h"
#include "promql/testing/fix_time.h"
#include "promql/testing/load.h"
#include "promql/testing/script.h"

namespace narthex::promql {
namespace {

constexpr model::DurationMs kMinuteMs = 60'000;

// Queries whose answer depends on the kind of query can't be compared between kinds.
bool NamesQueryRange(std::string_view query) {
  constexpr std::array<std::string_view, 4> kCalls = {"start()", "end()", "range()", "step()"};
  return std::any_of(kCalls.begin(), kCalls.end(), [query](std::string_view call) {
    return query.find(call) != std::string_view::npos;
  });
}

// The rows of a matrix that have a point at time t.
Vector PointsAt(const Matrix& matrix, model::TimestampMs t) {
  Vector vector;
  for (const auto& row : matrix) {
    for (const auto& p : row.floats) {
      if (p.t == t) vector.push_back({row.metric, t, p.v, nullptr});
    }
    for (const auto& p : row.histograms) {
      if (p.t != t) continue;
      vector.push_back({row.metric, t, 0, std::make_unique<model::FloatHistogram>(p.h)});
    }
  }
  return vector;
}

class ScriptRunner {
 public:
  ScriptRunner(const EngineOptions& options, const TestStorageFactory& new_storage)
      : new_storage_(new_storage), engine_(options, nullptr, SystemClock(), registry_) {}

  TestReport Run(const std::vector<Command>& commands) {
    if (!Clear(0)) return std::move(report_);
    for (const Command& command : commands) {
      if (const auto* load = std::get_if<LoadCommand>(&command)) {
        const Status status = Load(*load, storage_->appendable());
        if (status) continue;
        AddFailure(load->line, status.error().message());
        break;
      }
      if (const auto* eval = std::get_if<EvalCommand>(&command)) {
        RunEval(*eval);
      } else if (!Clear(0)) {
        break;
      }
    }
    return std::move(report_);
  }

 private:
  using Difference = std::optional<std::string>;

  bool Clear(int line) {
    storage_.reset();
    storage_ = new_storage_();
    if (storage_ == nullptr) AddFailure(line, "the storage can't be created");
    return storage_ != nullptr;
  }

  void AddFailure(int line, std::string text) {
    report_.failures.push_back({line, std::move(text)});
  }

  void RunEval(const EvalCommand& eval) {
    ++report_.num_evals;
    if (auto d = eval.range ? RunRange(eval) : RunInstants(eval)) {
      AddFailure(eval.line, std::move(*d));
    }
  }

  Difference RunRange(const EvalCommand& eval) {
    auto result =
        engine_.Range(storage_->queryable(), eval.query, eval.start_ms, eval.end_ms, eval.step_ms);
    return Named(eval.query, "", CompareResult(eval, eval.query, result));
  }

  // What went wrong with which of the queries that an eval stands for.
  static Difference Named(std::string_view query, const std::string& when, Difference difference) {
    if (!difference) return std::nullopt;
    return fmt::format("{}{}: {}", query, when, *difference);
  }

  static Difference CompareResult(const EvalCommand& eval, std::string_view query,
                                  const Result<QueryResult>& result) {
    if (!result) return CompareError(eval, result.error().message());
    if (eval.fail) return "expected an error, got none";
    if (auto d = CompareAnnotations(eval, query, result->annotations)) return d;
    return CompareValue(eval, result->value);
  }

  Difference RunInstants(const EvalCommand& eval) {
    if (auto d = RunInstant(eval, eval.query, eval.eval_ms)) return d;
    const auto fixed = FixTime(eval.query, eval.eval_ms, engine_.options().features);
    if (!fixed || !*fixed) return std::nullopt;  // Wrong syntax: RunInstant has judged that.
    const model::TimestampMs t = eval.eval_ms;
    std::vector<model::TimestampMs> times = {-10 * t, 0, t / 5, t, 10 * t};
    if (t == 0) times = {-1000, 0, 1000};
    for (const model::TimestampMs at : times) {
      if (auto d = RunInstant(eval, **fixed, at)) return d;
    }
    return std::nullopt;
  }

  Difference RunInstant(const EvalCommand& eval, const std::string& query, model::TimestampMs t) {
    const std::string when = fmt::format(" at {}", t);
    auto result = engine_.Instant(storage_->queryable(), query, t);
    if (auto d = CompareResult(eval, query, result)) return Named(query, when, std::move(d));
    const bool comparable = result.has_value() && !eval.range_vector && !eval.text;
    if (!comparable || NamesQueryRange(query)) return std::nullopt;
    const bool scalar = std::holds_alternative<ScalarValue>(result->value);
    return Named(query, when + " as a range", CompareAsRange(eval, query, t, scalar));
  }

  // The middle point of a range query must be what the instant query gives.
  Difference CompareAsRange(const EvalCommand& eval, const std::string& query, model::TimestampMs t,
                            bool scalar) {
    auto result =
        engine_.Range(storage_->queryable(), query, t - kMinuteMs, t + kMinuteMs, kMinuteMs);
    if (!result) return "query failed: " + result.error().message();
    if (eval.ordered) return std::nullopt;
    const auto& matrix = std::get<Matrix>(result->value);
    for (std::size_t i = 1; i < matrix.size(); ++i) {
      if (matrix[i].metric < matrix[i - 1].metric) return "the matrix is not sorted by labels";
    }
    Vector vector = PointsAt(matrix, t);
    if (!scalar) return CompareValue(eval, std::move(vector));
    if (vector.size() != 1) return fmt::format("expected one row, got {}", vector.size());
    return CompareValue(eval, ScalarValue{t, vector[0].v});
  }

  const TestStorageFactory& new_storage_;
  std::unique_ptr<TestStorage> storage_;
  metrics::Registry registry_;
  Engine engine_;
  TestReport report_;
};

}  // namespace

EngineOptions TestEngineOptions() {
  EngineOptions options;
  options.max_samples = 10'000;
  options.timeout_ms = 100'000;
  options.features.experimental_functions = true;
  options.features.extended_range_selectors = true;
  options.features.binop_fill_modifiers = true;
  options.features.delayed_name_removal = true;
  options.features.use_start_timestamps = true;
  return options;
}

TestReport RunTestScript(std::string_view script, const EngineOptions& options,
                         const TestStorageFactory& new_storage) {
  std::vector<Command> commands;
  if (auto error = ParseScript(script, commands)) {
    TestReport report;
    report.failures.push_back({error->line, std::move(error->text)});
    return report;
  }
  return ScriptRunner(options, new_storage).Run(commands);
}

}  // namespace narthex::promql

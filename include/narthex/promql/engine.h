// SPDX-License-Identifier: Apache-2.0
//
// Evaluates PromQL over a storage::Queryable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/sample.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/features.h"
#include "narthex/promql/trace.h"
#include "narthex/storage/annotations.h"

namespace narthex {
class Clock;
class Fs;
class JsonFileLog;
class JsonWriter;
class ThreadPool;
namespace metrics {
class Registry;
}
namespace storage {
class Queryable;
}
}  // namespace narthex

namespace narthex::promql {

struct HistogramPoint {
  model::TimestampMs t = 0;
  model::FloatHistogram h;
};

/// One row of a vector: exactly one of value and histogram is meant.
struct VectorSample {
  model::Labels metric;
  model::TimestampMs t = 0;
  double v = 0;
  std::unique_ptr<model::FloatHistogram> h;  // Null for floats.
};

/// One row of a matrix; both lists ascending in time.
struct MatrixSeries {
  model::Labels metric;
  std::vector<model::Sample> floats;
  std::vector<HistogramPoint> histograms;
};

struct ScalarValue {
  model::TimestampMs t = 0;
  double v = 0;
};
struct StringValue {
  model::TimestampMs t = 0;
  std::string v;
};
using Vector = std::vector<VectorSample>;
using Matrix = std::vector<MatrixSeries>;
using Value = std::variant<ScalarValue, StringValue, Vector, Matrix>;

/// Numbers for the API's `stats` parameter.
struct QueryStats {
  double eval_total_s = 0, result_sort_s = 0, preparation_s = 0, inner_eval_s = 0;
  double queue_s = 0, exec_total_s = 0;
  std::int64_t total_queryable_samples = 0;  // Window lengths summed over all steps.
  std::int64_t samples_read = 0;             // Each sample once.
  std::int64_t peak_samples = 0;
  std::vector<std::int64_t> total_per_step, read_per_step;  // Empty unless per-step stats are on.
};

/// As the API's `data.stats`.
/// @param per_step  with what each step had, of queries with these start and step
void WriteStats(const QueryStats& stats, bool per_step, model::TimestampMs start,
                model::DurationMs step, JsonWriter& out);

/// The series of a matrix that is too large to be held: each call evaluates as far as the next ones
/// need. They are those of the evaluation before, which found every error of the query, so that a
/// call fails only where the storage does, or the end of the server comes (QueryOptions::stop).
/// Holds the storage's series, so it is to be read at once; when the caller takes longer between
/// the calls, all together, than a query may take, the next call takes all that is left into
/// memory and lets the storage go. What is held counts against EngineOptions::max_query_bytes and
/// max_total_bytes. The query's timeout and its slot (max_concurrency) have ended before.
/// Lives no longer than the engine. Thread safety: one thread at a time.
class MatrixStream {
 public:
  virtual ~MatrixStream() = default;
  /// The next series, sorted by labels; null = the end, as after an error. Valid until the next
  /// call. Errors: kExecution, kCancelled.
  virtual Result<const MatrixSeries*> Next() = 0;
  /// How many there are in all.
  virtual std::size_t size() const = 0;
};

struct QueryResult {
  Value value;
  std::unique_ptr<MatrixStream>
      stream;  // Not null: the value is an empty Matrix, for these series.
  storage::Annotations annotations;
  QueryStats stats;
  std::unique_ptr<TraceNode> trace;  // Null unless it was asked for.
};

struct Expr;

/// An expression that is evaluated at many single times, as a rule's, and parsed once.
/// Immutable; thread safety: any thread.
class InstantQuery {
 public:
  const std::string& text() const { return text_; }

 private:
  friend class Engine;
  explicit InstantQuery(std::string text) : text_(std::move(text)) {}

  std::string text_;
  std::shared_ptr<const Expr> plan_;  // Null: it depends on the time of the evaluation.
};

struct EngineOptions {
  std::int64_t max_samples = 50'000'000;
  model::DurationMs timeout_ms = 120'000;
  int max_concurrency = 20;
  model::DurationMs lookback_delta_ms = 300'000;
  model::DurationMs default_subquery_step_ms = 60'000;  // global evaluation_interval.
  std::size_t max_query_bytes = std::size_t{4} << 30;   // Memory of one query.
  std::size_t max_total_bytes = std::size_t{8} << 30;   // Memory of all running queries.
  Features features;
};

/// Who asks: {"httpRequest": {"clientIP": "…", "method": "…", "path": "…"}}.
struct QueryOrigin {
  std::string kind;
  std::vector<std::pair<std::string, std::string>> fields;  // Sorted by name.
};

struct QueryOptions {
  model::DurationMs lookback_delta_ms = 0;  // 0 = the engine's.
  model::DurationMs timeout_ms = 0;         // 0 = the engine's; capped by it.
  std::stop_token stop;                     // Requested = client gone or server stopping.
  // For the query log: null = nobody in particular, otherwise not owned, outlives the query; and
  // whether numbers per step belong to the statistics.
  const QueryOrigin* origin = nullptr;
  bool wants_per_step_stats = false;
  /// A matrix that needs more bytes is given as a stream, if its series come in order and not all
  /// at once (as those of an aggregation do); they are evaluated twice then. 0 = never.
  std::size_t stream_above_bytes = 0;
  /// Note what each operator took. Nothing is streamed then.
  bool trace = false;
};

/// Thread safety: any thread. Evaluations run on the calling thread, which waits for a slot
/// (max_concurrency), and split work over the pool.
class Engine final {
 public:
  /// @param pool  not owned, outlives the engine; may be null: then everything runs on the caller
  Engine(EngineOptions options, ThreadPool* pool, Clock& clock, metrics::Registry& registry);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Evaluates at one time. Errors: kInvalidArgument ("1:3: parse error: …"), kExecution, kTimeout,
  /// kCancelled, kInternal.
  Result<QueryResult> Instant(storage::Queryable& queryable, const std::string& query,
                              model::TimestampMs t, const QueryOptions& options = {});

  /// The same for a query of PrepareInstant.
  Result<QueryResult> Instant(storage::Queryable& queryable, const InstantQuery& query,
                              model::TimestampMs t, const QueryOptions& options = {});

  /// Errors: kInvalidArgument, as of Instant.
  Result<InstantQuery> PrepareInstant(std::string query) const;

  /// Evaluates at start, start+step, … ≤ end. The value is always a Matrix, sorted by labels, or
  /// its stream.
  Result<QueryResult> Range(storage::Queryable& queryable, const std::string& query,
                            model::TimestampMs start, model::TimestampMs end,
                            model::DurationMs step, const QueryOptions& options = {});

  /// Changes the step of subqueries that name none (configuration reload).
  void SetDefaultSubqueryStep(model::DurationMs step);

  /// Where each query that could be parsed is noted at its end; null = nowhere. What is under way
  /// may still be noted in the one before.
  void SetQueryLog(std::shared_ptr<JsonFileLog> log);

  /// Keeps the queries that are being evaluated from now on in a file, in Prometheus's format
  /// (queries.active).
  /// @return those that the file had, which the process before did not finish: a JSON list, empty
  ///     when there are none. Errors: kIo.
  Result<std::string> KeepActiveQueries(Fs& fs, const std::string& path);

  const EngineOptions& options() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::promql

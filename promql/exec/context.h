// SPDX-License-Identifier: Apache-2.0
//
// What all operators of one running query share: limits, statistics, annotations, cancellation.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <vector>

#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/promql/ast.h"
#include "narthex/promql/engine.h"
#include "narthex/storage/annotations.h"
#include "narthex/storage/querier.h"
#include "promql/exec/batch.h"

namespace narthex {
class Clock;
class ThreadPool;
}  // namespace narthex

namespace narthex::promql {

struct EvaluatedExpr;  // promql/exec/sides.h

/// A subquery that is being evaluated, for the statistics.
struct SubqueryFrame {
  /// The first step of the outer grid whose window reaches to t.
  int OuterStep(model::TimestampMs t) const;

  Grid outer;
  bool fixed = false;  // By @: read for the first step.
  model::DurationMs offset_ms = 0;
  const SubqueryFrame* parent = nullptr;
};

/// The series a selector reads, chosen before evaluation begins.
struct SelectedSeries {
  /// See SeriesSet::SomeLabelsAt, which is not asked when no labels are wanted.
  model::Labels SomeLabelsAt(std::size_t i, std::span<const std::string> names) const {
    return names.empty() ? model::Labels() : set->SomeLabelsAt(i, names);
  }

  std::shared_ptr<const storage::SeriesSet> set;
  model::TimestampMs mint = 0;  // Closed range of samples that any step can need.
  model::TimestampMs maxt = 0;
  bool histogram_stats = false;  // Of histograms only count, sum and reset hint are wanted.
};

/// Bytes held by all running queries of an engine.
struct TotalMemory {
  std::atomic<std::size_t> bytes{0};
  std::size_t limit = 0;
};

/// Thread safety: what worker threads call is atomic or locked; the rest belongs to the thread that
/// runs the query.
class ExecContext {
 public:
  ExecContext(const EngineOptions& options, const QueryOptions& query, ThreadPool* pool,
              Clock& clock, TotalMemory& total_memory);
  ~ExecContext();
  ExecContext(const ExecContext&) = delete;
  ExecContext& operator=(const ExecContext&) = delete;

  /// Whether the query may go on. Errors: kTimeout, kCancelled. Any thread.
  Status Check() const;

  /// Counts samples as held in memory. Errors: kExecution past --query.max-samples.
  Status HoldSamples(std::int64_t n);
  void ReleaseSamples(std::int64_t n) { samples_ -= n; }
  /// Counts, for a moment, `n` samples beside what is held.
  Status TouchSamples(std::int64_t n) {
    Status outcome = HoldSamples(n);
    ReleaseSamples(n);
    return outcome;
  }

  /// Counts samples for the statistics: `looked_at` is the content of the window at a step, `read`
  /// what of it earlier steps did not see. Inside of subqueries only reading counts, as upstream.
  /// Errors: as HoldBytes, because numbers per step take memory.
  Status CountSamples(const Grid& grid, int step, std::int64_t looked_at, std::int64_t read);
  /// What does not change from step to step is looked at only at the first one, and counts again at
  /// all others. For grids whose rows are held already. Errors: as CountSamples.
  Status CountAtLaterSteps(const Grid& grid, std::int64_t looked_at);
  /// Makes room for the numbers of so many steps, held as long as the query runs.
  Status HoldStepCounts(int n_steps);

  /// Counts bytes against the budgets of the query and of the engine. What is refused counts
  /// nowhere. Any thread.
  Status HoldBytes(std::size_t n);
  void ReleaseBytes(std::size_t n);

  /// Calls fn(i) for i < count on the pool; i of equal value always gets equal work.
  void ParallelFor(std::size_t count, const std::function<void(std::size_t)>& fn) const;
  std::size_t num_workers() const;
  std::int64_t deadline_ns() const { return deadline_ns_; }
  Clock& clock() const { return clock_; }

  /// Before the query is evaluated once more: what was counted and noted counts no longer.
  /// @param notes  what there was to say before the first time
  void StartOver(storage::Annotations notes);
  /// For what goes on after the end of the query.
  void LiftDeadline() { deadline_ns_ = std::numeric_limits<std::int64_t>::max(); }

  const EngineOptions& options;
  const Features& features;
  model::DurationMs lookback_ms;
  std::stop_token stop;
  storage::Annotations annotations;
  QueryStats stats;
  std::unordered_map<const VectorSelector*, SelectedSeries> selected;
  int subquery_depth = 0;
  const SubqueryFrame* subquery = nullptr;   // The innermost one that is evaluated, null = none.
  const EvaluatedExpr* evaluated = nullptr;  // What is there already, innermost first; null = none.
  TraceNode* trace = nullptr;                // The operator at hand; null = nothing is traced.
  std::int64_t trace_mark_ns = 0;            // Up to which it has its CPU time.
  storage::Queryable* queryable = nullptr;   // For what is known only during evaluation: info().

 private:
  ThreadPool* pool_;
  Clock& clock_;
  std::int64_t deadline_ns_;
  std::int64_t samples_ = 0;
  std::atomic<std::size_t> bytes_{0};
  TotalMemory& total_memory_;
};

/// Past --query.max-samples.
Error TooManySamplesError();

/// Holds bytes and samples of the context until destroyed.
class Holding {
 public:
  explicit Holding(ExecContext& ctx) : ctx_(ctx) {}
  ~Holding() { Release(); }
  Holding(const Holding&) = delete;
  Holding& operator=(const Holding&) = delete;

  Status AddSamples(std::int64_t n) {
    samples_ += n;
    return ctx_.HoldSamples(n);
  }
  Status AddBytes(std::size_t n) {
    NX_RETURN_IF_ERROR(ctx_.HoldBytes(n));
    bytes_ += n;
    return {};
  }
  /// For rows that are about to be made, before there is memory for them.
  Status AddRows(std::size_t rows, int n_steps) {
    return AddBytes(rows * Batch::RowBytes(n_steps));
  }
  void Release() {
    ctx_.ReleaseSamples(samples_);
    ctx_.ReleaseBytes(bytes_);
    samples_ = 0;
    bytes_ = 0;
  }
  std::size_t bytes() const { return bytes_; }
  const ExecContext& context() const { return ctx_; }

 private:
  ExecContext& ctx_;
  std::int64_t samples_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace narthex::promql

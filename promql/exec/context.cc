// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/context.h"

#include <thread>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/thread_pool.h"
#include "promql/exec/trace.h"

namespace narthex::promql {
namespace {

std::int64_t Deadline(const EngineOptions& options, const QueryOptions& query, Clock& clock) {
  model::DurationMs timeout_ms = options.timeout_ms;
  if (query.timeout_ms > 0) timeout_ms = std::min(timeout_ms, query.timeout_ms);
  return clock.MonotonicNs() + timeout_ms * 1'000'000;
}

/// Adds n unless that makes more than the limit. @return whether it did
bool AddWithin(std::atomic<std::size_t>& sum, std::size_t n, std::size_t limit) {
  std::size_t now = sum.load();
  do {
    if (n > limit || now > limit - n) return false;
  } while (!sum.compare_exchange_weak(now, now + n));
  return true;
}

}  // namespace

ExecContext::ExecContext(const EngineOptions& engine_options, const QueryOptions& query,
                         ThreadPool* pool, Clock& clock, TotalMemory& total_memory)
    : options(engine_options),
      features(engine_options.features),
      lookback_ms(query.lookback_delta_ms > 0 ? query.lookback_delta_ms
                                              : engine_options.lookback_delta_ms),
      stop(query.stop),
      pool_(pool),
      clock_(clock),
      deadline_ns_(Deadline(engine_options, query, clock)),
      total_memory_(total_memory) {}

ExecContext::~ExecContext() { total_memory_.bytes -= bytes_.load(); }

Status ExecContext::Check() const {
  if (stop.stop_requested()) {
    return Fail(Code::kCancelled, "query was canceled in expression evaluation");
  }
  if (clock_.MonotonicNs() > deadline_ns_) {
    return Fail(Code::kTimeout, "query timed out in expression evaluation");
  }
  return {};
}

Status ExecContext::HoldSamples(std::int64_t n) {
  samples_ += n;
  stats.peak_samples = std::max(stats.peak_samples, samples_);
  if (samples_ > options.max_samples) return Fail(TooManySamplesError());
  return {};
}

Error TooManySamplesError() {
  return Error(Code::kExecution,
               "query processing would load too many samples into memory in query execution");
}

int SubqueryFrame::OuterStep(model::TimestampMs t) const {
  const model::TimestampMs after = t + offset_ms - outer.start;
  if (fixed || after <= 0 || outer.step <= 0) return 0;
  const std::int64_t step = (after + outer.step - 1) / outer.step;
  return static_cast<int>(std::min<std::int64_t>(step, outer.n - 1));
}

Status ExecContext::CountSamples(const Grid& grid, int step, std::int64_t looked_at,
                                 std::int64_t read) {
  stats.samples_read += read;
  if (trace != nullptr) trace->samples_read += read;
  if (subquery_depth == 0) stats.total_queryable_samples += looked_at;
  if (!features.per_step_stats) return {};
  // What a subquery reads is read for the first step of the query that needs it.
  int outer_n = grid.n, outer_step = step;
  model::TimestampMs t = grid.At(step);
  for (const SubqueryFrame* frame = subquery; frame != nullptr; frame = frame->parent) {
    outer_n = frame->outer.n;
    outer_step = frame->OuterStep(t);
    t = frame->outer.At(outer_step);
  }
  NX_RETURN_IF_ERROR(HoldStepCounts(outer_n));
  if (subquery_depth == 0) stats.total_per_step[outer_step] += looked_at;
  stats.read_per_step[outer_step] += read;
  return {};
}

Status ExecContext::CountAtLaterSteps(const Grid& grid, std::int64_t looked_at) {
  if (subquery_depth > 0 || looked_at == 0) return {};
  stats.total_queryable_samples += looked_at * (grid.n - 1);
  if (!features.per_step_stats) return {};
  if (subquery != nullptr) {  // As the query itself, which has a single step.
    NX_RETURN_IF_ERROR(HoldStepCounts(subquery->outer.n));
    stats.total_per_step[0] += looked_at * (grid.n - 1);
    return {};
  }
  NX_RETURN_IF_ERROR(HoldStepCounts(grid.n));
  for (int s = 1; s < grid.n; ++s) stats.total_per_step[s] += looked_at;
  return {};
}

void ExecContext::StartOver(storage::Annotations notes) {
  annotations = std::move(notes);
  stats.total_queryable_samples = 0;
  stats.samples_read = 0;
  // Their memory stays held.
  std::fill(stats.total_per_step.begin(), stats.total_per_step.end(), 0);
  std::fill(stats.read_per_step.begin(), stats.read_per_step.end(), 0);
}

Status ExecContext::HoldStepCounts(int n_steps) {
  const auto steps = static_cast<std::size_t>(n_steps);
  const std::size_t before = stats.total_per_step.size();
  if (before >= steps) return {};
  NX_RETURN_IF_ERROR(HoldBytes((steps - before) * 2 * sizeof(std::int64_t)));
  stats.total_per_step.resize(steps);
  stats.read_per_step.resize(steps);
  return {};
}

Status ExecContext::HoldBytes(std::size_t n) {
  // The own budget first: a claim that is refused must not stand in the total meanwhile, where it
  // would fail the queries of others.
  if (!AddWithin(bytes_, n, options.max_query_bytes)) {
    return Fail(Code::kExecution,
                fmt::format("query needs more than {} bytes of memory, the limit of one query",
                            options.max_query_bytes));
  }
  if (!AddWithin(total_memory_.bytes, n, total_memory_.limit)) {
    bytes_ -= n;
    return Fail(Code::kExecution,
                fmt::format("running queries need more than {} bytes of memory together",
                            total_memory_.limit));
  }
  return {};
}

void ExecContext::ReleaseBytes(std::size_t n) {
  bytes_ -= n;
  total_memory_.bytes -= n;
}

void ExecContext::ParallelFor(std::size_t count, const std::function<void(std::size_t)>& fn) const {
  if (pool_ == nullptr || count < 2) {
    for (std::size_t i = 0; i < count; ++i) fn(i);
    return;
  }
  if (trace == nullptr) return pool_->ParallelFor(count, fn);
  // The time of the calling thread is counted as a whole.
  const std::thread::id caller = std::this_thread::get_id();
  pool_->ParallelFor(count, [&, node = trace](std::size_t i) {
    const bool by_other = std::this_thread::get_id() != caller;
    const std::int64_t begin = by_other ? ThreadCpuNs() : 0;
    fn(i);
    if (by_other) node->cpu_ns += ThreadCpuNs() - begin;
  });
}

std::size_t ExecContext::num_workers() const {
  return pool_ == nullptr ? 1 : pool_->num_threads() + 1;
}

}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
#include "narthex/promql/engine.h"

#include <algorithm>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/base/thread_pool.h"
#include "narthex/promql/parser.h"
#include "narthex/storage/querier.h"
#include "promql/active_queries.h"
#include "promql/exec/matrix_stream.h"
#include "promql/exec/result.h"
#include "promql/exec/slots.h"
#include "promql/exec/trace.h"
#include "promql/plan/plan.h"
#include "promql/plan/select.h"
#include "promql/query_log.h"

namespace narthex::promql {
namespace {

double SecondsSince(Clock& clock, std::int64_t start_ns) {
  return static_cast<double>(clock.MonotonicNs() - start_ns) / 1e9;
}

/// Notes a query that has its slot, and gives that back at the end.
class SlotGuard {
 public:
  /// @param active  null = noted nowhere
  SlotGuard(QuerySlots& slots, metrics::Gauge& running, ActiveQueries* active,
            std::string_view query)
      : slots_(slots), running_(running), active_(active) {
    running_.Add(1);
    if (active_ != nullptr) place_ = active_->Insert(query);
  }
  ~SlotGuard() {
    if (active_ != nullptr) active_->Remove(place_);
    running_.Add(-1);
    slots_.Release();
  }
  SlotGuard(const SlotGuard&) = delete;
  SlotGuard& operator=(const SlotGuard&) = delete;

 private:
  QuerySlots& slots_;
  metrics::Gauge& running_;
  ActiveQueries* const active_;
  std::size_t place_ = 0;
};

/// Statistics as they are when a query ends, also when it fails.
struct KeepStats {
  const QueryStats& from;
  QueryStats& to;
  ~KeepStats() { to = from; }
};

constexpr double kQuantiles[] = {0.5, 0.9, 0.99};
constexpr double kDurationBounds[] = {0.01, 0.1, 1, 10, 60, 300};  // Seconds.

/// prometheus_engine_*.
struct EngineMetrics {
  explicit EngineMetrics(metrics::Registry& registry, const EngineOptions& options)
      : running(registry.AddGauge("prometheus_engine_queries",
                                  "The current number of queries being executed or waiting.")),
        samples(registry.AddCounter("prometheus_engine_query_samples_total",
                                    "The total number of samples loaded by all queries.")),
        queue(Slice(registry, "queue_time")),
        prepare(Slice(registry, "prepare_time")),
        inner_eval(Slice(registry, "inner_eval")),
        sort(Slice(registry, "result_sort")),
        queue_histogram(SliceHistogram(registry, "queue_time")),
        prepare_histogram(SliceHistogram(registry, "prepare_time")),
        inner_eval_histogram(SliceHistogram(registry, "inner_eval")),
        sort_histogram(SliceHistogram(registry, "result_sort")) {
    registry
        .AddGauge("prometheus_engine_queries_concurrent_max",
                  "The max number of concurrent queries.")
        .Set(options.max_concurrency);
  }

  static metrics::Summary& Slice(metrics::Registry& registry, const char* slice) {
    return registry.AddSummary("prometheus_engine_query_duration_seconds", "Query timings",
                               kQuantiles, {{"slice", slice}});
  }
  static metrics::Histogram& SliceHistogram(metrics::Registry& registry, const char* slice) {
    return registry.AddHistogram("prometheus_engine_query_duration_histogram_seconds",
                                 "The duration of various parts of PromQL query execution.",
                                 kDurationBounds, {{"slice", slice}});
  }
  void Observe(const QueryStats& stats) {
    samples.Add(static_cast<std::uint64_t>(stats.total_queryable_samples));
    queue.Observe(stats.queue_s);
    prepare.Observe(stats.preparation_s);
    inner_eval.Observe(stats.inner_eval_s);
    sort.Observe(stats.result_sort_s);
    queue_histogram.Observe(stats.queue_s);
    prepare_histogram.Observe(stats.preparation_s);
    inner_eval_histogram.Observe(stats.inner_eval_s);
    sort_histogram.Observe(stats.result_sort_s);
  }

  metrics::Gauge& running;
  metrics::Counter& samples;
  metrics::Summary &queue, &prepare, &inner_eval, &sort;
  metrics::Histogram &queue_histogram, &prepare_histogram, &inner_eval_histogram, &sort_histogram;
};

}  // namespace

struct Engine::Impl {
  Impl(EngineOptions engine_options, ThreadPool* thread_pool, Clock& engine_clock,
       metrics::Registry& registry)
      : options(std::move(engine_options)),
        subquery_step_ms(options.default_subquery_step_ms),
        pool(thread_pool),
        clock(engine_clock),
        slots(std::max(options.max_concurrency, 1)),
        engine_metrics(registry, options),
        query_log(engine_clock, registry) {
    memory.limit = options.max_total_bytes;
  }

  /// A query at certain times.
  struct Asked {
    const std::string& query;
    QueryTimes times;
    Grid grid;
    bool instant = false;
    std::shared_ptr<const Expr> plan = nullptr;  // Null: the query is still to be parsed.
  };

  /// Runs a query and notes it in the log.
  Result<QueryResult> RunLogged(storage::Queryable& queryable, const Asked& asked,
                                const QueryOptions& query_options);
  /// @param[out] stats  of a query that fails
  Result<QueryResult> Run(storage::Queryable& queryable, const Asked& asked,
                          const QueryOptions& query_options, QueryStats& stats);
  Result<std::shared_ptr<const Expr>> PlanOf(const Asked& asked) const;

  const EngineOptions options;
  std::atomic<model::DurationMs> subquery_step_ms;
  ThreadPool* const pool;
  Clock& clock;
  QuerySlots slots;
  TotalMemory memory;
  EngineMetrics engine_metrics;
  QueryLog query_log;
  std::shared_ptr<ActiveQueries> active_now() const {
    MutexLock lock(active_mutex);
    return active;
  }

  mutable Mutex active_mutex;  // Leaf.
  std::shared_ptr<ActiveQueries> active NX_GUARDED_BY(active_mutex);
};

Result<QueryResult> Engine::Impl::RunLogged(storage::Queryable& queryable, const Asked& asked,
                                            const QueryOptions& query_options) {
  const std::int64_t start_ns = clock.MonotonicNs();
  QueryStats stats;
  auto result = Run(queryable, asked, query_options, stats);
  if (result) {
    query_log.Note({asked.query, asked.times, query_options, result->stats});
  } else if (result.error().code() != Code::kInvalidArgument) {  // That is no query at all.
    stats.exec_total_s = SecondsSince(clock, start_ns);
    query_log.Note({asked.query, asked.times, query_options, stats, &result.error()});
  }
  return result;
}

Result<std::shared_ptr<const Expr>> Engine::Impl::PlanOf(const Asked& asked) const {
  if (asked.plan != nullptr) return asked.plan;
  NX_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpr(asked.query, options.features));
  if (!asked.instant && expr->type != ValueType::kScalar && expr->type != ValueType::kVector) {
    return Fail(Code::kInvalidArgument, "invalid expression type \"" +
                                            std::string(ValueTypeName(expr->type)) +
                                            "\" for range query, must be Scalar or instant Vector");
  }
  NX_RETURN_IF_ERROR(Prepare(expr, asked.times));
  return std::shared_ptr<const Expr>(std::move(expr));
}

Result<QueryResult> Engine::Impl::Run(storage::Queryable& queryable, const Asked& asked,
                                      const QueryOptions& query_options, QueryStats& stats) {
  const std::int64_t start_ns = clock.MonotonicNs();
  NX_ASSIGN_OR_RETURN(auto plan, PlanOf(asked));
  const Grid& grid = asked.grid;
  EngineOptions now = options;
  now.default_subquery_step_ms = subquery_step_ms;
  auto run =
      std::make_unique<QueryRun>(now, std::move(plan), grid, query_options, pool, clock, memory);
  ExecContext& ctx = run->ctx;

  const KeepStats keep{ctx.stats, stats};
  NX_RETURN_IF_ERROR(slots.Acquire(clock, ctx.deadline_ns(), ctx.stop));
  const std::shared_ptr<ActiveQueries> noted = active_now();
  const SlotGuard slot(slots, engine_metrics.running, noted.get(), asked.query);
  ctx.stats.queue_s = SecondsSince(clock, start_ns);

  const std::int64_t prepare_ns = clock.MonotonicNs();
  NX_RETURN_IF_ERROR(SelectAll(*run->expr, grid, queryable, ctx));
  ctx.stats.preparation_s = SecondsSince(clock, prepare_ns);

  const std::int64_t eval_ns = clock.MonotonicNs();
  StreamGate gate(query_options.trace ? 0 : query_options.stream_above_bytes);
  TraceNode traced;  // A root over that of the query.
  if (query_options.trace) {
    ctx.trace = &traced;
    ctx.trace_mark_ns = ThreadCpuNs();
  }
  auto value = Evaluate(*run->expr, grid, asked.instant, gate, ctx);
  ctx.stats.inner_eval_s = SecondsSince(clock, eval_ns) - ctx.stats.result_sort_s;
  ctx.stats.eval_total_s = SecondsSince(clock, prepare_ns);
  ctx.stats.exec_total_s = SecondsSince(clock, start_ns);
  engine_metrics.Observe(ctx.stats);
  ctx.trace = nullptr;
  if (!value) return Fail(std::move(value).error());
  // Also of steps at which nothing was read.
  if (ctx.features.per_step_stats) NX_RETURN_IF_ERROR(ctx.HoldStepCounts(grid.n));
  ctx.annotations.Settle();
  // Copies: a stream goes on counting and noting, for nobody.
  QueryResult result{std::move(*value), nullptr, ctx.annotations, ctx.stats, nullptr};
  if (!traced.children.empty()) result.trace = std::move(traced.children.front());
  if (gate.counting()) result.stream = MakeMatrixStream(std::move(run), gate.series());
  return result;
}

Engine::Engine(EngineOptions options, ThreadPool* pool, Clock& clock, metrics::Registry& registry)
    : impl_(std::make_unique<Impl>(std::move(options), pool, clock, registry)) {}

Engine::~Engine() = default;

Result<QueryResult> Engine::Instant(storage::Queryable& queryable, const std::string& query,
                                    model::TimestampMs t, const QueryOptions& options) {
  return impl_->RunLogged(queryable, {query, {t, t, 0}, {t, 1, 1}, true}, options);
}

Result<QueryResult> Engine::Instant(storage::Queryable& queryable, const InstantQuery& query,
                                    model::TimestampMs t, const QueryOptions& options) {
  return impl_->RunLogged(queryable, {query.text_, {t, t, 0}, {t, 1, 1}, true, query.plan_},
                          options);
}

Result<InstantQuery> Engine::PrepareInstant(std::string query) const {
  InstantQuery prepared(std::move(query));
  NX_ASSIGN_OR_RETURN(ExprPtr expr, ParseExpr(prepared.text_, impl_->options.features));
  NX_ASSIGN_OR_RETURN(const bool used_times, Prepare(expr, {0, 0, 0}));
  if (!used_times) prepared.plan_ = std::move(expr);
  return prepared;
}

Result<QueryResult> Engine::Range(storage::Queryable& queryable, const std::string& query,
                                  model::TimestampMs start, model::TimestampMs end,
                                  model::DurationMs step, const QueryOptions& options) {
  if (step <= 0) return Fail(Code::kInvalidArgument, "zero or negative query resolution step");
  // Unsigned, because the times of a query can be as far apart as there are.
  const std::uint64_t span =
      end < start ? 0 : static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start);
  const std::uint64_t last_step = span / static_cast<std::uint64_t>(step);
  if (last_step >= Grid::kTooManySteps) return Fail(TooManySamplesError());
  const int steps = end < start ? 0 : static_cast<int>(last_step) + 1;
  const Grid grid{start, step, steps};
  return impl_->RunLogged(queryable, {query, {start, end, step}, grid, false}, options);
}

void Engine::SetDefaultSubqueryStep(model::DurationMs step) { impl_->subquery_step_ms = step; }

void Engine::SetQueryLog(std::shared_ptr<JsonFileLog> log) {
  impl_->query_log.SetFile(std::move(log));
}

Result<std::string> Engine::KeepActiveQueries(Fs& fs, const std::string& path) {
  std::string unfinished;
  // A place for each slot.
  NX_ASSIGN_OR_RETURN(std::shared_ptr<ActiveQueries> active,
                      ActiveQueries::Open(fs, path, std::max(impl_->options.max_concurrency, 1),
                                          impl_->clock, unfinished));
  MutexLock lock(impl_->active_mutex);
  impl_->active = std::move(active);
  return unfinished;
}

const EngineOptions& Engine::options() const { return impl_->options; }

}  // namespace narthex::promql

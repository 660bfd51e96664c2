// SPDX-License-Identifier: Apache-2.0
//
// The query engine over series that are in memory as columns: what windows, aggregation, matching
// and functions cost without storage.
#include <cmath>
#include <cstring>

#include <benchmark/benchmark.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/base/thread_pool.h"
#include "narthex/promql/engine.h"
#include "narthex/promql/parser.h"
#include "narthex/storage/querier.h"

namespace narthex {
namespace {

constexpr model::DurationMs kInterval = 15'000;
constexpr int kSamples = 1440;  // Six hours.
constexpr int kSeries = 1000;

struct Series {
  model::Labels labels;
  storage::SampleColumns columns;
};

/// kSeries counters m_total{job, instance} and as many gauges g.
class Columns final : public storage::Queryable {
 public:
  Columns() {
    for (const char* name : {"g", "m_total"}) {
      for (int i = 0; i < kSeries; ++i) {
        Series& s = series_.emplace_back();
        s.labels = model::Labels{{"__name__", name},
                                 {"instance", "host-" + std::to_string(i)},
                                 {"job", "job-" + std::to_string(i % 10)}};
        for (int k = 0; k < kSamples; ++k) {
          s.columns.t.push_back(k * kInterval + i % 1000);
          const double v = name[0] == 'm' ? k * (1 + i % 7) : std::sin(k * 0.01 + i) * 100;
          s.columns.v.push_back(v);
        }
      }
    }
  }

  class Set final : public storage::SeriesSet {
   public:
    std::vector<const Series*> chosen;
    std::size_t size() const override { return chosen.size(); }
    model::Labels LabelsAt(std::size_t i) const override { return chosen[i]->labels; }
    Status Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
                storage::SampleColumns& out) const override {
      const auto& c = chosen[i]->columns;
      const auto lo = std::lower_bound(c.t.begin(), c.t.end(), mint) - c.t.begin();
      const auto hi = std::upper_bound(c.t.begin(), c.t.end(), maxt) - c.t.begin();
      out.t.insert(out.t.end(), c.t.begin() + lo, c.t.begin() + hi);
      out.v.insert(out.v.end(), c.v.begin() + lo, c.v.begin() + hi);
      return {};
    }
  };
  class Reader final : public storage::Querier {
   public:
    explicit Reader(const std::vector<Series>& series) : series_(series) {}
    Result<std::unique_ptr<storage::SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                       const storage::SelectHints&,
                                                       std::stop_token) const override {
      auto set = std::make_unique<Set>();
      for (const Series& s : series_) {
        const auto matches = [&](const model::Matcher& m) {
          return m.Matches(s.labels.Get(m.name()));
        };
        if (std::all_of(matchers.begin(), matchers.end(), matches)) set->chosen.push_back(&s);
      }
      return set;
    }
    Result<std::vector<std::string>> LabelValues(std::string_view, std::span<const model::Matcher>,
                                                 std::size_t, std::stop_token) const override {
      return std::vector<std::string>();
    }
    Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher>, std::size_t,
                                                std::stop_token) const override {
      return std::vector<std::string>();
    }

   private:
    const std::vector<Series>& series_;
  };
  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs,
                                                       model::TimestampMs) override {
    return std::make_unique<Reader>(series_);
  }

 private:
  std::vector<Series> series_;
};

/// Range queries over five hours with a step of one minute, on the calling thread alone. Reports
/// points of the selected series per second.
void BM_Range(benchmark::State& state, const char* query) {
  static Columns columns;
  metrics::Registry registry;
  promql::EngineOptions options;
  options.features.experimental_functions = true;
  promql::Engine engine(options, nullptr, SystemClock(), registry);
  const int steps = 300;
  for (auto _ : state) {
    auto result = engine.Range(columns, query, 3'600'000, 3'600'000 + (steps - 1) * 60'000, 60'000);
    if (!result) state.SkipWithError(result.error().message().c_str());
    benchmark::DoNotOptimize(result);
  }
  state.SetItemsProcessed(state.iterations() * kSeries * steps);
}
BENCHMARK_CAPTURE(BM_Range, selector, "g");
BENCHMARK_CAPTURE(BM_Range, sum_by_selector, "sum by (job) (g)");
BENCHMARK_CAPTURE(BM_Range, sum_by_rate_5m, "sum by (job) (rate(m_total[5m]))");
BENCHMARK_CAPTURE(BM_Range, rate_1h, "sum(rate(m_total[1h]))");
BENCHMARK_CAPTURE(BM_Range, avg_over_time_5m, "sum(avg_over_time(g[5m]))");
BENCHMARK_CAPTURE(BM_Range, max_over_time_1h, "sum(max_over_time(g[1h]))");
BENCHMARK_CAPTURE(BM_Range, quantile_over_time_10m, "sum(quantile_over_time(0.9, g[10m]))");
BENCHMARK_CAPTURE(BM_Range, stddev_over_time_10m, "sum(stddev_over_time(g[10m]))");
BENCHMARK_CAPTURE(BM_Range, deriv_10m, "sum(deriv(g[10m]))");
BENCHMARK_CAPTURE(BM_Range, avg_over_time_1h, "sum(avg_over_time(g[1h]))");
BENCHMARK_CAPTURE(BM_Range, deriv_1h, "sum(deriv(g[1h]))");
BENCHMARK_CAPTURE(BM_Range, predict_linear_1h, "sum(predict_linear(g[1h], 3600))");
BENCHMARK_CAPTURE(BM_Range, irate, "sum(irate(m_total[5m]))");
BENCHMARK_CAPTURE(BM_Range, min_by, "min by (job) (g)");
BENCHMARK_CAPTURE(BM_Range, max_by, "max by (job) (g)");
BENCHMARK_CAPTURE(BM_Range, count_by, "count by (job) (g)");
BENCHMARK_CAPTURE(BM_Range, group_by, "group by (job) (g)");
BENCHMARK_CAPTURE(BM_Range, stdvar_by, "stdvar by (job) (g)");
BENCHMARK_CAPTURE(BM_Range, bottomk_by, "bottomk by (job) (3, g)");
BENCHMARK_CAPTURE(BM_Range, limitk, "limitk(10, g)");
BENCHMARK_CAPTURE(BM_Range, limit_ratio, "limit_ratio(0.1, g)");
BENCHMARK_CAPTURE(BM_Range, count_values, "count_values('v', round(g, 50))");
BENCHMARK_CAPTURE(BM_Range, avg_by, "avg by (job) (g)");
BENCHMARK_CAPTURE(BM_Range, stddev, "stddev(g)");
BENCHMARK_CAPTURE(BM_Range, quantile, "quantile by (job) (0.9, g)");
BENCHMARK_CAPTURE(BM_Range, topk, "topk(5, g)");
BENCHMARK_CAPTURE(BM_Range, scalar_arithmetic, "sum(g * 2 + 1)");
BENCHMARK_CAPTURE(BM_Range, comparison, "sum(g > 50)");
BENCHMARK_CAPTURE(BM_Range, match_one_to_one, "sum(g / on (instance) m_total)");
BENCHMARK_CAPTURE(BM_Range, match_group_left,
                  "sum(g / on (job) group_left () sum by (job) (m_total))");
BENCHMARK_CAPTURE(BM_Range, set_and, "sum(g and on (instance) m_total)");
BENCHMARK_CAPTURE(BM_Range, label_replace,
                  "sum by (dst) (label_replace(g, 'dst', '$1', 'job', 'job-(.*)'))");
BENCHMARK_CAPTURE(BM_Range, subquery, "sum(max_over_time(rate(m_total[5m])[30m:5m]))");

/// Parsing and checking a query.
void BM_Parse(benchmark::State& state, const char* query) {
  for (auto _ : state) {
    auto expr = promql::ParseExpr(query, promql::Features());
    if (!expr) state.SkipWithError(expr.error().message().c_str());
    benchmark::DoNotOptimize(expr);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(std::strlen(query)));
}
BENCHMARK_CAPTURE(BM_Parse, selector, "up{job='node',instance=~'web-.*:9100'}");
BENCHMARK_CAPTURE(BM_Parse, dashboard,
                  "sum by (namespace) (rate(http_requests_total{code=~'5..',handler!~'/metrics'}"
                  "[5m])) / on (namespace) group_left () sum by (namespace) "
                  "(rate(http_requests_total{handler!~'/(healthz|metrics)'}[5m]) > 0)");
BENCHMARK_CAPTURE(BM_Parse, subquery,
                  "max_over_time(deriv(rate(distance_covered_total[5s])[30s:5s] offset 1h)[10m:])");

}  // namespace
}  // namespace narthex

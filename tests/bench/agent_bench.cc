// SPDX-License-Identifier: Apache-2.0
//
// The costs of the agent's storage: CPU per sample through to the WAL, bytes per series, replay.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include "narthex/tsdb/agent_db.h"
#include "tests/bench/head_load.h"

namespace narthex::tsdb {
namespace {

using AgentLoad = LoadOf<AgentDb, AgentOptions>;

void Fill(AgentLoad& load, std::size_t scrapes) {
  for (std::size_t target = 0; target < load.num_targets(); ++target) load.Create(target, 0);
  for (std::size_t scrape = 1; scrape < scrapes; ++scrape) {
    for (std::size_t target = 0; target < load.num_targets(); ++target) load.Scrape(target, scrape);
  }
}

void BM_AppendColumn(benchmark::State& state) {
  AgentLoad load(static_cast<std::size_t>(state.range(0)));
  Fill(load, 1);
  std::size_t scrape = 1;
  std::size_t target = 0;
  for (auto _ : state) {
    load.Scrape(target, scrape);
    if (++target == load.num_targets()) {
      target = 0;
      ++scrape;
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kSeriesPerTarget));
  state.counters["ns_per_sample"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(kSeriesPerTarget) / 1e9,
      benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_AppendColumn)->Arg(10)->Arg(100)->Arg(1000);

void BM_BytesPerSeries(benchmark::State& state) {
  for (auto _ : state) {
    malloc_trim(0);
    const std::size_t before = RssBytes();
    AgentLoad load(static_cast<std::size_t>(state.range(0)));
    Fill(load, 4);
    malloc_trim(0);
    const auto series = static_cast<double>(load.num_targets() * kSeriesPerTarget);
    // The benchmark's own references are not the agent's.
    const double own = sizeof(storage::SeriesRef);
    state.counters["rss"] = static_cast<double>(RssBytes() - before) / series - own;
    const auto ledger = load.db().Memory();
    state.counters["ledger"] = static_cast<double>(ledger.total()) / series;
    for (const auto& [name, bytes] : ledger.parts) {
      state.counters[name] = static_cast<double>(bytes) / series;
    }
  }
}
BENCHMARK(BM_BytesPerSeries)->Arg(10)->Arg(1000)->Iterations(1)->Unit(benchmark::kSecond);

void BM_Replay(benchmark::State& state) {
  AgentLoad load(static_cast<std::size_t>(state.range(0)));
  const auto scrapes = static_cast<std::size_t>(state.range(1));
  Fill(load, scrapes);
  load.Close();
  for (auto _ : state) load.Open();
  state.counters["samples_per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()) *
                             static_cast<double>(load.num_targets() * kSeriesPerTarget * scrapes),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Replay)->Args({1000, 5})->Args({100, 80})->Iterations(1)->Unit(benchmark::kSecond);

}  // namespace
}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
//
// The head's costs: CPU per sample through to the WAL, bytes per series, replay.
#include <ctime>
#include <memory>

#include <benchmark/benchmark.h>
#include <malloc.h>

#include "tests/bench/head_load.h"

namespace narthex::tsdb {
namespace {

void BM_AppendColumn(benchmark::State& state) {
  Load load(static_cast<std::size_t>(state.range(0)));
  for (std::size_t target = 0; target < load.num_targets(); ++target) load.Create(target, 0);
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
  const auto scrapes = static_cast<std::size_t>(state.range(1));
  for (auto _ : state) {
    malloc_trim(0);
    const std::size_t before = RssBytes();
    Load load(static_cast<std::size_t>(state.range(0)));
    for (std::size_t target = 0; target < load.num_targets(); ++target) load.Create(target, 0);
    for (std::size_t scrape = 1; scrape < scrapes; ++scrape) {
      for (std::size_t target = 0; target < load.num_targets(); ++target) {
        load.Scrape(target, scrape);
      }
    }
    malloc_trim(0);
    const auto series = static_cast<double>(load.num_targets() * kSeriesPerTarget);
    // The benchmark's own references are not the head's.
    const double own = sizeof(storage::SeriesRef);
    state.counters["rss"] = static_cast<double>(RssBytes() - before) / series - own;
    const auto ledger = load.db().Memory();
    state.counters["ledger"] = static_cast<double>(ledger.total()) / series;
    for (const auto& [name, bytes] : ledger.parts) {
      state.counters[name] = static_cast<double>(bytes) / series;
    }
  }
}
BENCHMARK(BM_BytesPerSeries)
    ->Args({1000, 4})
    ->Args({1000, 60})
    ->Iterations(1)
    ->Unit(benchmark::kSecond);

// CPU time of the whole process, with all its threads.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void Fill(Load& load, std::size_t scrapes) {
  for (std::size_t target = 0; target < load.num_targets(); ++target) load.Create(target, 0);
  for (std::size_t scrape = 1; scrape < scrapes; ++scrape) {
    for (std::size_t target = 0; target < load.num_targets(); ++target) load.Scrape(target, scrape);
  }
}

void BM_CleanStop(benchmark::State& state) {
  Load load(static_cast<std::size_t>(state.range(0)));
  Fill(load, static_cast<std::size_t>(state.range(1)));
  const double cpu = CpuSeconds();
  for (auto _ : state) load.Close();
  state.counters["cpu_seconds"] = CpuSeconds() - cpu;
}
BENCHMARK(BM_CleanStop)->Args({1000, 5})->Iterations(1)->Unit(benchmark::kSecond)->UseRealTime();

void BM_CleanStart(benchmark::State& state) {
  Load load(static_cast<std::size_t>(state.range(0)));
  Fill(load, static_cast<std::size_t>(state.range(1)));
  load.Close();
  const double cpu = CpuSeconds();
  for (auto _ : state) load.Open();
  state.counters["cpu_seconds"] = CpuSeconds() - cpu;
}
BENCHMARK(BM_CleanStart)->Args({1000, 5})->Iterations(1)->Unit(benchmark::kSecond)->UseRealTime();

void BM_Replay(benchmark::State& state) {
  Load load(static_cast<std::size_t>(state.range(0)));
  const auto scrapes = static_cast<std::size_t>(state.range(1));
  Fill(load, scrapes);
  const double rss = static_cast<double>(RssBytes());
  load.Close();
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << 5;  // Forget the peak so far.
  const double cpu = CpuSeconds();
  for (auto _ : state) load.OpenByReplay();
  state.counters["cpu_seconds"] = CpuSeconds() - cpu;
  state.counters["peak_to_before"] = static_cast<double>(PeakRssBytes()) / rss;
  state.counters["samples_per_second"] =
      benchmark::Counter(static_cast<double>(state.iterations()) *
                             static_cast<double>(load.num_targets() * kSeriesPerTarget * scrapes),
                         benchmark::Counter::kIsRate);
}
BENCHMARK(BM_Replay)
    ->Args({1000, 5})
    ->Args({100, 80})
    ->Args({1000, 20})
    ->Iterations(1)
    ->Unit(benchmark::kSecond)
    ->UseRealTime();

}  // namespace
}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
//
// What cutting a block costs those who append meanwhile, and how much memory it takes.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "tests/bench/head_load.h"

namespace narthex::tsdb {
namespace {

// Ten minutes between samples: three hours and a quarter make the head ready for a cut.
constexpr std::size_t kStride = 40;
constexpr std::size_t kRounds = 20;

double Quantile(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
}

// Appends one scrape every 10 ms, about 100,000 samples per second, until told to stop.
struct Watched {
  std::vector<double> took_ms;  // Of each append and commit, sorted.
  std::size_t peak_rss = 0;     // Without file pages.
};
Watched AppendUntil(const std::atomic<bool>& stop, Load& load, std::size_t scrape) {
  Watched watched;
  std::size_t target = 0;
  while (!stop) {
    const auto begin = std::chrono::steady_clock::now();
    load.Scrape(target, scrape);
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - begin;
    watched.took_ms.push_back(time.count());
    watched.peak_rss = std::max(watched.peak_rss, RssBytes(true));
    if (++target == load.num_targets()) {
      target = 0;
      ++scrape;
    }
    std::this_thread::sleep_until(begin + std::chrono::milliseconds(10));
  }
  std::sort(watched.took_ms.begin(), watched.took_ms.end());
  return watched;
}

void BM_AppendWhileCutting(benchmark::State& state) {
  Load load(static_cast<std::size_t>(state.range(0)));
  for (std::size_t target = 0; target < load.num_targets(); ++target) load.Create(target, 0);
  for (std::size_t round = 1; round < kRounds; ++round) {
    for (std::size_t t = 0; t < load.num_targets(); ++t) load.Scrape(t, round * kStride);
  }
  std::atomic<bool> stop = false;
  Watched watched;
  const auto before = static_cast<double>(RssBytes(true));
  for (auto _ : state) {
    std::thread appender([&] { watched = AppendUntil(stop, load, kRounds * kStride); });
    // The log is synced in the background, as in the server. Compacting begins there, too.
    load.db().StartBackground();
    const auto status = load.db().Compact();
    stop = true;
    appender.join();
    if (!status) state.SkipWithError(status.error().message().c_str());
  }
  state.counters["blocks"] = static_cast<double>(load.db().Blocks().size());
  const std::vector<double>& took = watched.took_ms;
  state.counters["appends"] = static_cast<double>(took.size());
  state.counters["p50_ms"] = Quantile(took, 0.5);
  state.counters["p99_ms"] = Quantile(took, 0.99);
  state.counters["max_ms"] = took.back();
  state.counters["rss_before"] = before;
  state.counters["peak_to_before"] = static_cast<double>(watched.peak_rss) / before;
}
BENCHMARK(BM_AppendWhileCutting)
    ->Arg(100)
    ->Arg(1000)
    ->Iterations(1)
    ->Unit(benchmark::kSecond)
    ->UseRealTime();

}  // namespace
}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
//
// The head's costs: CPU per sample through to the WAL, bytes per series, replay.
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/model/labels.h"
#include "narthex/tsdb/db.h"
#include "tests/support/temp_dir.h"

namespace narthex::tsdb {
namespace {

using storage::AppendError;
using storage::SeriesRef;

constexpr std::size_t kSeriesPerTarget = 1000;
constexpr model::TimestampMs kStart = 1'700'000'000'000;

std::size_t RssBytes() {
  std::size_t pages = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// A target as a node exporter would be: 50 metrics of 20 series, seven labels each.
std::vector<model::Labels> TargetLabels(std::size_t target) {
  std::vector<model::Labels> all;
  for (std::size_t i = 0; i < kSeriesPerTarget; ++i) {
    all.push_back({{"__name__", fmt::format("bench_metric_{:02}_total", i / 20)},
                   {"code", i % 2 == 0 ? "200" : "500"},
                   {"handler", fmt::format("/api/v1/endpoint/{}", i % 20)},
                   {"instance", fmt::format("10.0.{}.{}:9100", target / 250, target % 250)},
                   {"job", "bench"},
                   {"method", i % 3 == 0 ? "GET" : "POST"},
                   {"zone", fmt::format("zone-{}", target % 3)}});
  }
  return all;
}

// Counters of several rates, gauges, and constants.
double ValueAt(std::size_t series, std::size_t scrape) {
  switch (series % 4) {
    case 0:
      return static_cast<double>(scrape * (series % 97));
    case 1:
      return 1.0;
    case 2:
      return static_cast<double>((scrape * 2654435761U + series) % 1000) / 10;
    default:
      return static_cast<double>(scrape * 15 + series) * 1.5;
  }
}

class Load {
 public:
  explicit Load(std::size_t num_targets) : refs_(num_targets), values_(kSeriesPerTarget) {
    log::Configure(log::Level::kError, log::Format::kLogfmt);
    Open();
  }

  void Close() { db_.reset(); }

  // As after a kill: nothing but Prometheus's files.
  void OpenByReplay() {
    Close();
    std::filesystem::remove(dir_.path() + "/data/head_snapshot");
    Open();
  }

  void Open() {
    db_.reset();
    registry_ = std::make_unique<metrics::Registry>();
    db_ =
        Db::Open(dir_.path() + "/data", DbOptions{}, SystemFs(), SystemClock(), *registry_).value();
  }

  void Create(std::size_t target, std::size_t scrape) {
    const auto labels = TargetLabels(target);
    auto appender = db_->NewAppender();
    refs_[target].resize(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      refs_[target][i] = SeriesRef{0};
      (void)appender->Append(refs_[target][i], labels[i], TimeOf(scrape), ValueAt(i, scrape));
    }
    (void)appender->Commit();
  }

  void Scrape(std::size_t target, std::size_t scrape) {
    for (std::size_t i = 0; i < kSeriesPerTarget; ++i) values_[i] = ValueAt(i, scrape);
    outcomes_.resize(kSeriesPerTarget);
    auto appender = db_->NewAppender();
    appender->AppendColumn(refs_[target], TimeOf(scrape), values_, outcomes_);
    (void)appender->Commit();
  }

  std::size_t num_targets() const { return refs_.size(); }
  Db& db() { return *db_; }

 private:
  static model::TimestampMs TimeOf(std::size_t scrape) {
    return kStart + static_cast<model::TimestampMs>(scrape) * 15'000;
  }

  testing::TempDir dir_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Db> db_;
  std::vector<std::vector<SeriesRef>> refs_;
  std::vector<double> values_;
  std::vector<AppendError> outcomes_;
};

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
    const double own = sizeof(SeriesRef);
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

std::size_t PeakRssBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::size_t kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib * 1024;
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

// SPDX-License-Identifier: Apache-2.0
//
// What remote write costs for each sample, all but posting: from the log's bytes to a compressed
// request; and what it holds for each series.
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include "src/remote/partial_batch.h"
#include "src/remote/series_store.h"
#include "tsdb/wal/records.h"

namespace narthex::remote {
namespace {

constexpr std::size_t kSeriesPerTarget = 1000;
constexpr std::size_t kBatch = 2000;

/// A target's series: node_exporter has labels like these.
std::vector<tsdb::wal::SeriesEntry> Target(std::size_t target) {
  std::vector<tsdb::wal::SeriesEntry> entries;
  for (std::size_t i = 0; i < kSeriesPerTarget; ++i) {
    entries.push_back({target * kSeriesPerTarget + i + 1,
                       {{"__name__", fmt::format("node_some_metric_{}_total", i / 10)},
                        {"cpu", fmt::format("{}", i % 10)},
                        {"instance", fmt::format("host-{}.example.org:9100", target)},
                        {"job", "node"},
                        {"mode", "idle"}}});
  }
  return entries;
}

void BM_Samples(benchmark::State& state) {
  const auto targets = static_cast<std::size_t>(state.range(0));
  const auto version = state.range(1) == 1 ? proto::WriteVersion::kV1 : proto::WriteVersion::kV2;
  SeriesStore store({});
  std::vector<std::string> records;
  for (std::size_t target = 0; target < targets; ++target) {
    const auto series = Target(target);
    store.Store(series, 0);
    std::vector<tsdb::wal::SampleEntry> samples;
    for (std::size_t i = 0; i < series.size(); ++i) {
      samples.push_back(
          {series[i].ref, 1'700'000'000'000, static_cast<double>(i * 31 % 977) * 1.5});
    }
    tsdb::wal::EncodeSampleRuns(samples, records);
  }
  proto::WriteRequestWriter writer(version, store.pairs());
  UninitVector<char> compressed;
  PartialBatch batch;
  std::vector<tsdb::wal::SampleEntry> samples;
  std::size_t record = 0;
  std::int64_t items = 0;
  std::size_t bytes = 0;
  for (auto _ : state) {
    samples.clear();
    (void)tsdb::wal::DecodeSamples(AsBytes(records[record]), samples);
    record = (record + 1) % records.size();
    for (const auto& [ref, t, value] : samples) {
      batch.AddFloat(store.Find(ref), t, 0, value);
      if (batch.size() == kBatch) bytes += batch.Take(store, writer, compressed).body.size();
    }
    items += static_cast<std::int64_t>(samples.size());
  }
  state.SetItemsProcessed(items);
  state.counters["ns_per_sample"] = benchmark::Counter(
      static_cast<double>(items) / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["bytes_per_sample"] = static_cast<double>(bytes) / static_cast<double>(items);
  state.counters["held_bytes_per_series"] =
      static_cast<double>(store.held_bytes()) / static_cast<double>(targets * kSeriesPerTarget);
}
BENCHMARK(BM_Samples)->Args({1, 1})->Args({100, 1})->Args({1000, 1})->Args({100, 2});

}  // namespace
}  // namespace narthex::remote

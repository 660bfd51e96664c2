// SPDX-License-Identifier: Apache-2.0
//
// Cost per sample of encoding and decoding chunks of 120 samples. Series differ from chunk to
// chunk, so that branch predictors do not learn them by heart.
#include <random>

#include <benchmark/benchmark.h>

#include "tsdb/chunkenc/xor.h"

namespace narthex::tsdb {
namespace {

constexpr std::size_t kSamples = 120;
constexpr std::size_t kChunks = 2000;

enum Kind : int { kConstant, kCounter, kJitteredCounter, kGauge, kNoise };
const char* const kNames[] = {"constant", "counter", "counter, ms jitter", "gauge, 2 decimals",
                              "random doubles"};

struct Series {
  std::vector<model::TimestampMs> t;
  std::vector<double> v;
};

std::vector<Series> MakeSeries(int kind) {
  std::mt19937_64 random(17);
  std::vector<Series> all(kChunks);
  for (Series& series : all) {
    model::TimestampMs t = 1'700'000'000'000 + static_cast<int>(random() % 15'000);
    double v = static_cast<double>(random() % 1'000'000);
    const std::uint64_t rate = 1 + random() % 1000;
    for (std::size_t i = 0; i < kSamples; ++i) {
      series.t.push_back(t);
      series.v.push_back(v);
      t += 15'000 + (kind == kJitteredCounter ? static_cast<int>(random() % 5) - 2 : 0);
      if (kind == kCounter || kind == kJitteredCounter) v += static_cast<double>(random() % rate);
      if (kind == kGauge) v = static_cast<double>(random() % 10'000) / 100;
      if (kind == kNoise) v = static_cast<double>(random()) / 3;
    }
  }
  return all;
}

std::vector<std::uint8_t> Encode(const Series& series) {
  std::vector<std::uint8_t> bytes(kXorHeaderBytes + kSamples * kMaxXorSampleBytes);
  XorState state;
  for (std::size_t i = 0; i < kSamples; ++i) {
    XorAppend(state, bytes.data(), series.t[i], series.v[i]);
  }
  bytes.resize(state.size);
  return bytes;
}

void BM_XorAppend(benchmark::State& state) {
  const auto all = MakeSeries(static_cast<int>(state.range(0)));
  std::vector<std::uint8_t> bytes(kXorHeaderBytes + kSamples * kMaxXorSampleBytes);
  std::size_t total = 0;
  std::size_t n = 0;
  for (auto _ : state) {
    const Series& series = all[n++ % kChunks];
    XorState chunk;
    for (std::size_t i = 0; i < kSamples; ++i) {
      XorAppend(chunk, bytes.data(), series.t[i], series.v[i]);
    }
    total += chunk.size;
    benchmark::DoNotOptimize(bytes.data());
    benchmark::ClobberMemory();
  }
  state.SetLabel(kNames[state.range(0)]);
  state.SetItemsProcessed(static_cast<std::int64_t>(n * kSamples));
  state.counters["bytes/sample"] = static_cast<double>(total) / static_cast<double>(n * kSamples);
  state.counters["s/sample"] = benchmark::Counter(
      static_cast<double>(n * kSamples), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_XorAppend)->DenseRange(kConstant, kNoise);

void BM_XorDecode(benchmark::State& state) {
  std::vector<std::vector<std::uint8_t>> chunks;
  for (const Series& series : MakeSeries(static_cast<int>(state.range(0)))) {
    chunks.push_back(Encode(series));
  }
  storage::SampleColumns out;
  std::size_t n = 0;
  for (auto _ : state) {
    out.Clear();
    const Status status = XorDecode(chunks[n++ % kChunks], model::kMinTime, model::kMaxTime, out);
    benchmark::DoNotOptimize(status);
    benchmark::DoNotOptimize(out.v.data());
  }
  state.SetLabel(kNames[state.range(0)]);
  state.SetItemsProcessed(static_cast<std::int64_t>(n * kSamples));
  state.counters["s/sample"] = benchmark::Counter(
      static_cast<double>(n * kSamples), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(BM_XorDecode)->DenseRange(kConstant, kNoise);

}  // namespace
}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
//
// Sample values per second as JSON: what an answer to a query is mostly made of.
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <benchmark/benchmark.h>

#include "narthex/base/json_writer.h"

namespace narthex {
namespace {

enum ValueKind : std::int64_t { kCounters, kGauges, kRates, kSmallRates, kMix };

constexpr std::array<const char*, 5> kNames = {"counters", "gauges of 1-3 decimals",
                                               "rates of 15-17 digits", "rates below 1e-4",
                                               "a third of each of the first three"};

using Random = std::mt19937_64;

/// A value of a series that moves between `magnitude` and twice that.
double Draw(std::int64_t kind, std::size_t series, double magnitude, Random& random) {
  std::uniform_real_distribution<double> factor(1, 2);
  const double v = magnitude * factor(random);
  switch (kind) {
    case kCounters:
      return std::floor(v * 1000);
    case kGauges: {
      const double scale = std::pow(10.0, static_cast<double>(1 + series % 3));
      return std::round(v * scale) / scale;
    }
    case kRates:
      return std::floor(v) / 285.0;  // An increase over most of five minutes.
    case kSmallRates:
      return std::floor(1 + factor(random) * 20) / 2.9e6;
    default:
      return Draw(static_cast<std::int64_t>(series % 3), series, magnitude, random);
  }
}

/// Series one behind the other, of magnitudes from 1 to 10 million.
std::vector<double> MakeValues(std::int64_t kind) {
  constexpr std::size_t kSeries = 256, kSamples = 240;
  Random random(1);
  std::uniform_real_distribution<double> exponent(0, 7);
  std::vector<double> values;
  for (std::size_t series = 0; series < kSeries; ++series) {
    const double magnitude = std::pow(10.0, exponent(random));
    for (std::size_t i = 0; i < kSamples; ++i) {
      values.push_back(Draw(kind, series, magnitude, random));
    }
  }
  return values;
}

template <typename Write>
void WriteAll(benchmark::State& state, Write&& write) {
  const std::vector<double> values = MakeValues(state.range(0));
  state.SetLabel(kNames[static_cast<std::size_t>(state.range(0))]);
  std::size_t bytes = 0;
  for (auto _ : state) {
    JsonWriter out([&bytes](std::string_view piece) { bytes += piece.size(); }, 32 << 10);
    for (const double v : values) write(out, v);
    out.Flush();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(values.size()));
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void BM_SampleValue(benchmark::State& state) {
  WriteAll(state, [](JsonWriter& out, double v) { out.SampleValue(v); });
}
BENCHMARK(BM_SampleValue)->DenseRange(kCounters, kMix);

void BM_SamplePoint(benchmark::State& state) {
  std::int64_t t = 1'700'000'000'000;
  WriteAll(state, [&t](JsonWriter& out, double v) { out.SamplePoint(t += 15'000, v); });
}
BENCHMARK(BM_SamplePoint)->DenseRange(kCounters, kMix);

}  // namespace
}  // namespace narthex

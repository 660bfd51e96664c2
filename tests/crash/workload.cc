// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/workload.h"

#include <bit>

#include <fmt/format.h>

#include "narthex/base/hash.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"

namespace narthex::crash {
namespace {

using model::TimestampMs;

constexpr TimestampMs kStart = 1'700'000'000'000;
constexpr int kFloatSeries = 20;
constexpr int kHistogramSeries = 3;
constexpr int kLateSeries = 3;
// A quarter of the float series is replaced by new ones after so many commits.
constexpr std::int64_t kCommitsPerGeneration = 150;

enum class Kind : std::uint8_t { kFloat, kHistogram, kFloatHistogram };

struct Planned {
  model::Labels labels;
  TimestampMs t;
  Kind kind;
};

std::uint64_t Mix(std::uint64_t a, std::uint64_t b) {
  std::uint64_t x = a * 0x9e3779b97f4a7c15 ^ (b + 0x7f4a7c15);
  x ^= x >> 29;
  x *= 0xbf58476d1ce4e5b9;
  return x ^ (x >> 32);
}

model::Labels LabelsOf(std::string_view name, int writer, int series, std::int64_t generation) {
  return {{"__name__", name},
          {"writer", std::to_string(writer)},
          {"series", std::to_string(series)},
          {"generation", std::to_string(generation)}};
}

Kind KindAt(std::string_view name, TimestampMs t) {
  if (name == "crash_histogram") return Kind::kHistogram;
  if (name == "crash_float_histogram") return Kind::kFloatHistogram;
  // One metric changes its kind now and then.
  if (name == "crash_mixed") return (t / 7'000) % 3 == 0 ? Kind::kHistogram : Kind::kFloat;
  return Kind::kFloat;
}

// Integers, fractions and repeated values, so that all forms of the encoding occur.
double ValueAt(const std::string& series, TimestampMs t) {
  const std::uint64_t h = Mix(Hash64(series), static_cast<std::uint64_t>(t));
  if (h % 3 == 0) return 1;
  if (h % 3 == 1) return static_cast<double>(t / 1000 % 100'000);
  return static_cast<double>(h >> 11) / 1e6;
}

model::Histogram HistogramAt(const std::string& series, TimestampMs t) {
  const std::uint64_t h = Mix(Hash64(series), static_cast<std::uint64_t>(t));
  const auto steps = static_cast<std::int64_t>((t - kStart) / 500 + 1'000);
  model::Histogram out;
  out.schema = 1;
  out.zero_threshold = 0.001;
  out.zero_count = static_cast<std::uint64_t>(steps);
  out.positive_spans = {{0, 2}, {static_cast<std::int32_t>(1 + h % 2), 1}};
  out.positive_buckets = {steps, 1, steps / 2};
  out.count =
      out.zero_count + static_cast<std::uint64_t>(steps + (steps + 1) + (steps + 1 + steps / 2));
  out.sum = static_cast<double>(steps) * 1.5;
  return out;
}

std::vector<Planned> Plan(int writer, std::int64_t number, bool late) {
  std::vector<Planned> plan;
  const TimestampMs t = kStart + number * 1'000 + writer;
  const auto add = [&](std::string_view name, int series, std::int64_t generation, TimestampMs at) {
    plan.push_back({LabelsOf(name, writer, series, generation), at, KindAt(name, at)});
  };
  for (int i = 0; i < kFloatSeries; ++i) {
    if (Mix(static_cast<std::uint64_t>(number), static_cast<std::uint64_t>(i)) % 9 == 0) continue;
    add("crash_float", i, i % 4 == 0 ? (number + i * 7) / kCommitsPerGeneration : 0, t);
  }
  for (int i = 0; i < kHistogramSeries; ++i) {
    add("crash_histogram", i, 0, t);
    add("crash_float_histogram", i, 0, t);
    add("crash_mixed", i, 0, t);
  }
  if (!late) return plan;
  for (int i = 0; i < kLateSeries; ++i) {
    add("crash_late", i, 0, t);
    // Of the same series, behind it by up to about 80 s. The same time may come again.
    const auto steps =
        1 +
        Mix(static_cast<std::uint64_t>(number * 31 + writer), static_cast<std::uint64_t>(i)) % 80;
    const TimestampMs behind = t - static_cast<TimestampMs>(steps) * 1'000 - 500;
    if (behind > kStart) add("crash_late", i, 0, behind);
  }
  return plan;
}

storage::AppendError AppendPlanned(storage::Appender& appender, const Planned& planned) {
  storage::SeriesRef ref{0};
  const std::string series = planned.labels.ToString();
  switch (planned.kind) {
    case Kind::kFloat:
      return appender.Append(ref, planned.labels, planned.t, ValueAt(series, planned.t));
    case Kind::kHistogram:
      return appender.AppendHistogram(ref, planned.labels, planned.t,
                                      HistogramAt(series, planned.t));
    case Kind::kFloatHistogram:
      return appender.AppendFloatHistogram(ref, planned.labels, planned.t,
                                           model::ToFloat(HistogramAt(series, planned.t)));
  }
  return storage::AppendError::kNone;
}

Status Check(const std::string& series, const std::map<TimestampMs, bool>& times,
             const std::string& name, const storage::SampleColumns& columns) {
  std::map<TimestampMs, bool> found;
  for (std::size_t i = 0; i < columns.t.size(); ++i) {
    const TimestampMs t = columns.t[i];
    const auto want = times.find(t);
    if (want == times.end() || KindAt(name, t) == Kind::kHistogram ||
        KindAt(name, t) == Kind::kFloatHistogram ||
        std::bit_cast<std::uint64_t>(columns.v[i]) !=
            std::bit_cast<std::uint64_t>(ValueAt(series, t))) {
      return Fail(Code::kCorruption,
                  fmt::format("{} at {}: nobody wrote {}", series, t, columns.v[i]));
    }
    if (!found.emplace(t, true).second) {
      return Fail(Code::kCorruption, fmt::format("{} at {}: twice", series, t));
    }
  }
  for (std::size_t i = 0; i < columns.histograms.size(); ++i) {
    const TimestampMs t = columns.histogram_t[i];
    const model::Histogram h = HistogramAt(series, t);
    const auto& got = columns.histograms[i];
    if (!times.contains(t) || KindAt(name, t) == Kind::kFloat ||
        got.count != static_cast<double>(h.count) || got.sum != h.sum) {
      return Fail(Code::kCorruption,
                  fmt::format("{} at {}: nobody wrote this histogram, sum {}", series, t, got.sum));
    }
    if (!found.emplace(t, true).second) {
      return Fail(Code::kCorruption, fmt::format("{} at {}: twice", series, t));
    }
  }
  for (const auto& [t, sure] : times) {
    if (sure && !found.contains(t)) {
      return Fail(Code::kCorruption, fmt::format("{} at {}: committed and lost", series, t));
    }
  }
  return {};
}

}  // namespace

Status AppendCommit(storage::Appender& appender, int writer, std::int64_t number, bool late) {
  for (const Planned& planned : Plan(writer, number, late)) {
    if (const auto error = AppendPlanned(appender, planned); error != storage::AppendError::kNone) {
      return Fail(Code::kInternal, fmt::format("{} at {}: {}", planned.labels.ToString(), planned.t,
                                               storage::AppendErrorText(error)));
    }
  }
  return {};
}

void Expect(int writer, std::int64_t number, bool late, bool sure, Expected& expected) {
  for (const Planned& planned : Plan(writer, number, late)) {
    bool& must = expected[planned.labels.ToString()][planned.t];
    must = must || sure;
  }
}

Result<std::uint64_t> Verify(const storage::Querier& querier, const Expected& expected) {
  NX_ASSIGN_OR_RETURN(const auto set, querier.Select({}, {}));
  std::uint64_t samples = 0;
  std::map<std::string, bool> seen;
  storage::SampleColumns columns;
  for (std::size_t i = 0; i < set->size(); ++i) {
    const model::Labels labels = set->LabelsAt(i);
    const std::string series = labels.ToString();
    const auto want = expected.find(series);
    if (want == expected.end()) return Fail(Code::kCorruption, series + ": nobody wrote it");
    columns.Clear();
    NX_RETURN_IF_ERROR(set->Read(i, model::kMinTime, model::kMaxTime, columns));
    NX_RETURN_IF_ERROR(Check(series, want->second, std::string(labels.Get("__name__")), columns));
    samples += columns.t.size() + columns.histograms.size();
    seen[series] = true;
  }
  for (const auto& [series, times] : expected) {
    if (seen.contains(series)) continue;
    for (const auto& [t, sure] : times) {
      if (sure) return Fail(Code::kCorruption, fmt::format("{} at {}: series lost", series, t));
    }
  }
  return samples;
}

}  // namespace narthex::crash

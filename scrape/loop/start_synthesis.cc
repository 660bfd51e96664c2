// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/start_synthesis.h"

#include <utility>
#include <variant>
#include <vector>

#include "narthex/base/heap_bytes.h"
#include "narthex/model/float_histogram.h"

namespace narthex::scrape {
namespace {

using model::FloatHistogram;
using model::Histogram;
using model::TimestampMs;

/// A reset was somewhere between the sample before and this one: the guess that does least harm.
TimestampMs StartOfReset(TimestampMs t) { return t - 1; }

/// Counts as differences between neighbours.
std::vector<std::int64_t> Differences(const std::vector<double>& counts) {
  std::vector<std::int64_t> out;
  out.reserve(counts.size());
  std::int64_t last = 0;
  for (const double count : counts) {
    const auto whole = static_cast<std::int64_t>(count);
    out.push_back(whole - last);
    last = whole;
  }
  return out;
}

/// `like` with the counts of a histogram of whole numbers.
void Assign(FloatHistogram&& from, Histogram& like) {
  like.schema = from.schema;
  like.zero_threshold = from.zero_threshold;
  like.zero_count = static_cast<std::uint64_t>(from.zero_count);
  like.count = static_cast<std::uint64_t>(from.count);
  like.sum = from.sum;
  like.positive_buckets = Differences(from.positive_buckets);
  like.negative_buckets = Differences(from.negative_buckets);
  like.positive_spans = std::move(from.positive_spans);
  like.negative_spans = std::move(from.negative_spans);
  like.custom_values = std::move(from.custom_values);
}
void Assign(FloatHistogram&& from, FloatHistogram& like) { like = std::move(from); }

FloatHistogram FloatOf(const Histogram& h) { return model::ToFloat(h); }
const FloatHistogram& FloatOf(const FloatHistogram& h) { return h; }

std::size_t BytesOf(const FloatHistogram& h) {
  return HeapBytes(h.positive_spans) + HeapBytes(h.negative_spans) + HeapBytes(h.positive_buckets) +
         HeapBytes(h.negative_buckets) + HeapBytes(h.custom_values);
}

}  // namespace

struct StartSynthesis::HistogramState {
  FloatHistogram before;    // The last one, as it came.
  FloatHistogram at_start;  // What is subtracted, …
  bool subtracts = true;    // … until a reset.
};

StartSynthesis::State::State() = default;
StartSynthesis::State::State(State&&) noexcept = default;
StartSynthesis::State& StartSynthesis::State::operator=(State&&) noexcept = default;
StartSynthesis::State::~State() = default;

StartSynthesis::StartSynthesis() = default;
StartSynthesis::~StartSynthesis() = default;

StartSynthesis::State& StartSynthesis::Touch(const Hash128& series) {
  State& state = states_[series];
  state.scrape = scrape_;
  return state;
}

bool StartSynthesis::IsSeen(const Hash128& series) const {
  const auto it = states_.find(series);
  return it != states_.end() && it->second.scrape == scrape_;
}

std::optional<TimestampMs> StartSynthesis::Adjust(const Hash128& series, TimestampMs t,
                                                  double& value) {
  State& state = Touch(series);
  if (state.start == 0) {
    state.before = state.at_start = value;
    state.start = t;
    return {};
  }
  if (value < state.before) {
    state.at_start = 0;
    state.start = StartOfReset(t);
  }
  state.before = value;
  value -= state.at_start;
  return state.start;
}

std::optional<TimestampMs> StartSynthesis::Adjust(const Hash128& series, TimestampMs t,
                                                  model::AnyHistogram& histogram) {
  State& state = Touch(series);
  FloatHistogram now =
      std::visit([](const auto& h) { return FloatHistogram(FloatOf(h)); }, histogram);
  // Also for a series that was a float until now.
  if (state.histogram == nullptr) state.histogram = std::make_unique<HistogramState>();
  HistogramState& known = *state.histogram;
  if (state.start == 0) {
    known.before = known.at_start = std::move(now);
    state.start = t;
    return {};
  }
  if (model::DetectReset(now, known.before)) {
    known.before = std::move(now);
    known.subtracts = false;
    known.at_start = {};
    state.start = StartOfReset(t);
    return state.start;
  }
  known.before = now;
  if (!known.subtracts) return state.start;
  (void)model::Subtract(now, known.at_start);
  model::Compact(now);
  std::visit([&now](auto& h) { Assign(std::move(now), h); }, histogram);
  return state.start;
}

void StartSynthesis::Forget(const Hash128& series) { states_.erase(series); }

void StartSynthesis::FinishScrape(bool good) {
  if (good) {
    absl::erase_if(states_, [this](const auto& entry) { return entry.second.scrape != scrape_; });
  }
  ++scrape_;
}

std::size_t StartSynthesis::memory_bytes() const {
  std::size_t bytes = states_.capacity() * (sizeof(Hash128) + sizeof(State) + 1);
  for (const auto& [series, state] : states_) {
    if (state.histogram == nullptr) continue;
    bytes += sizeof(HistogramState) + BytesOf(state.histogram->before) +
             BytesOf(state.histogram->at_start);
  }
  return bytes;
}

}  // namespace narthex::scrape

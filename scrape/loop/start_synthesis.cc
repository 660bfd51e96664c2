// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/start_synthesis.h"

#include <algorithm>
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

/// Counts that fit no longer are as large as they can be.
std::uint64_t Whole(double count) {
  if (!(count > 0)) return 0;
  return count >= 18446744073709551616.0 ? UINT64_MAX : static_cast<std::uint64_t>(count);
}

/// Counts as differences between neighbours.
std::vector<std::int64_t> Differences(const std::vector<double>& counts) {
  std::vector<std::int64_t> out;
  out.reserve(counts.size());
  std::uint64_t last = 0;
  for (const double count : counts) {
    const std::uint64_t whole = Whole(count);
    out.push_back(static_cast<std::int64_t>(whole - last));
    last = whole;
  }
  return out;
}

/// Most buckets of a side, and how far out they may be: as storage has it.
constexpr std::uint64_t kMaxBuckets = 65'536;
constexpr std::int64_t kMaxIndex = std::int64_t{1} << 28;

bool SpansFit(const std::vector<model::Span>& spans, std::size_t num_buckets) {
  std::uint64_t described = 0;
  std::int64_t index = 0;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (i > 0 && spans[i].offset < 0) return false;
    described += spans[i].length;
    index += spans[i].offset;
    if (index < -kMaxIndex || described > kMaxBuckets) return false;
    index += spans[i].length;
    if (index > kMaxIndex) return false;
  }
  return described == num_buckets;
}

template <typename H>
bool HasKnownForm(const H& h) {
  const bool custom = h.schema == model::kCustomBucketsSchema;
  if (!custom && (h.schema < -4 || h.schema > 8)) return false;
  if (!SpansFit(h.positive_spans, h.positive_buckets.size()) ||
      !SpansFit(h.negative_spans, h.negative_buckets.size())) {
    return false;
  }
  if (!custom) return h.custom_values.empty();
  std::int64_t end = 0;
  for (const model::Span& span : h.positive_spans) end += span.offset + std::int64_t{span.length};
  return h.negative_spans.empty() &&
         (h.positive_spans.empty() || h.positive_spans.front().offset >= 0) &&
         end <= static_cast<std::int64_t>(h.custom_values.size()) + 1 &&
         std::is_sorted(h.custom_values.begin(), h.custom_values.end());
}

/// `like` with the counts of a histogram of whole numbers.
void Assign(FloatHistogram&& from, Histogram& like) {
  like.schema = from.schema;
  like.zero_threshold = from.zero_threshold;
  like.zero_count = Whole(from.zero_count);
  like.count = Whole(from.count);
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

  std::size_t bytes() const { return sizeof *this + BytesOf(before) + BytesOf(at_start); }
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
  if (state.histogram != nullptr) {  // It was one until now.
    DropHistogram(state);
    state.start = 0;
  }
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

bool StartSynthesis::CanAdjust(const model::AnyHistogram& histogram) {
  return std::visit([](const auto& h) { return HasKnownForm(h); }, histogram);
}

std::optional<TimestampMs> StartSynthesis::Adjust(const Hash128& series, TimestampMs t,
                                                  model::AnyHistogram& histogram) {
  State& state = Touch(series);
  FloatHistogram now =
      std::visit([](const auto& h) { return FloatHistogram(FloatOf(h)); }, histogram);
  if (state.histogram == nullptr) {
    state.histogram = std::make_unique<HistogramState>();
    state.start = 0;  // Also of a series that was a float until now.
  } else {
    histogram_bytes_ -= state.histogram->bytes();
  }
  HistogramState& known = *state.histogram;
  const bool first = state.start == 0;
  const bool reset = !first && model::DetectReset(now, known.before);
  known.before = now;
  if (first) known = {now, now, true};
  if (reset) {
    known.at_start = {};
    known.subtracts = false;
  }
  histogram_bytes_ += known.bytes();
  if (first) {
    state.start = t;
    return {};
  }
  if (reset) state.start = StartOfReset(t);
  if (!known.subtracts) return state.start;
  (void)model::Subtract(now, known.at_start);
  model::Compact(now);
  std::visit([&now](auto& h) { Assign(std::move(now), h); }, histogram);
  return state.start;
}

void StartSynthesis::DropHistogram(State& state) {
  if (state.histogram != nullptr) histogram_bytes_ -= state.histogram->bytes();
  state.histogram = nullptr;
}

bool StartSynthesis::Knows(const Hash128& series) const {
  const auto it = states_.find(series);
  return it != states_.end() && it->second.start != 0;
}

void StartSynthesis::Forget(const Hash128& series) {
  const auto it = states_.find(series);
  if (it == states_.end()) return;
  DropHistogram(it->second);
  states_.erase(it);
}

void StartSynthesis::Reset(const Hash128& series) {
  State& state = Touch(series);
  DropHistogram(state);
  state.start = 0;
}

void StartSynthesis::FinishScrape(bool good) {
  // The same bound as that of the series cache.
  if (good || states_.size() > good_size_ * 2 + 1000) {
    absl::erase_if(states_, [this](auto& entry) {
      if (entry.second.scrape == scrape_) return false;
      DropHistogram(entry.second);
      return true;
    });
  }
  if (good) good_size_ = states_.size();
  ++scrape_;
}

std::size_t StartSynthesis::memory_bytes() const {
  return states_.capacity() * (sizeof(Hash128) + sizeof(State) + 1) + histogram_bytes_;
}

}  // namespace narthex::scrape

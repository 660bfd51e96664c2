// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/classic_histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::scrape {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
/// Empty buckets in a row that are kept between others: cheaper than another span. Floats have
/// none. Source: convertnhcb, Compact(2) and Compact(0).
constexpr std::size_t kKeptEmpty = 2;
/// Up to so many buckets are put in their place one by one; each moves those above it.
constexpr std::size_t kMaxInserted = 1024;

bool IsWhole(double v) {
  constexpr double kMost = 9.2e18;  // Below 2^63.
  return std::abs(v) < kMost && std::trunc(v) == v;
}

/// Appends counts as they are, or as differences to the one before.
struct CountWriter {
  double last = 0;
  void Add(double count, std::vector<std::int64_t>& out) {
    out.push_back(static_cast<std::int64_t>(count) - static_cast<std::int64_t>(last));
    last = count;
  }
  static void Add(double count, std::vector<double>& out) { out.push_back(count); }
};

std::string NotCumulative(double a, char relation, double b) {
  return fmt::format("count is not cumulative: {} {} {}", go::FormatFloatG(a), relation,
                     go::FormatFloatG(b));
}

}  // namespace

void ClassicHistogram::Reset() {
  buckets_.clear();
  sorted_ = 0;
  count_ = sum_ = 0;
  has_count_ = false;
  error_.clear();
}

Status ClassicHistogram::Refuse(std::string why) {
  error_ = std::move(why);
  return Fail(Code::kInvalidArgument, error_);
}

Status ClassicHistogram::SetCount(double count) {
  if (!error_.empty()) return Fail(Code::kInvalidArgument, error_);
  if (count < 0) {
    return Refuse("count must be non-negative: count=" + go::FormatFloatG(count));
  }
  count_ = count;
  has_count_ = true;
  return {};
}

Status ClassicHistogram::SetBucket(double bound, double count) {
  if (!error_.empty()) return Fail(Code::kInvalidArgument, error_);
  if (std::isnan(bound)) return Refuse("bucket boundary must not be NaN");
  if (count < 0) {
    return Refuse(fmt::format("bucket count must be non-negative: le={}, count={}",
                              go::FormatFloatG(bound), go::FormatFloatG(count)));
  }
  const bool in_order = sorted_ == buckets_.size();
  const bool last = in_order && (buckets_.empty() || bound > buckets_.back().bound);
  if (!last && (!in_order || buckets_.size() >= kMaxInserted)) {
    buckets_.push_back({bound, count});
    return {};
  }
  const auto at = last ? buckets_.end()
                       : std::lower_bound(buckets_.begin(), buckets_.end(), bound,
                                          [](const Bucket& b, double x) { return b.bound < x; });
  if (at != buckets_.end() && at->bound == bound) return {};
  if (at != buckets_.begin() && count < (at - 1)->count) {
    return Refuse(NotCumulative(count, '<', (at - 1)->count));
  }
  if (at != buckets_.end() && count > at->count) {
    return Refuse(NotCumulative(count, '>', at->count));
  }
  buckets_.insert(at, {bound, count});
  sorted_ = buckets_.size();
  return {};
}

Status ClassicHistogram::Sort() {
  if (sorted_ == buckets_.size()) return {};
  std::stable_sort(buckets_.begin(), buckets_.end(),
                   [](const Bucket& a, const Bucket& b) { return a.bound < b.bound; });
  const auto end = std::unique(buckets_.begin(), buckets_.end(),
                               [](const Bucket& a, const Bucket& b) { return a.bound == b.bound; });
  buckets_.erase(end, buckets_.end());
  for (std::size_t i = 1; i < buckets_.size(); ++i) {
    if (buckets_[i].count < buckets_[i - 1].count) {
      return Refuse(NotCumulative(buckets_[i].count, '<', buckets_[i - 1].count));
    }
  }
  sorted_ = buckets_.size();
  return {};
}

template <typename H>
void ClassicHistogram::Fill(H& h) const {
  constexpr bool kIsInt = std::is_same_v<H, model::Histogram>;
  h.counter_reset_hint = model::CounterResetHint::kUnknown;
  h.schema = model::kCustomBucketsSchema;
  h.zero_threshold = 0;
  h.zero_count = 0;
  h.count = static_cast<decltype(h.count)>(count_);
  h.sum = sum_;
  h.positive_spans.clear();
  h.positive_buckets.clear();
  h.negative_spans.clear();
  h.negative_buckets.clear();
  h.custom_values.clear();
  for (const Bucket& bucket : buckets_) {
    if (bucket.bound != kInf) h.custom_values.push_back(bucket.bound);
  }
  const auto at = [&](std::size_t i) {
    return buckets_[i].count - (i == 0 ? 0 : buckets_[i - 1].count);
  };
  CountWriter writer;
  std::size_t end = 0;  // Of the buckets written.
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (at(i) == 0) continue;
    const std::size_t empty = i - end;
    const bool same_span = !h.positive_spans.empty() && empty <= (kIsInt ? kKeptEmpty : 0);
    if (!same_span) h.positive_spans.push_back({static_cast<std::int32_t>(empty), 0});
    for (std::size_t k = 0; same_span && k < empty; ++k) {
      writer.Add(0, h.positive_buckets);
      ++h.positive_spans.back().length;
    }
    writer.Add(at(i), h.positive_buckets);
    ++h.positive_spans.back().length;
    end = i + 1;
  }
}

Status ClassicHistogram::Convert(model::AnyHistogram& out) {
  if (!error_.empty()) return Fail(Code::kInvalidArgument, error_);
  NX_RETURN_IF_ERROR(Sort());
  if (!has_count_ && !buckets_.empty()) count_ = buckets_.back().count;
  if (buckets_.empty() || buckets_.back().bound != kInf) buckets_.push_back({kInf, count_});
  const bool whole =
      IsWhole(count_) && std::all_of(buckets_.begin(), buckets_.end(),
                                     [](const Bucket& bucket) { return IsWhole(bucket.count); });
  if (const Bucket& last = buckets_.back(); last.count != count_) {
    const auto text = [&](double v) {
      return whole ? fmt::format("{:.0f}", v) : go::FormatFloatG(v);
    };
    return Refuse(fmt::format("count mismatch: count={} != le={} count={}", text(count_),
                              go::FormatFloatG(last.bound), go::FormatFloatG(last.count)));
  }
  if (whole) {
    if (!std::holds_alternative<model::Histogram>(out)) out.emplace<model::Histogram>();
    Fill(std::get<model::Histogram>(out));
  } else {
    if (!std::holds_alternative<model::FloatHistogram>(out)) out.emplace<model::FloatHistogram>();
    Fill(std::get<model::FloatHistogram>(out));
  }
  return {};
}

}  // namespace narthex::scrape

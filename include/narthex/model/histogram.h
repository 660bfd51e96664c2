// SPDX-License-Identifier: Apache-2.0
//
// Native histograms as stored: spans say which buckets exist, arrays hold their counts.
// Source: Prometheus model/histogram; https://prometheus.io/docs/specs/native_histograms/
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

namespace narthex::model {

enum class CounterResetHint : std::uint8_t { kUnknown = 0, kReset = 1, kNotReset = 2, kGauge = 3 };

/// `offset` buckets are skipped since the end of the previous span (for the first: the index of
/// its first bucket), then `length` consecutive buckets follow.
struct Span {
  std::int32_t offset = 0;
  std::uint32_t length = 0;
  bool operator==(const Span&) const = default;
};

inline constexpr std::int32_t kCustomBucketsSchema = -53;

/// Integer counts. Bucket arrays hold the first count, then differences between neighbours.
struct Histogram {
  CounterResetHint counter_reset_hint = CounterResetHint::kUnknown;
  std::int32_t schema = 0;  // -4…8 exponential, kCustomBucketsSchema explicit bounds.
  double zero_threshold = 0;
  std::uint64_t zero_count = 0;
  std::uint64_t count = 0;
  double sum = 0;  // kStaleNaN: the series ends here.
  std::vector<Span> positive_spans, negative_spans;
  std::vector<std::int64_t> positive_buckets, negative_buckets;
  std::vector<double> custom_values;  // Upper bounds, rising, without +Inf.
};

/// Float counts. Bucket arrays hold the counts themselves. Arithmetic on it: float_histogram.h.
struct FloatHistogram {
  CounterResetHint counter_reset_hint = CounterResetHint::kUnknown;
  std::int32_t schema = 0;
  double zero_threshold = 0;
  double zero_count = 0;
  double count = 0;
  double sum = 0;
  std::vector<Span> positive_spans, negative_spans;
  std::vector<double> positive_buckets, negative_buckets;
  std::vector<double> custom_values;
};

/// One of either kind, as it is stored.
using AnyHistogram = std::variant<Histogram, FloatHistogram>;

/// The same histogram with float counts.
FloatHistogram ToFloat(const Histogram& h);

/// Merges the buckets of an exponential histogram from outside down to a coarser schema. Nothing
/// happens when its schema is not finer.
/// @return false when the spans do not describe the buckets; then nothing was changed
bool CoarsenChecked(Histogram& h, std::int32_t target_schema);
bool CoarsenChecked(FloatHistogram& h, std::int32_t target_schema);

/// Takes out empty buckets and joins adjacent spans.
/// @return false when the spans do not describe the buckets; then nothing was changed
bool CompactChecked(Histogram& h);
bool CompactChecked(FloatHistogram& h);

}  // namespace narthex::model

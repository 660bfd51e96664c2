// SPDX-License-Identifier: Apache-2.0
//
// Metric families as values that can be kept: what a push brings, in the text format or in
// protobuf. (Scrapes walk their bodies in place, see exposition.h.)
// Source: https://github.com/prometheus/client_model, io/prometheus/client/metrics.proto;
// https://prometheus.io/docs/instrumenting/exposition_formats/
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/proto/exposition.h"

namespace narthex::proto {

/// Which message of a metric is set.
enum class MetricKind : std::uint8_t { kNone, kGauge, kCounter, kSummary, kUntyped, kHistogram };

/// A count is in one of its two fields; the float one counts when it is not 0.
struct FamilyBucket {
  double upper_bound = 0;
  std::uint64_t count = 0;  // Cumulative.
  double count_float = 0;
};

/// What summaries and histograms have beside their labels.
struct Distribution {
  std::uint64_t count = 0;
  double count_float = 0;
  double sum = 0;
  bool has_count = false, has_sum = false;  // Whether they were told.
  bool is_float = false;                    // A histogram that counts in floats.
  std::vector<ExposedQuantile> quantiles;
  std::vector<FamilyBucket> buckets;
};

/// As much as errors tell of what a sender wrote, which may be of any size.
inline std::string_view Told(std::string_view text) { return text.substr(0, 1024); }
/// The same as Go's %q.
std::string QuoteTold(std::string_view text);

struct FamilyMetric {
  std::vector<std::pair<std::string, std::string>> labels;  // As they came; values may be empty.
  MetricKind kind = MetricKind::kNone;
  double value = 0;                            // Of gauge, counter, untyped.
  std::unique_ptr<Distribution> distribution;  // Of summary, histogram.
  std::optional<std::int64_t> timestamp_ms;
  /// The protobuf field that the metric's value came in, tag and all, so that native histograms,
  /// exemplars and start times leave as they came. Empty when it came as text.
  std::string wire;

  /// How much memory it takes.
  std::size_t HeldBytes() const;
  /// As Go prints the message on one line, for errors; of large ones the beginning.
  std::string DebugText() const;
};

struct MetricFamily {
  std::string name;
  std::optional<std::string> help;
  std::string unit;
  FamilyType type = FamilyType::kUntyped;
  std::vector<FamilyMetric> metrics;

  std::size_t HeldBytes() const;
};

/// "COUNTER", …, as the protobuf enumeration spells them.
std::string_view FamilyTypeName(FamilyType type);
/// The kind that metrics of a family have.
MetricKind KindOf(FamilyType type);

using FamiliesByName = std::map<std::string, MetricFamily>;

/// Which names are accepted.
enum class NameRule : std::uint8_t { kLegacy, kUtf8 };

/// A body of a few bytes per metric is far larger once it is read.
inline constexpr std::size_t kMaxFamiliesBytes = std::size_t{128} << 20;

/// Of one line of text; more is refused.
inline constexpr std::size_t kMostMetricLabels = 1024;

/// Reads text format 0.0.4 as prometheus/common's expfmt.TextParser does, which differs from how a
/// scrape reads it: lines of a family need not stand together, samples of a summary or histogram
/// are put together, each line must end, and a space at its end is an error.
/// Errors: kInvalidArgument "text format parsing error in line N: …" in expfmt's wording;
/// kResourceExhausted when the families would take more than about `max_bytes`.
Result<FamiliesByName> ParseFamilyText(std::string_view body, NameRule rule,
                                       std::size_t max_bytes = kMaxFamiliesBytes);

/// Reads messages MetricFamily, each behind its length. Of two families of one name the later one
/// counts. Errors: kInvalidArgument, kResourceExhausted as above.
Result<FamiliesByName> DecodeFamilies(std::string_view body,
                                      std::size_t max_bytes = kMaxFamiliesBytes);

/// Appends the family with its length before it.
void EncodeFamily(const MetricFamily& family, std::string& out);
/// The same with other metrics than its own.
void EncodeFamily(const MetricFamily& family, const std::vector<const FamilyMetric*>& metrics,
                  std::string& out);

/// An exponential histogram as FamilyMetric::wire.
std::string NativeHistogramField(const model::FloatHistogram& h);
/// A histogram with custom buckets as one with cumulative counts; the bucket of +Inf is left out.
Distribution ClassicHistogram(const model::FloatHistogram& h);

}  // namespace narthex::proto

// SPDX-License-Identifier: Apache-2.0
//
// The protobuf exposition format: messages io.prometheus.client.MetricFamily, each behind its
// length. Walked in place: texts are views of the body, and lists keep their memory from metric to
// metric.
// Source: https://github.com/prometheus/client_model, io/prometheus/client/metrics.proto
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"

namespace narthex::proto {

/// Numbers as in the message; a family may also have another one.
enum class FamilyType : std::int32_t {
  kCounter = 0,
  kGauge = 1,
  kSummary = 2,
  kUntyped = 3,
  kHistogram = 4,
  kGaugeHistogram = 5,
};

/// Views live as long as the body.
struct ExposedFamily {
  std::string_view name, help, unit;
  FamilyType type = FamilyType::kCounter;
};

/// A message Exemplar, not yet read; empty when there is none.
struct ExemplarBytes {
  std::string_view bytes;
  bool set = false;
};

struct ExposedBucket {
  std::uint64_t cumulative_count = 0;
  double cumulative_count_float = 0;
  double upper_bound = 0;
  ExemplarBytes exemplar;

  double Count() const {
    return cumulative_count_float != 0 ? cumulative_count_float
                                       : static_cast<double>(cumulative_count);
  }
};

struct ExposedQuantile {
  double quantile = 0;
  double value = 0;
};

/// All kinds in one; which fields count is told by the family's type.
struct ExposedMetric {
  std::size_t offset = 0;                // In the body, of the field that it is.
  std::vector<std::string_view> labels;  // Messages LabelPair.
  std::string_view label_bytes;          // All of them in one piece; empty when they are not.
  std::int64_t timestamp = 0;            // Milliseconds; 0 = none.
  double value = 0;                      // Of counter, gauge, untyped.
  ExemplarBytes exemplar;                // Of a counter.
  model::TimestampMs start = 0;          // 0 = none.

  std::uint64_t sample_count = 0;  // Of summary and histogram, with sample_sum.
  double sample_sum = 0;
  std::vector<ExposedQuantile> quantiles;

  double sample_count_float = 0;
  std::vector<ExposedBucket> buckets;
  std::int32_t schema = 0;
  double zero_threshold = 0;
  std::uint64_t zero_count = 0;
  double zero_count_float = 0;
  std::vector<model::Span> positive_spans, negative_spans;
  std::vector<std::int64_t> positive_deltas, negative_deltas;
  std::vector<double> positive_counts, negative_counts;
  std::vector<ExemplarBytes> exemplars;

  void Clear();
  /// The count, whichever of the two fields it is in.
  double Count() const {
    return sample_count_float != 0 ? sample_count_float : static_cast<double>(sample_count);
  }
  /// Whether there is anything in it that only native histograms have.
  bool IsNative() const {
    return !positive_spans.empty() || !negative_spans.empty() || zero_threshold > 0 ||
           zero_count > 0;
  }
  bool IsFloat() const { return sample_count_float > 0 || zero_count_float > 0; }
  /// "" or why spans and buckets do not go together, in Prometheus's wording.
  std::string Problem() const;
  /// The native histogram, without empty buckets; `out` keeps its memory when the kind stays.
  void ToHistogram(model::CounterResetHint hint, model::AnyHistogram& out) const;
};

/// Walks a body. Thread safety: one thread.
class ExpositionReader {
 public:
  explicit ExpositionReader(std::string_view body) : body_(body) {}

  /// Goes to the next family that has a metric. @return false at the end and on an error
  bool NextFamily(ExposedFamily& family);
  /// Reads the family's next metric. @return false when there is none, and on an error
  bool NextMetric(ExposedMetric& metric);
  /// Empty as long as all is well.
  const std::string& error() const { return error_; }

  /// Reads a metric of this body again, by its offset; several times the same one costs one
  /// reading. The references are good until the next call.
  std::pair<const ExposedFamily&, const ExposedMetric&> ReadAt(std::size_t offset);

 private:
  bool ReadFamily(ExposedFamily& family);

  const std::string_view body_;
  std::size_t next_family_ = 0;
  std::string_view family_;            // The message,
  FamilyType type_{};                  // its type,
  const char* next_metric_ = nullptr;  // and the field in it to go on from.
  std::vector<std::size_t> family_offsets_;
  std::unique_ptr<ExpositionReader> again_;  // At the family that ReadAt last came back to.
  ExposedFamily again_family_;
  ExposedMetric again_metric_;
  std::optional<std::size_t> again_offset_;  // Of that metric.
  std::string error_;
};

/// A message LabelPair. `error` is set when it is broken or not UTF-8.
std::pair<std::string_view, std::string_view> ReadLabelPair(std::string_view bytes,
                                                            std::string& error);

/// @return false when it is broken or there is none
bool ReadExemplar(const ExemplarBytes& exemplar, model::Exemplar& out);

}  // namespace narthex::proto

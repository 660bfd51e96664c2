// SPDX-License-Identifier: Apache-2.0
#include "src/proto/exposed_metric.h"

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/model/labels.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

std::int32_t Sint32(WireReader& in, const char* name) {
  // What does not fit is cut off.
  return static_cast<std::int32_t>(UnZigZag(static_cast<std::uint32_t>(in.Varint(name))));
}

/// A google.protobuf.Timestamp in milliseconds.
model::TimestampMs ReadTimestamp(std::string_view bytes, std::string& error) {
  std::uint64_t seconds = 0;
  std::int32_t nanos = 0;
  WireReader in(bytes, "Timestamp", error);
  while (in.Next()) {
    if (in.field() == 1) {
      seconds = in.Varint("Seconds");
    } else if (in.field() == 2) {
      nanos = static_cast<std::int32_t>(in.Varint("Nanos"));
    } else {
      in.Skip();
    }
  }
  // Unsigned, so that nonsense wraps around.
  return static_cast<model::TimestampMs>(seconds * 1000 +
                                         static_cast<std::uint64_t>(nanos / 1'000'000));
}

/// Calls label(bytes) for each label.
template <typename Label>
void WalkExemplar(std::string_view bytes, std::string& error, model::Exemplar& out, Label label) {
  WireReader in(bytes, "Exemplar", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        label(in.Bytes("Label"));
        break;
      case 2:
        out.value = in.Double("Value");
        break;
      case 3:
        out.t = ReadTimestamp(in.Bytes("Timestamp"), error);
        out.has_timestamp = true;
        break;
      default:
        in.Skip();
    }
  }
}

/// The fields of a LabelPair, not checked for UTF-8.
std::pair<std::string_view, std::string_view> ReadPair(std::string_view bytes, std::string& error) {
  std::pair<std::string_view, std::string_view> pair;
  WireReader in(bytes, "LabelPair", error);
  while (in.Next()) {
    if (in.field() == 1) {
      pair.first = in.Bytes("Name");
    } else if (in.field() == 2) {
      pair.second = in.Bytes("Value");
    } else {
      in.Skip();
    }
  }
  return pair;
}

/// The bytes, after a look whether they hold an exemplar: a broken one fails the scrape, wanted or
/// not.
ExemplarBytes TakeExemplar(std::string_view bytes, std::string& error) {
  model::Exemplar unused;
  WalkExemplar(bytes, error, unused, [&](std::string_view label) { ReadPair(label, error); });
  return {bytes, true};
}

model::Span ReadSpan(std::string_view bytes, std::string& error) {
  model::Span span;
  WireReader in(bytes, "BucketSpan", error);
  while (in.Next()) {
    if (in.field() == 1) {
      span.offset = Sint32(in, "Offset");
    } else if (in.field() == 2) {
      span.length = static_cast<std::uint32_t>(in.Varint("Length"));
    } else {
      in.Skip();
    }
  }
  return span;
}

ExposedBucket ReadBucket(std::string_view bytes, std::string& error) {
  ExposedBucket bucket;
  WireReader in(bytes, "Bucket", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        bucket.cumulative_count = in.Varint("CumulativeCount");
        break;
      case 2:
        bucket.upper_bound = in.Double("UpperBound");
        break;
      case 3:
        bucket.exemplar = TakeExemplar(in.Bytes("Exemplar"), error);
        break;
      case 4:
        bucket.cumulative_count_float = in.Double("CumulativeCountFloat");
        break;
      default:
        in.Skip();
    }
  }
  return bucket;
}

ExposedQuantile ReadQuantile(std::string_view bytes, std::string& error) {
  ExposedQuantile quantile;
  WireReader in(bytes, "Quantile", error);
  while (in.Next()) {
    if (in.field() == 1) {
      quantile.quantile = in.Double("Quantile");
    } else if (in.field() == 2) {
      quantile.value = in.Double("Value");
    } else {
      in.Skip();
    }
  }
  return quantile;
}

/// Of a gauge or an untyped one.
void ReadValue(std::string_view bytes, const char* message, std::string& error,
               ExposedMetric& metric) {
  WireReader in(bytes, message, error);
  while (in.Next()) {
    if (in.field() == 1) {
      metric.value = in.Double("Value");
    } else {
      in.Skip();
    }
  }
}

void ReadCounter(std::string_view bytes, std::string& error, ExposedMetric& metric) {
  WireReader in(bytes, "Counter", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        metric.value = in.Double("Value");
        break;
      case 2:
        metric.exemplar = TakeExemplar(in.Bytes("Exemplar"), error);
        break;
      case 3:
        metric.start = ReadTimestamp(in.Bytes("StartTimestamp"), error);
        break;
      default:
        in.Skip();
    }
  }
}

void ReadSummary(std::string_view bytes, std::string& error, ExposedMetric& metric) {
  WireReader in(bytes, "Summary", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        metric.sample_count = in.Varint("SampleCount");
        break;
      case 2:
        metric.sample_sum = in.Double("SampleSum");
        break;
      case 3:
        metric.quantiles.push_back(ReadQuantile(in.Bytes("Quantile"), error));
        break;
      case 4:
        metric.start = ReadTimestamp(in.Bytes("StartTimestamp"), error);
        break;
      default:
        in.Skip();
    }
  }
}

/// Fields of the buckets of native histograms. @return false = another field
bool ReadNativeBuckets(WireReader& in, std::string& error, ExposedMetric& metric) {
  const auto add_to = [](std::vector<std::int64_t>& deltas) {
    return [&deltas](std::uint64_t v) { deltas.push_back(UnZigZag(v)); };
  };
  switch (in.field()) {
    case 9:
      metric.negative_spans.push_back(ReadSpan(in.Bytes("NegativeSpan"), error));
      return true;
    case 10:
      in.Varints("NegativeDelta", add_to(metric.negative_deltas));
      return true;
    case 11:
      in.Doubles("NegativeCount", [&](double v) { metric.negative_counts.push_back(v); });
      return true;
    case 12:
      metric.positive_spans.push_back(ReadSpan(in.Bytes("PositiveSpan"), error));
      return true;
    case 13:
      in.Varints("PositiveDelta", add_to(metric.positive_deltas));
      return true;
    case 14:
      in.Doubles("PositiveCount", [&](double v) { metric.positive_counts.push_back(v); });
      return true;
    default:
      return false;
  }
}

void ReadHistogram(std::string_view bytes, std::string& error, ExposedMetric& metric) {
  WireReader in(bytes, "Histogram", error);
  while (in.Next()) {
    if (ReadNativeBuckets(in, error, metric)) continue;
    switch (in.field()) {
      case 1:
        metric.sample_count = in.Varint("SampleCount");
        break;
      case 2:
        metric.sample_sum = in.Double("SampleSum");
        break;
      case 3:
        metric.buckets.push_back(ReadBucket(in.Bytes("Bucket"), error));
        break;
      case 4:
        metric.sample_count_float = in.Double("SampleCountFloat");
        break;
      case 5:
        metric.schema = Sint32(in, "Schema");
        break;
      case 6:
        metric.zero_threshold = in.Double("ZeroThreshold");
        break;
      case 7:
        metric.zero_count = in.Varint("ZeroCount");
        break;
      case 8:
        metric.zero_count_float = in.Double("ZeroCountFloat");
        break;
      case 15:
        metric.start = ReadTimestamp(in.Bytes("StartTimestamp"), error);
        break;
      case 16:
        metric.exemplars.push_back(TakeExemplar(in.Bytes("Exemplars"), error));
        break;
      default:
        in.Skip();
    }
  }
}

/// A value of the kind that its family is not of: only checked.
void ReadOther(FamilyType kind, std::string_view bytes, std::string& error) {
  ExposedMetric unused;
  switch (kind) {
    case FamilyType::kCounter:
      return ReadCounter(bytes, error, unused);
    case FamilyType::kSummary:
      return ReadSummary(bytes, error, unused);
    case FamilyType::kHistogram:
    case FamilyType::kGaugeHistogram:
      return ReadHistogram(bytes, error, unused);
    case FamilyType::kGauge:
      return ReadValue(bytes, "Gauge", error, unused);
    case FamilyType::kUntyped:
      return ReadValue(bytes, "Untyped", error, unused);
  }
}

class MetricReader {
 public:
  MetricReader(FamilyType type, std::string& error, ExposedMetric& metric)
      : type_(type), error_(error), metric_(metric) {}

  void Read(std::string_view bytes) {
    metric_.Clear();
    WireReader in(bytes, "Metric", error_);
    const char* field = in.position();
    for (; in.Next(); field = in.position()) {
      switch (in.field()) {
        case 1:
          AddLabel(field, in);
          break;
        case 2:
          Value(FamilyType::kGauge, in.Bytes("Gauge"));
          break;
        case 3:
          Value(FamilyType::kCounter, in.Bytes("Counter"));
          break;
        case 4:
          Value(FamilyType::kSummary, in.Bytes("Summary"));
          break;
        case 5:
          Value(FamilyType::kUntyped, in.Bytes("Untyped"));
          break;
        case 6:
          metric_.timestamp = in.Int64("TimestampMs");
          break;
        case 7:
          Value(FamilyType::kHistogram, in.Bytes("Histogram"));
          break;
        default:
          in.Skip();
      }
    }
    if (scattered_) metric_.label_bytes = {};
  }

 private:
  void AddLabel(const char* field, WireReader& in) {
    const std::string_view label = in.Bytes("Label");
    if (metric_.labels.empty()) {
      metric_.label_bytes = {field, static_cast<std::size_t>(in.position() - field)};
    } else if (field == metric_.label_bytes.data() + metric_.label_bytes.size()) {
      const char* const begin = metric_.label_bytes.data();
      metric_.label_bytes = {begin, static_cast<std::size_t>(in.position() - begin)};
    } else {
      scattered_ = true;
    }
    metric_.labels.push_back(label);
  }

  void Value(FamilyType kind, std::string_view bytes) {
    const bool wanted =
        kind == type_ || (kind == FamilyType::kHistogram && type_ == FamilyType::kGaugeHistogram);
    if (!wanted) return ReadOther(kind, bytes, error_);
    switch (kind) {
      case FamilyType::kCounter:
        return ReadCounter(bytes, error_, metric_);
      case FamilyType::kSummary:
        return ReadSummary(bytes, error_, metric_);
      case FamilyType::kHistogram:
      case FamilyType::kGaugeHistogram:
        return ReadHistogram(bytes, error_, metric_);
      case FamilyType::kGauge:
        return ReadValue(bytes, "Gauge", error_, metric_);
      case FamilyType::kUntyped:
        return ReadValue(bytes, "Untyped", error_, metric_);
    }
  }

  const FamilyType type_;
  std::string& error_;
  ExposedMetric& metric_;
  bool scattered_ = false;
};

std::string SpanProblem(std::string_view side, const std::vector<model::Span>& spans,
                        std::size_t num_buckets) {
  std::uint64_t total = 0;
  for (const model::Span& span : spans) total += span.length;
  if (total == num_buckets) return "";
  return fmt::format("{} side: spans require {} buckets, have {}", side, total, num_buckets);
}

template <typename H>
H& Kind(model::AnyHistogram& any) {
  if (!std::holds_alternative<H>(any)) any.emplace<H>();
  return std::get<H>(any);
}

template <typename H>
void SetCommon(const ExposedMetric& metric, model::CounterResetHint hint, H& h) {
  h.counter_reset_hint = hint;
  h.schema = metric.schema;
  h.zero_threshold = metric.zero_threshold;
  h.sum = metric.sample_sum;
  h.positive_spans = metric.positive_spans;
  h.negative_spans = metric.negative_spans;
  h.custom_values.clear();
}

}  // namespace

void ReadMetric(std::string_view bytes, FamilyType type, std::string& error,
                ExposedMetric& metric) {
  MetricReader(type, error, metric).Read(bytes);
}

void ExposedMetric::Clear() {
  labels.clear();
  label_bytes = {};
  timestamp = start = 0;
  value = sample_sum = sample_count_float = zero_threshold = zero_count_float = 0;
  sample_count = zero_count = 0;
  schema = 0;
  exemplar = {};
  quantiles.clear();
  buckets.clear();
  positive_spans.clear();
  negative_spans.clear();
  positive_deltas.clear();
  negative_deltas.clear();
  positive_counts.clear();
  negative_counts.clear();
  exemplars.clear();
}

std::string ExposedMetric::Problem() const {
  std::string problem = SpanProblem("positive", positive_spans,
                                    IsFloat() ? positive_counts.size() : positive_deltas.size());
  if (!problem.empty()) return problem;
  return SpanProblem("negative", negative_spans,
                     IsFloat() ? negative_counts.size() : negative_deltas.size());
}

void ExposedMetric::ToHistogram(model::CounterResetHint hint, model::AnyHistogram& out) const {
  if (IsFloat()) {
    auto& h = Kind<model::FloatHistogram>(out);
    SetCommon(*this, hint, h);
    h.count = sample_count_float;
    h.zero_count = zero_count_float;
    h.positive_buckets = positive_counts;
    h.negative_buckets = negative_counts;
    model::CompactChecked(h);
    return;
  }
  auto& h = Kind<model::Histogram>(out);
  SetCommon(*this, hint, h);
  h.count = sample_count;
  h.zero_count = zero_count;
  h.positive_buckets = positive_deltas;
  h.negative_buckets = negative_deltas;
  model::CompactChecked(h);
}

std::pair<std::string_view, std::string_view> ReadLabelPair(std::string_view bytes,
                                                            std::string& error) {
  const auto pair = ReadPair(bytes, error);
  const auto& [name, value] = pair;
  // A name that is not there at all is found out later.
  const bool named = name.data() != nullptr;
  if (error.empty() && named && (name.empty() || !model::IsValidUtf8(name))) {
    error = fmt::format("invalid label name: {}", name);
  }
  if (error.empty() && !model::IsValidUtf8(value)) {
    error = fmt::format("invalid label value: {}", value);
  }
  return pair;
}

bool ReadExemplar(const ExemplarBytes& exemplar, model::Exemplar& out) {
  if (!exemplar.set) return false;
  out = {};
  std::string error;
  std::vector<std::pair<std::string_view, std::string_view>> labels;
  WalkExemplar(exemplar.bytes, error, out,
               [&](std::string_view label) { labels.push_back(ReadPair(label, error)); });
  out.labels = model::Labels::FromPairs(std::move(labels));
  return error.empty();
}

}  // namespace narthex::proto

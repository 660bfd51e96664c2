// SPDX-License-Identifier: Apache-2.0
//
// MetricFamily messages read into values, and written.
#include <algorithm>

#include "narthex/proto/metric_family.h"
#include "src/proto/exposed_metric.h"
#include "src/proto/wire_reader.h"
#include "src/proto/wire_writer.h"

namespace narthex::proto {
namespace {

// Fields of the message Metric.
constexpr std::int32_t kLabel = 1, kGauge = 2, kCounter = 3, kSummary = 4, kUntyped = 5,
                       kTimestamp = 6, kHistogram = 7;

std::pair<std::string, std::string> ReadLabel(std::string_view bytes, std::string& error) {
  std::pair<std::string, std::string> label;
  WireReader in(bytes, "LabelPair", error);
  while (in.Next()) {
    if (in.field() == 1) {
      label.first = in.Bytes("Name");
    } else if (in.field() == 2) {
      label.second = in.Bytes("Value");
    } else {
      in.Skip();
    }
  }
  return label;
}

double ReadValue(std::string_view bytes, const char* message, std::string& error) {
  double value = 0;
  WireReader in(bytes, message, error);
  while (in.Next()) {
    if (in.field() == 1) {
      value = in.Double("Value");
    } else {
      in.Skip();
    }
  }
  return value;
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

FamilyBucket ReadBucket(std::string_view bytes, bool& is_float, std::string& error) {
  FamilyBucket bucket;
  WireReader in(bytes, "Bucket", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        bucket.count = in.Varint("CumulativeCount");
        break;
      case 2:
        bucket.upper_bound = in.Double("UpperBound");
        break;
      case 4:
        bucket.count_float = in.Double("CumulativeCountFloat");
        is_float = true;
        break;
      default:
        in.Skip();
    }
  }
  return bucket;
}

/// Fields 1 and 2 mean the same in both messages.
std::unique_ptr<Distribution> ReadDistribution(std::string_view bytes, bool histogram,
                                               std::string& error) {
  auto out = std::make_unique<Distribution>();
  WireReader in(bytes, histogram ? "Histogram" : "Summary", error);
  while (in.Next()) {
    const std::int32_t field = in.field();
    if (field == 1) {
      out->count = in.Varint("SampleCount");
      out->has_count = true;
    } else if (field == 2) {
      out->sum = in.Double("SampleSum");
      out->has_sum = true;
    } else if (field == 3 && histogram) {
      out->buckets.push_back(ReadBucket(in.Bytes("Bucket"), out->is_float, error));
    } else if (field == 3) {
      out->quantiles.push_back(ReadQuantile(in.Bytes("Quantile"), error));
    } else if (field == 4 && histogram) {
      out->count_float = in.Double("SampleCountFloat");
      out->is_float = true;
    } else {
      in.Skip();
    }
  }
  return out;
}

/// @param wanted  the kind to keep where several are set
void TakeValue(MetricKind kind, std::string_view bytes, std::string_view field, MetricKind wanted,
               FamilyMetric& metric, std::string& error) {
  if (metric.kind == wanted && kind != wanted) return;
  metric.kind = kind;
  metric.wire = field;
  if (kind == MetricKind::kSummary || kind == MetricKind::kHistogram) {
    metric.distribution = ReadDistribution(bytes, kind == MetricKind::kHistogram, error);
  } else {
    metric.value = ReadValue(bytes, "Metric", error);
  }
}

/// How many bytes may still be taken.
class Room {
 public:
  explicit Room(std::size_t bytes)
      : max_metric_bytes_(std::max(std::size_t{1} << 20, bytes / 128)), left_(bytes) {}
  bool Take(std::size_t bytes) {
    used_up_ = used_up_ || bytes > left_;
    left_ -= used_up_ ? 0 : bytes;
    return !used_up_;
  }
  bool used_up() const { return used_up_; }
  /// A metric is read before room is asked for; two bytes of it may take 64.
  std::size_t max_metric_bytes() const { return max_metric_bytes_; }

 private:
  const std::size_t max_metric_bytes_;
  std::size_t left_;
  bool used_up_ = false;
};

FamilyMetric KeepMetric(std::string_view bytes, MetricKind wanted, std::string& error) {
  FamilyMetric metric;
  WireReader in(bytes, "Metric", error);
  for (;;) {
    const char* const begin = in.position();
    if (!in.Next()) break;
    const auto take = [&](MetricKind kind, const char* name) {
      const std::string_view value = in.Bytes(name);
      const std::string_view field(begin, static_cast<std::size_t>(in.position() - begin));
      TakeValue(kind, value, field, wanted, metric, error);
    };
    switch (in.field()) {
      case kLabel:
        metric.labels.push_back(ReadLabel(in.Bytes("Label"), error));
        break;
      case kGauge:
        take(MetricKind::kGauge, "Gauge");
        break;
      case kCounter:
        take(MetricKind::kCounter, "Counter");
        break;
      case kSummary:
        take(MetricKind::kSummary, "Summary");
        break;
      case kUntyped:
        take(MetricKind::kUntyped, "Untyped");
        break;
      case kHistogram:
        take(MetricKind::kHistogram, "Histogram");
        break;
      case kTimestamp:
        metric.timestamp_ms = in.Int64("TimestampMs");
        break;
      default:
        in.Skip();
    }
  }
  return metric;
}

/// Sets the error when a scrape of the metric, or of fields that are only kept, would fail.
void Check(std::string_view metric, FamilyType type, ExposedMetric& scratch, std::string& error) {
  ReadMetric(metric, type, error, scratch);
  if (error.empty()) error = scratch.Problem();
}

MetricFamily ReadFamily(std::string_view bytes, Room& room, ExposedMetric& scratch,
                        std::string& error) {
  MetricFamily family;
  family.type = FamilyType::kCounter;  // As of a message that does not say.
  std::vector<std::string_view> metrics;
  WireReader in(bytes, "MetricFamily", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        family.name = in.Bytes("Name");
        break;
      case 2:
        family.help = std::string(in.Bytes("Help"));
        break;
      case 3:
        family.type = static_cast<FamilyType>(in.Varint("Type"));
        break;
      case 4:
        metrics.push_back(in.Bytes("Metric"));
        if (!room.Take(sizeof(FamilyMetric))) return family;
        break;
      case 5:
        family.unit = in.Bytes("Unit");
        break;
      default:
        in.Skip();
    }
  }
  if (error.empty() && KindOf(family.type) == MetricKind::kNone) {
    error = "unknown metric type " + std::to_string(static_cast<std::int32_t>(family.type));
  }
  if (!room.Take(family.HeldBytes())) return family;
  family.metrics.reserve(metrics.size());
  for (const std::string_view metric : metrics) {
    if (metric.size() > room.max_metric_bytes()) {
      error = "a metric of more than " + std::to_string(room.max_metric_bytes()) + " bytes";
    }
    if (error.empty()) Check(metric, family.type, scratch, error);
    if (!error.empty()) break;
    family.metrics.push_back(KeepMetric(metric, KindOf(family.type), error));
    if (!room.Take(family.metrics.back().HeldBytes())) break;
  }
  return family;
}

void WriteDistribution(const Distribution& d, bool histogram, std::string& out) {
  WireWriter writer(out);
  if (d.has_count && !d.is_float) writer.VarintAlways(1, d.count);
  if (d.has_sum) writer.DoubleAlways(2, d.sum);
  std::string part;
  for (const auto& quantile : d.quantiles) {
    part.clear();
    WireWriter inner(part);
    inner.DoubleAlways(1, quantile.quantile);
    inner.DoubleAlways(2, quantile.value);
    writer.Message(3, part);
  }
  for (const auto& bucket : d.buckets) {
    part.clear();
    WireWriter inner(part);
    if (!d.is_float) inner.VarintAlways(1, bucket.count);
    inner.DoubleAlways(2, bucket.upper_bound);
    if (d.is_float) inner.DoubleAlways(4, bucket.count_float);
    writer.Message(3, part);
  }
  if (histogram && d.is_float) writer.DoubleAlways(4, d.count_float);
}

void WriteValue(const FamilyMetric& metric, std::string& out) {
  std::int32_t field = 0;
  switch (metric.kind) {
    case MetricKind::kNone:
      return;
    case MetricKind::kGauge:
      field = kGauge;
      break;
    case MetricKind::kCounter:
      field = kCounter;
      break;
    case MetricKind::kSummary:
      field = kSummary;
      break;
    case MetricKind::kUntyped:
      field = kUntyped;
      break;
    case MetricKind::kHistogram:
      field = kHistogram;
      break;
  }
  std::string value;
  if (metric.distribution) {
    WriteDistribution(*metric.distribution, metric.kind == MetricKind::kHistogram, value);
  } else {
    WireWriter(value).DoubleAlways(1, metric.value);
  }
  WireWriter(out).Message(static_cast<std::uint32_t>(field), value);
}

void WriteMetric(const FamilyMetric& metric, std::string& out) {
  WireWriter writer(out);
  std::string part;
  for (const auto& [name, value] : metric.labels) {
    part.clear();
    WireWriter inner(part);
    inner.Message(1, name);
    inner.Message(2, value);
    writer.Message(kLabel, part);
  }
  const auto write_value = [&] {
    if (metric.wire.empty()) {
      WriteValue(metric, out);
    } else {
      out += metric.wire;
    }
  };
  // In order of their numbers, as upstream's writer has them.
  const bool last = metric.kind == MetricKind::kHistogram;
  if (!last) write_value();
  if (metric.timestamp_ms) {
    writer.VarintAlways(kTimestamp, static_cast<std::uint64_t>(*metric.timestamp_ms));
  }
  if (last) write_value();
}

}  // namespace

Result<FamiliesByName> DecodeFamilies(std::string_view body, std::size_t max_bytes) {
  FamiliesByName families;
  Room room(max_bytes);
  ExposedMetric scratch;
  std::string error;
  while (!body.empty()) {
    std::uint64_t size = 0;
    std::size_t used = 0;
    for (;; ++used) {
      if (used == body.size() || used == kMaxVarintBytes) {
        return Fail(Code::kInvalidArgument, "unexpected EOF");
      }
      const auto byte = static_cast<std::uint8_t>(body[used]);
      size |= static_cast<std::uint64_t>(byte & 0x7f) << (7 * used);
      if (byte < 0x80) break;
    }
    body.remove_prefix(used + 1);
    if (size > body.size()) return Fail(Code::kInvalidArgument, "unexpected EOF");
    MetricFamily family = ReadFamily(body.substr(0, size), room, scratch, error);
    if (room.used_up()) return Fail(Code::kResourceExhausted, "too many metrics");
    if (!error.empty()) return Fail(Code::kInvalidArgument, std::move(error));
    body.remove_prefix(size);
    std::string name = family.name;
    families.insert_or_assign(std::move(name), std::move(family));
  }
  return families;
}

void EncodeFamily(const MetricFamily& family, const std::vector<const FamilyMetric*>& metrics,
                  std::string& out) {
  std::string message, part;
  WireWriter writer(message);
  writer.Message(1, family.name);
  if (family.help) writer.Message(2, *family.help);
  writer.VarintAlways(3, static_cast<std::uint64_t>(family.type));
  for (const FamilyMetric* metric : metrics) {
    part.clear();
    WriteMetric(*metric, part);
    writer.Message(4, part);
  }
  writer.Bytes(5, family.unit);
  WireWriter(out).Raw(message.size());
  out += message;
}

void EncodeFamily(const MetricFamily& family, std::string& out) {
  std::vector<const FamilyMetric*> metrics;
  metrics.reserve(family.metrics.size());
  for (const auto& metric : family.metrics) metrics.push_back(&metric);
  EncodeFamily(family, metrics, out);
}

}  // namespace narthex::proto

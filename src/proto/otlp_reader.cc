// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "narthex/proto/otlp.h"
#include "src/proto/otlp_value.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

// Where what ResourceMetrics held before scopes had their present name may still be.
constexpr std::int32_t kScopeMetrics = 2;
constexpr std::int32_t kDeprecatedScopeMetrics = 1000;

std::int64_t ZigZag(std::uint64_t n) { return static_cast<std::int64_t>(n >> 1 ^ -(n & 1)); }

void CheckEntityRef(std::string_view message, std::string& error) {
  WireReader in(message, "EntityRef", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        in.Bytes("SchemaUrl");
        break;
      case 2:
        in.Bytes("Type");
        break;
      case 3:
        in.Bytes("IdKeys");
        break;
      case 4:
        in.Bytes("DescriptionKeys");
        break;
      default:
        in.Skip();
    }
  }
}

void AddAttribute(std::string_view message, std::vector<OtlpAttribute>& to, std::string& error) {
  ReadOtlpAttribute(message, to.emplace_back(), error);
}

/// Fields of a data point that all kinds have. Attributes that follow each other in the body are
/// one piece of it.
class PointParts {
 public:
  PointParts(OtlpPoint& point, std::string& joined) : point_(point), joined_(joined) {}

  /// @param field_begin, field_end  the field with the attribute, tag included
  void AddAttribute(std::string_view message, const char* field_begin, const char* field_end) {
    point_.attributes.push_back(message);
    const std::string_view field(field_begin, static_cast<std::size_t>(field_end - field_begin));
    std::string_view& all = point_.attribute_bytes;
    if (joined_.empty() && (all.empty() || all.data() + all.size() == field_begin)) {
      all = {all.empty() ? field_begin : all.data(), all.size() + field.size()};
      return;
    }
    if (joined_.empty()) joined_ = all;
    joined_ += field;
    all = joined_;
  }

 private:
  OtlpPoint& point_;
  std::string& joined_;
};

void ReadNumberField(WireReader& in, OtlpPoint& point) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.number = OtlpNumber::kDouble;
      point.as_double = in.Double("AsDouble");
      break;
    case 5:
      point.exemplars.push_back(in.Bytes("Exemplars"));
      break;
    case 6:
      point.number = OtlpNumber::kInt;
      point.as_int = static_cast<std::int64_t>(in.Fixed64("AsInt"));
      break;
    case 8:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    default:
      in.Skip();
  }
}

void ReadHistogramField(WireReader& in, OtlpPoint& point) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.count = in.Fixed64("Count");
      break;
    case 5:
      point.has_sum = true;
      point.sum = in.Double("Sum");
      break;
    case 6:
      in.Fixed64s("BucketCounts", [&](std::uint64_t n) { point.bucket_counts.push_back(n); });
      break;
    case 7:
      in.Doubles("ExplicitBounds", [&](double bound) { point.explicit_bounds.push_back(bound); });
      break;
    case 8:
      point.exemplars.push_back(in.Bytes("Exemplars"));
      break;
    case 10:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    case 11:
      in.Double("Min");
      break;
    case 12:
      in.Double("Max");
      break;
    default:
      in.Skip();
  }
}

// A part that comes twice adds to the first.
void ReadBuckets(std::string_view message, OtlpBuckets& buckets, std::string& error) {
  WireReader in(message, "Buckets", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        buckets.offset =
            static_cast<std::int32_t>(ZigZag(static_cast<std::uint32_t>(in.Varint("Offset"))));
        break;
      case 2:
        in.Varints("BucketCounts", [&](std::uint64_t n) { buckets.counts.push_back(n); });
        break;
      default:
        in.Skip();
    }
  }
}

void ReadExponentialField(WireReader& in, OtlpPoint& point, std::string& error) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.count = in.Fixed64("Count");
      break;
    case 5:
      point.has_sum = true;
      point.sum = in.Double("Sum");
      break;
    case 6:
      point.scale =
          static_cast<std::int32_t>(ZigZag(static_cast<std::uint32_t>(in.Varint("Scale"))));
      break;
    case 7:
      point.zero_count = in.Fixed64("ZeroCount");
      break;
    case 8:
      ReadBuckets(in.Bytes("Positive"), point.positive, error);
      break;
    case 9:
      ReadBuckets(in.Bytes("Negative"), point.negative, error);
      break;
    case 10:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    case 11:
      point.exemplars.push_back(in.Bytes("Exemplars"));
      break;
    case 12:
      in.Double("Min");
      break;
    case 13:
      in.Double("Max");
      break;
    case 14:
      point.zero_threshold = in.Double("ZeroThreshold");
      break;
    default:
      in.Skip();
  }
}

std::pair<double, double> ReadQuantile(std::string_view message, std::string& error) {
  std::pair<double, double> quantile;
  WireReader in(message, "ValueAtQuantile", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        quantile.first = in.Double("Quantile");
        break;
      case 2:
        quantile.second = in.Double("Value");
        break;
      default:
        in.Skip();
    }
  }
  return quantile;
}

void ReadSummaryField(WireReader& in, OtlpPoint& point, std::string& error) {
  switch (in.field()) {
    case 2:
      point.start_ns = in.Fixed64("StartTimeUnixNano");
      break;
    case 3:
      point.time_ns = in.Fixed64("TimeUnixNano");
      break;
    case 4:
      point.count = in.Fixed64("Count");
      break;
    case 5:
      point.sum = in.Double("Sum");
      break;
    case 6:
      point.quantiles.push_back(ReadQuantile(in.Bytes("QuantileValues"), error));
      break;
    case 8:
      point.flags = static_cast<std::uint32_t>(in.Varint("Flags"));
      break;
    default:
      in.Skip();
  }
}

/// Where a kind of data point has its attributes, and its name.
struct PointForm {
  std::int32_t attributes;
  const char* message;
};

PointForm FormOf(OtlpKind kind) {
  switch (kind) {
    case OtlpKind::kHistogram:
      return {9, "HistogramDataPoint"};
    case OtlpKind::kExponentialHistogram:
      return {1, "ExponentialHistogramDataPoint"};
    case OtlpKind::kSummary:
      return {7, "SummaryDataPoint"};
    default:
      return {7, "NumberDataPoint"};
  }
}

OtlpKind KindOfField(std::int32_t field) {
  switch (field) {
    case 5:
      return OtlpKind::kGauge;
    case 7:
      return OtlpKind::kSum;
    case 9:
      return OtlpKind::kHistogram;
    case 10:
      return OtlpKind::kExponentialHistogram;
    case 11:
      return OtlpKind::kSummary;
    default:
      return OtlpKind::kNone;
  }
}

/// An id of `size` bytes, or none. All zero is none as well.
std::string_view ReadId(std::string_view bytes, std::size_t size, const char* what,
                        std::string& error) {
  if (!bytes.empty() && bytes.size() != size && error.empty()) {
    error = std::string("unmarshal: invalid ") + what + " length";
  }
  const bool zero = std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
  return zero ? std::string_view() : bytes;
}

}  // namespace

void OtlpPoint::Clear() {
  attributes.clear();
  attribute_bytes = {};
  exemplars.clear();
  start_ns = time_ns = 0;
  flags = 0;
  number = OtlpNumber::kNone;
  as_double = 0;
  as_int = 0;
  count = 0;
  has_sum = false;
  sum = 0;
  bucket_counts.clear();
  explicit_bounds.clear();
  scale = 0;
  zero_count = 0;
  zero_threshold = 0;
  positive.offset = negative.offset = 0;
  positive.counts.clear();
  negative.counts.clear();
  quantiles.clear();
  joined_.clear();
}

struct OtlpReader::Impl {
  explicit Impl(std::string_view body) : resources(body, "ExportMetricsServiceRequest", error) {}

  void LoadResource(std::string_view message);
  void ReadResource(std::string_view message);
  void LoadScope(std::string_view message);
  void ReadScope(std::string_view message);
  void LoadMetric(std::string_view message);
  void ScanData(std::string_view data);
  void LoadPoint(std::string_view message, OtlpPoint& point);

  std::string error;
  WireReader resources;  // What is left of each level; the inner ones are empty at first.
  WireReader scopes{{}, "ResourceMetrics", error};
  WireReader metrics{{}, "ScopeMetrics", error};
  WireReader points{{}, "Metric", error};
  std::int32_t scope_field = kScopeMetrics;
  std::vector<OtlpAttribute> resource_attributes;
  Scope scope;
  OtlpMetric metric;
  std::vector<OtlpAttribute> scratch;
};

void OtlpReader::Impl::LoadResource(std::string_view message) {
  resource_attributes.clear();
  metrics = WireReader({}, "ScopeMetrics", error);
  points = WireReader({}, "Metric", error);
  scope_field = kDeprecatedScopeMetrics;
  WireReader in(message, "ResourceMetrics", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        ReadResource(in.Bytes("Resource"));
        break;
      case kScopeMetrics:
        in.Bytes("ScopeMetrics");
        scope_field = kScopeMetrics;
        break;
      case 3:
        in.Bytes("SchemaUrl");
        break;
      case kDeprecatedScopeMetrics:
        in.Bytes("DeprecatedScopeMetrics");
        break;
      default:
        in.Skip();
    }
  }
  scopes = WireReader(message, "ResourceMetrics", error);
}

void OtlpReader::Impl::ReadResource(std::string_view message) {
  WireReader in(message, "Resource", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        AddAttribute(in.Bytes("Attributes"), resource_attributes, error);
        break;
      case 2:
        in.Varint("DroppedAttributesCount");
        break;
      case 3:
        CheckEntityRef(in.Bytes("EntityRefs"), error);
        break;
      default:
        in.Skip();
    }
  }
}

void OtlpReader::Impl::LoadScope(std::string_view message) {
  scope.name = scope.version = scope.schema_url = {};
  scope.attributes.clear();
  points = WireReader({}, "Metric", error);
  WireReader in(message, "ScopeMetrics", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        ReadScope(in.Bytes("Scope"));
        break;
      case 2:
        in.Bytes("Metrics");
        break;
      case 3:
        scope.schema_url = in.Bytes("SchemaUrl");
        break;
      default:
        in.Skip();
    }
  }
  metrics = WireReader(message, "ScopeMetrics", error);
}

void OtlpReader::Impl::ReadScope(std::string_view message) {
  WireReader in(message, "InstrumentationScope", error);
  while (in.Next()) {
    switch (in.field()) {
      case 1:
        scope.name = in.Bytes("Name");
        break;
      case 2:
        scope.version = in.Bytes("Version");
        break;
      case 3:
        AddAttribute(in.Bytes("Attributes"), scope.attributes, error);
        break;
      case 4:
        in.Varint("DroppedAttributesCount");
        break;
      default:
        in.Skip();
    }
  }
}

// Of several kinds of data the last one counts.
void OtlpReader::Impl::LoadMetric(std::string_view message) {
  metric = {};
  std::string_view data;
  WireReader in(message, "Metric", error);
  while (in.Next()) {
    switch (const auto field = in.field(); field) {
      case 1:
        metric.name = in.Bytes("Name");
        break;
      case 2:
        metric.description = in.Bytes("Description");
        break;
      case 3:
        metric.unit = in.Bytes("Unit");
        break;
      case 5:
      case 7:
      case 9:
      case 10:
      case 11:
        data = in.Bytes("Data");
        metric.kind = KindOfField(field);
        break;
      case 12:
        scratch.clear();
        AddAttribute(in.Bytes("Metadata"), scratch, error);
        break;
      default:
        in.Skip();
    }
  }
  ScanData(data);
  points = WireReader(data, "Metric", error);
}

// What a message of data says besides its points may stand behind them.
void OtlpReader::Impl::ScanData(std::string_view data) {
  const bool has_temporality = metric.kind != OtlpKind::kGauge && metric.kind != OtlpKind::kSummary;
  WireReader in(data, "Data", error);
  while (in.Next()) {
    if (in.field() == 1) {
      in.Bytes("DataPoints");
      ++metric.num_points;
    } else if (in.field() == 2 && has_temporality) {
      metric.temporality = static_cast<OtlpTemporality>(
          static_cast<std::int32_t>(in.Varint("AggregationTemporality")));
    } else if (in.field() == 3 && metric.kind == OtlpKind::kSum) {
      metric.monotonic = in.Varint("IsMonotonic") != 0;
    } else {
      in.Skip();
    }
  }
}

void OtlpReader::Impl::LoadPoint(std::string_view message, OtlpPoint& point) {
  point.Clear();
  const PointForm form = FormOf(metric.kind);
  PointParts parts(point, point.joined_);
  WireReader in(message, form.message, error);
  for (const char* begin = in.position(); in.Next(); begin = in.position()) {
    if (in.field() == form.attributes) {
      const std::string_view attribute = in.Bytes("Attributes");
      parts.AddAttribute(attribute, begin, in.position());
      continue;
    }
    switch (metric.kind) {
      case OtlpKind::kHistogram:
        ReadHistogramField(in, point);
        break;
      case OtlpKind::kExponentialHistogram:
        ReadExponentialField(in, point, error);
        break;
      case OtlpKind::kSummary:
        ReadSummaryField(in, point, error);
        break;
      default:
        ReadNumberField(in, point);
    }
  }
}

OtlpReader::OtlpReader(std::string_view body) : impl_(std::make_unique<Impl>(body)) {}
OtlpReader::~OtlpReader() = default;

bool OtlpReader::NextResource() {
  WireReader& in = impl_->resources;
  while (in.Next()) {
    if (in.field() == 1) {
      impl_->LoadResource(in.Bytes("ResourceMetrics"));
      return impl_->error.empty();
    }
    in.Skip();
  }
  return false;
}

bool OtlpReader::NextScope() {
  WireReader& in = impl_->scopes;
  while (in.Next()) {
    if (in.field() == impl_->scope_field) {
      impl_->LoadScope(in.Bytes("ScopeMetrics"));
      return impl_->error.empty();
    }
    in.Skip();
  }
  return false;
}

bool OtlpReader::NextMetric() {
  WireReader& in = impl_->metrics;
  while (in.Next()) {
    if (in.field() == 2) {
      impl_->LoadMetric(in.Bytes("Metrics"));
      return impl_->error.empty();
    }
    in.Skip();
  }
  return false;
}

bool OtlpReader::NextPoint(OtlpPoint& point) {
  WireReader& in = impl_->points;
  while (in.Next()) {
    if (in.field() == 1) {
      impl_->LoadPoint(in.Bytes("DataPoints"), point);
      return impl_->error.empty();
    }
    in.Skip();
  }
  return false;
}

const std::vector<OtlpAttribute>& OtlpReader::resource_attributes() const {
  return impl_->resource_attributes;
}
const OtlpReader::Scope& OtlpReader::scope() const { return impl_->scope; }
const OtlpMetric& OtlpReader::metric() const { return impl_->metric; }

bool OtlpReader::ReadAttributes(const std::vector<std::string_view>& messages,
                                std::vector<OtlpAttribute>& out) {
  out.clear();
  for (const std::string_view message : messages) AddAttribute(message, out, impl_->error);
  return impl_->error.empty();
}

bool OtlpReader::ReadExemplar(std::string_view message, OtlpExemplar& out) {
  std::string& error = impl_->error;
  out.attributes.clear();
  out.time_ns = 0;
  out.kind = OtlpNumber::kNone;
  out.value = 0;
  out.trace_id = out.span_id = {};
  WireReader in(message, "Exemplar", error);
  while (in.Next()) {
    switch (in.field()) {
      case 2:
        out.time_ns = in.Fixed64("TimeUnixNano");
        break;
      case 3:
        out.kind = OtlpNumber::kDouble;
        out.value = in.Double("AsDouble");
        break;
      case 4:
        out.span_id = ReadId(in.Bytes("SpanId"), 8, "SpanID", error);
        break;
      case 5:
        out.trace_id = ReadId(in.Bytes("TraceId"), 16, "TraceID", error);
        break;
      case 6:
        out.kind = OtlpNumber::kInt;
        out.value = static_cast<double>(static_cast<std::int64_t>(in.Fixed64("AsInt")));
        break;
      case 7:
        AddAttribute(in.Bytes("FilteredAttributes"), out.attributes, error);
        break;
      default:
        in.Skip();
    }
  }
  return error.empty();
}

Status OtlpReader::status() const {
  if (impl_->error.empty()) return {};
  return Fail(Code::kInvalidArgument, impl_->error);
}

Result<bool> OtlpCheckForDelta(std::string_view body) {
  OtlpReader reader(body);
  OtlpPoint point;
  OtlpExemplar exemplar;
  std::vector<OtlpAttribute> attributes;
  bool has_delta = false;
  while (reader.NextResource()) {
    while (reader.NextScope()) {
      while (reader.NextMetric()) {
        has_delta = has_delta || reader.metric().temporality == OtlpTemporality::kDelta;
        while (reader.NextPoint(point)) {
          reader.ReadAttributes(point.attributes, attributes);
          for (const auto message : point.exemplars) reader.ReadExemplar(message, exemplar);
        }
      }
    }
  }
  if (const Status status = reader.status(); !status) return Fail(status.error());
  return has_delta;
}

}  // namespace narthex::proto

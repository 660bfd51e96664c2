// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "narthex/proto/otlp.h"
#include "src/proto/otlp_point.h"
#include "src/proto/otlp_value.h"
#include "src/proto/wire_reader.h"

namespace narthex::proto {
namespace {

// Where what ResourceMetrics held before scopes had their present name may still be.
constexpr std::int32_t kScopeMetrics = 2;
constexpr std::int32_t kDeprecatedScopeMetrics = 1000;

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
  if (to.size() == kMaxOtlpAttributes) return SetTooManyAttributes(error);
  ReadOtlpAttribute(message, to.emplace_back(), error);
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

struct OtlpReader::Impl {
  explicit Impl(std::string_view body) : resources(body, "ExportMetricsServiceRequest", error) {}

  void LoadResource(std::string_view message);
  void ReadResource(std::string_view message);
  void LoadScope(std::string_view message);
  void ReadScope(std::string_view message);
  void LoadMetric(std::string_view message);
  void ScanData(std::string_view data);

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
      ReadOtlpPoint(impl_->metric.kind, in.Bytes("DataPoints"), point, point.joined_, impl_->error);
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

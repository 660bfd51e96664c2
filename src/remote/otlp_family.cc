// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_family.h"

#include <string_view>
#include <utility>

#include "src/remote/sized_text.h"

namespace narthex::remote {
namespace {

using proto::OtlpKind;
using proto::OtlpMetric;
using proto::OtlpTemporality;

OtlpNameType NameTypeOf(const OtlpMetric& metric) {
  if (metric.kind == OtlpKind::kGauge) return OtlpNameType::kGauge;
  return metric.monotonic ? OtlpNameType::kMonotonicCounter : OtlpNameType::kOther;
}

/// Deltas have no type of their own in Prometheus.
model::MetricType TypeOf(const OtlpMetric& metric, OtlpTemporality temporality) {
  const bool delta = temporality == OtlpTemporality::kDelta;
  switch (metric.kind) {
    case OtlpKind::kGauge:
      return model::MetricType::kGauge;
    case OtlpKind::kSum:
      if (delta) return model::MetricType::kUnknown;
      return metric.monotonic ? model::MetricType::kCounter : model::MetricType::kGauge;
    case OtlpKind::kHistogram:
    case OtlpKind::kExponentialHistogram:
      return delta ? model::MetricType::kUnknown : model::MetricType::kHistogram;
    case OtlpKind::kSummary:
      return model::MetricType::kSummary;
    case OtlpKind::kNone:
      break;
  }
  return model::MetricType::kUnknown;
}

Hash128 HashOf(const OtlpNaming& naming, const OtlpMetric& metric, OtlpTemporality temporality) {
  std::string bytes;
  for (const std::string_view text : {metric.name, metric.unit, metric.description}) {
    AppendSized(bytes, text);
  }
  bytes += naming.utf8 ? 'u' : 'e';
  bytes += naming.suffixes ? 's' : '-';
  bytes += metric.monotonic ? 'm' : '-';
  bytes += static_cast<char>(metric.kind);
  bytes += temporality == OtlpTemporality::kDelta ? 'd' : '-';
  return HashBytes128(bytes);
}

}  // namespace

void OtlpFamily::Complete(const OtlpNaming& naming, bool type_and_unit_labels) {
  has_metadata = metadata.type != model::MetricType::kUnknown || !metadata.unit.empty() ||
                 !metadata.help.empty();
  unit_label = type_and_unit_labels ? OtlpUnitName(metadata.unit, naming.utf8) : std::string();
  std::string bytes;
  AppendSized(bytes, name);
  if (type_and_unit_labels) {
    bytes += static_cast<char>(metadata.type);
    AppendSized(bytes, unit_label);
  }
  hash = HashBytes128(bytes);
  bytes.clear();
  AppendSized(bytes, metadata.unit);
  bytes += metadata.help;
  bytes += static_cast<char>(metadata.type);
  metadata_hash = Hash64(bytes) | 1;  // 0 stands for none.
}

Result<std::shared_ptr<const OtlpFamily>> OtlpFamilies::Get(const OtlpNaming& naming,
                                                            const OtlpMetric& metric,
                                                            OtlpTemporality temporality) {
  const bool keep =
      metric.name.size() + metric.unit.size() + metric.description.size() <= kMaxEntryBytes;
  const Hash128 id = keep ? HashOf(naming, metric, temporality) : Hash128();
  if (keep) {
    MutexLock lock(mutex_);
    if (const Entry* known = families_.Find(id)) return *known;
  }
  auto name = OtlpMetricName(naming, metric.name, metric.unit, NameTypeOf(metric));
  if (!name) return Fail(std::move(name).error());
  auto family = std::make_shared<OtlpFamily>();
  family->name = std::move(*name);
  family->metadata = {.type = TypeOf(metric, temporality),
                      .unit = OtlpUnitName(metric.unit, false),
                      .help = std::string(metric.description)};
  family->Complete(naming, type_and_unit_labels_);
  if (keep) {
    MutexLock lock(mutex_);
    families_.Put(id, family);
  }
  return family;
}

std::size_t OtlpFamilies::memory_bytes() const {
  // Names and help are rarely longer.
  constexpr std::size_t kTextBytes = 200;
  MutexLock lock(mutex_);
  return families_.memory_bytes() + families_.size() * (sizeof(OtlpFamily) + kTextBytes);
}

}  // namespace narthex::remote

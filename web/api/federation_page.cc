// SPDX-License-Identifier: Apache-2.0
#include "web/api/federation_page.h"

#include <utility>

namespace narthex::web {
namespace {

using proto::FamilyType;
using proto::MetricKind;

bool IsCustom(const model::FloatHistogram& h) { return h.schema == model::kCustomBucketsSchema; }

FamilyType TypeOf(const FederatedSample& sample) {
  if (sample.histogram == nullptr) return FamilyType::kUntyped;
  return sample.histogram->counter_reset_hint == model::CounterResetHint::kGauge
             ? FamilyType::kGaugeHistogram
             : FamilyType::kHistogram;
}

void SetValue(const FederatedSample& sample, proto::FamilyMetric& metric) {
  metric.timestamp_ms = sample.t;
  metric.wire.clear();
  metric.distribution = nullptr;
  if (sample.histogram == nullptr) {
    metric.kind = MetricKind::kUntyped;
    metric.value = sample.v;
    return;
  }
  metric.kind = MetricKind::kHistogram;
  if (IsCustom(*sample.histogram)) {
    metric.distribution =
        std::make_unique<proto::Distribution>(proto::ClassicHistogram(*sample.histogram));
  } else {
    metric.wire = proto::NativeHistogramField(*sample.histogram);
  }
}

}  // namespace

FederationPage::FederationPage(Exposition form, const model::Labels& external) : form_(form) {
  // An empty instance keeps the scraping server from adding its own.
  added_.emplace(model::kInstanceLabel, "");
  for (const auto [label, value] : external) added_.insert_or_assign(std::string(label), value);
}

void FederationPage::Append(const FederatedSample& sample, std::string& out) {
  const std::string_view name = sample.labels.Get(model::kMetricName);
  if (name.empty()) return;
  // Text has no form for histograms without bounds.
  if (!form_.protobuf && sample.histogram != nullptr && !IsCustom(*sample.histogram)) return;
  const FamilyType type = TypeOf(sample);
  if (!open_ || name != name_ || type != family_.type) {
    End(out);
    Begin(name, type, out);
  }
  TakeLabels(sample.labels);
  SetValue(sample, metric_);
  if (form_.protobuf) {
    family_.metrics.push_back(std::exchange(metric_, {}));
  } else {
    text_->Append(metric_);
  }
}

void FederationPage::Begin(std::string_view name, FamilyType type, std::string& out) {
  open_ = true;
  name_ = name;
  family_.type = type;
  if (form_.protobuf) {
    family_.name = WrittenName(name, form_.escaping);
  } else {
    text_.emplace(name, std::nullopt, type, form_.escaping, out);
  }
}

void FederationPage::End(std::string& out) {
  if (open_ && form_.protobuf) proto::EncodeFamily(family_, out);
  family_.metrics.clear();
  open_ = false;
}

void FederationPage::TakeLabels(const model::Labels& labels) {
  std::size_t n = 0;
  const auto add = [&](std::string_view name, std::string_view value) {
    if (n == metric_.labels.size()) metric_.labels.emplace_back();
    auto& [to_name, to_value] = metric_.labels[n++];
    if (form_.protobuf) {
      to_name = WrittenLabel(name, form_.escaping);
    } else {
      to_name = name;  // FamilyText writes it as it must be.
    }
    to_value = value;
  };
  for (const auto [label, value] : labels) {
    if (label != model::kMetricName) add(label, value);
  }
  for (const auto& [label, value] : added_) {
    if (!labels.Has(label)) add(label, value);
  }
  metric_.labels.resize(n);
}

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
#include "web/api/family_text.h"

#include <algorithm>
#include <limits>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"

namespace narthex::web {
namespace {

using proto::Distribution;
using proto::FamilyMetric;
using proto::FamilyType;

void AppendEscaped(std::string_view text, bool quotes, std::string& out) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

/// @param plain  whether it needs no quotes
void AppendName(std::string_view name, bool plain, std::string& out) {
  if (plain) {
    out += name;
    return;
  }
  out += '"';
  AppendEscaped(name, true, out);
  out += '"';
}

std::string_view TypeText(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kSummary:
      return "summary";
    case FamilyType::kUntyped:
      return "untyped";
    case FamilyType::kHistogram:
    case FamilyType::kGaugeHistogram:  // The format has no word for it.
      return "histogram";
  }
  return "untyped";
}

// A zero loses its sign.
std::string Number(double v) { return v == 0 ? "0" : go::FormatFloatG(v); }

}  // namespace

std::string WrittenName(std::string_view name, NameEscaping escaping) {
  return model::IsLegacyMetricName(name) ? std::string(name) : EscapeName(name, escaping);
}

std::string WrittenLabel(std::string_view name, NameEscaping escaping) {
  std::string written = WrittenName(name, escaping);
  // Escaping keeps colons, which only names of metrics have without quotes.
  if (escaping != NameEscaping::kAllowUtf8) std::replace(written.begin(), written.end(), ':', '_');
  return written;
}

FamilyText::FamilyText(std::string_view name, const std::optional<std::string>& help,
                       FamilyType type, NameEscaping escaping, std::string& out)
    : name_(WrittenName(name, escaping)), escaping_(escaping), out_(out) {
  const bool plain = model::IsLegacyMetricName(name_);
  if (help) {
    out_ += "# HELP ";
    AppendName(name_, plain, out_);
    out_ += ' ';
    AppendEscaped(*help, false, out_);
    out_ += '\n';
  }
  out_ += "# TYPE ";
  AppendName(name_, plain, out_);
  out_ += ' ';
  out_ += TypeText(type);
  out_ += '\n';
}

void FamilyText::Append(const FamilyMetric& metric) {
  metric_ = &metric;
  switch (metric.kind) {
    case proto::MetricKind::kSummary:
      return AppendSummary(*metric.distribution);
    case proto::MetricKind::kHistogram:
      return AppendHistogram(*metric.distribution);
    default:
      Line("", metric.value);
  }
}

void FamilyText::AppendSummary(const Distribution& d) {
  for (const auto& q : d.quantiles) Line("", q.value, "quantile", q.quantile);
  Line("_sum", d.sum);
  Line("_count", static_cast<double>(d.count));
}

void FamilyText::AppendHistogram(const Distribution& d) {
  const double count = d.count_float != 0 ? d.count_float : static_cast<double>(d.count);
  bool has_infinity = false;
  for (const auto& b : d.buckets) {
    Line("_bucket", b.count_float != 0 ? b.count_float : static_cast<double>(b.count), "le",
         b.upper_bound);
    has_infinity = has_infinity || b.upper_bound == std::numeric_limits<double>::infinity();
  }
  if (!has_infinity) {
    Line("_bucket", count, "le", std::numeric_limits<double>::infinity());
  }
  Line("_sum", d.sum);
  Line("_count", count);
}

void FamilyText::Line(std::string_view suffix, double value, std::string_view extra,
                      double extra_value) {
  bool open = false;
  const auto separate = [&] {
    out_ += open ? ',' : '{';
    open = true;
  };
  if (suffix.empty() && model::IsLegacyMetricName(name_)) {
    out_ += name_;
  } else {
    std::string name = name_;
    name += suffix;
    const bool plain = model::IsLegacyMetricName(name);
    if (!plain) separate();
    AppendName(name, plain, out_);
  }
  for (const auto& [label, text] : metric_->labels) {
    separate();
    const std::string written = WrittenLabel(label, escaping_);
    AppendName(written, model::IsLegacyLabelName(written), out_);
    out_ += "=\"";
    AppendEscaped(text, true, out_);
    out_ += '"';
  }
  if (!extra.empty()) {
    separate();
    out_ += extra;
    out_ += "=\"";
    out_ += Number(extra_value);
    out_ += '"';
  }
  if (open) out_ += '}';
  out_ += ' ';
  out_ += Number(value);
  if (metric_->timestamp_ms) {
    out_ += ' ';
    out_ += std::to_string(*metric_->timestamp_ms);
  }
  out_ += '\n';
}

}  // namespace narthex::web

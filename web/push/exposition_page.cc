// SPDX-License-Identifier: Apache-2.0
//
// Source of the text form: prometheus/common expfmt.MetricFamilyToText.
#include "web/push/exposition_page.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"

namespace narthex::web {
namespace {

using proto::Distribution;
using proto::FamilyMetric;
using proto::FamilyType;
using proto::MetricFamily;

constexpr std::size_t kPieceBytes = 32 << 10;

/// A family over all groups.
struct Merged {
  const MetricFamily* first = nullptr;
  std::vector<const FamilyMetric*> metrics;
};

bool Before(const FamilyMetric* a, const FamilyMetric* b) {
  if (a->labels.size() != b->labels.size()) return a->labels.size() < b->labels.size();
  for (std::size_t i = 0; i < a->labels.size(); ++i) {
    if (const int order = a->labels[i].second.compare(b->labels[i].second); order != 0) {
      return order < 0;
    }
  }
  // Not in the original, whose order is by chance for label sets that differ in names alone.
  return a->labels < b->labels;
}

std::map<std::string_view, Merged> Merge(
    const std::vector<std::shared_ptr<const PushGroup>>& groups) {
  std::map<std::string_view, Merged> out;
  for (const auto& group : groups) {
    for (const auto& [name, stored] : group->families) {
      if (stored.family->metrics.empty()) continue;
      Merged& merged = out[name];
      if (merged.first == nullptr) merged.first = stored.family.get();
      for (const auto& metric : stored.family->metrics) merged.metrics.push_back(&metric);
    }
  }
  for (auto& [name, merged] : out) std::sort(merged.metrics.begin(), merged.metrics.end(), Before);
  return out;
}

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

std::string Written(std::string_view name, NameEscaping escaping) {
  return model::IsLegacyMetricName(name) ? std::string(name) : EscapeName(name, escaping);
}

std::string WrittenLabel(std::string_view name, NameEscaping escaping) {
  std::string written = Written(name, escaping);
  // Escaping keeps colons, which only names of metrics have without quotes.
  if (escaping != NameEscaping::kAllowUtf8) std::replace(written.begin(), written.end(), ':', '_');
  return written;
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

/// Writes the lines of one family.
class FamilyText {
 public:
  FamilyText(const MetricFamily& family, NameEscaping escaping, std::string& out)
      : name_(Written(family.name, escaping)), escaping_(escaping), out_(out) {
    if (family.help) {
      out_ += "# HELP ";
      AppendName(name_, model::IsLegacyMetricName(name_), out_);
      out_ += ' ';
      AppendEscaped(*family.help, false, out_);
      out_ += '\n';
    }
    out_ += "# TYPE ";
    AppendName(name_, model::IsLegacyMetricName(name_), out_);
    out_ += ' ';
    out_ += TypeText(family.type);
    out_ += '\n';
  }

  void Append(const FamilyMetric& metric) {
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

 private:
  void AppendSummary(const Distribution& d) {
    for (const auto& q : d.quantiles) Line("", q.value, "quantile", q.quantile);
    Line("_sum", d.sum);
    Line("_count", static_cast<double>(d.count));
  }

  void AppendHistogram(const Distribution& d) {
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

  void Line(std::string_view suffix, double value, std::string_view extra = "",
            double extra_value = 0) {
    std::string name = name_;
    name += suffix;
    bool open = false;
    const auto separate = [&] {
      out_ += open ? ',' : '{';
      open = true;
    };
    const bool plain = model::IsLegacyMetricName(name);
    if (!plain) separate();
    AppendName(name, plain, out_);
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
    out_ += '\n';
  }

  // A zero loses its sign.
  static std::string Number(double v) { return v == 0 ? "0" : go::FormatFloatG(v); }

  const std::string name_;
  const NameEscaping escaping_;
  const FamilyMetric* metric_ = nullptr;
  std::string& out_;
};

/// A copy with escaped names, for protobuf; the metrics are copied only where theirs are.
void AppendMessage(const Merged& merged, NameEscaping escaping, std::string& out) {
  MetricFamily family;
  family.name = Written(merged.first->name, escaping);
  family.help = merged.first->help;
  family.unit = merged.first->unit;
  family.type = merged.first->type;
  std::vector<FamilyMetric> copies;
  copies.reserve(merged.metrics.size());  // Pointers into it are kept.
  std::vector<const FamilyMetric*> metrics = merged.metrics;
  for (const FamilyMetric*& metric : metrics) {
    const bool plain =
        std::all_of(metric->labels.begin(), metric->labels.end(),
                    [](const auto& label) { return model::IsLegacyLabelName(label.first); });
    if (plain || escaping == NameEscaping::kAllowUtf8) continue;
    FamilyMetric& copy = copies.emplace_back();
    copy.labels = metric->labels;
    for (auto& label : copy.labels) label.first = WrittenLabel(label.first, escaping);
    copy.kind = metric->kind;
    copy.value = metric->value;
    copy.wire = metric->wire;
    if (metric->distribution) {
      copy.distribution = std::make_unique<Distribution>(*metric->distribution);
    }
    metric = &copy;
  }
  proto::EncodeFamily(family, metrics, out);
}

}  // namespace

void WritePushedMetrics(const std::vector<std::shared_ptr<const PushGroup>>& groups,
                        Exposition form, const std::function<bool(std::string_view)>& write) {
  std::string piece;
  const auto flush = [&](std::size_t least) {
    if (piece.size() < least || piece.empty()) return true;
    const bool go_on = write(piece);
    piece.clear();
    return go_on;
  };
  for (const auto& [name, merged] : Merge(groups)) {
    if (form.protobuf) {
      AppendMessage(merged, form.escaping, piece);
      if (!flush(kPieceBytes)) return;
      continue;
    }
    FamilyText text(*merged.first, form.escaping, piece);
    for (const FamilyMetric* metric : merged.metrics) {
      text.Append(*metric);
      if (!flush(kPieceBytes)) return;
    }
  }
  flush(0);
}

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
//
// /status/self_metrics: the server's own metrics as JSON, in the form that protobuf's JSON mapping
// gives to client_model's MetricFamily: numbers of 64 bits are strings.
#include <cmath>
#include <optional>

#include "narthex/base/metrics.h"
#include "narthex/model/matcher.h"
#include "web/api/handlers.h"

namespace narthex::web {
namespace {

using metrics::ChildView;
using metrics::FamilyView;

std::string_view TypeName(FamilyView::Type type) {
  switch (type) {
    case FamilyView::Type::kCounter:
      return "COUNTER";
    case FamilyView::Type::kHistogram:
      return "HISTOGRAM";
    case FamilyView::Type::kSummary:
      return "SUMMARY";
    case FamilyView::Type::kGauge:
      break;
  }
  return "GAUGE";
}

void WriteNumber(std::string_view key, double v, JsonWriter& out) {
  out.Key(key);
  if (std::isnan(v)) {
    out.String("NaN");
  } else if (std::isinf(v)) {
    out.String(v > 0 ? "Infinity" : "-Infinity");
  } else {
    out.Double(v);
  }
}

void WriteCount(std::string_view key, std::uint64_t n, JsonWriter& out) {
  out.Key(key);
  out.String(std::to_string(n));
}

void WriteHistogram(const metrics::Histogram::Snapshot& histogram, JsonWriter& out) {
  out.Key("histogram");
  out.BeginObject();
  WriteCount("sampleCount", histogram.cumulative.back(), out);
  WriteNumber("sampleSum", histogram.sum, out);
  out.Key("bucket");
  out.BeginArray();
  for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
    out.BeginObject();
    WriteCount("cumulativeCount", histogram.cumulative[i], out);
    WriteNumber("upperBound", histogram.bounds[i], out);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

void WriteSummary(const metrics::Summary::Snapshot& summary, JsonWriter& out) {
  out.Key("summary");
  out.BeginObject();
  WriteCount("sampleCount", summary.count, out);
  WriteNumber("sampleSum", summary.sum, out);
  if (!summary.quantiles.empty()) {
    out.Key("quantile");
    out.BeginArray();
    for (const auto& [quantile, value] : summary.quantiles) {
      out.BeginObject();
      WriteNumber("quantile", quantile, out);
      WriteNumber("value", value, out);
      out.EndObject();
    }
    out.EndArray();
  }
  out.EndObject();
}

void WriteChild(FamilyView::Type type, const ChildView& child, JsonWriter& out) {
  out.BeginObject();
  if (!child.labels.empty()) {
    out.Key("label");
    out.BeginArray();
    for (const auto& [name, value] : child.labels) {
      out.BeginObject();
      out.Key("name");
      out.String(name);
      out.Key("value");
      out.String(value);
      out.EndObject();
    }
    out.EndArray();
  }
  if (child.histogram != nullptr) {
    WriteHistogram(*child.histogram, out);
  } else if (child.summary != nullptr) {
    WriteSummary(*child.summary, out);
  } else {
    out.Key(type == FamilyView::Type::kCounter ? "counter" : "gauge");
    out.BeginObject();
    WriteNumber("value", child.value, out);
    out.EndObject();
  }
  out.EndObject();
}

/// Writes all families that fit, and have something, into an array.
class FamilyWriter {
 public:
  FamilyWriter(const std::optional<model::Regex>& names, JsonWriter& out)
      : names_(names), out_(out) {}

  void Write(const metrics::Registry& registry) {
    out_.BeginArray();
    registry.Visit(
        [this](const FamilyView& family) {
          End();
          family_ = family;
          return !names_ || names_->Matches(family.name);
        },
        [this](const ChildView& child) {
          if (!open_) Begin();
          WriteChild(family_.type, child, out_);
        });
    End();
    out_.EndArray();
  }

 private:
  void Begin() {
    open_ = true;
    out_.BeginObject();
    out_.Key("name");
    out_.String(family_.name);
    out_.Key("help");
    out_.String(family_.help);
    out_.Key("type");
    out_.String(TypeName(family_.type));
    out_.Key("metric");
    out_.BeginArray();
  }
  void End() {
    if (!open_) return;
    out_.EndArray();
    out_.EndObject();
    open_ = false;
  }

  const std::optional<model::Regex>& names_;
  JsonWriter& out_;
  FamilyView family_;  // Whose children come.
  bool open_ = false;
};

}  // namespace

Status StatusSelfMetrics(Call& call) {
  std::optional<model::Regex> names;
  if (const std::string& pattern = call.form.Get("metric_name_pattern"); !pattern.empty()) {
    auto regex = model::Regex::Compile("^(?:" + pattern + ")$");
    if (!regex) {
      return Fail(Code::kInvalidArgument,
                  "invalid metric_name_pattern: " + regex.error().message());
    }
    names = std::move(*regex);
  }
  // Whole before it is sent: nobody may wait for a slow client with the registry in hand.
  JsonWriter families;
  FamilyWriter(names, families).Write(call.api.registry);
  const std::string text = families.TakeText();
  call.reply.Data([&](JsonWriter& out) { out.Raw(text); });
  return {};
}

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
//
// /metrics: what the server says of itself, as text or as protobuf.
#include <algorithm>
#include <set>
#include <utility>

#include "narthex/base/metrics.h"
#include "narthex/proto/metric_family.h"
#include "web/api/middleware.h"
#include "web/api/name_escaping.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

using metrics::ChildView;
using metrics::FamilyView;
using proto::FamilyType;

using Names = std::vector<std::string>;

/// The families of these names.
std::string OnlyFamilies(std::string_view text, const Names& names) {
  constexpr std::string_view kBegin = "# HELP ";  // Of each family.
  const std::set<std::string_view> wanted(names.begin(), names.end());
  std::string out;
  while (!text.empty()) {
    const std::size_t next = text.find("\n# HELP ");
    const std::string_view family =
        text.substr(0, next == std::string_view::npos ? text.size() : next + 1);
    text.remove_prefix(family.size());
    const std::string_view name = family.substr(kBegin.size());
    if (wanted.contains(name.substr(0, name.find(' ')))) out += family;
  }
  return out;
}

FamilyType TypeOf(FamilyView::Type type) {
  switch (type) {
    case FamilyView::Type::kCounter:
      return FamilyType::kCounter;
    case FamilyView::Type::kHistogram:
      return FamilyType::kHistogram;
    case FamilyView::Type::kSummary:
      return FamilyType::kSummary;
    case FamilyView::Type::kGauge:
      break;
  }
  return FamilyType::kGauge;
}

proto::Distribution DistributionOf(const ChildView& child) {
  proto::Distribution out;
  out.has_count = out.has_sum = true;
  if (child.histogram != nullptr) {
    const metrics::Histogram::Snapshot& histogram = *child.histogram;
    out.count = histogram.cumulative.back();
    out.sum = histogram.sum;
    for (std::size_t i = 0; i < histogram.bounds.size(); ++i) {
      out.buckets.push_back({histogram.bounds[i], histogram.cumulative[i]});
    }
    return out;
  }
  out.count = child.summary->count;
  out.sum = child.summary->sum;
  for (const auto& [quantile, value] : child.summary->quantiles) {
    out.quantiles.push_back({quantile, value});
  }
  return out;
}

/// Puts families together and writes each when it is complete.
class MessageWriter {
 public:
  /// @param names  of the families that are wanted; none = all
  MessageWriter(const Names& names, std::string& out) : names_(names), out_(out) {}

  void Write(const metrics::Registry& registry) {
    registry.Visit([this](const FamilyView& family) { return Begin(family); },
                   [this](const ChildView& child) { Add(child); });
    End();
  }

 private:
  bool Begin(const FamilyView& family) {
    End();
    if (!names_.empty() && std::find(names_.begin(), names_.end(), family.name) == names_.end()) {
      return false;
    }
    family_.name = family.name;
    family_.help = std::string(family.help);
    family_.type = TypeOf(family.type);
    return true;
  }

  void Add(const ChildView& child) {
    proto::FamilyMetric& metric = family_.metrics.emplace_back();
    metric.labels.assign(child.labels.begin(), child.labels.end());
    metric.kind = proto::KindOf(family_.type);
    metric.value = child.value;
    if (child.histogram != nullptr || child.summary != nullptr) {
      metric.distribution = std::make_unique<proto::Distribution>(DistributionOf(child));
    }
  }

  void End() {
    if (!family_.metrics.empty()) proto::EncodeFamily(family_, out_);
    family_.metrics.clear();
  }

  const Names& names_;
  std::string& out_;
  proto::MetricFamily family_;
};

void OwnMetrics(const metrics::Registry& registry, const net::ServerRequest& request,
                net::ResponseWriter& writer) {
  const Exposition form = NegotiateExposition(request.Header("Accept"));
  writer.SetHeader("Content-Type", form.protobuf ? ProtobufContentType(form.escaping)
                                                 : TextContentType(form.escaping));
  writer.AddHeader("Vary", "Accept-Encoding");
  const Names names = request.Form().All("name[]");
  std::string page;  // Whole before it is sent: nobody may wait with the registry in hand.
  if (form.protobuf) {
    MessageWriter(names, page).Write(registry);
  } else {
    registry.WriteText(page);
    if (!names.empty()) page = OnlyFamilies(page, names);
  }
  writer.Write(page);
}

/// Of /metrics itself. Source: client_golang promhttp.InstrumentMetricHandler.
struct ScrapeMetrics {
  explicit ScrapeMetrics(metrics::Registry& registry)
      : in_flight(registry.AddGauge("promhttp_metric_handler_requests_in_flight",
                                    "Current number of scrapes being served.")),
        served(Served(registry, "200")) {
    for (const char* code : {"500", "503"}) Served(registry, code);  // Stay 0.
  }

  static metrics::Counter& Served(metrics::Registry& registry, const char* code) {
    return registry.AddCounter("promhttp_metric_handler_requests_total",
                               "Total number of scrapes by HTTP status code.", {{"code", code}});
  }

  metrics::Gauge& in_flight;
  metrics::Counter& served;
};

}  // namespace

void AddOwnMetrics(const ContextPtr& context, const AddRoute& add) {
  const auto scrapes = std::make_shared<const ScrapeMetrics>(context->api.registry);
  add("GET", "/metrics",
      [context, scrapes](const net::ServerRequest& request, net::ResponseWriter& writer) {
        scrapes->in_flight.Add(1);
        OwnMetrics(context->api.registry, request, writer);
        scrapes->in_flight.Add(-1);
        scrapes->served.Add();
      });
}

}  // namespace narthex::web

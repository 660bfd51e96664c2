// SPDX-License-Identifier: Apache-2.0
//
// /metrics: what the server says of itself.
#include <set>
#include <utility>

#include "narthex/base/metrics.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

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

void OwnMetrics(const metrics::Registry& registry, const net::ServerRequest& request,
                net::ResponseWriter& writer) {
  writer.SetHeader("Content-Type",
                   "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  writer.AddHeader("Vary", "Accept-Encoding");
  const Names names = request.Form().All("name[]");
  std::string page;
  registry.WriteText(page);
  if (!names.empty()) page = OnlyFamilies(page, names);
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

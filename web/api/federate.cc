// SPDX-License-Identifier: Apache-2.0
//
// /federate: the newest sample of the selected series.
#include <optional>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/model/sample.h"
#include "narthex/promql/parser.h"
#include "narthex/storage/annotations.h"
#include "narthex/storage/merge.h"
#include "narthex/storage/querier.h"
#include "web/api/federation_page.h"
#include "web/api/middleware.h"
#include "web/api/name_escaping.h"
#include "web/api/parameters.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

constexpr std::size_t kFlushBytes = 32 << 10;

/// Without its labels; nothing when the series has none or ends with a stale marker.
std::optional<FederatedSample> TakeNewest(storage::SampleColumns& columns) {
  FederatedSample out;
  const bool has_float = !columns.t.empty();
  if (!columns.histogram_t.empty() &&
      (!has_float || columns.histogram_t.back() > columns.t.back())) {
    model::FloatHistogram& histogram = columns.histograms.back();
    if (model::IsStale(histogram.sum)) return std::nullopt;
    out.t = columns.histogram_t.back();
    out.histogram = std::make_unique<model::FloatHistogram>(std::move(histogram));
    return out;
  }
  if (!has_float || model::IsStale(columns.v.back())) return std::nullopt;
  out.t = columns.t.back();
  out.v = columns.v.back();
  return out;
}

struct FederationMetrics {
  explicit FederationMetrics(metrics::Registry& registry)
      : errors(registry.AddCounter(
            "prometheus_web_federation_errors_total",
            "Total number of errors that occurred while sending federation responses.")),
        warnings(registry.AddCounter(
            "prometheus_web_federation_warnings_total",
            "Total number of warnings that occurred while sending federation responses.")) {}

  metrics::Counter& errors;
  metrics::Counter& warnings;
};

/// The newest sample of each series in the window unless it is a stale marker; in order of name.
Result<std::vector<FederatedSample>> SelectNewest(const ApiDependencies& api,
                                                  const net::ServerRequest& request,
                                                  metrics::Counter& warnings) {
  const model::TimestampMs now = api.clock.NowMs();
  const model::TimestampMs mint = now - api.options.lookback_delta_ms;
  storage::Queryable& own = api.own_queryable == nullptr ? api.queryable : *api.own_queryable;
  NX_ASSIGN_OR_RETURN(const auto querier, own.NewQuerier(mint, now));
  storage::SelectHints hints;
  hints.start_ms = mint;
  hints.end_ms = now;
  std::vector<std::unique_ptr<storage::SeriesSet>> sets;
  for (const std::string& text : request.Form().All("match[]")) {
    NX_ASSIGN_OR_RETURN(const auto matchers, promql::ParseMetricSelector(text));
    if (matchers.empty()) continue;  // Upstream's storage finds nothing for {}.
    NX_ASSIGN_OR_RETURN(auto set, querier->Select(matchers, hints, request.stop));
    sets.push_back(std::move(set));
  }
  std::vector<FederatedSample> out;
  if (sets.empty()) return out;
  const auto series =
      sets.size() == 1 ? std::move(sets[0]) : storage::MergeSeriesSets(std::move(sets));
  storage::SampleColumns columns;
  for (std::size_t i = 0; i < series->size() && !request.stop.stop_requested(); ++i) {
    columns.Clear();
    NX_RETURN_IF_ERROR(series->Read(i, mint, now, columns));
    if (auto sample = TakeNewest(columns)) {
      sample->labels = series->LabelsAt(i);
      out.push_back(std::move(*sample));
    }
  }
  storage::Annotations annotations;
  querier->CollectWarnings(annotations);
  warnings.Add(annotations.warnings().size());
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.labels.Get(model::kMetricName) < b.labels.Get(model::kMetricName);
  });
  return out;
}

void Federate(const ApiDependencies& api, const FederationMetrics& metrics,
              const net::ServerRequest& request, net::ResponseWriter& writer) {
  if (const Status form = CheckForm(request); !form) {
    return PlainError(400, form.error().message() + "\n", writer);
  }
  for (const std::string& text : request.Form().All("match[]")) {
    if (const auto parsed = promql::ParseMetricSelector(text); !parsed) {
      return PlainError(400, parsed.error().message() + "\n", writer);
    }
  }
  const auto samples = SelectNewest(api, request, metrics.warnings);
  if (!samples) {
    metrics.errors.Add();
    return PlainError(500, samples.error().message() + "\n", writer);
  }
  const Exposition form = NegotiateExposition(request.Header("Accept"));
  writer.SetHeader("Content-Type", form.protobuf ? ProtobufContentType(form.escaping)
                                                 : TextContentType(form.escaping));
  FederationPage page(form, api.status.ExternalLabels());
  std::string buffer;
  for (const FederatedSample& sample : *samples) {
    page.Append(sample, buffer);
    if (buffer.size() < kFlushBytes) continue;
    if (!writer.Write(buffer)) return;
    buffer.clear();
  }
  page.End(buffer);
  writer.Write(buffer);
}

}  // namespace

void AddFederation(const ContextPtr& context, const AddRoute& add) {
  const auto metrics = std::make_shared<const FederationMetrics>(context->api.registry);
  add("GET", "/federate",
      [context, metrics](const net::ServerRequest& request, net::ResponseWriter& writer) {
        const Admission admission(context->api.status, writer);
        if (!admission) return;
        writer.SetHeader("Vary", "Accept-Encoding");
        Federate(context->api, *metrics, request, writer);
      });
}

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
//
// /federate: the newest sample of the selected series in the text format.
#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/model/sample.h"
#include "narthex/promql/parser.h"
#include "narthex/storage/merge.h"
#include "narthex/storage/querier.h"
#include "web/api/middleware.h"
#include "web/api/name_escaping.h"
#include "web/api/routes.h"

namespace narthex::web {
namespace {

constexpr std::size_t kFlushBytes = 32 << 10;

struct FederatedSample {
  model::Labels labels;
  model::TimestampMs t = 0;
  double v = 0;
};

/// The newest float of each series in the window that is not a stale marker; in order of name.
Result<std::vector<FederatedSample>> SelectNewest(const ApiDependencies& api,
                                                  const net::ServerRequest& request) {
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
    if (columns.t.empty()) continue;
    // Native histograms have no form in the text format.
    if (!columns.histogram_t.empty() && columns.histogram_t.back() > columns.t.back()) continue;
    if (model::IsStale(columns.v.back())) continue;
    out.push_back({series->LabelsAt(i), columns.t.back(), columns.v.back()});
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.labels.Get(model::kMetricName) < b.labels.Get(model::kMetricName);
  });
  return out;
}

void AppendEscapedValue(std::string_view value, std::string& out) {
  for (const char c : value) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '"') {
      out += "\\\"";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

/// Writes samples line by line, a TYPE line where the name changes.
class FederationText {
 public:
  /// @param external  labels that are added where a series does not have them
  FederationText(NameEscaping escaping, const model::Labels& external) : escaping_(escaping) {
    // An empty instance keeps the scraping server from adding its own.
    added_.emplace(model::kInstanceLabel, "");
    for (const auto [label, value] : external) added_.insert_or_assign(std::string(label), value);
  }

  void Append(const FederatedSample& sample, std::string& out) {
    const std::string_view raw_name = sample.labels.Get(model::kMetricName);
    const std::string name = Written(raw_name);
    const bool quoted = !model::IsLegacyMetricName(name);
    if (raw_name != last_name_) {
      last_name_ = raw_name;
      out += "# TYPE ";
      AppendName(name, quoted, out);
      out += " untyped\n";
    }
    if (!quoted) out += name;
    bool first = true;
    if (quoted) {
      out += '{';
      AppendName(name, true, out);
      first = false;
    }
    for (const auto [label, value] : sample.labels) {
      if (label != model::kMetricName) AppendLabel(label, value, first, out);
    }
    for (const auto& [label, value] : added_) {
      if (!sample.labels.Has(label)) AppendLabel(label, value, first, out);
    }
    out += fmt::format("}} {} {}\n", go::FormatFloatG(sample.v), sample.t);
  }

 private:
  /// Plain names stay as they are in every scheme.
  std::string Written(std::string_view name) const {
    return model::IsLegacyMetricName(name) ? std::string(name) : EscapeName(name, escaping_);
  }

  static void AppendName(std::string_view name, bool quoted, std::string& out) {
    if (!quoted) {
      out += name;
      return;
    }
    out += '"';
    AppendEscapedValue(name, out);
    out += '"';
  }

  void AppendLabel(std::string_view label, std::string_view value, bool& first,
                   std::string& out) const {
    out += first ? '{' : ',';
    first = false;
    const std::string name = Written(label);
    AppendName(name, !model::IsLegacyLabelName(name), out);
    out += "=\"";
    AppendEscapedValue(value, out);
    out += '"';
  }

  const NameEscaping escaping_;
  std::map<std::string, std::string> added_;
  std::string last_name_;
};

void Federate(const ApiDependencies& api, const net::ServerRequest& request,
              net::ResponseWriter& writer) {
  for (const std::string& text : request.Form().All("match[]")) {
    if (const auto parsed = promql::ParseMetricSelector(text); !parsed) {
      return PlainError(400, parsed.error().message() + "\n", writer);
    }
  }
  const auto samples = SelectNewest(api, request);
  if (!samples) return PlainError(500, samples.error().message() + "\n", writer);
  const NameEscaping escaping = NegotiateEscaping(request.Header("Accept"));
  writer.SetHeader("Content-Type", TextContentType(escaping));
  FederationText text(escaping, api.status.ExternalLabels());
  std::string buffer;
  for (const FederatedSample& sample : *samples) {
    if (sample.labels.Get(model::kMetricName).empty()) continue;
    text.Append(sample, buffer);
    if (buffer.size() < kFlushBytes) continue;
    if (!writer.Write(buffer)) return;
    buffer.clear();
  }
  writer.Write(buffer);
}

}  // namespace

void AddFederation(const ContextPtr& context, const AddRoute& add) {
  add("GET", "/federate",
      [context](const net::ServerRequest& request, net::ResponseWriter& writer) {
        if (!CheckReady(context->api.status, writer)) return;
        writer.SetHeader("Vary", "Accept-Encoding");
        Federate(context->api, request, writer);
      });
}

}  // namespace narthex::web

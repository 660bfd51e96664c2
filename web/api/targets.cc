// SPDX-License-Identifier: Apache-2.0
//
// /targets, /scrape_pools, /targets/metadata, /metadata, /alertmanagers.
#include "narthex/base/go_format.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/parser.h"
#include "web/api/global_url.h"
#include "web/api/handlers.h"
#include "web/api/parameters.h"
#include "web/api/time_json.h"
#include "web/api/value_json.h"

namespace narthex::web {
namespace {

std::string_view HealthName(TargetHealth health) {
  switch (health) {
    case TargetHealth::kUp:
      return "up";
    case TargetHealth::kDown:
      return "down";
    case TargetHealth::kUnknown:
      break;
  }
  return "unknown";
}

void WriteTarget(const ActiveTarget& target, const GlobalUrlOptions& global, JsonWriter& out) {
  out.BeginObject();
  out.Key("discoveredLabels");
  WriteLabels(target.discovered_labels, out);
  out.Key("labels");
  WriteLabels(target.labels, out);
  out.Key("scrapePool");
  out.String(target.scrape_pool);
  out.Key("scrapeUrl");
  out.String(target.scrape_url);
  out.Key("globalUrl");
  out.String(GlobalUrl(target.scrape_url, global));
  out.Key("lastError");
  out.String(target.last_error);
  out.Key("lastScrape");
  WriteTime(target.last_scrape_ns, out);
  out.Key("lastScrapeDuration");
  out.Double(target.last_scrape_duration_s);
  out.Key("health");
  out.String(HealthName(target.health));
  out.Key("scrapeInterval");
  out.String(target.scrape_interval);
  out.Key("scrapeTimeout");
  out.String(target.scrape_timeout);
  out.EndObject();
}

void WriteDropped(const DroppedTarget& target, JsonWriter& out) {
  out.BeginObject();
  out.Key("discoveredLabels");
  WriteLabels(target.discovered_labels, out);
  out.Key("scrapePool");
  out.String(target.scrape_pool);
  out.EndObject();
}

/// An optional whole number; -1 = not given.
Result<std::int64_t> CountParameter(const Call& call, std::string_view name) {
  const std::string& text = call.form.Get(name);
  if (text.empty()) return -1;
  const auto value = ParseInt(text);
  if (!value) return Fail(Code::kInvalidArgument, std::string(name) + " must be a number");
  return *value;
}

void WriteMetadata(const model::Labels* target, std::string_view metric,
                   const TargetMetadata& metadata, JsonWriter& out) {
  out.BeginObject();
  if (target != nullptr) {
    out.Key("target");
    WriteLabels(*target, out);
  }
  if (!metric.empty()) {
    out.Key("metric");
    out.String(metric);
  }
  out.Key("type");
  out.String(model::MetricTypeName(metadata.type));
  if (target == nullptr) {  // The two endpoints differ in the order.
    out.Key("unit");
    out.String(metadata.unit);
  }
  out.Key("help");
  out.String(metadata.help);
  if (target != nullptr) {
    out.Key("unit");
    out.String(metadata.unit);
  }
  out.EndObject();
}

void WriteUrls(std::string_view key, const std::vector<std::string>& urls, JsonWriter& out) {
  out.Key(key);
  out.BeginArray();
  for (const std::string& url : urls) {
    out.BeginObject();
    out.Key("url");
    out.String(url);
    out.EndObject();
  }
  out.EndArray();
}

}  // namespace

Status Targets(Call& call) {
  net::Params url;
  url.AddEncoded(call.request.raw_query);
  const std::string& pool = url.Get("scrapePool");
  std::string state = url.Get("state");
  for (char& c : state) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  const bool any = state.empty() || state == "any";
  const bool show_active = any || state == "active";
  const bool show_dropped = any || state == "dropped";
  const TargetRetriever* source = call.api.targets;
  const GlobalUrlOptions global = MakeGlobalUrlOptions(call.api.options);
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("activeTargets");
    out.BeginArray();
    if (show_active && source != nullptr) {
      for (const ActiveTarget& target : source->ActiveTargets(pool)) {
        WriteTarget(target, global, out);
      }
    }
    out.EndArray();
    out.Key("droppedTargets");
    out.BeginArray();
    if (show_dropped && source != nullptr) {
      for (const DroppedTarget& target : source->DroppedTargets(pool)) WriteDropped(target, out);
    }
    out.EndArray();
    out.Key("droppedTargetCounts");
    if (show_dropped) {
      out.BeginObject();
      if (source != nullptr) {
        for (const auto& [name, count] : source->DroppedCounts()) {
          out.Key(name);
          out.Int(count);
        }
      }
      out.EndObject();
    } else {
      out.Null();
    }
    out.EndObject();
  });
  return {};
}

Status ScrapePools(Call& call) {
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("scrapePools");
    out.BeginArray();
    if (call.api.targets != nullptr) {
      for (const std::string& name : call.api.targets->ScrapePools()) out.String(name);
    }
    out.EndArray();
    out.EndObject();
  });
  return {};
}

Status TargetsMetadata(Call& call) {
  NX_ASSIGN_OR_RETURN(const std::int64_t limit, CountParameter(call, "limit"));
  MatcherSet matchers;
  if (const std::string& text = call.form.Get("match_target"); !text.empty()) {
    auto parsed = promql::ParseMetricSelector(text);
    if (!parsed) return Fail(BadParameter("match_target", parsed.error().message()));
    matchers = std::move(*parsed);
  }
  const std::string& metric = call.form.Get("metric");
  call.reply.Data([&](JsonWriter& out) {
    out.BeginArray();
    std::int64_t written = 0;
    // The limit ends the list between targets, not inside of one.
    const model::Labels* current = nullptr;
    model::Labels last;
    bool matches = false;
    const auto visit = [&](const model::Labels& target, const TargetMetadata& metadata) {
      if (current == nullptr || !(target == last)) {
        if (limit >= 0 && written >= limit) return false;
        last = target;
        current = &last;
        matches = std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& m) {
          return m.Matches(target.Get(m.name()));
        });
      }
      if (matches) {
        WriteMetadata(&target, metric.empty() ? metadata.metric : std::string_view(), metadata,
                      out);
        ++written;
      }
      return !call.reply.gone();
    };
    if (call.api.targets != nullptr) call.api.targets->VisitMetadata(metric, visit);
    out.EndArray();
  });
  return {};
}

Status MetricsMetadata(Call& call) {
  NX_ASSIGN_OR_RETURN(const std::int64_t limit, CountParameter(call, "limit"));
  NX_ASSIGN_OR_RETURN(const std::int64_t per_metric, CountParameter(call, "limit_per_metric"));
  struct Entry {
    model::MetricType type;
    std::string unit, help;
    bool operator==(const Entry&) const = default;
  };
  std::map<std::string, std::vector<Entry>, std::less<>> metrics;
  const auto visit = [&](const model::Labels&, const TargetMetadata& metadata) {
    auto it = metrics.find(metadata.metric);
    if (it == metrics.end()) it = metrics.emplace(metadata.metric, std::vector<Entry>()).first;
    std::vector<Entry>& entries = it->second;
    if (per_metric > 0 && entries.size() >= static_cast<std::size_t>(per_metric)) return true;
    Entry entry{metadata.type, std::string(metadata.unit), std::string(metadata.help)};
    if (std::find(entries.begin(), entries.end(), entry) == entries.end()) {
      entries.push_back(std::move(entry));
    }
    return true;
  };
  if (call.api.targets != nullptr) call.api.targets->VisitMetadata(call.form.Get("metric"), visit);
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    std::int64_t written = 0;
    for (const auto& [name, entries] : metrics) {
      if (limit >= 0 && written++ >= limit) break;
      out.Key(name);
      out.BeginArray();
      for (const Entry& entry : entries) {
        WriteMetadata(nullptr, {}, {{}, entry.type, entry.help, entry.unit}, out);
      }
      out.EndArray();
    }
    out.EndObject();
  });
  return {};
}

Status Alertmanagers(Call& call) {
  const AlertmanagerRetriever* source = call.api.alertmanagers;
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    WriteUrls("activeAlertmanagers",
              source == nullptr ? std::vector<std::string>() : source->ActiveAlertmanagers(), out);
    WriteUrls("droppedAlertmanagers",
              source == nullptr ? std::vector<std::string>() : source->DroppedAlertmanagers(), out);
    out.EndObject();
  });
  return {};
}

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/http_source.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "scrape/answers/target_file.h"

namespace narthex::scrape {

namespace {

metrics::Counter& Failures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_http_failures_total",
                             "Number of HTTP service discovery refresh failures.");
}

std::string_view Trim(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t\r\n");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

}  // namespace

Result<std::unique_ptr<Discoverer>> HttpSource::Make(const config::HttpSdConfig& config,
                                                     const DiscoveryContext& context) {
  NX_ASSIGN_OR_RETURN(
      auto client,
      SdClient::Make(config.http, std::chrono::milliseconds(config.refresh_interval_ms)));
  return std::make_unique<RefreshDiscoverer>(
      "http", config.refresh_interval_ms,
      std::make_unique<HttpSource>(config, std::move(client), context.registry), context);
}

void HttpSource::AddMetrics(metrics::Registry& registry) { Failures(registry); }

HttpSource::HttpSource(config::HttpSdConfig config, std::unique_ptr<SdClient> client,
                       metrics::Registry& registry)
    : config_(std::move(config)), client_(std::move(client)), failures_(Failures(registry)) {}

Result<std::vector<config::TargetGroup>> HttpSource::Refresh() {
  auto groups = Ask();
  if (!groups && groups.error().code() != Code::kCancelled) failures_.Add();
  return groups;
}

Result<std::vector<config::TargetGroup>> HttpSource::Ask() {
  const double interval_s = static_cast<double>(config_.refresh_interval_ms) / 1e3;
  NX_ASSIGN_OR_RETURN(const SdResponse response,
                      client_->Get(config_.url, {{"Accept", "application/json"},
                                                 {"X-Prometheus-Refresh-Interval-Seconds",
                                                  go::FormatFloatF(interval_s)}}));
  const auto failed = [&](std::string_view why) {
    return Fail(Code::kUnavailable, fmt::format("{}: {}", RedactedUrl(config_.url), why));
  };
  if (response.status != 200) {
    return failed(fmt::format("server returned HTTP status {}", response.status_text));
  }
  if (!IsJsonContentType(Trim(response.content_type))) {
    return failed(fmt::format("unsupported content type {}", go::Quote(response.content_type)));
  }
  auto groups = ParseTargetGroupsJson(response.body);
  if (!groups) return failed(groups.error().message());
  for (std::size_t i = 0; i < groups->size(); ++i) {
    config::TargetGroup& group = (*groups)[i];
    group.source = fmt::format("{}:{}", config_.url, i);
    group.labels = model::LabelsBuilder(group.labels).Set("__meta_url", config_.url).Build();
  }
  return groups;
}

}  // namespace narthex::scrape

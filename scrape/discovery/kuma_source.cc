// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kuma_source.h"

#include <unistd.h>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/model/timestamp.h"
#include "scrape/answers/kuma_answer.h"
#include "scrape/discovery/url_query.h"

namespace narthex::scrape {

namespace {

namespace json = boost::json;

/// What an answer may take longer than the server was allowed to wait.
constexpr std::chrono::seconds kAnswerTime{15};
constexpr double kQuantiles[] = {0.5, 0.9, 0.99};

metrics::Counter& Failures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_kuma_fetch_failures_total",
                             "The number of Kuma MADS fetch call failures.");
}

metrics::Counter& Skipped(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_kuma_fetch_skipped_updates_total",
                             "The number of Kuma MADS fetch calls that result in no updates to the "
                             "targets.");
}

metrics::Summary& Duration(metrics::Registry& registry) {
  return registry.AddSummary("prometheus_sd_kuma_fetch_duration_seconds",
                             "The duration of a Kuma MADS fetch call.", kQuantiles);
}

std::string HostName() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0 || name[0] == '\0') return "prometheus";
  return name;
}

std::string FetchUrl(const config::KumaSdConfig& config) {
  const std::size_t end = std::min(config.server.find_first_of("?#"), config.server.size());
  return JoinPath(config.server.substr(0, end), "v3/discovery:monitoringassignments") + "?" +
         EncodeQuery({{"fetch-timeout", model::FormatDuration(config.fetch_timeout_ms)}});
}

}  // namespace

Result<std::unique_ptr<Discoverer>> KumaSource::Make(const config::KumaSdConfig& config,
                                                     const DiscoveryContext& context) {
  const std::string scheme = config.server.substr(0, config.server.find(':'));
  if (scheme != "http" && scheme != "https") {
    return Fail(Code::kInvalidArgument,
                "kuma_sd: invalid xDS server URL protocol. must be either 'http' or 'https'");
  }
  NX_ASSIGN_OR_RETURN(
      auto client, SdClient::Make(config.http, std::chrono::milliseconds(config.fetch_timeout_ms) +
                                                   kAnswerTime));
  return std::make_unique<RefreshDiscoverer>(
      "kuma", config.refresh_interval_ms,
      std::make_unique<KumaSource>(config, std::move(client), context.clock, context.registry),
      context, RefreshDiscoverer::Metrics::kOwn);
}

void KumaSource::AddMetrics(metrics::Registry& registry) {
  Failures(registry);
  Skipped(registry);
  Duration(registry);
}

KumaSource::KumaSource(config::KumaSdConfig config, std::unique_ptr<SdClient> client, Clock& clock,
                       metrics::Registry& registry)
    : config_(std::move(config)),
      url_(FetchUrl(config_)),
      client_id_(config_.client_id.empty() ? HostName() : config_.client_id),
      client_(std::move(client)),
      clock_(clock),
      failures_(Failures(registry)),
      skipped_(Skipped(registry)),
      duration_(Duration(registry)) {}

std::string KumaSource::RequestBody() const {
  json::object body = {{"node", {{"id", client_id_}}}, {"type_url", json::string(kKumaType)}};
  if (!version_.empty()) body["version_info"] = version_;
  if (!nonce_.empty()) body["response_nonce"] = nonce_;
  return std::string(json::serialize(body));
}

Result<std::vector<config::TargetGroup>> KumaSource::Refresh() {
  const std::int64_t start = clock_.MonotonicNs();
  unchanged_ = false;
  auto groups = Ask();
  duration_.Observe(static_cast<double>(clock_.MonotonicNs() - start) / 1e9);
  if (!groups && groups.error().code() != Code::kCancelled) failures_.Add();
  if (unchanged_) skipped_.Add();
  return groups;
}

Result<std::vector<config::TargetGroup>> KumaSource::Ask() {
  NX_ASSIGN_OR_RETURN(
      const SdResponse response,
      client_->Post(url_, {{"Accept", "application/json"}, {"Content-Type", "application/json"}},
                    RequestBody()));
  if (response.status == 304) {
    unchanged_ = true;
    return std::vector<config::TargetGroup>();
  }
  if (response.status != 200) {
    return Fail(Code::kUnavailable, fmt::format("{}: non 200 status '{}' response during xDS fetch",
                                                RedactedUrl(url_), response.status));
  }
  auto answer = ParseKumaAnswer(response.body);
  if (!answer) return Fail(std::move(answer).error().Wrap(RedactedUrl(url_)));
  version_ = std::move(answer->version);
  nonce_ = std::move(answer->nonce);
  config::TargetGroup group;
  group.source = "kuma";
  group.targets = std::move(answer->targets);
  return std::vector{std::move(group)};
}

}  // namespace narthex::scrape

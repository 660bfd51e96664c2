// SPDX-License-Identifier: Apache-2.0
#include "src/server/retrievers.h"

#include <unistd.h>

#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "narthex/alerting/console.h"
#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "src/server/retention.h"
#include "src/server/version.h"

namespace narthex::server {
namespace {

web::TargetHealth Convert(scrape::TargetHealth health) {
  switch (health) {
    case scrape::TargetHealth::kUp:
      return web::TargetHealth::kUp;
    case scrape::TargetHealth::kDown:
      return web::TargetHealth::kDown;
    case scrape::TargetHealth::kUnknown:
      break;
  }
  return web::TargetHealth::kUnknown;
}

web::AlertState Convert(alerting::AlertState state) {
  switch (state) {
    case alerting::AlertState::kPending:
      return web::AlertState::kPending;
    case alerting::AlertState::kFiring:
      return web::AlertState::kFiring;
    case alerting::AlertState::kInactive:
      break;
  }
  return web::AlertState::kInactive;
}

web::RuleHealth Convert(alerting::RuleHealth health) {
  switch (health) {
    case alerting::RuleHealth::kOk:
      return web::RuleHealth::kOk;
    case alerting::RuleHealth::kErr:
      return web::RuleHealth::kErr;
    case alerting::RuleHealth::kUnknown:
      break;
  }
  return web::RuleHealth::kUnknown;
}

web::AlertStatus Convert(alerting::AlertSnapshot& alert) {
  return {.labels = std::move(alert.labels),
          .annotations = std::move(alert.annotations),
          .state = Convert(alert.state),
          .active_at_ns = alert.active_at_ns,
          .keep_firing_since_ns = alert.keep_firing_since_ns,
          .value = alert.value};
}

web::RuleStatus Convert(alerting::RuleSnapshot& rule) {
  web::RuleStatus status{
      .alerting = rule.alerting,
      .name = std::move(rule.name),
      .query = std::move(rule.query),
      .labels = std::move(rule.labels),
      .health = Convert(rule.health),
      .last_error = std::move(rule.last_error),
      .evaluation_time_s = rule.evaluation_time_s,
      .last_evaluation_ns = rule.last_evaluation_ns,
      .state = rule.last_evaluation_ns == 0 ? web::AlertState::kUnknown : Convert(rule.state),
      .hold_duration_s = rule.hold_duration_s,
      .keep_firing_for_s = rule.keep_firing_for_s,
      .annotations = std::move(rule.annotations),
      .alerts = {}};
  for (alerting::AlertSnapshot& alert : rule.alerts) status.alerts.push_back(Convert(alert));
  return status;
}

std::int64_t CountThreads() {
  const auto threads = SystemFs().ListDir("/proc/self/task");
  return threads ? static_cast<std::int64_t>(threads->size()) : 0;
}

}  // namespace

std::vector<std::string> ScrapeTargets::ScrapePools() const { return manager_.ScrapePools(); }

std::vector<web::ActiveTarget> ScrapeTargets::ActiveTargets(std::string_view pool) const {
  std::vector<web::ActiveTarget> targets;
  for (scrape::ActiveTarget& target : manager_.ActiveTargets(pool)) {
    targets.push_back({.scrape_pool = std::move(target.scrape_pool),
                       .discovered_labels = std::move(target.discovered_labels),
                       .labels = std::move(target.labels),
                       .scrape_url = std::move(target.scrape_url),
                       .last_error = std::move(target.last_error),
                       .last_scrape_ns = target.last_scrape_ns,
                       .last_scrape_duration_s = target.last_scrape_duration_s,
                       .health = Convert(target.health),
                       .scrape_interval = std::move(target.scrape_interval),
                       .scrape_timeout = std::move(target.scrape_timeout)});
  }
  return targets;
}

std::vector<web::DroppedTarget> ScrapeTargets::DroppedTargets(std::string_view pool) const {
  std::vector<web::DroppedTarget> targets;
  for (scrape::DroppedTarget& target : manager_.DroppedTargets(pool)) {
    targets.push_back({std::move(target.scrape_pool), std::move(target.discovered_labels)});
  }
  return targets;
}

std::vector<std::pair<std::string, std::int64_t>> ScrapeTargets::DroppedCounts() const {
  return manager_.DroppedCounts();
}

std::optional<std::vector<model::RelabelConfig>> ScrapeTargets::RelabelConfigs(
    std::string_view pool) const {
  const auto config = manager_.PoolConfig(pool);
  if (config == nullptr) return {};
  return config->relabel_configs;
}

void ScrapeTargets::VisitMetadata(
    std::string_view metric,
    const std::function<bool(const model::Labels&, const web::TargetMetadata&)>& visit) const {
  manager_.VisitMetadata(
      metric, [&visit](const model::Labels& labels, const scrape::TargetMetadata& metadata) {
        return visit(labels, {metadata.metric, metadata.type, metadata.help, metadata.unit});
      });
}

std::vector<web::RuleGroupStatus> AlertingRules::RuleGroups(bool with_alerts) const {
  std::vector<web::RuleGroupStatus> groups;
  for (alerting::GroupSnapshot& group : manager_.Groups(with_alerts)) {
    web::RuleGroupStatus status{.name = std::move(group.name),
                                .file = std::move(group.file),
                                .interval_s = group.interval_s,
                                .limit = group.limit,
                                .evaluation_time_s = group.evaluation_time_s,
                                .last_evaluation_ns = group.last_evaluation_ns,
                                .rules = {}};
    for (alerting::RuleSnapshot& rule : group.rules) status.rules.push_back(Convert(rule));
    groups.push_back(std::move(status));
  }
  return groups;
}

ServerStatus::ServerStatus(const ServerFlags& flags, const Configuration& configuration,
                           Clock& clock)
    : flags_(flags), configuration_(configuration), clock_(clock), start_ns_(clock.NowNs()) {}

void ServerStatus::SetState(web::ServerState state) {
  MutexLock lock(mutex_);
  if (state == web::ServerState::kStopping) stop_ns_ = clock_.NowNs();
  state_ = state;
}

bool ServerStatus::Enter() const {
  MutexLock lock(mutex_);
  if (state_ != web::ServerState::kReady) return false;
  ++requests_;
  return true;
}

void ServerStatus::Leave() const {
  MutexLock lock(mutex_);
  if (--requests_ == 0) all_left_.NotifyAll();
}

bool ServerStatus::WaitForRequests(std::int64_t timeout_ms) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  MutexLock lock(mutex_);
  while (requests_ > 0) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    all_left_.WaitFor(mutex_, left);
  }
  return true;
}

std::string ServerStatus::ConfigYaml() const {
  const auto config = configuration_.current();
  return config ? config->yaml : "";
}

std::vector<std::pair<std::string, std::string>> ServerStatus::Flags() const {
  auto flags = flags_.effective;
  if (const model::DurationMs longest = max_block_duration_ms_; longest > 0) {
    for (auto& [name, value] : flags) {
      if (name == "storage.tsdb.max-block-duration") value = model::FormatDuration(longest);
    }
  }
  return flags;
}

web::RuntimeInfo ServerStatus::Runtime() const {
  web::RuntimeInfo info;
  info.start_time_ns = start_ns_;
  std::error_code ignored;
  info.cwd = std::filesystem::current_path(ignored).string();
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  info.hostname = host;
  info.reload_config_success = configuration_.last_reload_successful();
  // Whole seconds, as upstream reads it from a metric.
  constexpr std::int64_t kSecond = 1'000'000'000;
  info.last_config_time_ns = configuration_.last_success_ns() / kSecond * kSecond;
  if (const tsdb::Db* db = db_) {
    info.corruption_count = static_cast<std::int64_t>(db->wal_corruptions());
  }
  info.num_threads = CountThreads();
  info.max_threads = static_cast<std::int64_t>(std::thread::hardware_concurrency());
  if (const auto config = configuration_.current()) {
    info.storage_retention = RetentionText(EffectiveRetention(flags_.db, config->storage));
  }
  return info;
}

web::BuildInfo ServerStatus::Build() const { return BuildInformation(); }

Result<web::TsdbStatus> ServerStatus::Tsdb(std::size_t limit) const {
  const tsdb::Db* db = db_;
  if (db == nullptr) return Fail(Code::kUnavailable, "TSDB not ready");
  tsdb::HeadStats stats = db->Stats(limit);
  return web::TsdbStatus{.num_series = stats.num_series,
                         .num_label_pairs = stats.num_label_pairs,
                         .chunk_count = stats.num_chunks,
                         .min_time = stats.min_time,
                         .max_time = stats.max_time,
                         .series_by_metric_name = std::move(stats.series_by_metric_name),
                         .values_by_label_name = std::move(stats.values_by_label_name),
                         .bytes_by_label_name = std::move(stats.bytes_by_label_name),
                         .series_by_label_pair = std::move(stats.series_by_label_pair)};
}

std::vector<std::string> ServerStatus::BlockMetas() const {
  std::vector<std::string> metas;
  if (const tsdb::Db* db = db_) {
    for (tsdb::BlockInfo& block : db->Blocks()) metas.push_back(std::move(block.meta_json));
  }
  return metas;
}

web::WalReplayStatus ServerStatus::WalReplay() const {
  const tsdb::Db* db = db_;
  if (db == nullptr) return {};
  const auto progress = db->ReplayProgress();
  return {progress.min, progress.max, progress.current};
}

std::vector<web::Notification> ServerStatus::Notifications() const {
  std::vector<web::Notification> list;
  const web::ServerState state = state_;
  if (state == web::ServerState::kStarting) {
    list.push_back(
        {"Prometheus is starting and replaying the write-ahead log (WAL).", start_ns_, true});
  }
  if (const std::int64_t failed_ns = configuration_.last_failure_ns(); failed_ns != 0) {
    list.push_back({"Configuration reload has failed.", failed_ns, true});
  }
  if (state == web::ServerState::kStopping) {
    list.push_back(
        {"Prometheus is shutting down and gracefully stopping all operations.", stop_ns_, true});
  }
  return list;
}

model::Labels ServerStatus::ExternalLabels() const {
  const auto config = configuration_.current();
  return config ? config->global.external_labels : model::Labels();
}

Result<std::string> Consoles::Render(const web::ConsoleRequest& request) const {
  alerting::ConsolePage page;
  page.path = request.path;
  page.text = request.text;
  for (const auto& [name, text] : request.libraries) page.libraries.push_back({name, text});
  page.parameters = request.parameters;
  page.external_labels = status_.ExternalLabels();
  page.external_url = external_url_;
  page.origin = request.origin;
  page.stop = request.stop;
  return expand_(page);
}

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
//
// Adapters: what the HTTP API asks, answered by the parts of the server.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "narthex/alerting/console.h"
#include "narthex/alerting/notifier.h"
#include "narthex/alerting/rule_manager.h"
#include "narthex/base/clock.h"
#include "narthex/base/mutex.h"
#include "narthex/promql/engine.h"
#include "narthex/scrape/scrape_manager.h"
#include "narthex/tsdb/db.h"
#include "narthex/web/consoles.h"
#include "narthex/web/rules.h"
#include "narthex/web/status.h"
#include "narthex/web/targets.h"
#include "src/server/configuration.h"
#include "src/server/feature_map.h"
#include "src/server/flags.h"

namespace narthex::server {

/// Thread safety: any thread.
class ScrapeTargets final : public web::TargetRetriever {
 public:
  explicit ScrapeTargets(const scrape::ScrapeManager& manager) : manager_(manager) {}
  std::vector<std::string> ScrapePools() const override;
  std::vector<web::ActiveTarget> ActiveTargets(std::string_view pool) const override;
  std::vector<web::DroppedTarget> DroppedTargets(std::string_view pool) const override;
  std::vector<std::pair<std::string, std::int64_t>> DroppedCounts() const override;
  std::optional<std::vector<model::RelabelConfig>> RelabelConfigs(
      std::string_view pool) const override;
  void VisitMetadata(std::string_view metric,
                     const std::function<bool(const model::Labels&, const web::TargetMetadata&)>&
                         visit) const override;

 private:
  const scrape::ScrapeManager& manager_;
};

/// Thread safety: any thread.
class AlertingRules final : public web::RulesRetriever {
 public:
  explicit AlertingRules(const alerting::RuleManager& manager) : manager_(manager) {}
  std::vector<web::RuleGroupStatus> RuleGroups(bool with_alerts) const override;

 private:
  const alerting::RuleManager& manager_;
};

/// Thread safety: any thread.
class NotifiedAlertmanagers final : public web::AlertmanagerRetriever {
 public:
  explicit NotifiedAlertmanagers(const alerting::Notifier& notifier) : notifier_(notifier) {}
  std::vector<std::string> ActiveAlertmanagers() const override {
    return notifier_.ActiveAlertmanagers();
  }
  std::vector<std::string> DroppedAlertmanagers() const override {
    return notifier_.DroppedAlertmanagers();
  }

 private:
  const alerting::Notifier& notifier_;
};

/// Thread safety: any thread; SetDb and SetState by the wiring.
class ServerStatus final : public web::StatusSource {
 public:
  /// All not owned, outlive this.
  ServerStatus(const ServerFlags& flags, const Configuration& configuration, Clock& clock);

  void SetState(web::ServerState state);
  /// Waits for the requests that have entered; none enters once the state is kStopping.
  /// @return whether all have left
  bool WaitForRequests(std::int64_t timeout_ms);
  /// Null again before the database ends.
  void SetDb(tsdb::Db* db) { db_ = db; }
  /// The one in effect, which the flag may have left to the retention of the configuration file.
  void SetMaxBlockDuration(model::DurationMs ms) { max_block_duration_ms_ = ms; }

  web::ServerState State() const override { return state_; }
  bool Enter() const override;
  void Leave() const override;
  std::string ConfigYaml() const override;
  std::vector<std::pair<std::string, std::string>> Flags() const override;
  web::RuntimeInfo Runtime() const override;
  web::BuildInfo Build() const override;
  Result<web::TsdbStatus> Tsdb(std::size_t limit) const override;
  std::vector<std::string> BlockMetas() const override;
  web::WalReplayStatus WalReplay() const override;
  std::vector<web::Notification> Notifications() const override;
  std::map<std::string, std::map<std::string, bool>> Features() const override {
    return FeatureMap(flags_);
  }
  model::Labels ExternalLabels() const override;

 private:
  const ServerFlags& flags_;
  const Configuration& configuration_;
  Clock& clock_;
  const std::int64_t start_ns_;
  std::atomic<std::int64_t> stop_ns_{0};
  std::atomic<web::ServerState> state_{web::ServerState::kStarting};  // Changed under the lock.
  mutable Mutex mutex_;                                               // Leaf.
  mutable CondVar all_left_;
  mutable std::size_t requests_ NX_GUARDED_BY(mutex_) = 0;
  std::atomic<tsdb::Db*> db_{nullptr};
  std::atomic<model::DurationMs> max_block_duration_ms_{0};  // 0 = not known yet.
};

/// Thread safety: any thread.
class Consoles final : public web::ConsoleRenderer {
 public:
  /// @param status         has the external labels; not owned, outlives this
  /// @param external_url  without a trailing slash
  /// @param expand         makes the HTML; from any thread
  using Expand = std::function<Result<std::string>(const alerting::ConsolePage& page)>;
  Consoles(const web::StatusSource& status, std::string external_url, Expand expand)
      : status_(status), external_url_(std::move(external_url)), expand_(std::move(expand)) {}
  Result<std::string> Render(const web::ConsoleRequest& request) const override;

 private:
  const web::StatusSource& status_;
  const std::string external_url_;
  const Expand expand_;
};

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
#include "narthex/alerting/notifier.h"

#include <atomic>
#include <map>
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "alerting/notifier/alertmanager.h"
#include "alerting/notifier/notifier_metrics.h"
#include "alerting/notifier/send_loop.h"
#include "narthex/base/clock.h"
#include "narthex/base/heap_bytes.h"
#include "narthex/base/log.h"
#include "narthex/base/mutex.h"
#include "narthex/config/config.h"
#include "narthex/model/relabel.h"
#include "narthex/net/aws_session.h"

namespace narthex::alerting {
namespace {

/// A notification that is counted as long as any queue holds it.
struct CountedNotification final : Notification {
  CountedNotification(Notification alert, std::shared_ptr<std::atomic<std::size_t>> all)
      : Notification(std::move(alert)), total(std::move(all)) {
    bytes =
        sizeof(*this) + labels.bytes().size() + annotations.bytes().size() + generator_url.size();
    total->fetch_add(bytes, std::memory_order_relaxed);
  }
  ~CountedNotification() { total->fetch_sub(bytes, std::memory_order_relaxed); }
  CountedNotification(const CountedNotification&) = delete;
  CountedNotification& operator=(const CountedNotification&) = delete;

  std::shared_ptr<std::atomic<std::size_t>> total;
  std::size_t bytes = 0;
};

/// The labels after relabelling; empty when the alert is dropped.
model::Labels Relabelled(const model::Labels& labels, const model::Labels& external,
                         std::span<const model::RelabelConfig> rules) {
  model::LabelsBuilder builder(labels);
  for (const auto& [name, value] : external) {
    if (!labels.Has(name)) builder.Set(name, value);
  }
  const Result<bool> kept = model::Relabel(builder, rules);
  if (kept && *kept) return builder.Build();
  if (!kept) {
    log::Error("Relabelling an alert failed, dropping it",
               {{"alert", labels.ToString()}, {"err", kept.error().message()}});
  }
  return {};
}

/// Amazon Managed Service for Prometheus.
constexpr std::string_view kDefaultService = "aps";

/// Errors: no region is known, which is found late otherwise: in a 403 for every alert.
Result<SendLoop::Signing> MakeSigning(const config::Sigv4Config& sigv4) {
  SendLoop::Signing signing{
      .aws = {.region = sigv4.region,
              .access_key = sigv4.access_key,
              .secret_key = sigv4.secret_key,
              .profile = sigv4.profile,
              .role_arn = sigv4.role_arn,
              .external_id = sigv4.external_id,
              .use_fips_sts_endpoint = sigv4.use_fips_sts_endpoint},
      .service = sigv4.service_name.empty() ? std::string(kDefaultService) : sigv4.service_name};
  NX_ASSIGN_OR_RETURN(signing.aws.region, net::ConfiguredAwsRegion(signing.aws));
  if (signing.aws.region.empty()) {
    return Fail(Code::kInvalidArgument,
                "region not configured in sigv4 or in default credentials chain");
  }
  return signing;
}

}  // namespace

std::string AlertmanagerSetName(std::size_t index) { return fmt::format("config-{}", index); }

class Notifier::Impl {
 public:
  Impl(Clock& clock, metrics::Registry& registry, NotifierOptions options)
      : clock_(clock),
        options_(std::move(options)),
        metrics_(registry, options_.queue_capacity,
                 [this] { return static_cast<double>(num_active_.load()); }) {}
  ~Impl() { Stop(); }

  Status ApplyConfig(const config::Config& config, bool check_only);
  void SetTargets(const std::string& name, std::span<const config::TargetGroup> groups);
  void Send(std::vector<Notification> alerts);
  void Stop();
  std::vector<std::string> Urls(std::vector<std::string> AlertmanagerUrls::*which) const;
  std::size_t held_bytes() const { return *held_; }

 private:
  using LoopMap = std::map<std::string, std::unique_ptr<SendLoop>>;  // By URL.
  /// One entry of the configuration with what discovery found for it.
  struct Set {
    config::AlertmanagerConfig config;
    net::HttpClientOptions client;
    std::optional<SendLoop::Signing> signing;
    AlertmanagerUrls urls;
    LoopMap loops;
  };
  using SetMap = std::map<std::string, Set>;

  Result<SetMap> MakeSets(const config::AlertingConfig& config) const;
  bool AddLoop(const std::string& url, Set& set) NX_REQUIRES(mutex_);
  std::unique_ptr<SendLoop> MakeLoop(const std::string& url, const Set& set);
  /// Stops the loops and waits for none of them; the map is empty then.
  void Retire(LoopMap& loops) NX_REQUIRES(mutex_);
  void ForgetEnded() NX_REQUIRES(mutex_);
  void CountActive() NX_REQUIRES(mutex_);

  Clock& clock_;
  const NotifierOptions options_;
  const std::shared_ptr<std::atomic<std::size_t>> held_ =
      std::make_shared<std::atomic<std::size_t>>(0);

  std::atomic<std::size_t> num_active_{0};  // Read under the lock of the registry.
  mutable SharedMutex mutex_;               // Before the locks of the loops and of the registry.
  model::Labels external_labels_ NX_GUARDED_BY(mutex_);
  std::vector<model::RelabelConfig> relabel_configs_ NX_GUARDED_BY(mutex_);
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  NotifierMetrics metrics_;  // Before the loops, which use it to their end.
  SetMap sets_ NX_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<SendLoop>> retired_ NX_GUARDED_BY(mutex_);  // Still draining.
};

Result<Notifier::Impl::SetMap> Notifier::Impl::MakeSets(
    const config::AlertingConfig& config) const {
  SetMap sets;
  for (std::size_t i = 0; i < config.alertmanagers.size(); ++i) {
    const config::AlertmanagerConfig& entry = config.alertmanagers[i];
    Set& set = sets[AlertmanagerSetName(i)];
    set.config = entry;
    const auto explain = [&](Error why) {
      return Fail(std::move(why).Wrap(fmt::format("alerting.alertmanagers, entry {}", i + 1)));
    };
    auto client = options_.client_options(entry.http);
    if (!client) return explain(std::move(client).error());
    set.client = std::move(*client);
    if (!entry.sigv4) continue;
    auto signing = MakeSigning(*entry.sigv4);
    if (!signing) return explain(std::move(signing).error());
    set.signing = std::move(*signing);
  }
  return sets;
}

Status Notifier::Impl::ApplyConfig(const config::Config& config, bool check_only) {
  NX_ASSIGN_OR_RETURN(SetMap fresh, MakeSets(config.alerting));
  if (check_only) return {};
  WriterLock lock(mutex_);
  if (stopping_) return {};
  ForgetEnded();
  external_labels_ = config.global.external_labels;
  relabel_configs_ = config.alerting.alert_relabel_configs;
  for (auto& [name, set] : fresh) {
    for (auto& [old_name, old] : sets_) {
      if (old.config.fingerprint != set.config.fingerprint) continue;
      set.urls = old.urls;
      // The first of several equal entries takes the queues; the others begin with new ones.
      if (set.loops.empty()) set.loops = std::exchange(old.loops, {});
    }
  }
  for (auto& [name, old] : sets_) Retire(old.loops);
  sets_ = std::move(fresh);
  CountActive();
  return {};
}

void Notifier::Impl::CountActive() {
  std::size_t count = 0;
  for (const auto& [name, set] : sets_) count += set.urls.active.size();
  num_active_ = count;
}

std::unique_ptr<SendLoop> Notifier::Impl::MakeLoop(const std::string& url, const Set& set) {
  return std::make_unique<SendLoop>(url, set.client,
                                    SendLoop::Options{.queue_capacity = options_.queue_capacity,
                                                      .batch_size = options_.batch_size,
                                                      .drain_on_stop = options_.drain_on_stop,
                                                      .timeout_ms = set.config.timeout_ms,
                                                      .min_backoff_ms = options_.min_backoff_ms,
                                                      .max_backoff_ms = options_.max_backoff_ms,
                                                      .signing = set.signing},
                                    clock_, metrics_);
}

bool Notifier::Impl::AddLoop(const std::string& url, Set& set) {
  try {
    set.loops.emplace(url, MakeLoop(url, set));
    return true;
  } catch (const std::exception& error) {  // No thread or no descriptor is left.
    log::Error("An Alertmanager gets no alerts until targets or configuration change",
               {{"alertmanager", url}, {"err", error.what()}});
    return false;
  }
}

void Notifier::Impl::SetTargets(const std::string& name,
                                std::span<const config::TargetGroup> groups) {
  WriterLock lock(mutex_);
  if (stopping_) return;
  ForgetEnded();
  const auto found = sets_.find(name);
  if (found == sets_.end()) return;  // A reload has taken the entry away in the meantime.
  Set& set = found->second;
  set.urls = FindAlertmanagers(groups, set.config);
  LoopMap gone = std::exchange(set.loops, {});
  std::vector<std::string> active;
  for (std::string& url : set.urls.active) {
    if (auto node = gone.extract(url)) {
      set.loops.insert(std::move(node));
    } else if (!AddLoop(url, set)) {
      continue;
    }
    active.push_back(std::move(url));
  }
  set.urls.active = std::move(active);
  Retire(gone);
  CountActive();
}

void Notifier::Impl::Retire(LoopMap& loops) {
  for (auto& [url, loop] : loops) {
    loop->Stop();
    retired_.push_back(std::move(loop));
  }
  loops.clear();
}

void Notifier::Impl::ForgetEnded() {
  std::erase_if(retired_, [](const auto& loop) { return loop->done(); });
}

void Notifier::Impl::Send(std::vector<Notification> alerts) {
  ReaderLock lock(mutex_);
  if (stopping_ || sets_.empty()) return;
  std::vector<NotificationPtr> kept;
  for (Notification& alert : alerts) {
    alert.labels = Relabelled(alert.labels, external_labels_, relabel_configs_);
    if (alert.labels.empty()) continue;
    kept.push_back(std::make_shared<const CountedNotification>(std::move(alert), held_));
  }
  for (const auto& [name, set] : sets_) {
    if (set.config.alert_relabel_configs.empty()) {
      for (const auto& [url, loop] : set.loops) loop->Add(kept);
      continue;
    }
    std::vector<NotificationPtr> own;
    for (const NotificationPtr& alert : kept) {
      model::Labels labels = Relabelled(alert->labels, {}, set.config.alert_relabel_configs);
      if (labels.empty()) continue;
      if (labels == alert->labels) {
        own.push_back(alert);
        continue;
      }
      Notification changed = *alert;
      changed.labels = std::move(labels);
      own.push_back(std::make_shared<const CountedNotification>(std::move(changed), held_));
    }
    if (own.empty()) continue;
    for (const auto& [url, loop] : set.loops) loop->Add(own);
  }
}

void Notifier::Impl::Stop() {
  std::vector<std::unique_ptr<SendLoop>> ending;
  {
    WriterLock lock(mutex_);
    if (stopping_) return;
    log::Info("Stopping notification manager...");
    stopping_ = true;
    for (auto& [name, set] : sets_) Retire(set.loops);
    ending.swap(retired_);
  }
  ending.clear();  // Waits for them, all at the same time.
}

std::vector<std::string> Notifier::Impl::Urls(
    std::vector<std::string> AlertmanagerUrls::*which) const {
  ReaderLock lock(mutex_);
  std::vector<std::string> all;
  for (const auto& [name, set] : sets_) {
    all.insert(all.end(), (set.urls.*which).begin(), (set.urls.*which).end());
  }
  return all;
}

Notifier::Notifier(Clock& clock, metrics::Registry& registry, NotifierOptions options)
    : impl_(std::make_unique<Impl>(clock, registry, std::move(options))) {}
Notifier::~Notifier() = default;
Status Notifier::Check(const config::Config& config) const {
  return impl_->ApplyConfig(config, true);
}
Status Notifier::ApplyConfig(const config::Config& config) {
  return impl_->ApplyConfig(config, false);
}
void Notifier::SetTargets(const std::string& set, std::span<const config::TargetGroup> groups) {
  impl_->SetTargets(set, groups);
}
void Notifier::Send(std::vector<Notification> alerts) { impl_->Send(std::move(alerts)); }
void Notifier::Stop() { impl_->Stop(); }
std::vector<std::string> Notifier::ActiveAlertmanagers() const {
  return impl_->Urls(&AlertmanagerUrls::active);
}
std::vector<std::string> Notifier::DroppedAlertmanagers() const {
  return impl_->Urls(&AlertmanagerUrls::dropped);
}
std::size_t Notifier::held_bytes() const { return impl_->held_bytes(); }

}  // namespace narthex::alerting

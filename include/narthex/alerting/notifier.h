// SPDX-License-Identifier: Apache-2.0
//
// Sends alerts to every Alertmanager of the configuration (POST /api/v2/alerts).
//
//   Notifier notifier(SystemClock(), registry, options);
//   if (auto status = notifier.ApplyConfig(config); !status) …
//   notifier.SetTargets("config-0", groups);   // what discovery has found, as often as it changes
//   notifier.Send(notifications);              // returns at once
//   notifier.Stop();
//
// Each Alertmanager has a queue and a thread of its own, so that one that is slow or dead neither
// delays the rules nor the others. A batch that fails in a way that may pass (no answer, 5xx, 429)
// is sent again after a pause, until newer alerts need its room; one that is refused is counted and
// gone, and the rules send their alerts again after the resend delay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narthex/alerting/notification.h"
#include "narthex/base/result.h"
#include "narthex/config/discovery_config.h"

namespace narthex {
class Clock;
namespace config {
struct AlertmanagerConfig;
struct Config;
struct HttpConfig;
}  // namespace config
namespace metrics {
class Registry;
}
namespace net {
struct HttpClientOptions;
}
}  // namespace narthex

namespace narthex::alerting {

struct NotifierOptions {
  std::size_t queue_capacity = 10'000;  // Of each Alertmanager; the oldest alerts make room.
  std::size_t batch_size = 256;         // Most alerts in one request.
  bool drain_on_stop = true;            // What waits is sent before the end, else dropped.
  /// Pause after a request that failed; doubles up to the longest while they go on failing.
  model::DurationMs min_backoff_ms = 250, max_backoff_ms = 15'000;
  /// How the HTTP client is made for an entry of the configuration. Errors: refuse the entry.
  std::function<Result<net::HttpClientOptions>(const config::HttpConfig&)> client_options = {};
};

/// Under which name discovery reports the n-th entry of alerting.alertmanagers.
std::string AlertmanagerSetName(std::size_t index);

/// Thread safety: any thread, but ApplyConfig and Stop one at a time.
/// Source: Prometheus notifier.Manager.
class Notifier final {
 public:
  /// The references are not owned and outlive the notifier.
  Notifier(Clock& clock, metrics::Registry& registry, NotifierOptions options);
  ~Notifier();  // Calls Stop().
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// Whether ApplyConfig would take the configuration. Errors: as there.
  Status Check(const config::Config& config) const;

  /// Takes over the section `alerting` and the external labels. An entry whose text has not changed
  /// keeps its Alertmanagers and their queues. Errors: kInvalidArgument for sigv4 without a region,
  /// those of `client_options`; everything stays as it was then.
  Status ApplyConfig(const config::Config& config);

  /// All targets of an entry, instead of those that were known. Queues of Alertmanagers that stay
  /// are not disturbed; those of others are drained or dropped as at the end.
  void SetTargets(const std::string& set, std::span<const config::TargetGroup> groups);

  /// Queues the alerts after external labels and relabelling. Without an Alertmanager, and after
  /// Stop, they are gone.
  void Send(std::vector<Notification> alerts);

  /// Sends or drops what waits (`drain_on_stop`) and ends the threads. Idempotent.
  void Stop();

  /// URLs that alerts are posted to, and those that relabelling dropped.
  std::vector<std::string> ActiveAlertmanagers() const;
  std::vector<std::string> DroppedAlertmanagers() const;

  /// Memory of the alerts that wait.
  std::size_t held_bytes() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::alerting

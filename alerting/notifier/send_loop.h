// SPDX-License-Identifier: Apache-2.0
//
// The queue of one Alertmanager and the thread that empties it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "alerting/notifier/notifier_metrics.h"
#include "narthex/alerting/notification.h"
#include "narthex/base/clock.h"
#include "narthex/base/mutex.h"
#include "narthex/model/timestamp.h"
#include "narthex/net/aws_session.h"
#include "narthex/net/http_client.h"

namespace narthex::alerting {

using NotificationPtr = std::shared_ptr<const Notification>;  // One for all queues.

/// Thread safety: any thread, but Stop and the destructor one at a time.
/// Source: Prometheus notifier.sendLoop.
class SendLoop final {
 public:
  /// AWS Signature Version 4 for each request.
  struct Signing {
    net::AwsSettings aws;  // With a region.
    std::string service;
  };
  struct Options {
    std::size_t queue_capacity = 0;
    std::size_t batch_size = 1;
    bool drain_on_stop = true;
    model::DurationMs timeout_ms = 0;  // Of one request.
    std::optional<Signing> signing = {};
  };

  /// @param client  of the Alertmanager; its user agent and credentials
  SendLoop(std::string url, net::HttpClientOptions client, const Options& options, Clock& clock,
           NotifierMetrics& metrics);
  ~SendLoop();  // Calls Stop() and waits.
  SendLoop(const SendLoop&) = delete;
  SendLoop& operator=(const SendLoop&) = delete;

  const std::string& url() const { return url_; }

  /// Queues the alerts; the oldest are dropped when there are too many. Never waits for the
  /// network.
  void Add(std::span<const NotificationPtr> alerts);

  /// From now on nothing is queued; what waits is sent, or dropped and the running request
  /// cancelled. Returns at once. Idempotent.
  void Stop();

  /// Whether a stopped loop has ended.
  bool done() const;

 private:
  void Run();
  /// Waits for work. @return false at the end
  bool TakeBatch(std::vector<NotificationPtr>& batch);
  void Send(std::span<const NotificationPtr> batch);
  Status Post(std::string json);

  const std::string url_;
  const Options options_;
  Clock& clock_;
  NotifierMetrics::Share metrics_;
  net::BlockingClient client_;
  const std::unique_ptr<net::AwsSession> session_;  // Null = nothing is signed.

  mutable Mutex mutex_;  // Leaf lock.
  CondVar changed_;
  std::deque<NotificationPtr> queue_ NX_GUARDED_BY(mutex_);
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  bool done_ NX_GUARDED_BY(mutex_) = false;

  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace narthex::alerting

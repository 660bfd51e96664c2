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

/// What fails in a way that may pass (no answer, 5xx, 429) goes back to the head of the queue and
/// is tried again after a pause, until newer alerts need its room. Prometheus drops it at once and
/// lets the next evaluation after --rules.alert.resend-delay send it again, if there is one.
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
    model::DurationMs timeout_ms = 0;                                 // Of one request.
    model::DurationMs min_backoff_ms = 250, max_backoff_ms = 15'000;  // Doubles in between.
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
  enum class Outcome { kTaken, kRefused, kTryAgain };
  /// Waits for work. @return false at the end
  bool TakeBatch(std::vector<NotificationPtr>& batch);
  Outcome Send(std::span<const NotificationPtr> batch);
  Result<net::ClientResponse> Post(std::string json);
  Outcome Judge(const net::ClientResponse& response);
  /// Puts the batch back, or as much of it as there is room for.
  void GiveBack(std::span<const NotificationPtr> batch);
  void DropOutdated() NX_REQUIRES(mutex_);

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
  model::DurationMs backoff_ms_ NX_GUARDED_BY(mutex_) = 0;  // 0 = the last request went well.
  std::int64_t not_before_ns_ NX_GUARDED_BY(mutex_) = 0;    // Of the next request.

  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace narthex::alerting

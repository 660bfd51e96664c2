// SPDX-License-Identifier: Apache-2.0
#include "alerting/notifier/send_loop.h"

#include <algorithm>
#include <chrono>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <fmt/core.h>

#include "alerting/notifier/alert_json.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"

namespace narthex::alerting {
namespace {

// Nobody reads what an Alertmanager answers; this much of it leaves the connection usable.
constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 16;

}  // namespace

SendLoop::SendLoop(std::string url, net::HttpClientOptions client, const Options& options,
                   Clock& clock, NotifierMetrics& metrics)
    : url_(std::move(url)),
      options_(options),
      clock_(clock),
      metrics_(metrics, url_),
      client_(std::move(client)),
      session_(options_.signing ? std::make_unique<net::AwsSession>(options_.signing->aws,
                                                                    net::ProcessEnvironment, clock)
                                : nullptr),
      thread_([this] { Run(); }) {}

SendLoop::~SendLoop() {
  Stop();
  thread_.join();
}

void SendLoop::Add(std::span<const NotificationPtr> alerts) {
  MutexLock lock(mutex_);
  if (stopping_) return;
  std::size_t dropped = 0;
  if (alerts.size() > options_.queue_capacity) {
    dropped = alerts.size() - options_.queue_capacity;
    alerts = alerts.subspan(dropped);
    log::Warn("Alert batch larger than queue capacity, dropping alerts",
              {{"alertmanager", url_}, {"count", dropped}});
  }
  if (const std::size_t all = queue_.size() + alerts.size(); all > options_.queue_capacity) {
    const std::size_t oldest = all - options_.queue_capacity;
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(oldest));
    dropped += oldest;
    log::Warn("Alert notification queue full, dropping alerts",
              {{"alertmanager", url_}, {"count", oldest}});
  }
  queue_.insert(queue_.end(), alerts.begin(), alerts.end());
  metrics_.queue_length.Set(static_cast<double>(queue_.size()));
  metrics_.dropped.Add(dropped);
  changed_.NotifyAll();
}

void SendLoop::Stop() {
  MutexLock lock(mutex_);
  if (stopping_) return;
  stopping_ = true;
  if (!options_.drain_on_stop) {
    if (!queue_.empty()) {
      log::Warn("Alert notification queue not drained on shutdown, dropping alerts",
                {{"alertmanager", url_}, {"count", queue_.size()}});
    }
    metrics_.dropped.Add(queue_.size());
    queue_.clear();
    client_.Cancel();
    if (session_ != nullptr) session_->Cancel();
  }
  changed_.NotifyAll();
}

bool SendLoop::done() const {
  MutexLock lock(mutex_);
  return done_;
}

bool SendLoop::TakeBatch(std::vector<NotificationPtr>& batch) {
  MutexLock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    const std::int64_t pause_ns = not_before_ns_ - clock_.MonotonicNs();
    if (pause_ns <= 0) break;
    changed_.WaitFor(mutex_, std::chrono::nanoseconds(pause_ns));
  }
  if (queue_.empty()) {
    done_ = true;
    return false;
  }
  const auto size = static_cast<std::ptrdiff_t>(
      std::min(queue_.size(), std::max<std::size_t>(options_.batch_size, 1)));
  batch.assign(queue_.begin(), queue_.begin() + size);
  queue_.erase(queue_.begin(), queue_.begin() + size);
  metrics_.queue_length.Set(static_cast<double>(queue_.size()));
  return true;
}

void SendLoop::Run() {
  SetThreadName("notify");
  std::vector<NotificationPtr> batch;
  while (TakeBatch(batch)) {
    const Outcome outcome = Send(batch);
    if (outcome == Outcome::kTryAgain) {
      GiveBack(batch);
    } else {
      MutexLock lock(mutex_);
      backoff_ms_ = 0;
    }
    if (outcome == Outcome::kRefused) metrics_.dropped.Add(batch.size());
    batch.clear();
  }
}

SendLoop::Outcome SendLoop::Send(std::span<const NotificationPtr> batch) {
  const std::int64_t begin = clock_.MonotonicNs();
  const Result<net::ClientResponse> response = Post(AlertsJson(batch));
  const Outcome outcome = response ? Judge(*response) : Outcome::kTryAgain;
  if (outcome == Outcome::kTaken) {
    metrics_.CountSent(batch.size(), static_cast<double>(clock_.MonotonicNs() - begin) / 1e9);
    return outcome;
  }
  const std::string why =
      response ? fmt::format("bad response status {} {}", response->status, response->reason)
               : response.error().message();
  log::Error("Error sending alerts",
             {{"alertmanager", url_}, {"count", batch.size()}, {"err", why}});
  metrics_.errors.Add(batch.size());
  return outcome;
}

Result<net::ClientResponse> SendLoop::Post(std::string json) {
  net::ClientRequest request;
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url_));
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = std::move(json);
  request.timeout = std::chrono::milliseconds(options_.timeout_ms);
  request.max_body_bytes = kMaxAnswerBytes;
  if (session_ != nullptr) {
    const Signing& signing = *options_.signing;
    NX_RETURN_IF_ERROR(session_->Sign(request, signing.aws.region, signing.service));
  }
  std::string answer;
  return client_.Do(request, answer);
}

SendLoop::Outcome SendLoop::Judge(const net::ClientResponse& response) {
  const int status = response.status;
  if (status / 100 == 2) return Outcome::kTaken;
  if (session_ != nullptr && (status == 401 || status == 403)) {
    session_->ForgetCredentials();  // They may have been taken back before their time.
    return Outcome::kTryAgain;
  }
  return status / 100 == 5 || status == 429 ? Outcome::kTryAgain : Outcome::kRefused;
}

void SendLoop::GiveBack(std::span<const NotificationPtr> batch) {
  MutexLock lock(mutex_);
  if (stopping_) {
    // An Alertmanager that does not answer may take the whole timeout for each batch.
    const std::size_t lost = batch.size() + queue_.size();
    log::Warn("Alertmanager can't be reached on shutdown, dropping alerts",
              {{"alertmanager", url_}, {"count", lost}});
    metrics_.dropped.Add(lost);
    queue_.clear();
    return;
  }
  backoff_ms_ = std::clamp(backoff_ms_ * 2, options_.min_backoff_ms, options_.max_backoff_ms);
  not_before_ns_ = clock_.MonotonicNs() + backoff_ms_ * 1'000'000;
  queue_.insert(queue_.begin(), batch.begin(), batch.end());
  DropOutdated();
  if (queue_.size() > options_.queue_capacity) {
    const std::size_t oldest = queue_.size() - options_.queue_capacity;
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(oldest));
    metrics_.dropped.Add(oldest);
    log::Warn("Alert notification queue full, dropping alerts",
              {{"alertmanager", url_}, {"count", oldest}});
  }
  metrics_.queue_length.Set(static_cast<double>(queue_.size()));
}

/// Of each alert only the newest news is worth sending late: an older one may tell of an end that
/// has been put off since.
void SendLoop::DropOutdated() {
  std::unordered_set<std::string_view> newer;
  const auto is_outdated = [&newer](const NotificationPtr& alert) {
    return !newer.insert(alert->labels.bytes()).second;
  };
  // From the newest on; what is kept ends up at the back, in its order.
  const auto kept = std::remove_if(queue_.rbegin(), queue_.rend(), is_outdated).base();
  queue_.erase(queue_.begin(), kept);
}

}  // namespace narthex::alerting

// SPDX-License-Identifier: Apache-2.0
#include "alerting/notifier/send_loop.h"

#include <algorithm>
#include <chrono>
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
  while (queue_.empty() && !stopping_) changed_.Wait(mutex_);
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
    Send(batch);
    batch.clear();
  }
}

void SendLoop::Send(std::span<const NotificationPtr> batch) {
  const std::int64_t begin = clock_.MonotonicNs();
  if (const Status status = Post(AlertsJson(batch)); !status) {
    log::Error(
        "Error sending alerts",
        {{"alertmanager", url_}, {"count", batch.size()}, {"err", status.error().message()}});
    metrics_.errors.Add(batch.size());
    metrics_.dropped.Add(batch.size());
    return;
  }
  metrics_.CountSent(batch.size(), static_cast<double>(clock_.MonotonicNs() - begin) / 1e9);
}

Status SendLoop::Post(std::string json) {
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
  NX_ASSIGN_OR_RETURN(const net::ClientResponse response, client_.Do(request, answer));
  if (response.status / 100 == 2) return {};
  return Fail(Code::kUnavailable,
              fmt::format("bad response status {} {}", response.status, response.reason));
}

}  // namespace narthex::alerting

// SPDX-License-Identifier: Apache-2.0
//
// /api/v1/notifications/live: server-sent events.
#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"
#include "web/api/status.h"

namespace narthex::web {
namespace {

constexpr std::chrono::seconds kPollInterval{1};

/// Waits for an interval, less when a stop is requested.
class StoppableWait {
 public:
  explicit StoppableWait(const std::stop_token& stop) : on_stop_(stop, [this] { Wake(); }) {}

  /// @return false when a stop was requested
  bool For(std::chrono::nanoseconds interval) {
    MutexLock lock(mutex_);
    if (!stopped_) changed_.WaitFor(mutex_, interval);
    return !stopped_;
  }

 private:
  void Wake() {
    MutexLock lock(mutex_);
    stopped_ = true;
    changed_.NotifyAll();
  }

  Mutex mutex_;
  CondVar changed_;
  bool stopped_ NX_GUARDED_BY(mutex_) = false;
  std::stop_callback<std::function<void()>> on_stop_;
};

struct LiveMetrics {
  explicit LiveMetrics(metrics::Registry& registry)
      : subscribers(registry.AddGauge("prometheus_api_notification_active_subscribers",
                                      "The current number of active notification subscribers.")),
        sent(registry.AddCounter("prometheus_api_notification_updates_sent_total",
                                 "Total number of notification updates sent.")) {
    // Stays 0: who is slow gets the newest state later.
    registry.AddCounter("prometheus_api_notification_updates_dropped_total",
                        "Total number of notification updates dropped.");
  }

  metrics::Gauge& subscribers;
  metrics::Counter& sent;
};

bool SendEvent(const Notification& notification, net::ResponseWriter& writer) {
  JsonWriter json;
  WriteNotification(notification, json);
  return writer.Write("data: " + json.TakeText() + "\n\n");
}

/// What a subscriber was told, and how to tell it what has changed since.
class Subscriber {
 public:
  explicit Subscriber(net::ResponseWriter& writer) : writer_(writer) {}

  /// Sends what is new in `now`, or has happened again, and what is gone as no longer active.
  /// @return how many events; nullopt = the client is gone
  std::optional<std::uint64_t> Update(std::vector<Notification> now) {
    std::uint64_t events = 0;
    bool connected = true;
    for (const Notification& notification : now) {
      const Notification* known = Find(told_, notification.text);
      if (known != nullptr && known->date_ns == notification.date_ns) continue;
      connected = SendEvent(notification, writer_);
      ++events;
    }
    for (Notification& notification : told_) {
      if (Find(now, notification.text) != nullptr) continue;
      notification.active = false;
      connected = SendEvent(notification, writer_);
      ++events;
    }
    told_ = std::move(now);
    if (!connected || !writer_.Flush()) return {};
    return events;
  }

 private:
  static const Notification* Find(const std::vector<Notification>& list, const std::string& text) {
    const auto it =
        std::find_if(list.begin(), list.end(), [&](const auto& n) { return n.text == text; });
    return it == list.end() ? nullptr : &*it;
  }

  net::ResponseWriter& writer_;
  std::vector<Notification> told_;
};

void Stream(const StatusSource& status, LiveMetrics& metrics, const net::ServerRequest& request,
            net::ResponseWriter& writer) {
  writer.SetHeader("Content-Type", "text/event-stream");
  writer.SetHeader("Cache-Control", "no-cache");
  writer.SetHeader("Content-Encoding", "identity");
  Subscriber subscriber(writer);
  // What there is at first is no update.
  if (!subscriber.Update(status.Notifications())) return;
  StoppableWait wait(request.stop);
  for (bool goes_on = true; goes_on;) {
    goes_on = wait.For(kPollInterval);
    // Also at the end: that the server stops is what the last event says.
    const auto events = subscriber.Update(status.Notifications());
    if (!events) return;
    metrics.sent.Add(*events);
  }
}

}  // namespace

void AddLiveNotifications(const ContextPtr& context, const AddRoute& add) {
  const auto count = std::make_shared<std::atomic<int>>(0);
  const auto metrics = std::make_shared<LiveMetrics>(context->api.registry);
  add("GET", "/api/v1/notifications/live",
      [context, count, metrics](const net::ServerRequest& request, net::ResponseWriter& writer) {
        SetCorsHeaders(context->cors_origin, request, writer);
        if (count->fetch_add(1) < context->api.options.max_notification_subscribers) {
          metrics->subscribers.Add(1);
          Stream(context->api.status, *metrics, request, writer);
          metrics->subscribers.Add(-1);
        } else {
          writer.SetStatus(204);
        }
        count->fetch_sub(1);
      });
}

}  // namespace narthex::web

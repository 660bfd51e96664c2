// SPDX-License-Identifier: Apache-2.0
//
// /api/v1/notifications/live: server-sent events.
#include <atomic>

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

bool SendEvent(const Notification& notification, net::ResponseWriter& writer) {
  JsonWriter json;
  WriteNotification(notification, json);
  return writer.Write("data: " + json.TakeText() + "\n\n");
}

/// Sends what is new in `now`, or has happened again, and what is gone from `before` as no longer
/// active.
bool SendChanges(const std::vector<Notification>& before, const std::vector<Notification>& now,
                 net::ResponseWriter& writer) {
  const auto find = [](const std::vector<Notification>& list, const std::string& text) {
    const auto it =
        std::find_if(list.begin(), list.end(), [&](const auto& n) { return n.text == text; });
    return it == list.end() ? nullptr : &*it;
  };
  bool connected = true;
  for (const Notification& notification : now) {
    const Notification* known = find(before, notification.text);
    if (known == nullptr || known->date_ns != notification.date_ns) {
      connected = SendEvent(notification, writer);
    }
  }
  for (Notification notification : before) {
    if (find(now, notification.text) != nullptr) continue;
    notification.active = false;
    connected = SendEvent(notification, writer);
  }
  return connected && writer.Flush();
}

void Stream(const StatusSource& status, const net::ServerRequest& request,
            net::ResponseWriter& writer) {
  writer.SetHeader("Content-Type", "text/event-stream");
  writer.SetHeader("Cache-Control", "no-cache");
  writer.SetHeader("Content-Encoding", "identity");
  std::vector<Notification> sent;
  StoppableWait wait(request.stop);
  do {
    std::vector<Notification> now = status.Notifications();
    if (!SendChanges(sent, now, writer)) return;
    sent = std::move(now);
  } while (wait.For(kPollInterval));
}

}  // namespace

void AddLiveNotifications(const ContextPtr& context, const AddRoute& add) {
  const auto subscribers = std::make_shared<std::atomic<int>>(0);
  add("GET", "/api/v1/notifications/live",
      [context, subscribers](const net::ServerRequest& request, net::ResponseWriter& writer) {
        SetCorsHeaders(context->cors_origin, request, writer);
        if (subscribers->fetch_add(1) < context->api.options.max_notification_subscribers) {
          Stream(context->api.status, request, writer);
        } else {
          writer.SetStatus(204);
        }
        subscribers->fetch_sub(1);
      });
}

}  // namespace narthex::web

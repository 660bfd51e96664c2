// SPDX-License-Identifier: Apache-2.0
#include "alerting/notifier/notifier_metrics.h"

#include <array>
#include <string_view>
#include <utility>

namespace narthex::alerting {
namespace {

constexpr std::array kQuantiles = {0.5, 0.9, 0.99};
constexpr std::array kBuckets = {.01, .1, 1.0, 10.0};

constexpr std::string_view kLatency = "prometheus_notifications_latency_seconds";
constexpr std::string_view kLatencyHistogram = "prometheus_notifications_latency_histogram_seconds";
constexpr std::string_view kErrors = "prometheus_notifications_errors_total";
constexpr std::string_view kSent = "prometheus_notifications_sent_total";
constexpr std::string_view kDropped = "prometheus_notifications_dropped_total";
constexpr std::string_view kQueueLength = "prometheus_notifications_queue_length";
constexpr std::string_view kDiscovered = "prometheus_notifications_alertmanagers_discovered";

metrics::LabelPairs To(const std::string& url) { return {{"alertmanager", url}}; }

}  // namespace

NotifierMetrics::NotifierMetrics(metrics::Registry& registry, std::size_t queue_capacity,
                                 std::function<double()> num_discovered)
    : registry_(registry) {
  registry_
      .AddGauge("prometheus_notifications_queue_capacity",
                "Most alerts that may wait for an Alertmanager.")
      .Set(static_cast<double>(queue_capacity));
  registry_.AddGaugeFn(kDiscovered, "Alertmanagers that alerts are sent to.",
                       std::move(num_discovered));
}

NotifierMetrics::~NotifierMetrics() { registry_.Remove(kDiscovered, {}); }

std::string NotifierMetrics::Acquire(std::string url) {
  MutexLock lock(mutex_);
  ++users_[url];
  return url;
}

NotifierMetrics::Share::Share(NotifierMetrics& all, std::string url)
    : all_(all),
      url_(all.Acquire(std::move(url))),
      errors(all.registry_.AddCounter(kErrors, "Alerts whose sending failed.", To(url_))),
      sent(all.registry_.AddCounter(kSent, "Alerts that were sent.", To(url_))),
      dropped(all.registry_.AddCounter(
          kDropped, "Alerts that were not sent: no room in the queue, a failure, or the end.",
          To(url_))),
      queue_length(all.registry_.AddGauge(kQueueLength, "Alerts that wait.", To(url_))) {}

NotifierMetrics::Share::~Share() {
  MutexLock lock(all_.mutex_);
  if (--all_.users_[url_] > 0) return;
  all_.users_.erase(url_);
  for (const std::string_view name :
       {kLatency, kLatencyHistogram, kErrors, kSent, kDropped, kQueueLength}) {
    all_.registry_.Remove(name, To(url_));
  }
}

void NotifierMetrics::Share::CountSent(std::size_t alerts, double seconds) {
  // Made with the first value, as there.
  all_.registry_.AddSummary(kLatency, "Time that one request takes.", kQuantiles, To(url_))
      .Observe(seconds);
  all_.registry_.AddHistogram(kLatencyHistogram, "Time that one request takes.", kBuckets, To(url_))
      .Observe(seconds);
  sent.Add(alerts);
}

}  // namespace narthex::alerting

// SPDX-License-Identifier: Apache-2.0
//
// What the notifier tells about itself; names and meanings are Prometheus's.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"

namespace narthex::alerting {

/// Of one Alertmanager. Equal URLs share their values, and the last one that ends takes them out of
/// the registry. Thread safety: any thread.
class NotifierMetrics final {
 public:
  NotifierMetrics(metrics::Registry& registry, std::size_t queue_capacity,
                  std::function<double()> num_discovered);
  ~NotifierMetrics();
  NotifierMetrics(const NotifierMetrics&) = delete;
  NotifierMetrics& operator=(const NotifierMetrics&) = delete;

  class Share final {
   public:
    Share(NotifierMetrics& all, std::string url);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    /// One request that was answered well.
    void CountSent(std::size_t alerts, double seconds);

   private:
    NotifierMetrics& all_;
    const std::string url_;

   public:
    metrics::Counter& errors;
    metrics::Counter& sent;
    metrics::Counter& dropped;
    metrics::Gauge& queue_length;
  };

 private:
  /// Counts one more user, before it asks for any metric.
  std::string Acquire(std::string url);

  metrics::Registry& registry_;
  Mutex mutex_;
  std::map<std::string, int> users_ NX_GUARDED_BY(mutex_);  // By URL.
};

}  // namespace narthex::alerting

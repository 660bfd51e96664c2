// SPDX-License-Identifier: Apache-2.0
//
// For mechanisms that can only be asked again: a thread that does so.
// Source: Prometheus discovery/refresh.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/config/target_group.h"
#include "narthex/model/timestamp.h"
#include "scrape/discovery/discoverer.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/refresh_metrics.h"

namespace narthex::scrape {

/// What a mechanism can do: say which targets there are now.
class RefreshSource {
 public:
  virtual ~RefreshSource() = default;

  /// All groups; may wait for the network. One call at a time, always on the same thread.
  /// Errors: a text that says what was asked and what went wrong.
  virtual Result<std::vector<config::TargetGroup>> Refresh() = 0;
  /// Makes a running Refresh and all later ones return soon, with any error. Any thread.
  virtual void Cancel() noexcept = 0;
};

/// Refreshes at once, then every interval. After a failure the groups found last stay.
/// Thread safety: Start and Stop one thread at a time.
class RefreshDiscoverer final : public Discoverer {
 public:
  /// @param mechanism  "http", a label of metrics
  RefreshDiscoverer(std::string mechanism, model::DurationMs interval_ms,
                    std::unique_ptr<RefreshSource> source, const DiscoveryContext& context);
  ~RefreshDiscoverer() override;  // Calls Stop().

  void Start(Update update) override;
  void Stop() override;
  /// Looks at the clock again: for clocks that do not run by themselves.
  void Wake();

 private:
  void Run();
  void RefreshOnce();
  /// @return false when it is time to stop
  bool WaitUntil(std::int64_t monotonic_ns);

  const std::string mechanism_;
  const std::string config_;
  const std::int64_t interval_ns_;
  Clock& clock_;
  const std::unique_ptr<RefreshSource> source_;
  RefreshMetrics metrics_;
  Update update_;
  std::string last_error_;  // Logged once, until it is another one.

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace narthex::scrape

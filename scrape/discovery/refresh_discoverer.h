// SPDX-License-Identifier: Apache-2.0
//
// For mechanisms that can only be asked again: a thread that does so.
// Source: Prometheus discovery/refresh.
#pragma once

#include <cstdint>
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
  /// The last Refresh learned that nothing has changed, and gave nothing.
  virtual bool unchanged() const { return false; }
  /// What the last Refresh gave could not be taken: the next one gives all groups anew.
  virtual void Forget() noexcept {}
  /// Makes a running Refresh and all later ones return soon, with any error. Any thread.
  virtual void Cancel() noexcept = 0;
};

/// Refreshes at once, then every interval. After a failure the groups found last stay.
/// Thread safety: Start and Stop one thread at a time.
class RefreshDiscoverer final : public Discoverer {
 public:
  enum class Metrics : std::uint8_t { kShared, kOwn };

  /// @param mechanism  "http", a label of metrics
  /// @param metrics    kOwn: the source counts by itself, and nothing is counted here
  RefreshDiscoverer(std::string mechanism, model::DurationMs interval_ms,
                    std::unique_ptr<RefreshSource> source, const DiscoveryContext& context,
                    Metrics metrics = Metrics::kShared);
  ~RefreshDiscoverer() override;  // Calls Stop().

  void Start(Update update) override;
  void Stop() override;
  /// Looks at the clock again: for clocks that do not run by themselves.
  void Wake();

 private:
  void Run();
  void RefreshOnce();
  /// May throw what a library or a lack of memory throws.
  Status RefreshAndTell();
  /// @return false when it is time to stop
  bool WaitUntil(std::int64_t monotonic_ns);

  const std::string mechanism_;
  const std::string config_;
  const std::int64_t interval_ns_;
  Clock& clock_;
  const std::unique_ptr<RefreshSource> source_;
  std::unique_ptr<RefreshMetrics> metrics_;  // Null: the source has its own.
  Update update_;
  std::string last_error_;  // Logged once, until it is another one.

  Mutex mutex_;
  CondVar wake_;
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace narthex::scrape

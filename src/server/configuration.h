// SPDX-License-Identifier: Apache-2.0
//
// The active configuration: loads it, applies it to the parts of the server, and remembers how that
// went.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "narthex/base/hash.h"
#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/config/config.h"

namespace narthex {
class Clock;
namespace metrics {
class Gauge;
class Registry;
}  // namespace metrics
}  // namespace narthex

namespace narthex::server {

/// Thread safety: any thread, but appliers are added before the first Apply.
class Configuration final {
 public:
  /// Takes a new configuration or leaves everything as it is and says why.
  using Applier = std::function<Status(const std::shared_ptr<const config::Config>&)>;

  Configuration(std::string path, const config::LoadOptions& options, Clock& clock,
                metrics::Registry& registry);

  /// Appliers run in order; the first failure ends the round. So put first what can refuse.
  void AddApplier(std::string name, Applier applier);

  /// From now on what is loaded is remembered for ReloadIfChanged. Before Load.
  void WatchFiles() { watching_ = true; }

  /// Reads the file for the start. Errors: as config::LoadFile.
  Status Load();
  /// Applies what Load read. Errors: of the applier that refused.
  Status ApplyLoaded();
  /// Reads the file again and applies it. On failure the old configuration stays active, and
  /// prometheus_config_last_reload_successful is 0. One reload at a time.
  Status Reload();
  /// The same if the file, or a rule file or scrape configuration file that it names, has another
  /// content than what was loaded last, or when that failed; so a failure is tried again each time.
  void ReloadIfChanged();

  std::shared_ptr<const config::Config> current() const;
  bool last_reload_successful() const;
  std::int64_t last_success_ns() const;
  /// 0 = no reload has failed since the last good one.
  std::int64_t last_failure_ns() const;

 private:
  Result<std::shared_ptr<const config::Config>> Read(Hash128& digest) const;
  Status ReloadLocked() NX_REQUIRES(reload_mutex_);
  Status Apply(const std::shared_ptr<const config::Config>& config);
  void Record(bool success);

  struct NamedApplier {
    std::string name;
    Applier apply;
  };
  const std::string path_;
  const config::LoadOptions options_;
  Clock& clock_;
  metrics::Gauge& success_metric_;
  metrics::Gauge& time_metric_;
  std::vector<NamedApplier> appliers_;
  bool watching_ = false;

  Mutex reload_mutex_;                           // Held over a whole reload; taken before mutex_.
  Hash128 digest_ NX_GUARDED_BY(reload_mutex_);  // Of the last good load, when watching.
  mutable Mutex mutex_;
  std::shared_ptr<const config::Config> current_ NX_GUARDED_BY(mutex_);
  bool success_ NX_GUARDED_BY(mutex_) = true;
  std::int64_t success_ns_ NX_GUARDED_BY(mutex_) = 0;
  std::int64_t failure_ns_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::server

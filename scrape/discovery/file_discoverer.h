// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/config/file_sd.h"
#include "scrape/discovery/discoverer.h"

namespace narthex::scrape {

/// file_sd_configs: reads the files again when inotify reports a change in one of their folders,
/// and every refresh interval anyway. A file that can't be read keeps the groups it had.
class FileDiscoverer final : public Discoverer {
 public:
  FileDiscoverer(config::FileSdConfig config, metrics::Registry& registry);
  ~FileDiscoverer() override;

  /// Those that are there before any discoverer is.
  static void AddMetrics(metrics::Registry& registry);

  void Start(Update update) override;
  void Stop() override;

 private:
  /// Reads all files and passes the groups on.
  void Refresh();
  void WatchFolders();
  void Run();
  /// Takes events off the queue. @return true when one of them means a change
  bool DrainEvents() const;

  const config::FileSdConfig config_;
  metrics::Counter& read_errors_;
  metrics::Counter& watcher_errors_;
  metrics::Summary& scan_duration_;
  Update update_;
  std::map<std::string, std::vector<config::TargetGroup>> files_;  // By path.
  int inotify_fd_ = -1;
  int wake_fd_ = -1;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace narthex::scrape

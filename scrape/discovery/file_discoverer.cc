// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/file_discoverer.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <set>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "narthex/config/glob.h"
#include "scrape/answers/target_file.h"

namespace narthex::scrape {

namespace {

constexpr std::uint32_t kEvents = IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM |
                                  IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
/// Writers rarely write a file at one go; what comes within this time counts as one change.
constexpr int kSettleMs = 50;
constexpr int kMaxSettleRounds = 20;
constexpr double kQuantiles[] = {0.5, 0.9, 0.99};

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

metrics::Counter& ReadErrors(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_file_read_errors_total",
                             "The number of File-SD read errors.");
}

metrics::Counter& WatcherErrors(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_file_watcher_errors_total",
                             "The number of File-SD errors caused by filesystem watch failures.");
}

metrics::Summary& ScanDuration(metrics::Registry& registry) {
  return registry.AddSummary("prometheus_sd_file_scan_duration_seconds",
                             "The duration of the File-SD scan in seconds.", kQuantiles);
}

}  // namespace

FileDiscoverer::FileDiscoverer(config::FileSdConfig config, metrics::Registry& registry)
    : config_(std::move(config)),
      read_errors_(ReadErrors(registry)),
      watcher_errors_(WatcherErrors(registry)),
      scan_duration_(ScanDuration(registry)) {}

void FileDiscoverer::AddMetrics(metrics::Registry& registry) {
  ReadErrors(registry);
  WatcherErrors(registry);
  ScanDuration(registry);
}

FileDiscoverer::~FileDiscoverer() { Stop(); }

void FileDiscoverer::Start(Update update) {
  update_ = std::move(update);
  wake_fd_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  inotify_fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (inotify_fd_ < 0) {
    watcher_errors_.Add();
    log::Error("Error adding file watcher, falling back to polling");
  }
  WatchFolders();
  Refresh();
  thread_ = std::thread([this] { Run(); });
}

void FileDiscoverer::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  const std::uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof one);
  thread_.join();
  ::close(wake_fd_);
  if (inotify_fd_ >= 0) ::close(inotify_fd_);
}

void FileDiscoverer::Refresh() {
  const std::int64_t start = SystemClock().MonotonicNs();
  std::map<std::string, std::vector<config::TargetGroup>> files;
  for (const std::string& pattern : config_.files) {
    for (const std::string& path : config::Glob(pattern)) {
      auto groups = ReadTargetFile(path);
      if (groups) {
        files[path] = std::move(*groups);
        continue;
      }
      read_errors_.Add();
      log::Error("Error reading file", {{"path", path}, {"err", groups.error().message()}});
      if (const auto old = files_.find(path); old != files_.end()) files[path] = old->second;
    }
  }
  files_ = std::move(files);
  std::vector<config::TargetGroup> all;
  for (const auto& [path, groups] : files_) all.insert(all.end(), groups.begin(), groups.end());
  scan_duration_.Observe(static_cast<double>(SystemClock().MonotonicNs() - start) / 1e9);
  update_(std::move(all));
}

void FileDiscoverer::WatchFolders() {
  if (inotify_fd_ < 0) return;
  std::set<std::string> folders;
  for (const std::string& pattern : config_.files) folders.insert(FolderOf(pattern));
  for (const std::string& folder : folders) {
    // Watching a folder again changes nothing; one that is missing may come later.
    if (::inotify_add_watch(inotify_fd_, folder.c_str(), kEvents) < 0 && errno != ENOENT) {
      watcher_errors_.Add();
      log::Error("Error adding file watch", {{"path", folder}});
    }
  }
}

void FileDiscoverer::Run() {
  SetThreadName("sd-file");
  Clock& clock = SystemClock();
  std::int64_t next = clock.MonotonicNs() + config_.refresh_interval_ms * 1'000'000;
  while (!stopping_) {
    const std::int64_t wait_ms =
        std::max<std::int64_t>(0, (next - clock.MonotonicNs()) / 1'000'000);
    pollfd fds[] = {{wake_fd_, POLLIN, 0}, {inotify_fd_, POLLIN, 0}};
    const nfds_t count = inotify_fd_ >= 0 ? 2 : 1;
    ::poll(fds, count, static_cast<int>(std::min<std::int64_t>(wait_ms + 1, 3'600'000)));
    if (stopping_) return;
    bool changed = false;
    for (int round = 0; round < kMaxSettleRounds && DrainEvents(); ++round) {
      changed = true;
      pollfd wake{wake_fd_, POLLIN, 0};
      ::poll(&wake, 1, kSettleMs);
      if (stopping_) return;
    }
    const bool due = clock.MonotonicNs() >= next;
    if (!changed && !due) continue;
    WatchFolders();
    Refresh();
    next = clock.MonotonicNs() + config_.refresh_interval_ms * 1'000'000;
  }
}

bool FileDiscoverer::DrainEvents() const {
  if (inotify_fd_ < 0) return false;
  alignas(inotify_event) char buffer[4096];
  bool any = false;
  while (::read(inotify_fd_, buffer, sizeof buffer) > 0) any = true;
  return any;
}

}  // namespace narthex::scrape

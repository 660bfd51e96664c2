// SPDX-License-Identifier: Apache-2.0
//
// Scrapes one target on its interval: a coroutine on one I/O thread, where the body is fetched,
// parsed and appended.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "narthex/base/mutex.h"
#include "narthex/config/scrape_config.h"
#include "narthex/scrape/scrape_manager.h"
#include "scrape/loop/failure_log.h"
#include "scrape/loop/held_bytes.h"
#include "scrape/loop/scrape_metrics.h"
#include "scrape/loop/target.h"
#include "scrape/loop/timetable.h"

namespace boost::asio {
class io_context;
}
namespace narthex {
class Clock;
namespace storage {
class Appendable;
}
}  // namespace narthex

namespace narthex::scrape {

/// Counts running loops, so that they can be waited for. Thread safety: any thread.
class LoopCounter {
 public:
  void Add();
  void Done();
  /// @return false when loops still run after `timeout_ms`
  bool WaitForNone(std::int64_t timeout_ms);

 private:
  Mutex mutex_;
  CondVar none_;
  int running_ NX_GUARDED_BY(mutex_) = 0;
};

/// What all loops of a manager share. References outlive the loops.
struct LoopContext {
  storage::Appendable& appendable;
  Clock& clock;
  ScrapeMetrics& metrics;
  const ScrapeOptions& options;
  LoopCounter& counter;
  // Shared: a loop may be the last thing to go.
  std::shared_ptr<Timetable> timetable;
  std::shared_ptr<ScrapeHeld> held;
};

/// Bytes of the buffers that scrapes borrow, of all threads of the process.
std::size_t ScrapeBufferBytes();

/// What a loop is told to do; replaced as a whole when the configuration changes.
struct LoopPlan {
  std::shared_ptr<const config::ScrapeConfig> config;
  std::shared_ptr<FailureLog> failure_log;  // May be null.
  std::uint64_t offset_seed = 0;
};

/// Thread safety: any thread; the work happens on the thread of the io_context.
class ScrapeLoop final : public std::enable_shared_from_this<ScrapeLoop> {
 public:
  ScrapeLoop(boost::asio::io_context& io, const LoopContext& context,
             std::shared_ptr<Target> target, LoopPlan plan);
  ~ScrapeLoop();
  ScrapeLoop(const ScrapeLoop&) = delete;
  ScrapeLoop& operator=(const ScrapeLoop&) = delete;

  /// Begins; the first scrape is up to one interval away.
  void Start();
  /// Goes on under another plan after the scrape in progress, with the same series cache.
  void Replan(LoopPlan plan);
  /// Ends after the scrape in progress. Two intervals later all series of the target are marked
  /// stale, unless another loop has written newer samples to them.
  void Stop();
  /// Ends at once, without markers: the server stops.
  void Abort();

  boost::asio::io_context& io() { return io_; }
  const std::shared_ptr<Target>& target() const { return target_; }

 private:
  struct Impl;

  boost::asio::io_context& io_;
  const std::shared_ptr<Target> target_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::scrape

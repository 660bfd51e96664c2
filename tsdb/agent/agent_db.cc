// SPDX-License-Identifier: Apache-2.0
#include "narthex/tsdb/agent_db.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "tsdb/agent/agent_appender.h"
#include "tsdb/agent/replay.h"
#include "tsdb/agent/truncation.h"
#include "tsdb/folder_lock.h"

namespace narthex::tsdb {
namespace {

constexpr char kWalBytesMetric[] = "prometheus_tsdb_wal_storage_size_bytes";

}  // namespace

struct AgentDb::Impl {
  Impl(std::string data_dir, const AgentOptions& options, Fs& fs, Clock& agent_clock,
       metrics::Registry& metrics_registry)
      : dir(std::move(data_dir)),
        clock(agent_clock),
        registry(metrics_registry),
        state(fs, JoinPath(dir, "wal"), CheckedOptions(options), metrics_registry) {
    registry.AddGaugeFn(kWalBytesMetric, "Size of the write log directory.", [this] {
      return static_cast<double>(wal::FolderBytes(state.fs, state.wal_dir));
    });
  }
  ~Impl() { registry.Remove(kWalBytesMetric, {}); }

  Status Open();
  Status Truncate() NX_EXCLUDES(truncation_mutex);
  void StopBackground();
  Status Close();
  /// Calls fn every so often until Close.
  void Every(model::DurationMs interval_ms, const std::function<void()>& fn);
  void Sync();

  const std::string dir;
  Clock& clock;
  metrics::Registry& registry;
  AgentState state;
  std::unique_ptr<FileLock> lock;
  std::function<SendingProgress()> progress;

  Mutex truncation_mutex;  // One at a time.
  std::optional<Truncation> truncation;

  Mutex stop_mutex;  // Leaf.
  CondVar stop_changed;
  bool stopping NX_GUARDED_BY(stop_mutex) = false;
  std::thread truncation_thread;
  std::thread sync_thread;
  bool closed = false;
};

Status AgentDb::Impl::Open() {
  NX_RETURN_IF_ERROR(state.fs.CreateDirs(dir));
  NX_ASSIGN_OR_RETURN(
      lock, LockFolder(state.fs, dir, state.options.no_lockfile, state.metrics.clean_start));
  NX_ASSIGN_OR_RETURN(ReplayedLog replayed, ReplayAgentLog(state));
  // A sample of a time to come must not keep its segment until then.
  for (SegmentAge& age : replayed.segments) age.newest = std::min(age.newest, clock.NowMs());
  truncation.emplace(state, std::move(replayed));
  return {};
}

Status AgentDb::Impl::Truncate() {
  const MutexLock truncation_lock(truncation_mutex);
  return truncation->Run(progress ? progress() : SendingProgress(), clock.NowMs());
}

void AgentDb::Impl::Every(model::DurationMs interval_ms, const std::function<void()>& fn) {
  const std::chrono::milliseconds interval(interval_ms);
  for (;;) {
    {
      const MutexLock stop_lock(stop_mutex);
      const auto deadline = std::chrono::steady_clock::now() + interval;
      while (!stopping) {
        const auto left = deadline - std::chrono::steady_clock::now();
        if (left <= std::chrono::nanoseconds(0)) break;
        stop_changed.WaitFor(stop_mutex, left);
      }
      if (stopping) return;
    }
    fn();
  }
}

void AgentDb::Impl::Sync() {
  if (auto status = state.wal->Sync(); !status) {
    log::Error("Syncing the WAL failed", {{"err", status.error().message()}});
  }
}

void AgentDb::Impl::StopBackground() {
  state.stopping = true;
  {
    const MutexLock stop_lock(stop_mutex);
    stopping = true;
    stop_changed.NotifyAll();
  }
  if (truncation_thread.joinable()) truncation_thread.join();
  if (sync_thread.joinable()) sync_thread.join();
}

Status AgentDb::Impl::Close() {
  StopBackground();
  if (closed) return {};
  closed = true;
  Status status = state.wal ? state.wal->Close() : Status();
  lock.reset();
  return status;
}

AgentDb::AgentDb(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

AgentDb::~AgentDb() {
  if (auto status = Close(); !status) {
    log::Error("Closing the agent's WAL failed", {{"err", status.error().message()}});
  }
}

Result<std::unique_ptr<AgentDb>> AgentDb::Open(std::string dir, const AgentOptions& options, Fs& fs,
                                               Clock& clock, metrics::Registry& registry) {
  auto impl = std::make_unique<Impl>(std::move(dir), options, fs, clock, registry);
  NX_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<AgentDb>(new AgentDb(std::move(impl)));
}

std::unique_ptr<storage::Appender> AgentDb::NewAppender() {
  return std::make_unique<AgentAppender>(impl_->state);
}

void AgentDb::SetSendingProgress(std::function<SendingProgress()> progress) {
  impl_->progress = std::move(progress);
}

void AgentDb::StartBackground() {
  impl_->truncation_thread = std::thread([impl = impl_.get()] {
    SetThreadName("agent-truncate");
    impl->Every(impl->state.options.truncate_interval_ms, [impl] {
      if (auto status = impl->Truncate(); !status) {
        log::Warn("failed to truncate WAL", {{"err", status.error().message()}});
      }
    });
  });
  const model::DurationMs sync_ms = impl_->state.options.wal_sync_interval_ms;
  if (sync_ms <= 0) return;
  impl_->sync_thread = std::thread([impl = impl_.get(), sync_ms] {
    SetThreadName("agent-wal-sync");
    impl->Every(sync_ms, [impl] { impl->Sync(); });
  });
}

void AgentDb::StopBackground() { impl_->StopBackground(); }

Status AgentDb::Truncate() { return impl_->Truncate(); }

Status AgentDb::Close() { return impl_->Close(); }

const std::string& AgentDb::wal_dir() const { return impl_->state.wal_dir; }

std::shared_ptr<const WalProgress> AgentDb::wal_progress() const {
  return impl_->state.wal->progress();
}

AppendedTotals AgentDb::Appended() const {
  const AgentState& state = impl_->state;
  return {state.metrics.floats.value(), state.metrics.histograms.value(),
          state.metrics.exemplars.value(), state.max_time.load()};
}

std::size_t AgentDb::num_series() const { return impl_->state.index.num_series(); }

MemoryLedger AgentDb::Memory() const {
  MemoryLedger ledger;
  impl_->state.index.AddTo(ledger.parts);
  ledger.parts.emplace_back("agent/exemplars", impl_->state.exemplars.held_bytes());
  ledger.parts.emplace_back("agent/deleted_series", impl_->truncation->held_bytes());
  ledger.parts.emplace_back("agent/write_buffers", impl_->state.wal->held_bytes());
  return ledger;
}

}  // namespace narthex::tsdb

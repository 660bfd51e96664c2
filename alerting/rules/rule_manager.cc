// SPDX-License-Identifier: Apache-2.0

#include "narthex/alerting/rule_manager.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <limits>
#include <map>
#include <stop_token>
#include <thread>
#include <utility>

#include "alerting/rules/concurrency.h"
#include "alerting/rules/group.h"
#include "alerting/rules/group_metrics.h"
#include "alerting/rules/spec.h"
#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/mutex.h"
#include "narthex/base/thread_pool.h"
#include "narthex/config/config.h"

namespace narthex::alerting {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
// The wall clock may jump; so the timer looks at it at least this often.
constexpr std::int64_t kLongestSleepNs = 1'000'000'000;

}  // namespace

class RuleManager::Impl {
 public:
  Impl(promql::Engine& engine, storage::Queryable& queryable, storage::Appendable& appendable,
       Clock& clock, metrics::Registry& registry, RuleManagerOptions options)
      : options_(std::move(options)),
        clock_(clock),
        registry_(registry),
        rule_metrics_(registry),
        rule_slots_(options_.max_concurrent_rules == 0
                        ? nullptr
                        : std::make_unique<RuleSlots>(options_.max_concurrent_rules)),
        deps_{engine,
              queryable,
              options_.restore_from == nullptr ? queryable : *options_.restore_from,
              appendable,
              clock,
              registry,
              rule_metrics_,
              {options_.for_outage_tolerance_ms, options_.for_grace_period_ms},
              options_.external_url,
              options_.resend_delay_ms * kNsPerMs,
              options_.notify,
              rule_slots_.get(),
              options_.features} {}
  ~Impl() { Stop(); }

  Status Update(const config::Config& config);
  void Start();
  void Stop();
  std::vector<GroupSnapshot> Groups(bool with_alerts) const;
  void RunDue();

 private:
  struct Entry {
    Entry(GroupSpec spec, const GroupDeps& deps, bool restore)
        : group(std::move(spec), deps, restore) {}
    RuleGroup group;
    // Guarded by mutex_ of the manager.
    std::int64_t slot_ns = 0;  // Last tick that was evaluated, or the one before the first.
    bool running = false;
    bool retired = false;  // Gets no more evaluations.
    // Of a group that was removed: its series end at `ended_ms`, which is written at `end_due_ns`.
    // If the group has come back by then, it has newer samples and the markers are refused.
    model::TimestampMs ended_ms = 0;
    std::int64_t end_due_ns = std::numeric_limits<std::int64_t>::max();
  };
  using EntryPtr = std::shared_ptr<Entry>;
  using EntryMap = std::map<std::pair<std::string, std::string>, EntryPtr>;  // File, name.
  struct Task {
    EntryPtr entry;
    std::int64_t slot_ns = 0;
    std::int64_t missed = 0;
    bool end_series = false;
  };

  static std::int64_t IntervalNs(const Entry& entry) {
    return entry.group.spec().interval_ms * kNsPerMs;
  }
  std::int64_t LastSlot(const GroupSpec& spec) const;
  EntryPtr Replace(EntryPtr old, GroupSpec spec, bool restore);
  void RetireAndWait(Entry& entry);
  struct Due {
    std::vector<Task> tasks;
    /// The first tick after now, also of what is running; a tick that passes meanwhile is looked at
    /// when the running ends.
    std::int64_t next_ns = std::numeric_limits<std::int64_t>::max();
  };
  Due TakeDue(std::int64_t now_ns) NX_REQUIRES(mutex_);
  void Run(const Task& task);
  void TimerLoop();

  const RuleManagerOptions options_;
  Clock& clock_;
  metrics::Registry& registry_;
  RuleMetrics rule_metrics_;
  const std::unique_ptr<RuleSlots> rule_slots_;  // Null: see GroupDeps.
  const GroupDeps deps_;

  mutable Mutex mutex_;  // Before RuleGroup's lock.
  CondVar changed_;      // An entry stopped running, or there is something new to do.
  EntryMap entries_ NX_GUARDED_BY(mutex_);
  std::vector<EntryPtr> removed_ NX_GUARDED_BY(mutex_);  // Their series are still to end.
  bool loaded_ NX_GUARDED_BY(mutex_) = false;            // Update has succeeded once.
  bool stopping_ NX_GUARDED_BY(mutex_) = false;

  std::stop_source stop_;
  std::unique_ptr<ThreadPool> pool_;
  std::thread timer_;
};

std::int64_t RuleManager::Impl::LastSlot(const GroupSpec& spec) const {
  const std::int64_t interval_ns = spec.interval_ms * kNsPerMs;
  return SlotBefore(clock_.NowNs(), interval_ns, SlotOffsetNs(spec.file, spec.name, interval_ns));
}

void RuleManager::Impl::RetireAndWait(Entry& entry) {
  MutexLock lock(mutex_);
  entry.retired = true;
  while (entry.running) changed_.Wait(mutex_);
}

RuleManager::Impl::EntryPtr RuleManager::Impl::Replace(EntryPtr old, GroupSpec spec, bool restore) {
  if (old && old->group.spec() == spec) return old;
  auto entry = std::make_shared<Entry>(std::move(spec), deps_, restore);
  entry->slot_ns = LastSlot(entry->group.spec());
  if (old) {
    RetireAndWait(*old);
    entry->group.TakeStateFrom(old->group);
  }
  return entry;
}

Status RuleManager::Impl::Update(const config::Config& config) {
  NX_ASSIGN_OR_RETURN(auto specs, LoadGroups(config, options_.features));
  EntryMap old;
  bool restore = false;
  {
    MutexLock lock(mutex_);
    old = entries_;
    restore = !loaded_;
  }
  EntryMap fresh;
  for (GroupSpec& spec : specs) {
    const auto key = std::pair(spec.file, spec.name);
    const auto it = old.find(key);
    fresh[key] = Replace(it == old.end() ? nullptr : it->second, std::move(spec), restore);
  }
  std::vector<EntryPtr> gone;
  for (auto& [key, entry] : old) {
    if (fresh.contains(key)) continue;
    RetireAndWait(*entry);
    entry->ended_ms = clock_.NowMs();
    entry->end_due_ns = clock_.NowNs() + 2 * IntervalNs(*entry);
    RemoveGroupMetrics(registry_, entry->group.spec().Key());
    gone.push_back(entry);
  }
  MutexLock lock(mutex_);
  entries_ = std::move(fresh);
  removed_.insert(removed_.end(), gone.begin(), gone.end());
  loaded_ = true;
  changed_.NotifyAll();
  return {};
}

RuleManager::Impl::Due RuleManager::Impl::TakeDue(std::int64_t now_ns) {
  Due due;
  for (auto& [key, entry] : entries_) {
    const std::int64_t interval_ns = IntervalNs(*entry);
    // A wall clock that was set back must not stop the rules until it has caught up.
    if (entry->slot_ns - now_ns > interval_ns) entry->slot_ns = LastSlot(entry->group.spec());
    const std::int64_t ticks = (now_ns - entry->slot_ns) / interval_ns;
    if (entry->retired || (entry->running && ticks > 0)) continue;
    if (ticks > 0) {
      entry->slot_ns += ticks * interval_ns;
      entry->running = true;
      due.tasks.push_back({entry, entry->slot_ns, ticks - 1, false});
    }
    due.next_ns = std::min(due.next_ns, entry->slot_ns + interval_ns);
  }
  for (auto it = removed_.begin(); it != removed_.end();) {
    if ((*it)->end_due_ns > now_ns) {
      due.next_ns = std::min(due.next_ns, (*it)->end_due_ns);
      ++it;
      continue;
    }
    due.tasks.push_back({*it, 0, 0, true});
    it = removed_.erase(it);
  }
  return due;
}

void RuleManager::Impl::Run(const Task& task) {
  if (task.end_series) {
    task.entry->group.EndSeries(task.entry->ended_ms);
    return;
  }
  try {
    task.entry->group.Evaluate(task.slot_ns, task.missed, stop_.get_token());
  } catch (const std::exception& error) {
    // No memory, perhaps: the next tick tries again.
    log::Error("Evaluating a rule group failed", {{"err", error.what()}});
  }
  MutexLock lock(mutex_);
  task.entry->running = false;
  const bool overdue = task.entry->slot_ns + IntervalNs(*task.entry) <= clock_.NowNs();
  if (overdue || task.entry->retired) changed_.NotifyAll();
}

void RuleManager::Impl::RunDue() {
  std::vector<Task> tasks;
  {
    MutexLock lock(mutex_);
    tasks = TakeDue(clock_.NowNs()).tasks;
  }
  for (const Task& task : tasks) Run(task);
}

void RuleManager::Impl::TimerLoop() {
  SetThreadName("rules-timer");
  MutexLock lock(mutex_);
  while (!stopping_) {
    Due due = TakeDue(clock_.NowNs());
    for (Task& task : due.tasks) pool_->Submit([this, task = std::move(task)] { Run(task); });
    const std::int64_t wait_ns = due.next_ns - clock_.NowNs();
    changed_.WaitFor(
        mutex_, std::chrono::nanoseconds(std::clamp<std::int64_t>(wait_ns, 0, kLongestSleepNs)));
  }
}

void RuleManager::Impl::Start() {
  pool_ = std::make_unique<ThreadPool>("rules", options_.num_threads);
  {
    // What passed while storage was opened counts neither as due nor as missed.
    MutexLock lock(mutex_);
    for (auto& [key, entry] : entries_) entry->slot_ns = LastSlot(entry->group.spec());
  }
  timer_ = std::thread([this] { TimerLoop(); });
}

void RuleManager::Impl::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  stop_.request_stop();
  if (timer_.joinable()) timer_.join();
  if (pool_) pool_->Stop();
}

std::vector<GroupSnapshot> RuleManager::Impl::Groups(bool with_alerts) const {
  std::vector<EntryPtr> entries;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, entry] : entries_) entries.push_back(entry);
  }
  std::vector<GroupSnapshot> groups;
  groups.reserve(entries.size());
  for (const EntryPtr& entry : entries) groups.push_back(entry->group.Snapshot(with_alerts));
  return groups;
}

RuleManager::RuleManager(promql::Engine& engine, storage::Queryable& queryable,
                         storage::Appendable& appendable, Clock& clock, metrics::Registry& registry,
                         const RuleManagerOptions& options)
    : impl_(std::make_unique<Impl>(engine, queryable, appendable, clock, registry, options)) {}
RuleManager::~RuleManager() = default;
Status RuleManager::Update(const config::Config& config) { return impl_->Update(config); }
void RuleManager::Start() { impl_->Start(); }
void RuleManager::Stop() { impl_->Stop(); }
std::vector<GroupSnapshot> RuleManager::Groups(bool with_alerts) const {
  return impl_->Groups(with_alerts);
}
void RuleManager::RunDue() { impl_->RunDue(); }

}  // namespace narthex::alerting

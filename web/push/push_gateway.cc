// SPDX-License-Identifier: Apache-2.0
#include "narthex/web/push_gateway.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/log.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/thread_pool.h"
#include "web/push/family_index.h"
#include "web/push/group_labels.h"
#include "web/push/push_file.h"

namespace narthex::web {
namespace {

using proto::FamilyType;
using proto::MetricFamily;

constexpr std::size_t kIndexBytes = 64;           // That FamilyIndex takes for a series.
constexpr std::int64_t kRetryNs = 5'000'000'000;  // At least, after a failure.
constexpr std::size_t kMostToldBytes = 4096;      // Of problems; those that follow are not told.
constexpr const char* kPushTime = "push_time_seconds";
constexpr const char* kFailureTime = "push_failure_time_seconds";

/// @param ns  0 = never
MetricFamily TimeFamily(const char* name, const GroupingLabels& labels, std::int64_t ns) {
  MetricFamily family;
  family.name = name;
  family.help = fmt::format("Last Unix time when changing this group in the Pushgateway {}.",
                            name == kPushTime ? "succeeded" : "failed");
  family.type = FamilyType::kGauge;
  auto& metric = family.metrics.emplace_back();
  metric.kind = proto::MetricKind::kGauge;
  metric.value = static_cast<double>(ns) / 1e9;
  ApplyGroupingLabels(labels, family);
  return family;
}

std::size_t HeldBytes(const MetricFamily& family) {
  return 96 + family.name.size() + family.HeldBytes() + family.metrics.size() * kIndexBytes;
}

PushGroup::Family Stored(MetricFamily family, std::int64_t now_ns) {
  const std::size_t held_bytes = HeldBytes(family);
  return {now_ns, std::make_shared<const MetricFamily>(std::move(family)), held_bytes};
}

std::size_t HeldBytes(const PushGroup& group) {
  std::size_t bytes = sizeof(group);
  for (const auto& [name, value] : group.labels) bytes += 64 + name.size() + value.size();
  for (const auto& [name, stored] : group.families) bytes += stored.held_bytes;
  return bytes;
}

bool HasTimestamps(const proto::FamiliesByName& families) {
  for (const auto& [name, family] : families) {
    for (const auto& metric : family.metrics) {
      if (metric.timestamp_ms) return true;
    }
  }
  return false;
}

std::string Joined(const std::vector<std::string>& problems) {
  if (problems.size() == 1) return problems.front();
  std::string text = fmt::format("{} error(s) occurred:", problems.size());
  for (const std::string& problem : problems) {
    if (text.size() > kMostToldBytes) return text + "\n…";
    text += "\n* " + problem;
  }
  return text;
}

metrics::Counter& Refused(metrics::Registry& registry, const char* reason) {
  return registry.AddCounter("narthex_push_refused_total",
                             "Pushes that were refused, by the reason.", {{"reason", reason}});
}

}  // namespace

PushGateway::PushGateway(PushOptions options, Fs& fs, Clock& clock, metrics::Registry& registry)
    : options_(std::move(options)),
      fs_(fs),
      clock_(clock),
      pushes_(registry.AddCounter("narthex_push_accepted_total",
                                  "Pushes that changed the metrics of a group.")),
      inconsistent_(Refused(registry, "inconsistent")),
      no_room_(Refused(registry, "no_room")),
      num_groups_(registry.AddGauge("narthex_push_groups", "Groups of pushed metrics.")),
      bytes_(registry.AddGauge("narthex_push_bytes", "Memory that pushed metrics take.")),
      failures_(registry.AddCounter("narthex_push_file_failures_total",
                                    "Times that the file of pushed metrics was not written.")),
      index_(std::make_unique<FamilyIndex>()) {
  registry.AddGaugeList("narthex_memory_bytes", "Bytes that each part of the server holds.", "part",
                        [&held = bytes_] {
                          return metrics::GaugeList{{"web/pushed_metrics", held.value()}};
                        });
}

PushGateway::~PushGateway() { Stop(); }

Status PushGateway::Start() {
  if (options_.persistence_file.empty()) return {};
  NX_RETURN_IF_ERROR(Load());
  writer_ = std::thread([this, begin_ns = clock_.MonotonicNs()] {
    SetThreadName("push-file");
    Run(begin_ns);
  });
  return {};
}

Status PushGateway::Load() {
  if (!fs_.Exists(options_.persistence_file)) return {};
  auto loaded = ReadPushFile(fs_, options_.persistence_file);
  if (!loaded) {
    const std::string aside =
        fmt::format("{}.corrupt-{}", options_.persistence_file, clock_.NowMs());
    NX_RETURN_IF_ERROR(fs_.Rename(options_.persistence_file, aside));
    log::Warn("The file of pushed metrics can't be read; it was moved aside",
              {{"file", aside}, {"err", loaded.error().message()}});
    return {};
  }
  const MutexLock lock(mutex_);
  for (PushGroup& group : *loaded) {
    auto next = std::make_shared<PushGroup>(std::move(group));
    for (auto& [name, stored] : next->families) stored.held_bytes = HeldBytes(*stored.family);
    const std::string key = GroupKey(next->labels);
    if (const Status status = Exchange(key, std::move(next)); !status) {
      log::Warn("A group of pushed metrics was not loaded", {{"err", status.error().message()}});
    }
  }
  dirty_ = false;
  return {};
}

void PushGateway::Stop() {
  {
    const MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    changed_.NotifyAll();
  }
  if (!writer_.joinable()) return;
  writer_.join();
  if (const Status status = Write(); !status) {
    failures_.Add();
    log::Error("Pushed metrics were not written", {{"err", status.error().message()}});
  }
}

void PushGateway::Run(std::int64_t begin_ns) {
  const std::int64_t interval_ns = options_.persistence_interval_ms * 1'000'000;
  MinuteLog warnings(clock_);
  std::int64_t next_ns = begin_ns + interval_ns;
  for (;;) {
    {
      const MutexLock lock(mutex_);
      while (!stopping_) {
        const std::int64_t left_ns = next_ns - clock_.MonotonicNs();
        if (dirty_ && left_ns <= 0) break;
        if (dirty_) {
          changed_.WaitFor(mutex_, std::chrono::nanoseconds(left_ns));
        } else {
          changed_.Wait(mutex_);
        }
      }
      if (stopping_) return;
    }
    const Status status = Write();
    next_ns = clock_.MonotonicNs() + (status ? interval_ns : std::max(interval_ns, kRetryNs));
    if (status) continue;
    failures_.Add();
    warnings.Warn("Pushed metrics were not written", {{"err", status.error().message()}});
  }
}

Status PushGateway::Write() {
  std::vector<GroupPtr> groups;
  {
    const MutexLock lock(mutex_);
    if (!dirty_) return {};
    dirty_ = false;
    for (const auto& [key, group] : groups_) groups.push_back(group);
  }
  const Status status = WritePushFile(fs_, options_.persistence_file, groups);
  if (!status) {
    const MutexLock lock(mutex_);
    dirty_ = true;  // For the next time.
  }
  return status;
}

Status PushGateway::Push(const GroupingLabels& labels, proto::FamiliesByName families,
                         PushMode mode) {
  if (GroupingLabelBytes(labels, families) > options_.max_bytes) {
    no_room_.Add();
    return NoRoom();
  }
  for (auto& [name, family] : families) ApplyGroupingLabels(labels, family);
  const std::int64_t now_ns = clock_.NowNs();
  const MutexLock lock(mutex_);
  Status status = HasTimestamps(families)
                      ? Fail(Code::kInvalidArgument, "pushed metrics must not have timestamps")
                      : Apply(labels, std::move(families), mode, now_ns);
  if (status) {
    pushes_.Add();
    return status;
  }
  if (status.error().code() == Code::kResourceExhausted) {
    no_room_.Add();
  } else {
    inconsistent_.Add();
    NoteFailure(labels, now_ns);
  }
  return status;
}

Status PushGateway::Apply(const GroupingLabels& labels, proto::FamiliesByName families,
                          PushMode mode, std::int64_t now_ns) {
  const std::string key = GroupKey(labels);
  auto next = std::make_shared<PushGroup>();
  next->labels = labels;
  if (const auto it = groups_.find(key); it != groups_.end()) {
    const PushGroup& old = *it->second;
    if (mode == PushMode::kReplaceNames) {
      next->families = old.families;
    } else if (const auto kept = old.families.find(kFailureTime); kept != old.families.end()) {
      next->families.insert(*kept);
    }
  }
  for (auto& [name, family] : families) {
    // The times are ours: another type in one group would make all further pushes inconsistent.
    if (name == kPushTime || name == kFailureTime) continue;
    if (family.metrics.empty()) {  // Only protobuf brings these. Nobody would ever see one.
      next->families.erase(name);
      continue;
    }
    next->families[name] = Stored(std::move(family), now_ns);
  }
  next->families[kPushTime] = Stored(TimeFamily(kPushTime, labels, now_ns), now_ns);
  if (!next->families.contains(kFailureTime)) {
    next->families[kFailureTime] = Stored(TimeFamily(kFailureTime, labels, 0), now_ns);
  }
  return Exchange(key, std::move(next));
}

void PushGateway::NoteFailure(const GroupingLabels& labels, std::int64_t now_ns) {
  const std::string key = GroupKey(labels);
  auto next = std::make_shared<PushGroup>();
  next->labels = labels;
  if (const auto it = groups_.find(key); it != groups_.end()) {
    next->families = it->second->families;
  }
  next->families[kFailureTime] = Stored(TimeFamily(kFailureTime, labels, now_ns), now_ns);
  if (!next->families.contains(kPushTime)) {
    next->families[kPushTime] = Stored(TimeFamily(kPushTime, labels, 0), now_ns);
  }
  (void)Exchange(key, std::move(next));  // Without room for it the client has been told already.
}

Status PushGateway::NoRoom() const {
  return Fail(Code::kResourceExhausted,
              fmt::format("pushed metrics would take more than {} bytes", options_.max_bytes));
}

Status PushGateway::Exchange(const std::string& key, std::shared_ptr<PushGroup> next) {
  static const PushGroup kNone;
  const auto at = groups_.find(key);
  const PushGroup& old = at == groups_.end() ? kNone : *at->second;
  next->held_bytes = HeldBytes(*next);
  const std::size_t held_bytes = held_bytes_ - old.held_bytes + next->held_bytes;
  if (next->held_bytes > old.held_bytes && held_bytes > options_.max_bytes) {
    return NoRoom();
  }
  const auto same = [](const PushGroup& group, const std::string& name, const auto& stored) {
    const auto it = group.families.find(name);
    return it != group.families.end() && it->second.family == stored.family;
  };
  std::vector<const MetricFamily*> removed, added;
  for (const auto& [name, stored] : old.families) {
    if (!same(*next, name, stored)) removed.push_back(stored.family.get());
  }
  for (const auto* family : removed) index_->Remove(*family);
  std::vector<std::string> problems;
  for (const auto& [name, stored] : next->families) {
    if (same(old, name, stored)) continue;
    if (index_->Add(*stored.family, problems)) added.push_back(stored.family.get());
  }
  if (!problems.empty()) {
    for (const auto* family : added) index_->Remove(*family);
    for (const auto* family : removed) index_->Restore(*family);
    return Fail(Code::kInvalidArgument, Joined(problems));
  }
  held_bytes_ = held_bytes;
  groups_[key] = std::move(next);
  NoteChange();
  return {};
}

void PushGateway::Delete(const GroupingLabels& labels) {
  const MutexLock lock(mutex_);
  const auto it = groups_.find(GroupKey(labels));
  if (it == groups_.end()) return;
  for (const auto& [name, stored] : it->second->families) index_->Remove(*stored.family);
  held_bytes_ -= it->second->held_bytes;
  groups_.erase(it);
  NoteChange();
}

void PushGateway::Wipe() {
  const MutexLock lock(mutex_);
  groups_.clear();
  index_ = std::make_unique<FamilyIndex>();
  held_bytes_ = 0;
  NoteChange();
}

void PushGateway::NoteChange() {
  num_groups_.Set(static_cast<double>(groups_.size()));
  bytes_.Set(static_cast<double>(held_bytes_));
  dirty_ = true;
  changed_.NotifyAll();
}

std::vector<std::shared_ptr<const PushGroup>> PushGateway::Groups() const {
  const MutexLock lock(mutex_);
  std::vector<GroupPtr> out;
  out.reserve(groups_.size());
  for (const auto& [key, group] : groups_) out.push_back(group);
  return out;
}

}  // namespace narthex::web

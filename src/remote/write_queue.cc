// SPDX-License-Identifier: Apache-2.0
#include "src/remote/write_queue.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"

namespace narthex::remote {
namespace {

using SteadyClock = std::chrono::steady_clock;

// How often the log is looked at when it had nothing new. Commits tell nobody, so this costs them
// nothing; batches wait longer than this anyway.
constexpr std::chrono::milliseconds kLookInterval(100);
constexpr std::chrono::milliseconds kCutInterval(50);
constexpr std::chrono::seconds kCommitPatience(1);
constexpr std::chrono::seconds kSaveInterval(1);
constexpr std::chrono::seconds kCheckpointInterval(5);
constexpr std::chrono::seconds kRetryInterval(5);
constexpr std::chrono::seconds kShortEnding(5);

// A shard is a thread and a connection.
constexpr int kMostShards = 500;

ShardLimits LimitsOf(const config::RemoteQueueConfig& queue) {
  const int max = std::clamp(queue.max_shards, 1, kMostShards);
  return {.min = std::clamp(queue.min_shards, 1, max), .max = max};
}

SeriesStore::Options StoreOptions(const WriteQueue::Options& options) {
  const bool v2 = options.endpoint->version() == proto::WriteVersion::kV2;
  return {.external_labels = options.external_labels,
          .relabel_configs = options.endpoint->config.write_relabel_configs,
          .with_metadata = v2,
          .metadata_from_labels = v2 && options.metadata_from_labels};
}

}  // namespace

WriteQueue::WriteQueue(Options options, const WalSource& source, QueueMetrics& metrics, Fs& fs,
                       Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      metrics_(metrics),
      tally_(clock),
      failure_log_(clock),
      positions_(fs, options_.state_path + ".position"),
      tail_(fs, source.dir, source.progress),
      series_(StoreOptions(options_)),
      shards_(options_.endpoint, series_, positions_, metrics_, tally_, clock),
      backfill_({.endpoint = options_.endpoint,
                 .series = StoreOptions(options_),
                 .path = options_.state_path + ".gaps",
                 .oldest = source.oldest},
                source.history, metrics_, fs, clock),
      feed_(
          {.endpoint = options_.endpoint, .on_gap = [this](const Gap& gap) { backfill_.Add(gap); }},
          tail_, series_, shards_, metrics_, tally_, clock) {
  const config::RemoteQueueConfig& queue = endpoint().config.queue;
  metrics_.shard_capacity.Set(queue.capacity);
  metrics_.shards_max.Set(queue.max_shards);
  metrics_.shards_min.Set(queue.min_shards);
  metrics_.shards_desired.Set(queue.min_shards);
  metrics_.max_samples_per_send.Set(queue.max_samples_per_send);
}

WriteQueue::~WriteQueue() { Stop(Ending::kNow); }

void WriteQueue::Start() {
  // Now, for what comes after this call is to be sent.
  first_positions_ = FirstPositions();
  started_ = shards_.Start(first_positions_);
  backfill_.Start();
  thread_ = std::thread([this] { Run(); });
  const bool with_metadata = options_.metadata != nullptr && endpoint().config.metadata.send &&
                             endpoint().version() == proto::WriteVersion::kV1;
  if (with_metadata) {
    metadata_ =
        std::make_unique<MetadataSender>(options_.endpoint, *options_.metadata, metrics_, clock_);
  }
}

// Where an earlier run was, or where the log ends now.
std::vector<ShardPosition> WriteQueue::FirstPositions() {
  const config::RemoteQueueConfig& queue = endpoint().config.queue;
  const auto fresh = [&] {
    const Result<tsdb::WalPosition> end = tail_.End();
    return std::vector<ShardPosition>(
        static_cast<std::size_t>(LimitsOf(queue).min),
        {.mark = {end ? *end : tsdb::WalPosition{}, 0}, .sending = {}, .highest = clock_.NowMs()});
  };
  auto loaded = positions_.Load();
  if (!loaded) {
    log::Error("How far remote write had come is not known, it begins with what comes now",
               {{"remote_name", endpoint().name}, {"err", loaded.error().message()}});
    return fresh();
  }
  if (!*loaded) return fresh();
  std::vector<ShardPosition> positions = std::move(**loaded);
  const Result<tsdb::WalPosition> end = tail_.End();
  // Nothing can have been sent that is not there.
  if (end) {
    for (ShardPosition& position : positions) {
      position.mark = std::min(position.mark, Mark{*end, 0});
      position.sending = std::min(position.sending, Mark{*end, 0});
    }
  }
  const ShardLimits limits = LimitsOf(queue);
  const std::size_t count = std::clamp(positions.size(), static_cast<std::size_t>(limits.min),
                                       static_cast<std::size_t>(limits.max));
  // With another number of shards the series go to others, so all begin where the last one is.
  if (count != positions.size()) {
    ShardPosition first =
        *std::min_element(positions.begin(), positions.end(),
                          [](const auto& a, const auto& b) { return a.mark < b.mark; });
    first.sending = {};
    positions.assign(count, first);
  }
  return positions;
}

void WriteQueue::Stop(Ending ending) {
  if (stopped_) return;
  stopped_ = true;
  log::Info("Stopping remote storage...", {{"remote_name", endpoint().name}});
  if (metadata_ != nullptr) metadata_->Stop();
  const auto now = SteadyClock::now();
  const std::chrono::milliseconds flush(options_.flush_deadline_ms);
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    ending_ = ending;
    deadline_ = now;
    if (ending == Ending::kReadOn) deadline_ = now + flush;
    if (ending == Ending::kSendRead) {
      deadline_ = now + std::min<std::chrono::milliseconds>(flush, kShortEnding);
    }
    changed_.NotifyAll();
    while (thread_.joinable() && !done_ && SteadyClock::now() < deadline_) {
      changed_.WaitFor(mutex_, deadline_ - SteadyClock::now());
    }
  }
  shards_.Interrupt();
  if (endpoint().authorizer != nullptr) endpoint().authorizer->Cancel();
  backfill_.Stop();
  if (thread_.joinable()) thread_.join();
  metadata_ = nullptr;
  shards_.Stop();
  log::Info("Remote storage stopped.", {{"remote_name", endpoint().name}});
}

bool WriteQueue::WaitBeforeRetry(const char* what, const Error& error) {
  failure_log_.Error(what, {{"remote_name", endpoint().name}, {"err", error.message()}});
  MutexLock lock(mutex_);
  if (!stopping_) changed_.WaitFor(mutex_, kRetryInterval);
  return !stopping_;
}

model::TimestampMs WriteQueue::SentUntil() const {
  const std::vector<ShardPosition> positions = positions_.positions();
  model::TimestampMs until = model::kMaxTime;
  for (const ShardPosition& position : positions) until = std::min(until, position.highest);
  return positions.empty() ? 0 : until;
}

bool WriteQueue::OpenFeed() {
  for (;;) {
    const Status opened = feed_.Open(SentUntil());
    if (opened) return true;
    if (!WaitBeforeRetry("Reading the WAL for remote write failed", opened.error())) return false;
  }
}

bool WriteQueue::StartShards() {
  while (!started_) {
    const Error error(Code::kResourceExhausted, "no threads or descriptors for the shards");
    if (!WaitBeforeRetry("Starting remote storage failed", error)) return false;
    started_ = shards_.Start(first_positions_);
  }
  return true;
}

void WriteQueue::FollowUntilStopped() {
  if (!StartShards()) return;
  for (;;) {
    try {
      if (OpenFeed()) Follow();
      return;
    } catch (const std::exception& e) {
      shards_.PassOver(feed_.place());
      const Error error(Code::kInternal, e.what());
      if (!WaitBeforeRetry("Following the WAL for remote write failed", error)) return;
    }
  }
}

void WriteQueue::Run() {
  SetThreadName("rw-wal");
  FollowUntilStopped();
  Ending ending;
  SteadyClock::time_point deadline;
  {
    MutexLock lock(mutex_);
    ending = ending_;
    deadline = deadline_;
  }
  if (started_ && ending != Ending::kNow) {
    if (shards_.Drain(feed_.place(), deadline)) {
      SaveIdle();
    } else {
      log::Warn("Not everything could be sent; the next run goes on from there",
                {{"remote_name", endpoint().name}});
    }
  }
  MutexLock lock(mutex_);
  done_ = true;
  changed_.NotifyAll();
}

void WriteQueue::SaveIdle() {
  if (!feed_.in_gap()) shards_.SaveIdle(feed_.place(), feed_.reached());
}

void WriteQueue::Follow() {
  for (;;) {
    bool stopping = false;
    {
      MutexLock lock(mutex_);
      stopping = stopping_;
      if (stopping && ending_ != Ending::kReadOn) return;
    }
    const Result<FeedStep> step = feed_.Next();
    if (!step) {
      // What was added is not wanted again.
      shards_.PassOver(feed_.place());
      if (!WaitBeforeRetry("Following the WAL for remote write failed", step.error())) return;
      if (!OpenFeed()) return;
      continue;
    }
    if (*step == FeedStep::kInterrupted) return;
    Upkeep(*step);
    if (*step == FeedStep::kRecord) continue;
    if (stopping) return;
    MutexLock lock(mutex_);
    if (!stopping_) changed_.WaitFor(mutex_, kLookInterval);
  }
}

void WriteQueue::Upkeep(FeedStep step) {
  const auto now = SteadyClock::now();
  // The log ends behind a commit: a batch that is cut there has the samples of a scrape together
  // with their exemplars. Where the end is never seen, batches must go as well.
  const bool at_end = step == FeedStep::kCaughtUp;
  if (now < next_cut_ + (at_end ? std::chrono::seconds(0) : kCommitPatience)) return;
  next_cut_ = now + kCutInterval;
  shards_.CutDue(feed_.place());
  if (wanted_shards_.load() != 0) Reshard();
  if (now >= next_save_) {
    next_save_ = now + kSaveInterval;
    SaveIdle();
    held_bytes_.store(
        series_.held_bytes() + shards_.held_bytes() + feed_.held_bytes() + backfill_.held_bytes(),
        std::memory_order_relaxed);
  }
  if (now >= next_look_) {
    next_look_ = now + kCheckpointInterval;
    feed_.ForgetOldSeries();
  }
}

void WriteQueue::Reshard() {
  const auto wanted = static_cast<std::size_t>(wanted_shards_.exchange(0));
  // All shards begin at one place then, so none may be ahead of it, and it has to be known.
  const bool may = !feed_.in_gap() && shards_.IsPastEarlierRun(feed_.place());
  if (wanted == shards_.size() || !may) return;
  log::Info("Remote storage resharding",
            {{"remote_name", endpoint().name}, {"from", shards_.size()}, {"to", wanted}});
  // All that is on its way has to arrive first, or a series would overtake itself.
  const auto deadline = SteadyClock::now() + std::chrono::milliseconds(options_.flush_deadline_ms);
  if (!shards_.Drain(feed_.place(), deadline)) {
    log::Warn("Remote storage keeps its shards, as these could not be emptied",
              {{"remote_name", endpoint().name}});
    return;
  }
  if (!shards_.Restart(wanted, feed_.place())) {
    log::Warn("Remote storage keeps its shards", {{"remote_name", endpoint().name}});
  }
}

void WriteQueue::Tick(double in_rate, double highest_seconds) {
  tally_.out.Tick();
  tally_.dropped.Tick();
  tally_.busy_ns.Tick();
  const auto current = static_cast<int>(metrics_.shards.value());
  const ShardChoice choice =
      ChooseShards({.in = in_rate,
                    .out = tally_.out.per_second(),
                    .dropped = tally_.dropped.per_second(),
                    .busy_seconds = tally_.busy_ns.per_second() / 1e9,
                    .delay_seconds = highest_seconds - metrics_.highest_sent_seconds.value()},
                   current, LimitsOf(endpoint().config.queue));
  if (!choice.known) return;
  metrics_.shards_desired.Set(choice.desired);
  if (choice.shards == current) return;
  if (!MayReshard(clock_.NowMs(), tally_.last_send_ms, tally_.held_back_until_ms)) {
    log::Debug("Skipping resharding while requests fail", {{"remote_name", endpoint().name}});
    return;
  }
  wanted_shards_ = choice.shards;
}

int WriteQueue::first_unsent_segment() const {
  const std::vector<ShardPosition> positions = positions_.positions();
  if (positions.empty()) return 0;
  return std::min_element(positions.begin(), positions.end(),
                          [](const auto& a, const auto& b) { return a.mark < b.mark; })
      ->mark.record.segment;
}

model::TimestampMs WriteQueue::highest_sent() const {
  return static_cast<model::TimestampMs>(metrics_.highest_sent_seconds.value() * 1000);
}

}  // namespace narthex::remote

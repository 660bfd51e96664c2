// SPDX-License-Identifier: Apache-2.0
#include "src/remote/shard_set.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "narthex/base/log.h"

namespace narthex::remote {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Of all batches that wait: the log is read no further then. Histograms are what makes them large.
constexpr std::size_t kMaxHeldBytes = std::size_t{48} << 20;
// What a batch may have, whatever the configuration says: a request is made in memory.
constexpr int kMaxItems = 100'000;

}  // namespace

std::size_t MaxItems(const config::RemoteQueueConfig& queue) {
  return static_cast<std::size_t>(std::clamp(queue.max_samples_per_send, 1, kMaxItems));
}

ShardSet::ShardSet(std::shared_ptr<const Endpoint> endpoint, const SeriesStore& series,
                   PositionFile& positions, QueueMetrics& metrics, SendingTally& tally,
                   Clock& clock)
    : endpoint_(std::move(endpoint)),
      series_(series),
      positions_(positions),
      metrics_(metrics),
      tally_(tally),
      clock_(clock),
      position_log_(clock),
      writer_(endpoint_->version(), series.pairs()) {
  const config::RemoteQueueConfig& queue = endpoint_->config.queue;
  max_items_ = MaxItems(queue);
  if (endpoint_->config.send_exemplars) max_exemplars_ = max_items_ / 10;
  max_batches_ =
      std::max<std::size_t>(static_cast<std::size_t>(std::max(queue.capacity, 1)) / max_items_, 1);
}

ShardSet::~ShardSet() { Stop(); }

void ShardSet::Stop() {
  for (const auto& lane : lanes_) lane->shard->Stop();  // All at once; then each is waited for.
  lanes_.clear();
  ForgetPending();
}

void ShardSet::ForgetPending() {
  metrics_.samples.pending.Set(0);
  metrics_.histograms.pending.Set(0);
  metrics_.exemplars.pending.Set(0);
}

bool ShardSet::MakeLanes(std::size_t count, Lanes& lanes) {
  try {
    for (std::size_t i = 0; i < count; ++i) {
      auto lane = std::make_unique<Lane>();
      lane->cut_at = SteadyClock::now();
      lane->shard = std::make_unique<Shard>(
          max_batches_, std::make_unique<BatchSender>(endpoint_, metrics_, tally_, clock_),
          [this, i](const Batch& batch) { Begin(i, batch); },
          [this, i](const Batch& batch, const ItemCounts& counts) { Done(i, batch, counts); },
          [this] { TellNews(); });
      lanes.push_back(std::move(lane));
    }
    return true;
  } catch (const std::exception& e) {
    log::Error("Remote storage can't have its shards",
               {{"remote_name", endpoint_->name}, {"shards", count}, {"err", e.what()}});
    return false;
  }
}

bool ShardSet::Start(const std::vector<ShardPosition>& positions) {
  Lanes lanes;
  if (!MakeLanes(positions.size(), lanes)) return false;
  Stop();
  lanes_ = std::move(lanes);
  metrics_.shards.Set(static_cast<double>(lanes_.size()));
  if (auto status = positions_.Reset(positions); !status) {
    log::Error("Writing how far remote write has come failed",
               {{"remote_name", endpoint_->name}, {"err", status.error().message()}});
  }
  resuming_until_ = {};
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i]->pass_over = positions[i].mark;
    lanes_[i]->cut_before = positions[i].sending;
    resuming_until_ = std::max({resuming_until_, positions[i].mark, positions[i].sending});
  }
  resuming_ = true;
  return true;
}

bool ShardSet::Restart(std::size_t shards, const Mark& mark) {
  model::TimestampMs highest = 0;
  for (const ShardPosition& position : positions_.positions()) {
    highest = std::max(highest, position.highest);
  }
  return Start(std::vector<ShardPosition>(shards, {mark, mark, highest}));
}

Mark ShardSet::first_wanted() const {
  Mark first = lanes_.front()->pass_over;
  for (const auto& lane : lanes_) first = std::min(first, lane->pass_over);
  return first;
}

void ShardSet::PassOver(const Mark& mark) {
  for (const auto& lane : lanes_) lane->pass_over = std::max(lane->pass_over, mark);
  resuming_until_ = std::max(resuming_until_, mark);
  resuming_ = true;
}

bool ShardSet::IsFull(const PartialBatch& partial) const {
  return partial.size() - partial.num_exemplars() >= max_items_ ||
         partial.size() >= max_items_ + max_exemplars_ || partial.extra_bytes() > kMaxExtraBytes;
}

bool ShardSet::HasRoom(const Lane& lane) const {
  if (!lane.shard->HasRoom()) return false;
  return lane.shard->idle() || WaitingBytes() <= kMaxHeldBytes;
}

std::size_t ShardSet::WaitingBytes() const {
  std::size_t bytes = 0;
  for (const auto& lane : lanes_) bytes += lane->shard->held_bytes();
  return bytes;
}

bool ShardSet::Cut(Lane& lane, const Mark& mark, bool all) {
  if (!HasRoom(lane)) return false;
  CountPending();  // Before they are sent.
  if (std::exchange(pairs_generation_, series_.pairs_generation()) != series_.pairs_generation()) {
    writer_.Forget();
  }
  Batch batch = lane.partial.Take(series_, writer_, compressed_, all);
  batch.mark = mark;
  // Exemplars may all wait for samples.
  if (batch.counts.total() > 0) lane.shard->Push(std::move(batch));
  lane.cut_at = SteadyClock::now();
  CountHeld();
  return true;
}

bool ShardSet::CutFull(Lane& lane, const Mark& at) {
  while (!Cut(lane, at)) {
    metrics_.enqueue_retries.Add();
    // The other shards' deadlines go on meanwhile.
    if (!WaitForNews(std::chrono::milliseconds(100))) return false;
    CutDue(at);
    if (lane.partial.empty()) return true;
  }
  return true;
}

bool ShardSet::AnyCutLeft() const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](const auto& lane) { return lane->pass_over < lane->cut_before; });
}

template <typename Add>
bool ShardSet::AddTo(WalRef ref, const Mark& at, Add&& add) {
  Lane& lane = *lanes_[lanes_.size() == 1 ? 0 : ref % lanes_.size()];
  if (resuming_) [[unlikely]] {
    if (at < lane.pass_over) return true;
    const bool past_request = at >= lane.cut_before && lane.pass_over < lane.cut_before;
    if (past_request && !lane.partial.empty() && !CutFull(lane, at)) return false;
    if (past_request) lane.pass_over = lane.cut_before;
    resuming_ = at < resuming_until_ || AnyCutLeft();
  }
  // A full one is made a batch before the next item comes, so that an item is in or is not.
  if (IsFull(lane.partial) && !CutFull(lane, at)) return false;
  add(lane.partial);
  return true;
}

bool ShardSet::AddFloat(WalRef ref, std::uint32_t series, model::TimestampMs t,
                        model::TimestampMs start, double value, const Mark& at) {
  return AddTo(ref, at, [&](PartialBatch& batch) {
    batch.AddFloat(series, t, start, value);
    ++added_.samples;
  });
}

bool ShardSet::AddHistogram(WalRef ref, std::uint32_t series, model::TimestampMs t,
                            std::string_view message, const Mark& at) {
  return AddTo(ref, at, [&](PartialBatch& batch) {
    batch.AddHistogram(series, t, message);
    ++added_.histograms;
  });
}

bool ShardSet::AddExemplar(WalRef ref, std::uint32_t series, const model::Exemplar& exemplar,
                           const Mark& at) {
  return AddTo(ref, at, [&](PartialBatch& batch) {
    batch.AddExemplar(series, exemplar);
    ++added_.exemplars;
  });
}

void ShardSet::CountPending() {
  metrics_.samples.pending.Add(added_.samples);
  metrics_.histograms.pending.Add(added_.histograms);
  metrics_.exemplars.pending.Add(added_.exemplars);
  added_ = {};
}

void ShardSet::CutDue(const Mark& now) {
  const std::chrono::milliseconds deadline(endpoint_->config.queue.batch_send_deadline_ms);
  const auto steady_now = SteadyClock::now();
  for (const auto& lane : lanes_) {
    if (lane->partial.empty()) continue;
    if (IsFull(lane->partial) || steady_now - lane->cut_at >= deadline) Cut(*lane, now);
  }
}

bool ShardSet::CutAll(const Mark& now) {
  bool all = true;
  for (const auto& lane : lanes_) {
    const bool has_any = !lane->partial.empty() || lane->partial.has_waiting();
    if (has_any && !Cut(*lane, now, true)) all = false;
  }
  return all;
}

bool ShardSet::Drain(const Mark& now, SteadyClock::time_point deadline) {
  for (;;) {
    const bool cut = CutAll(now);
    if (cut && std::all_of(lanes_.begin(), lanes_.end(),
                           [](const auto& lane) { return lane->shard->idle(); })) {
      return true;
    }
    const auto left = deadline - SteadyClock::now();
    if (left <= std::chrono::nanoseconds(0)) return false;
    if (!WaitForNews(std::min<std::chrono::nanoseconds>(left, std::chrono::milliseconds(100)))) {
      return false;
    }
  }
}

void ShardSet::SaveIdle(const Mark& now, model::TimestampMs highest) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = *lanes_[i];
    if (now < lane.pass_over || !lane.partial.empty()) continue;
    if (now >= lane.cut_before) lane.pass_over = std::max(lane.pass_over, lane.cut_before);
    if (lane.shard->idle()) SavePosition(i, {now, now, highest});
  }
  CountHeld();
}

void ShardSet::SavePosition(std::size_t shard, const ShardPosition& position) {
  const Status status = positions_.Save(shard, position);
  if (!status) {
    position_log_.Error("Writing how far remote write has come failed",
                        {{"remote_name", endpoint_->name}, {"err", status.error().message()}});
  }
}

void ShardSet::Begin(std::size_t shard, const Batch& batch) {
  // What was not written shows when the request has ended.
  (void)positions_.SaveSending(shard, batch.mark);
}

void ShardSet::Done(std::size_t shard, const Batch& batch, const ItemCounts& counts) {
  // A sample that is ahead of time says nothing about the others.
  SavePosition(shard, {batch.mark, batch.mark, std::min(batch.highest, clock_.NowMs())});
  metrics_.samples.pending.Add(-static_cast<double>(counts.samples));
  metrics_.histograms.pending.Add(-static_cast<double>(counts.histograms));
  metrics_.exemplars.pending.Add(-static_cast<double>(counts.exemplars));
}

void ShardSet::TellNews() {
  MutexLock lock(mutex_);
  ++num_news_;
  news_.NotifyAll();
}

bool ShardSet::WaitForNews(std::chrono::nanoseconds most) {
  MutexLock lock(mutex_);
  if (!interrupted_ && num_news_ == seen_news_) news_.WaitFor(mutex_, most);
  seen_news_ = num_news_;
  return !interrupted_;
}

void ShardSet::Interrupt() {
  MutexLock lock(mutex_);
  interrupted_ = true;
  news_.NotifyAll();
}

bool ShardSet::interrupted() const {
  MutexLock lock(mutex_);
  return interrupted_;
}

void ShardSet::CountHeld() {
  std::size_t bytes = writer_.held_bytes() + compressed_.capacity() + WaitingBytes();
  for (const auto& lane : lanes_) bytes += lane->partial.held_bytes();
  held_bytes_.store(bytes, std::memory_order_relaxed);
}

}  // namespace narthex::remote

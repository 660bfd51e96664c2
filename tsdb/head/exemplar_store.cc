// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/exemplar_store.h"

#include "narthex/base/hash.h"
#include "tsdb/head/append_check.h"

namespace narthex::tsdb {
namespace {

using storage::AppendError;

bool SameTimestampless(const model::Exemplar& a, const model::Exemplar& b) {
  return a.labels == b.labels && a.value == b.value && a.t == b.t;
}

bool IsTooLate(model::TimestampMs t, model::TimestampMs newest, model::DurationMs window_ms) {
  const auto behind = static_cast<std::uint64_t>(newest) - static_cast<std::uint64_t>(t);
  return behind >= static_cast<std::uint64_t>(window_ms);
}

}  // namespace

AppendError ExemplarStore::CheckLocked(const model::Labels& series, const model::Exemplar& exemplar,
                                       model::DurationMs window_ms, bool& repeated) const {
  repeated = false;
  if (!enabled()) return AppendError::kExemplarsDisabled;
  if (ExemplarIsTooLong(exemplar.labels)) return AppendError::kExemplarTooLong;
  const auto it = newest_.find(std::string(series.bytes()));
  if (it == newest_.end()) return AppendError::kNone;
  const model::Exemplar& newest = ring_[it->second].exemplar;
  if (SameTimestampless(newest, exemplar)) {
    repeated = true;
    return AppendError::kNone;
  }
  if (exemplar.t < newest.t) {
    if (IsTooLate(exemplar.t, newest.t, window_ms)) return AppendError::kExemplarOutOfOrder;
    const std::uint32_t before = NotNewer(it->second, exemplar.t);
    repeated = before != kNone && ring_[before].exemplar.t == exemplar.t;
    return AppendError::kNone;
  }
  if (exemplar.t == newest.t &&
      (exemplar.value < newest.value ||
       (exemplar.value == newest.value && exemplar.labels.Hash() < newest.labels.Hash()))) {
    return AppendError::kExemplarOutOfOrder;
  }
  return AppendError::kNone;
}

AppendError ExemplarStore::Check(const model::Labels& series, const model::Exemplar& exemplar,
                                 model::DurationMs window_ms) const {
  MutexLock lock(mutex_);
  bool repeated = false;
  return CheckLocked(series, exemplar, window_ms, repeated);
}

// Late ones mostly come close behind the newest.
std::uint32_t ExemplarStore::NotNewer(std::uint32_t newest, model::TimestampMs t) const {
  std::uint32_t place = newest;
  while (place != kNone && ring_[place].exemplar.t > t) place = ring_[place].older;
  return place;
}

void ExemplarStore::RemoveOldest() {
  Entry& oldest = ring_[next_];
  if (oldest.older != kNone) ring_[oldest.older].newer = oldest.newer;
  if (oldest.newer != kNone) {
    ring_[oldest.newer].older = oldest.older;
  } else if (oldest.older != kNone) {
    newest_[std::string(oldest.series.bytes())] = oldest.older;
  } else {
    newest_.erase(std::string(oldest.series.bytes()));
  }
  bytes_ -= oldest.series.bytes().size() + oldest.exemplar.labels.bytes().size();
}

AppendError ExemplarStore::Add(const model::Labels& series, const model::Exemplar& exemplar,
                               model::DurationMs window_ms) {
  MutexLock lock(mutex_);
  return AddLocked(series, exemplar, window_ms);
}

AppendError ExemplarStore::AddLocked(const model::Labels& series, const model::Exemplar& exemplar,
                                     model::DurationMs window_ms) {
  bool repeated = false;
  if (const auto error = CheckLocked(series, exemplar, window_ms, repeated);
      error != AppendError::kNone || repeated) {
    return error;
  }
  if (ring_.size() < capacity_) {
    next_ = ring_.size();
    ring_.emplace_back();
  } else {
    RemoveOldest();
  }
  const auto place = static_cast<std::uint32_t>(next_);
  auto& newest = newest_.try_emplace(std::string(series.bytes()), kNone).first->second;
  Entry entry{series, exemplar, NotNewer(newest, exemplar.t), kNone};
  if (entry.older == newest) {
    newest = place;
  } else {
    // There is a newer one: that after the older one, or else the first of all.
    std::uint32_t newer = newest;
    while (ring_[newer].older != entry.older) newer = ring_[newer].older;
    entry.newer = newer;
    ring_[newer].older = place;
  }
  if (entry.older != kNone) ring_[entry.older].newer = place;
  ring_[next_] = std::move(entry);
  bytes_ += series.bytes().size() + exemplar.labels.bytes().size();
  next_ = (next_ + 1) % capacity_;
  return AppendError::kNone;
}

std::size_t ExemplarStore::PlaceOf(std::size_t i) const {
  return ring_.size() < capacity_ ? i : (next_ + i) % capacity_;
}

std::size_t ExemplarStore::Resize(std::size_t capacity) {
  MutexLock lock(mutex_);
  capacity = Clamped(capacity);
  if (capacity == capacity_) return ring_.size();
  std::vector<Entry> kept;
  for (std::size_t i = ring_.size() - std::min(ring_.size(), capacity); i < ring_.size(); ++i) {
    kept.push_back(std::move(ring_[PlaceOf(i)]));
  }
  ResetLocked();
  capacity_ = capacity;
  // They were taken once, however late they were.
  for (const Entry& entry : kept) (void)AddLocked(entry.series, entry.exemplar, model::kMaxTime);
  return ring_.size();
}

void ExemplarStore::ForEach(model::TimestampMs mint, model::TimestampMs maxt,
                            const Visitor& fn) const {
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const Entry& entry = ring_[PlaceOf(i)];
    if (entry.exemplar.t >= mint && entry.exemplar.t <= maxt) fn(entry.series, entry.exemplar);
  }
}

std::size_t ExemplarStore::size() const {
  MutexLock lock(mutex_);
  return ring_.size();
}

std::size_t ExemplarStore::num_series() const {
  MutexLock lock(mutex_);
  return newest_.size();
}

std::size_t ExemplarStore::held_bytes() const {
  MutexLock lock(mutex_);
  return ring_.capacity() * sizeof(Entry) + 2 * bytes_;
}

}  // namespace narthex::tsdb

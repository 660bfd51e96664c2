// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/exemplar_store.h"

#include "narthex/base/hash.h"

namespace narthex::tsdb {
namespace {

using storage::AppendError;

constexpr std::size_t kMaxLabelRunes = 128;

std::size_t Runes(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

bool SameTimestampless(const model::Exemplar& a, const model::Exemplar& b) {
  return a.labels == b.labels && a.value == b.value && a.t == b.t;
}

}  // namespace

AppendError ExemplarStore::CheckLocked(const model::Labels& series, const model::Exemplar& exemplar,
                                       bool& repeated) const {
  repeated = false;
  if (!enabled()) return AppendError::kExemplarsDisabled;
  std::size_t runes = 0;
  for (const auto label : exemplar.labels) runes += Runes(label.name) + Runes(label.value);
  if (runes > kMaxLabelRunes) return AppendError::kExemplarTooLong;
  const auto it = newest_.find(std::string(series.bytes()));
  if (it == newest_.end()) return AppendError::kNone;
  const model::Exemplar& newest = ring_[it->second.place].exemplar;
  if (SameTimestampless(newest, exemplar)) {
    repeated = true;
    return AppendError::kNone;
  }
  if (exemplar.t < newest.t || (exemplar.t == newest.t && exemplar.value < newest.value) ||
      (exemplar.t == newest.t && exemplar.value == newest.value &&
       exemplar.labels.Hash() < newest.labels.Hash())) {
    return AppendError::kExemplarOutOfOrder;
  }
  return AppendError::kNone;
}

AppendError ExemplarStore::Check(const model::Labels& series,
                                 const model::Exemplar& exemplar) const {
  MutexLock lock(mutex_);
  bool repeated = false;
  return CheckLocked(series, exemplar, repeated);
}

AppendError ExemplarStore::Add(const model::Labels& series, const model::Exemplar& exemplar) {
  MutexLock lock(mutex_);
  bool repeated = false;
  if (const auto error = CheckLocked(series, exemplar, repeated);
      error != AppendError::kNone || repeated) {
    return error;
  }
  if (ring_.size() < capacity_) {
    next_ = ring_.size();
    ring_.emplace_back();
  } else {
    Entry& oldest = ring_[next_];
    const auto it = newest_.find(std::string(oldest.series.bytes()));
    if (--it->second.count == 0) newest_.erase(it);
    bytes_ -= oldest.series.bytes().size() + oldest.exemplar.labels.bytes().size();
  }
  ring_[next_] = {series, exemplar};
  bytes_ += series.bytes().size() + exemplar.labels.bytes().size();
  auto& newest = newest_[std::string(series.bytes())];
  newest.place = next_;
  ++newest.count;
  next_ = (next_ + 1) % capacity_;
  return AppendError::kNone;
}

void ExemplarStore::ForEach(model::TimestampMs mint, model::TimestampMs maxt,
                            const Visitor& fn) const {
  MutexLock lock(mutex_);
  for (std::size_t i = 0; i < ring_.size(); ++i) {
    const Entry& entry = ring_[ring_.size() < capacity_ ? i : (next_ + i) % capacity_];
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

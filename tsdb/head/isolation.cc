// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/isolation.h"

#include <algorithm>

namespace narthex::tsdb {

using model::TimestampMs;

Isolation::Reader::~Reader() { isolation_.End(*this); }

bool Isolation::Reader::Sees(std::uint64_t commit) const {
  return commit <= last_ && !std::binary_search(open_.begin(), open_.end(), commit);
}

bool Isolation::Reader::HiddenFrom(SeriesSlot slot, std::uint64_t commit, TimestampMs commit_t,
                                   TimestampMs& from) const {
  bool hidden = false;
  if (!Sees(commit)) {
    from = commit_t;
    hidden = true;
  }
  if (!isolation_.has_past_.load(std::memory_order_acquire)) return hidden;
  MutexLock lock(isolation_.past_mutex_);
  const auto it = isolation_.past_.find(slot);
  if (it == isolation_.past_.end()) return hidden;
  for (const Past& past : it->second) {
    if (Sees(past.commit)) continue;
    from = hidden ? std::min(from, past.t) : past.t;
    hidden = true;
  }
  return hidden;
}

std::shared_ptr<const Isolation::Reader> Isolation::NewReader(TimestampMs mint, TimestampMs maxt) {
  std::shared_ptr<Reader> reader(new Reader(*this));
  reader->mint_ = mint;
  reader->maxt_ = maxt;
  MutexLock lock(mutex_);
  reader->last_ = last_;
  reader->open_ = open_;
  reader->sequence_ = next_reader_++;
  reader->place_ = readers_.insert(readers_.end(), reader.get());
  return reader;
}

std::uint64_t Isolation::FloorLocked(TimestampMs* reader_maxt) const {
  std::uint64_t floor = last_ + 1;
  TimestampMs maxt = model::kMinTime;
  // Whoever begins to read now will not see the open commits.
  if (!open_.empty()) {
    floor = open_.front();
    maxt = model::kMaxTime;
  }
  for (const Reader* reader : readers_) {
    if (reader->mint_ > reader->maxt_) continue;
    floor = std::min(floor, reader->open_.empty() ? reader->last_ + 1 : reader->open_.front());
    maxt = std::max(maxt, reader->maxt_);
  }
  if (reader_maxt != nullptr) *reader_maxt = maxt;
  return floor;
}

Isolation::Commit Isolation::BeginCommit() {
  MutexLock lock(mutex_);
  Commit commit;
  commit.floor = FloorLocked(&commit.reader_maxt);
  commit.number = ++last_;
  open_.push_back(commit.number);
  return commit;
}

void Isolation::EndCommit(const Commit& commit) {
  MutexLock lock(mutex_);
  open_.erase(std::find(open_.begin(), open_.end(), commit.number));
}

void Isolation::Record(SeriesSlot slot, std::uint64_t commit, TimestampMs t) {
  MutexLock lock(past_mutex_);
  past_[slot].push_back({commit, t});
  newest_past_ = std::max(newest_past_, commit);
  has_past_.store(true, std::memory_order_release);
}

void Isolation::End(const Reader& reader) {
  std::uint64_t floor = 0;
  {
    MutexLock lock(mutex_);
    const bool was_oldest = reader.place_ == readers_.begin();
    readers_.erase(reader.place_);
    if (!was_oldest) return;
    floor = FloorLocked(nullptr);
  }
  if (has_past_.load(std::memory_order_acquire)) Sweep(floor);
}

void Isolation::Sweep(std::uint64_t floor) {
  MutexLock lock(past_mutex_);
  if (newest_past_ < floor) {
    past_ = {};
    has_past_.store(false, std::memory_order_release);
    return;
  }
  for (auto it = past_.begin(); it != past_.end();) {
    auto current = it++;
    std::erase_if(current->second, [&](const Past& past) { return past.commit < floor; });
    if (current->second.empty()) past_.erase(current);
  }
}

std::uint64_t Isolation::NextReaderSequence() const {
  MutexLock lock(mutex_);
  return next_reader_;
}

std::uint64_t Isolation::OldestReader() const {
  MutexLock lock(mutex_);
  return readers_.empty() ? next_reader_ : readers_.front()->sequence_;
}

bool Isolation::AnyReaderBelow(TimestampMs t, std::uint64_t before) const {
  MutexLock lock(mutex_);
  return std::any_of(readers_.begin(), readers_.end(), [&](const Reader* reader) {
    return reader->sequence_ < before && reader->mint_ < t;
  });
}

void Isolation::Resume(std::uint64_t last_commit) {
  MutexLock lock(mutex_);
  last_ = last_commit;
}

std::uint64_t Isolation::last_commit() const {
  MutexLock lock(mutex_);
  return last_;
}

std::uint64_t Isolation::low_watermark() const {
  MutexLock lock(mutex_);
  return FloorLocked(nullptr) - 1;
}

std::size_t Isolation::held_bytes() const {
  MutexLock lock(past_mutex_);
  return past_.capacity() * (sizeof(SeriesSlot) + sizeof(std::vector<Past>) + 1);
}

}  // namespace narthex::tsdb

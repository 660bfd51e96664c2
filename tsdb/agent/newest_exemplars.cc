// SPDX-License-Identifier: Apache-2.0
#include "tsdb/agent/newest_exemplars.h"

namespace narthex::tsdb {

bool RepeatsExemplar(const model::Exemplar& a, const model::Exemplar& b) {
  if ((a.has_timestamp || b.has_timestamp) && a.t != b.t) return false;
  return a.value == b.value && a.labels == b.labels;
}

bool NewestExemplars::Repeats(wal::WalRef ref, const model::Exemplar& exemplar) const {
  const MutexLock lock(mutex_);
  const auto it = newest_.find(ref);
  return it != newest_.end() && RepeatsExemplar(it->second, exemplar);
}

void NewestExemplars::Set(wal::WalRef ref, const model::Exemplar& exemplar) {
  const MutexLock lock(mutex_);
  model::Exemplar& newest = newest_[ref];
  label_bytes_ -= newest.labels.bytes().size();
  newest = exemplar;
  label_bytes_ += newest.labels.bytes().size();
}

void NewestExemplars::Remove(wal::WalRef ref) {
  const MutexLock lock(mutex_);
  const auto it = newest_.find(ref);
  if (it == newest_.end()) return;
  label_bytes_ -= it->second.labels.bytes().size();
  newest_.erase(it);
}

std::size_t NewestExemplars::held_bytes() const {
  const MutexLock lock(mutex_);
  return newest_.capacity() * (sizeof(decltype(newest_)::value_type) + 1) + label_bytes_;
}

}  // namespace narthex::tsdb

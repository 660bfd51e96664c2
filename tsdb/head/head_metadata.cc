// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/head_metadata.h"

#include <tuple>

namespace narthex::tsdb {
namespace {

constexpr std::size_t kNodeBytes = sizeof(model::Metadata) + 48;  // Of the map, about.

std::size_t BytesOf(const model::Metadata& metadata) {
  return kNodeBytes + metadata.unit.size() + metadata.help.size();
}

}  // namespace

bool HeadMetadata::ByContent::operator()(const model::Metadata& a, const model::Metadata& b) const {
  return std::tie(a.help, a.unit, a.type) < std::tie(b.help, b.unit, b.type);
}

bool HeadMetadata::Has(wal::WalRef ref, const model::Metadata& metadata) const {
  MutexLock lock(mutex_);
  const auto it = by_ref_.find(ref);
  return it != by_ref_.end() && it->second->first == metadata;
}

void HeadMetadata::Release(Table::iterator entry) {
  if (--entry->second > 0) return;
  text_bytes_ -= BytesOf(entry->first);
  texts_.erase(entry);
}

void HeadMetadata::Set(wal::WalRef ref, const model::Metadata& metadata) {
  if (!enabled_) return;
  MutexLock lock(mutex_);
  const auto [entry, created] = texts_.try_emplace(metadata, 0);
  if (created) text_bytes_ += BytesOf(metadata);
  ++entry->second;
  const auto [it, is_new] = by_ref_.try_emplace(ref, entry);
  if (is_new) return;
  Release(it->second);
  it->second = entry;
}

void HeadMetadata::Remove(wal::WalRef ref) {
  if (!enabled_) return;
  MutexLock lock(mutex_);
  const auto it = by_ref_.find(ref);
  if (it == by_ref_.end()) return;
  Release(it->second);
  by_ref_.erase(it);
}

std::size_t HeadMetadata::held_bytes() const {
  MutexLock lock(mutex_);
  return text_bytes_ + by_ref_.capacity() * (sizeof(decltype(by_ref_)::value_type) + 1);
}

}  // namespace narthex::tsdb

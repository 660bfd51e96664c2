// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/matcher_cache.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

// Expressions that are answered without matching values need no memory.
bool IsDear(const model::Matcher& matcher) {
  const model::Regex* regex = matcher.regex();
  return regex != nullptr && !regex->matches_all() && !regex->matches_non_empty();
}

}  // namespace

Status MatcherCache::OfMatcher(const model::Matcher& matcher, bool wanted, PostingList& out) const {
  if (!IsDear(matcher)) return index_.OfMatcher(matcher, wanted, out);
  std::string key = matcher.ToString() + (wanted ? "+" : "-");
  {
    MutexLock lock(mutex_);
    if (Find(key, out)) return {};
  }
  NX_RETURN_IF_ERROR(index_.OfMatcher(matcher, wanted, out));
  Remember(std::move(key), out);
  return {};
}

bool MatcherCache::Find(std::string_view key, PostingList& out) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(),
                               [&](const Entry& entry) { return entry.key == key; });
  if (it == entries_.end()) return false;
  entries_.splice(entries_.begin(), entries_, it);
  out = it->ids;
  return true;
}

void MatcherCache::Remember(std::string key, const PostingList& ids) const {
  Entry entry{std::move(key), ids};
  if (entry.bytes() > kMaxBytes / 4) return;  // One list must not push out all others.
  MutexLock lock(mutex_);
  bytes_ += entry.bytes();
  entries_.push_front(std::move(entry));
  while (entries_.size() > kMaxEntries || bytes_ > kMaxBytes) {
    bytes_ -= entries_.back().bytes();
    entries_.pop_back();
  }
}

std::size_t MatcherCache::memory_bytes() const {
  MutexLock lock(mutex_);
  return sizeof(*this) + bytes_;
}

}  // namespace narthex::tsdb

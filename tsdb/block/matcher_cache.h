// SPDX-License-Identifier: Apache-2.0
//
// What regular expressions matched in a block. A block never changes, and dashboards and rules ask
// the same again and again; matching every value of a label is the dearest part of selecting
// series.
#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <string_view>

#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "tsdb/postings.h"

namespace narthex::tsdb {

/// Posting lists of an index, the lists of regex matchers remembered: those asked for last, within
/// a budget. Thread safety: any thread.
class MatcherCache final : public PostingsSource {
 public:
  static constexpr std::size_t kMaxEntries = 64;
  static constexpr std::size_t kMaxBytes = 1 << 20;

  /// `index` outlives this.
  explicit MatcherCache(const PostingsSource& index) : index_(index) {}

  Status All(PostingList& out) const override { return index_.All(out); }
  Status OfValue(std::string_view name, std::string_view value, PostingList& out) const override {
    return index_.OfValue(name, value, out);
  }
  Status OfValues(std::string_view name, std::string_view prefix, const ValueFilter& keep,
                  PostingList& out) const override {
    return index_.OfValues(name, prefix, keep, out);
  }
  Status OfMatcher(const model::Matcher& matcher, bool wanted, PostingList& out) const override;

  std::size_t memory_bytes() const;

 private:
  struct Entry {
    std::string key;
    PostingList ids;
    std::size_t bytes() const {
      return sizeof(Entry) + key.capacity() + ids.capacity() * sizeof(SeriesId);
    }
  };
  bool Find(std::string_view key, PostingList& out) const NX_REQUIRES(mutex_);
  void Remember(std::string key, const PostingList& ids) const;

  const PostingsSource& index_;
  mutable Mutex mutex_;                                     // Leaf lock.
  mutable std::list<Entry> entries_ NX_GUARDED_BY(mutex_);  // The one used last in front.
  mutable std::size_t bytes_ NX_GUARDED_BY(mutex_) = 0;
};

}  // namespace narthex::tsdb

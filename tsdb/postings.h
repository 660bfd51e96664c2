// SPDX-License-Identifier: Apache-2.0
//
// Postings: ascending lists of series numbers, and what matchers make of them. Used by the head and
// by blocks, each with its own store of lists.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/matcher.h"

namespace narthex::tsdb {

/// A series within one store: in a block its offset in the index / 16.
using SeriesId = std::uint32_t;

/// Ascending and unique. Lists of different values of one label never share a series.
using PostingList = std::vector<SeriesId>;

/// a ∩ b into `out` (replaced). Gallops in the longer list, so the cost follows the shorter one.
template <typename Id>
void Intersect(std::span<const Id> a, std::span<const Id> b, std::vector<Id>& out);
/// a ∪ b into `out` (replaced).
template <typename Id>
void Unite(std::span<const Id> a, std::span<const Id> b, std::vector<Id>& out);
/// a \ b into `out` (replaced).
template <typename Id>
void Subtract(std::span<const Id> a, std::span<const Id> b, std::vector<Id>& out);
/// Puts a concatenation of ascending lists in order and drops duplicates.
template <typename Id>
void SortUnique(std::vector<Id>& ids);

/// A store of posting lists by label. Thread safety: any thread.
class PostingsSource {
 public:
  virtual ~PostingsSource() = default;

  /// Every series, ascending, replacing `out`. Errors of all: kCorruption, kIo.
  virtual Status All(PostingList& out) const = 0;

  /// Appends the series with this label value (none when there are none), ascending.
  virtual Status OfValue(std::string_view name, std::string_view value, PostingList& out) const = 0;

  /// Decides about a label value.
  using ValueFilter = std::function<bool(std::string_view)>;
  /// Appends the series whose value of `name` begins with `prefix` and passes `keep` (empty = all).
  /// Each list is ascending, their concatenation need not be.
  virtual Status OfValues(std::string_view name, std::string_view prefix, const ValueFilter& keep,
                          PostingList& out) const = 0;

  /// The series that have the matcher's label with a value on which it says `wanted`, ascending,
  /// replacing `out`. Sources may remember answers.
  virtual Status OfMatcher(const model::Matcher& matcher, bool wanted, PostingList& out) const;

  /// The series that have all of these labels, ascending, replacing `out`.
  /// @param equal  at least one, of type kEqual and with a value
  virtual Status OfEqual(std::span<const model::Matcher* const> equal, PostingList& out) const;
};

/// The series that all matchers select, ascending. Matchers that match "" also select series
/// without the label. No matchers = every series. Errors: those of the source, kCancelled. Source:
/// Prometheus tsdb PostingsForMatchers.
Result<PostingList> SelectPostings(const PostingsSource& source,
                                   std::span<const model::Matcher> matchers,
                                   const std::stop_token& stop = {});

/// Whether all matchers are about one label: then its values alone tell which of them series that
/// match have. Source: Prometheus tsdb labelValuesWithMatchers.
bool AllAbout(std::string_view label, std::span<const model::Matcher> matchers);

/// Drops the values on which one of the matchers says no. Errors: kCancelled.
Status KeepMatching(std::span<const model::Matcher> matchers, const std::stop_token& stop,
                    std::vector<std::string>& values);

/// Whether a search may go on. Errors: kCancelled.
Status CheckStop(const std::stop_token& stop);
/// The same for the i-th turn of a loop, of which some look.
inline Status CheckStop(const std::stop_token& stop, std::size_t i) {
  return i % 1024 == 0 ? CheckStop(stop) : Status();
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include "tsdb/postings.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace narthex::tsdb {
namespace {

using model::Matcher;
using model::MatchType;
using model::Regex;

// From this ratio of lengths on, searching in the longer list beats walking it.
constexpr std::size_t kGallopRatio = 8;

// The first element ≥ x at or after `from`: doubling steps, then binary search.
template <typename Id>
const Id* Gallop(const Id* from, const Id* end, Id x) {
  std::size_t step = 1;
  while (static_cast<std::size_t>(end - from) > step && from[step] < x) {
    from += step;
    step *= 2;
  }
  const auto rest = static_cast<std::size_t>(end - from);
  return std::lower_bound(from, from + std::min(rest, step + 1), x);
}

template <typename Id>
void IntersectGalloping(std::span<const Id> small, std::span<const Id> large,
                        std::vector<Id>& out) {
  const Id* at = large.data();
  const Id* const end = at + large.size();
  for (const Id x : small) {
    at = Gallop(at, end, x);
    if (at == end) return;
    if (*at == x) out.push_back(x);
  }
}

// Up to so many bitmap words per element, a bitmap beats sorting.
constexpr std::uint64_t kBitmapWordsPerId = 4;

template <typename Id>
void SortByBitmap(std::vector<Id>& ids, Id first, std::uint64_t num_words) {
  std::vector<std::uint64_t> words(num_words);
  for (const Id id : ids) words[(id - first) / 64] |= std::uint64_t{1} << ((id - first) % 64);
  std::size_t n = 0;
  for (std::size_t w = 0; w < words.size(); ++w) {
    for (std::uint64_t bits = words[w]; bits != 0; bits &= bits - 1) {
      ids[n++] = first + static_cast<Id>(64 * w + static_cast<unsigned>(std::countr_zero(bits)));
    }
  }
  ids.resize(n);
}

}  // namespace

template <typename Id>
void Intersect(std::span<const Id> a, std::span<const Id> b, std::vector<Id>& out) {
  out.clear();
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() / kGallopRatio >= a.size()) {
    IntersectGalloping(a, b, out);
  } else {
    std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  }
}

template <typename Id>
void Unite(std::span<const Id> a, std::span<const Id> b, std::vector<Id>& out) {
  out.clear();
  out.reserve(a.size() + b.size());
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
}

template <typename Id>
void Subtract(std::span<const Id> a, std::span<const Id> b, std::vector<Id>& out) {
  out.clear();
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
}

template <typename Id>
void SortUnique(std::vector<Id>& ids) {
  if (!std::is_sorted(ids.begin(), ids.end())) {
    const auto [least, greatest] = std::minmax_element(ids.begin(), ids.end());
    const Id first = *least;
    const std::uint64_t words = (static_cast<std::uint64_t>(*greatest) - first) / 64 + 1;
    if (words <= kBitmapWordsPerId * ids.size()) return SortByBitmap(ids, first, words);
    std::sort(ids.begin(), ids.end());
  }
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

template void Intersect(std::span<const std::uint32_t>, std::span<const std::uint32_t>,
                        std::vector<std::uint32_t>&);
template void Intersect(std::span<const std::uint64_t>, std::span<const std::uint64_t>,
                        std::vector<std::uint64_t>&);
template void Unite(std::span<const std::uint32_t>, std::span<const std::uint32_t>,
                    std::vector<std::uint32_t>&);
template void Unite(std::span<const std::uint64_t>, std::span<const std::uint64_t>,
                    std::vector<std::uint64_t>&);
template void Subtract(std::span<const std::uint32_t>, std::span<const std::uint32_t>,
                       std::vector<std::uint32_t>&);
template void Subtract(std::span<const std::uint64_t>, std::span<const std::uint64_t>,
                       std::vector<std::uint64_t>&);
template void SortUnique(std::vector<std::uint32_t>&);
template void SortUnique(std::vector<std::uint64_t>&);

namespace {

// What a matcher does to the selection: keep only a list, or take a list away. A matcher that
// matches "" takes away, because series without the label must stay.
struct Step {
  bool subtract = false;
  PostingList list;
};

Status AppendValues(const PostingsSource& source, const std::string& name,
                    const std::vector<std::string>& values, PostingList& out) {
  for (const std::string& value : values) {
    if (!value.empty()) NX_RETURN_IF_ERROR(source.OfValue(name, value, out));
  }
  return {};
}

// The series that have the label with a value on which the matcher says `wanted`.
Status AppendWhere(const PostingsSource& source, const Matcher& m, bool wanted, PostingList& out) {
  const bool negative = m.type() == MatchType::kNotEqual || m.type() == MatchType::kNotRegex;
  // On values with which the positive form of the matcher agrees, lists and prefixes can be used.
  const bool positive_side = wanted != negative;
  const Regex* regex = m.regex();
  if (positive_side) {
    if (regex == nullptr) {
      return m.value().empty() ? Status{} : source.OfValue(m.name(), m.value(), out);
    }
    if (!regex->set_matches().empty()) {
      return AppendValues(source, m.name(), regex->set_matches(), out);
    }
    if (regex->matches_all() || regex->matches_non_empty()) {
      return source.OfValues(m.name(), {}, {}, out);
    }
    return source.OfValues(
        m.name(), regex->prefix(), [regex](std::string_view v) { return regex->Matches(v); }, out);
  }
  if (regex == nullptr && m.value().empty()) return source.OfValues(m.name(), {}, {}, out);
  return source.OfValues(
      m.name(), {}, [&](std::string_view v) { return m.Matches(v) == wanted; }, out);
}

// nullopt: the matcher changes nothing.
Result<std::optional<Step>> StepOf(const PostingsSource& source, const Matcher& m) {
  const Regex* regex = m.regex();
  if (regex != nullptr && regex->matches_all() && m.type() == MatchType::kRegex) {
    return std::optional<Step>();
  }
  Step step;
  step.subtract = m.MatchesEmpty();
  NX_RETURN_IF_ERROR(source.OfMatcher(m, !step.subtract, step.list));
  return std::optional<Step>(std::move(step));
}

bool SelectsNothing(const Matcher& m) {
  return m.type() == MatchType::kNotRegex && m.regex()->matches_all();
}

bool IsEqualToValue(const Matcher& m) {
  return m.type() == MatchType::kEqual && !m.value().empty();
}

// Equal matchers first: their lists are cheap, and an empty one ends the work.
int Cost(const Matcher& m) {
  if (IsEqualToValue(m)) return 0;
  if (m.type() == MatchType::kRegex && !m.regex()->set_matches().empty()) return 1;
  return m.MatchesEmpty() ? 3 : 2;
}

Result<PostingList> Combine(const PostingsSource& source, std::vector<Step>& steps) {
  PostingList result;
  PostingList next;
  std::sort(steps.begin(), steps.end(), [](const Step& a, const Step& b) {
    return a.subtract != b.subtract ? b.subtract : a.list.size() < b.list.size();
  });
  std::size_t i = 0;
  if (!steps.empty() && !steps[0].subtract) {
    result = std::move(steps[0].list);
    i = 1;
  } else {
    NX_RETURN_IF_ERROR(source.All(result));
  }
  for (; i < steps.size() && !result.empty(); ++i) {
    const std::span<const SeriesId> list(steps[i].list);
    if (steps[i].subtract) {
      Subtract(std::span<const SeriesId>(result), list, next);
    } else {
      Intersect(std::span<const SeriesId>(result), list, next);
    }
    result.swap(next);
  }
  return result;
}

}  // namespace

Status PostingsSource::OfMatcher(const Matcher& matcher, bool wanted, PostingList& out) const {
  out.clear();
  NX_RETURN_IF_ERROR(AppendWhere(*this, matcher, wanted, out));
  SortUnique(out);
  return {};
}

Status PostingsSource::OfEqual(std::span<const Matcher* const> equal, PostingList& out) const {
  std::vector<PostingList> lists(equal.size());
  for (std::size_t i = 0; i < equal.size(); ++i) {
    NX_RETURN_IF_ERROR(OfMatcher(*equal[i], true, lists[i]));
  }
  std::sort(lists.begin(), lists.end(),
            [](const PostingList& a, const PostingList& b) { return a.size() < b.size(); });
  out = std::move(lists[0]);
  PostingList next;
  for (std::size_t i = 1; i < lists.size() && !out.empty(); ++i) {
    Intersect(std::span<const SeriesId>(out), std::span<const SeriesId>(lists[i]), next);
    out.swap(next);
  }
  return {};
}

Result<PostingList> SelectPostings(const PostingsSource& source, std::span<const Matcher> matchers,
                                   const std::stop_token& stop) {
  std::vector<const Matcher*> ordered;
  for (const Matcher& m : matchers) {
    if (SelectsNothing(m)) return PostingList();
    ordered.push_back(&m);
  }
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Matcher* a, const Matcher* b) { return Cost(*a) < Cost(*b); });
  std::vector<Step> steps;
  const auto equal_end = std::find_if(ordered.begin(), ordered.end(),
                                      [](const Matcher* m) { return !IsEqualToValue(*m); });
  if (equal_end != ordered.begin()) {
    Step equal;
    NX_RETURN_IF_ERROR(source.OfEqual({ordered.begin(), equal_end}, equal.list));
    if (equal.list.empty()) return PostingList();
    steps.push_back(std::move(equal));
  }
  ordered.erase(ordered.begin(), equal_end);
  for (const Matcher* m : ordered) {
    NX_RETURN_IF_ERROR(CheckStop(stop));
    NX_ASSIGN_OR_RETURN(std::optional<Step> step, StepOf(source, *m));
    if (!step) continue;
    if (!step->subtract && step->list.empty()) return PostingList();
    if (!step->list.empty()) steps.push_back(std::move(*step));
  }
  return Combine(source, steps);
}

bool AllAbout(std::string_view label, std::span<const Matcher> matchers) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const Matcher& m) { return m.name() == label; });
}

Status KeepMatching(std::span<const Matcher> matchers, const std::stop_token& stop,
                    std::vector<std::string>& values) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    NX_RETURN_IF_ERROR(CheckStop(stop, i));
    const bool matches = std::all_of(matchers.begin(), matchers.end(),
                                     [&](const Matcher& m) { return m.Matches(values[i]); });
    if (!matches) continue;
    if (kept != i) values[kept] = std::move(values[i]);
    ++kept;
  }
  values.resize(kept);
  return {};
}

Status CheckStop(const std::stop_token& stop) {
  if (!stop.stop_requested()) return {};
  return Fail(Code::kCancelled, "series selection was cancelled");
}

}  // namespace narthex::tsdb

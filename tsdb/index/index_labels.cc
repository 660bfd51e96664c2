// SPDX-License-Identifier: Apache-2.0
//
// What an index knows of label names and values.
#include <algorithm>

#include "tsdb/index/index_reader.h"

namespace narthex::tsdb {
namespace {

// Whether an ascending list of big-endian numbers and `ids` have one in common.
bool Meet(ByteSpan list, std::span<const SeriesId> ids) {
  const std::size_t n = list.size() / 4;
  const auto at = [&](std::size_t i) { return LoadBe32(list.data() + 4 * i); };
  std::size_t i = 0, j = 0;
  while (i < n && j < ids.size()) {
    if (at(i) == ids[j]) return true;
    if (at(i) < ids[j]) {
      // The first one that is not less: doubling steps, then halving.
      std::size_t step = 1;
      while (i + step < n && at(i + step) < ids[j]) step *= 2;
      std::size_t low = i + step / 2, high = std::min(i + step, n);
      while (low < high) {
        const std::size_t mid = low + (high - low) / 2;
        if (at(mid) < ids[j]) {
          low = mid + 1;
        } else {
          high = mid;
        }
      }
      i = low;
    } else {
      j = static_cast<std::size_t>(
          std::lower_bound(ids.begin() + static_cast<std::ptrdiff_t>(j), ids.end(), at(i)) -
          ids.begin());
    }
  }
  return false;
}

}  // namespace

std::vector<std::string> IndexReader::LabelNames() const {
  std::vector<std::string> names;
  for (const NameEntries& entries : names_) names.emplace_back(entries.name);
  return names;
}

std::vector<std::string> IndexReader::LabelValues(std::string_view name) const {
  std::vector<std::string> values;
  const NameEntries* entries = Find(name);
  if (entries == nullptr) return values;
  values.reserve(entries->count);
  const Status walked = Walk(*entries, {}, [&](const TableEntry& entry) -> Result<bool> {
    values.emplace_back(entry.value);
    return true;
  });
  return values;
}

Status IndexReader::ForEachValue(
    std::string_view name,
    const std::function<void(std::string_view, std::uint32_t)>& visit) const {
  const NameEntries* entries = Find(name);
  if (entries == nullptr) return {};
  return Walk(*entries, {}, [&](const TableEntry& entry) -> Result<bool> {
    NX_ASSIGN_OR_RETURN(const ByteSpan ids, ListBytes(entry.list_offset));
    visit(entry.value, static_cast<std::uint32_t>(ids.size() / 4));
    return true;
  });
}

std::size_t IndexReader::NumValues(std::string_view name) const {
  const NameEntries* entries = Find(name);
  return entries == nullptr ? 0 : entries->count;
}

template <typename Visit>
Status IndexReader::WalkOn(const NameEntries& entries, std::span<const SeriesId> ids,
                           const std::stop_token& stop, Visit&& visit) const {
  std::size_t seen = 0;
  return Walk(entries, {}, [&](const TableEntry& entry) -> Result<bool> {
    if (const Status goes_on = CheckStop(stop, seen++); !goes_on) return Fail(goes_on.error());
    NX_ASSIGN_OR_RETURN(const ByteSpan list, ListBytes(entry.list_offset));
    return !Meet(list, ids) || visit(entry.value);
  });
}

Result<std::vector<std::string>> IndexReader::ValuesOn(std::string_view name,
                                                       std::span<const SeriesId> ids,
                                                       const std::stop_token& stop) const {
  std::vector<std::string> values;
  const NameEntries* entries = Find(name);
  if (entries == nullptr || ids.empty()) return values;
  NX_RETURN_IF_ERROR(WalkOn(*entries, ids, stop, [&](std::string_view value) {
    values.emplace_back(value);
    return true;
  }));
  return values;
}

Result<std::vector<std::string>> IndexReader::NamesOn(std::span<const SeriesId> ids,
                                                      const std::stop_token& stop) const {
  // Some series have most of the names. Of each other name, mostly the first value that any series
  // has decides.
  constexpr std::size_t kRead = 64;
  std::vector<bool> found(names_.size());
  SymbolPairs pairs;
  for (std::size_t i = 0; i < ids.size(); i += ids.size() / kRead + 1) {
    NX_RETURN_IF_ERROR(Series(ids[i], &pairs, nullptr));
    for (const auto& [name, value] : pairs) {
      const auto it = std::lower_bound(
          names_.begin(), names_.end(), name,
          [](const NameEntries& entries, std::uint32_t symbol) { return entries.symbol < symbol; });
      if (it != names_.end() && it->symbol == name) found[it - names_.begin()] = true;
    }
  }
  std::vector<std::string> names;
  for (std::size_t n = 0; n < names_.size(); ++n) {
    bool on_any = found[n];
    if (!on_any) {
      NX_RETURN_IF_ERROR(WalkOn(names_[n], ids, stop, [&](std::string_view) {
        on_any = true;
        return false;
      }));
    }
    if (on_any) names.emplace_back(names_[n].name);
  }
  return names;
}

}  // namespace narthex::tsdb

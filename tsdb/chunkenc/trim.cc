// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/trim.h"

#include <algorithm>

namespace narthex::tsdb {
namespace {

template <typename Times, typename Values>
void Trim(Times& t, Values& v, storage::StartTimes& starts, std::size_t base,
          model::TimestampMs mint, model::TimestampMs maxt) {
  if (t.size() == base || (t[base] >= mint && t.back() <= maxt)) return;
  const auto begin = t.begin() + static_cast<std::ptrdiff_t>(base);
  const auto first = std::lower_bound(begin, t.end(), mint);
  const auto last = std::upper_bound(first, t.end(), maxt);
  const auto skip = first - begin;
  const auto keep_end = last - t.begin();
  const auto v_begin = v.begin() + static_cast<std::ptrdiff_t>(base);
  t.erase(last, t.end());
  v.erase(v.begin() + keep_end, v.end());
  starts.Truncate(static_cast<std::size_t>(keep_end));
  starts.Erase(base, base + static_cast<std::size_t>(skip));
  t.erase(begin, begin + skip);
  v.erase(v_begin, v_begin + skip);
}

}  // namespace

void TrimFloats(storage::SampleColumns& columns, std::size_t base, model::TimestampMs mint,
                model::TimestampMs maxt) {
  Trim(columns.t, columns.v, columns.starts, base, mint, maxt);
}

void TrimHistograms(storage::SampleColumns& columns, std::size_t base, model::TimestampMs mint,
                    model::TimestampMs maxt) {
  Trim(columns.histogram_t, columns.histograms, columns.histogram_starts, base, mint, maxt);
}

}  // namespace narthex::tsdb

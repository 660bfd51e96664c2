// SPDX-License-Identifier: Apache-2.0
#include <iterator>
#include <utility>

#include "narthex/storage/querier.h"

namespace narthex::storage {

void SampleColumns::Append(SampleColumns&& later) {
  starts.AppendAll(t.size(), later.starts);
  t.insert(t.end(), later.t.begin(), later.t.end());
  v.insert(v.end(), later.v.begin(), later.v.end());
  histogram_starts.AppendAll(histogram_t.size(), later.histogram_starts);
  histogram_t.insert(histogram_t.end(), later.histogram_t.begin(), later.histogram_t.end());
  histograms.insert(histograms.end(), std::make_move_iterator(later.histograms.begin()),
                    std::make_move_iterator(later.histograms.end()));
}

SampleColumns SampleColumns::TakeTail(std::size_t floats, std::size_t histograms_from) {
  const auto take = [](auto& from, std::size_t at, auto& to) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(at);
    to.assign(std::make_move_iterator(begin), std::make_move_iterator(from.end()));
    from.erase(begin, from.end());
  };
  SampleColumns tail;
  take(t, floats, tail.t);
  take(v, floats, tail.v);
  take(histogram_t, histograms_from, tail.histogram_t);
  take(histograms, histograms_from, tail.histograms);
  tail.starts = starts.TakeTail(floats);
  tail.histogram_starts = histogram_starts.TakeTail(histograms_from);
  return tail;
}

}  // namespace narthex::storage

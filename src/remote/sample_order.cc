// SPDX-License-Identifier: Apache-2.0
#include "src/remote/sample_order.h"

#include <algorithm>
#include <numeric>

namespace narthex::remote {
namespace {

using model::TimestampMs;

template <typename Times>
bool Ascends(const Times& t) {
  return std::adjacent_find(t.begin(), t.end(), std::greater_equal<TimestampMs>()) == t.end();
}

/// Sorts by time; of equal times the last one stays. Start times are forgotten then.
/// @return whether that changed anything
template <typename Times, typename Values>
bool Sort(Times& t, Values& values, storage::StartTimes& starts) {
  if (Ascends(t)) return false;
  starts.clear();
  std::vector<std::size_t> order(t.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return t[a] < t[b]; });
  Times sorted_t;
  Values sorted_values;
  for (std::size_t k = 0; k < order.size(); ++k) {
    if (k + 1 < order.size() && t[order[k]] == t[order[k + 1]]) continue;
    sorted_t.push_back(t[order[k]]);
    sorted_values.push_back(std::move(values[order[k]]));
  }
  t = std::move(sorted_t);
  values = std::move(sorted_values);
  return true;
}

void DropHistogramsAtFloats(storage::SampleColumns& columns) {
  if (columns.t.empty() || columns.histogram_t.empty()) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < columns.histogram_t.size(); ++i) {
    if (std::binary_search(columns.t.begin(), columns.t.end(), columns.histogram_t[i])) continue;
    if (kept != i) {
      columns.histogram_t[kept] = columns.histogram_t[i];
      columns.histograms[kept] = std::move(columns.histograms[i]);
      columns.histogram_starts.Move(i, kept);
      ForgetReset(columns.histograms[kept]);
    }
    ++kept;
  }
  columns.histogram_starts.Truncate(kept);
  columns.histogram_t.resize(kept);
  columns.histograms.resize(kept);
}

}  // namespace

void ForgetReset(model::FloatHistogram& histogram) {
  if (histogram.counter_reset_hint != model::CounterResetHint::kGauge) {
    histogram.counter_reset_hint = model::CounterResetHint::kUnknown;
  }
}

void PutInOrder(storage::SampleColumns& columns) {
  Sort(columns.t, columns.v, columns.starts);
  if (Sort(columns.histogram_t, columns.histograms, columns.histogram_starts)) {
    for (model::FloatHistogram& h : columns.histograms) ForgetReset(h);
  }
  DropHistogramsAtFloats(columns);
}

}  // namespace narthex::remote

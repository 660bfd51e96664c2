// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "narthex/storage/merge.h"

namespace narthex::storage {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using model::TimestampMs;

// The hint says how a histogram relates to the one before it; that one is another now.
void ForgetReset(FloatHistogram& h) {
  if (h.counter_reset_hint != CounterResetHint::kGauge) {
    h.counter_reset_hint = CounterResetHint::kUnknown;
  }
}

// Merges (at, av) and (bt, bv) by time; of equal times b's stays. push(value, from_b).
template <typename Times, typename Push>
void MergeByTime(const Times& at, const Times& bt, Push&& push) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < at.size() && j < bt.size()) {
    if (at[i] < bt[j]) {
      push(i++, false);
    } else {
      if (at[i] == bt[j]) ++i;
      push(j++, true);
    }
  }
  while (i < at.size()) push(i++, false);
  while (j < bt.size()) push(j++, true);
}

void MergeFloats(const SampleColumns& a, const SampleColumns& b, SampleColumns& out) {
  out.t.reserve(a.t.size() + b.t.size());
  out.v.reserve(a.t.size() + b.t.size());
  MergeByTime(a.t, b.t, [&](std::size_t i, bool from_b) {
    const SampleColumns& from = from_b ? b : a;
    out.starts.Append(out.t.size(), from.starts.At(i));
    out.t.push_back(from.t[i]);
    out.v.push_back(from.v[i]);
  });
}

void MergeHistograms(const SampleColumns& a, const SampleColumns& b, SampleColumns& out) {
  bool last_from_b = false;
  MergeByTime(a.histogram_t, b.histogram_t, [&](std::size_t i, bool from_b) {
    const SampleColumns& from = from_b ? b : a;
    const bool switched = !out.histogram_t.empty() && from_b != last_from_b;
    out.histogram_starts.Append(out.histogram_t.size(), from.histogram_starts.At(i));
    out.histogram_t.push_back(from.histogram_t[i]);
    out.histograms.push_back(from.histograms[i]);
    if (switched) ForgetReset(out.histograms.back());
    last_from_b = from_b;
  });
}

// Drops the samples whose time occurs in `others`; both ascend.
template <typename Times, typename Values, typename Others>
void DropTimes(Times& t, Values& v, StartTimes& starts, const Others& others) {
  std::size_t kept = 0;
  auto other = others.begin();
  for (std::size_t i = 0; i < t.size(); ++i) {
    while (other != others.end() && *other < t[i]) ++other;
    if (other != others.end() && *other == t[i]) continue;
    if (kept != i) {
      t[kept] = t[i];
      v[kept] = std::move(v[i]);
      starts.Move(i, kept);
    }
    ++kept;
  }
  t.resize(kept);
  v.resize(kept);
  starts.Truncate(kept);
}

TimestampMs FirstTime(const SampleColumns& c) {
  const TimestampMs f = c.t.empty() ? model::kMaxTime : c.t.front();
  return c.histogram_t.empty() ? f : std::min(f, c.histogram_t.front());
}

TimestampMs LastTime(const SampleColumns& c) {
  const TimestampMs f = c.t.empty() ? model::kMinTime : c.t.back();
  return c.histogram_t.empty() ? f : std::max(f, c.histogram_t.back());
}

bool Empty(const SampleColumns& c) { return c.t.empty() && c.histogram_t.empty(); }

}  // namespace

void MergeColumns(const SampleColumns& a, const SampleColumns& b, SampleColumns& out) {
  out.Clear();
  const bool one_kind = a.histogram_t.empty() && b.histogram_t.empty();
  if (one_kind) return MergeFloats(a, b, out);
  // A time that has a float in one and a histogram in the other keeps b's.
  SampleColumns rest = a;
  DropTimes(rest.t, rest.v, rest.starts, b.histogram_t);
  DropTimes(rest.histogram_t, rest.histograms, rest.histogram_starts, b.t);
  MergeFloats(rest, b, out);
  MergeHistograms(rest, b, out);
}

void AppendOrMerge(SampleColumns& columns, SampleColumns& later, SampleColumns& scratch) {
  if (Empty(later)) return;
  if (Empty(columns)) {
    std::swap(columns, later);
    return;
  }
  if (LastTime(columns) >= FirstTime(later)) {
    MergeColumns(columns, later, scratch);
    std::swap(columns, scratch);
    return;
  }
  if (!later.histograms.empty() && !columns.histograms.empty()) {
    ForgetReset(later.histograms.front());
  }
  columns.Append(std::move(later));
}

void MergeTail(SampleColumns& columns, std::size_t floats, std::size_t histograms) {
  if (floats == 0 && histograms == 0) return;
  const bool more_floats = floats < columns.t.size();
  const bool more_histograms = histograms < columns.histogram_t.size();
  TimestampMs last = model::kMinTime, first = model::kMaxTime;
  if (floats > 0) last = columns.t[floats - 1];
  if (histograms > 0) last = std::max(last, columns.histogram_t[histograms - 1]);
  if (more_floats) first = columns.t[floats];
  if (more_histograms) first = std::min(first, columns.histogram_t[histograms]);
  if (last < first) {
    if (more_histograms && histograms > 0) ForgetReset(columns.histograms[histograms]);
    return;
  }
  if (!more_floats && !more_histograms) return;
  SampleColumns tail = columns.TakeTail(floats, histograms);
  SampleColumns scratch;
  AppendOrMerge(columns, tail, scratch);
  columns.chained = true;
}

}  // namespace narthex::storage

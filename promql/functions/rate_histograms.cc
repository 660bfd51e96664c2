// SPDX-License-Identifier: Apache-2.0
//
// The increase of a native histogram over a window.
#include <algorithm>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/functions/range_function.h"
#include "promql/functions/start_reset.h"

namespace narthex::promql {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;

void WarnNot(const char* kind, const RangeCall& call, const RangeSeries& series,
             storage::Annotations& notes) {
  notes.AddWarning(std::string("PromQL warning: this native histogram metric is not a ") + kind +
                       ": " + go::Quote(series.name),
                   call.position);
}

bool IsGauge(const FloatHistogram& h) { return h.counter_reset_hint == CounterResetHint::kGauge; }

/// Whether all samples that count have the same kind of buckets; finds the coarsest schema.
bool CheckSamples(std::span<const FloatHistogram> points, const FloatHistogram& first, bool counter,
                  bool& any_gauge, std::int32_t& min_schema) {
  const bool custom = UsesCustomBuckets(first);
  const FloatHistogram& last = points.back();
  if (UsesCustomBuckets(last) != custom) return false;
  min_schema = std::min(first.schema, last.schema);
  if (!counter) return true;
  for (const FloatHistogram& h : points.subspan(1, points.size() - 2)) {
    if (IsGauge(h)) any_gauge = true;
    min_schema = std::min(min_schema, h.schema);
    if (UsesCustomBuckets(h) != custom) return false;
  }
  return true;
}

}  // namespace

HistogramPtr HistogramRate(const RangeCall& call, const RangeSeries& series, int s,
                           storage::Annotations& notes) {
  const bool counter = call.id != FunctionId::kDelta;
  const auto points = series.h.subspan(series.hlo[s], series.hhi[s] - series.hlo[s]);
  const FloatHistogram* prev = &points.front();
  bool any_gauge = counter && (IsGauge(points.front()) || IsGauge(points.back()));

  // After a reset between the first two samples nothing of the first one matters, not even its
  // layout.
  FloatHistogram nothing;
  const std::size_t lo = series.hlo[s];
  const StartedSamples started{series.ht, series.hstarts};
  if (counter && (started.IsReset(lo + 1) || model::DetectReset(points[1], *prev))) {
    nothing.schema = points[1].schema;
    nothing.custom_values = points[1].custom_values;
    prev = &nothing;
  }
  std::int32_t min_schema = 0;
  const bool fits = CheckSamples(points, *prev, counter, any_gauge, min_schema);
  if (any_gauge) WarnNot("counter", call, series, notes);
  if (!fits) {
    WarnMixedBuckets(call, series, notes);
    return nullptr;
  }
  FloatHistogram result = points.back();
  model::ReduceResolution(result, min_schema);
  // Resets are handled below, so contradicting hints do not matter here.
  bool subtraction_reconciled = model::Subtract(result, *prev).bounds_reconciled;
  bool addition_reconciled = false;
  if (counter) {
    for (std::size_t i = 1; i < points.size(); ++i) {
      if (started.IsReset(lo + i) || model::DetectReset(points[i], *prev)) {
        addition_reconciled |= model::Add(result, *prev).bounds_reconciled;
      }
      prev = &points[i];
    }
  } else if (!IsGauge(points.front()) || !IsGauge(points.back())) {
    WarnNot("gauge", call, series, notes);
  }
  if (subtraction_reconciled) {
    notes.AddInfo("PromQL info: mismatched custom buckets were reconciled during subtraction",
                  call.position);
  }
  if (addition_reconciled) {
    notes.AddInfo("PromQL info: mismatched custom buckets were reconciled during addition",
                  call.position);
  }
  result.counter_reset_hint = CounterResetHint::kGauge;
  model::Compact(result);
  return std::make_shared<const FloatHistogram>(std::move(result));
}

}  // namespace narthex::promql

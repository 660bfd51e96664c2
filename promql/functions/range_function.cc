// SPDX-License-Identifier: Apache-2.0
#include "promql/functions/range_function.h"

#include "narthex/base/go_format.h"

namespace narthex::promql {

RangeFunction FindRangeFunction(FunctionId id) {
  switch (id) {
    case FunctionId::kRate:
    case FunctionId::kIncrease:
    case FunctionId::kDelta:
      return {RateKernel};
    case FunctionId::kIrate:
    case FunctionId::kIdelta:
      return {InstantDeltaKernel};
    case FunctionId::kCountOverTime:
      return {CountOverTime};
    case FunctionId::kPresentOverTime:
    case FunctionId::kAbsentOverTime:
      return {PresentOverTime};
    case FunctionId::kSumOverTime:
      return {SumOverTime};
    case FunctionId::kAvgOverTime:
      return {AvgOverTime};
    case FunctionId::kMinOverTime:
    case FunctionId::kMaxOverTime:
    case FunctionId::kTsOfMinOverTime:
    case FunctionId::kTsOfMaxOverTime:
      return {MinMaxOverTime};
    case FunctionId::kFirstOverTime:
    case FunctionId::kLastOverTime:
      return {FirstLastOverTime, true};
    case FunctionId::kTsOfFirstOverTime:
    case FunctionId::kTsOfLastOverTime:
      return {TimeOfFirstLast};
    case FunctionId::kStddevOverTime:
    case FunctionId::kStdvarOverTime:
      return {SpreadOverTime};
    case FunctionId::kQuantileOverTime:
      return {QuantileOverTime};
    case FunctionId::kMadOverTime:
      return {MadOverTime};
    case FunctionId::kDeriv:
      return {DerivKernel};
    case FunctionId::kPredictLinear:
      return {PredictLinearKernel};
    case FunctionId::kDoubleExponentialSmoothing:
      return {SmoothingKernel};
    case FunctionId::kChanges:
      return {ChangesKernel};
    case FunctionId::kResets:
      return {ResetsKernel};
    default:
      return {};
  }
}

std::string ForMetricName(std::string_view text, std::string_view name) {
  return std::string(text) + " for metric name " + go::Quote(name);
}

std::string WithMetricName(std::string_view text, std::string_view name) {
  return name.empty() ? std::string(text) : ForMetricName(text, name);
}

void WarnMixed(const RangeCall& call, const RangeSeries& series, storage::Annotations& notes) {
  notes.AddWarning(
      ForMetricName("PromQL warning: encountered a mix of histograms and floats", series.name),
      call.position);
}

void WarnMixedBuckets(const RangeCall& call, const RangeSeries& series,
                      storage::Annotations& notes) {
  notes.AddWarning(
      ForMetricName("PromQL warning: vector contains a mix of histograms with exponential and "
                    "custom buckets schemas",
                    series.name),
      call.position);
}

void InfoIgnoredHistograms(const RangeCall& call, const RangeSeries& series,
                           storage::Annotations& notes) {
  notes.AddInfo(
      ForMetricName("PromQL info: ignored histograms in a range containing both floats and "
                    "histograms",
                    series.name),
      call.position);
}

}  // namespace narthex::promql

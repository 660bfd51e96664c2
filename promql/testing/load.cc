// SPDX-License-Identifier: Apache-2.0
#include "promql/testing/load.h"

#include <memory>

#include <fmt/core.h>

namespace narthex::promql {
namespace {

Status LoadSeries(const ScriptSeries& series, model::DurationMs step_ms,
                  storage::Appender& appender) {
  auto ref = storage::SeriesRef{0};
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    const SequenceValue& value = series.values[i];
    if (value.omitted) continue;
    const model::TimestampMs t = static_cast<model::TimestampMs>(i) * step_ms;
    const auto start = series.starts.empty() ? std::nullopt : series.starts[i];
    appender.SetStart(start ? t + *start : 0);
    const auto error = value.histogram
                           ? appender.AppendFloatHistogram(ref, series.labels, t, *value.histogram)
                           : appender.Append(ref, series.labels, t, value.value);
    if (error != storage::AppendError::kNone) {
      return Fail(Code::kExecution, fmt::format("load {} at {}: {}", series.labels.ToString(), t,
                                                storage::AppendErrorText(error)));
    }
  }
  appender.SetStart(0);
  return {};
}

}  // namespace

Status Load(const LoadCommand& load, storage::Appendable& appendable) {
  const std::unique_ptr<storage::Appender> appender = appendable.NewAppender();
  for (const auto& series : load.series) {
    NX_RETURN_IF_ERROR(LoadSeries(series, load.step_ms, *appender));
  }
  if (load.with_nhcb) {
    NX_ASSIGN_OR_RETURN(const auto converted, ConvertClassicHistograms(load.series));
    for (const auto& series : converted) {
      NX_RETURN_IF_ERROR(LoadSeries(series, load.step_ms, *appender));
    }
  }
  return appender->Commit();
}

}  // namespace narthex::promql

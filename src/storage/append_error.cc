// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/storage/appender.h"

namespace narthex::storage {

std::string_view AppendErrorText(AppendError error) {
  switch (error) {
    case AppendError::kNone:
      return "";
    case AppendError::kOutOfOrder:
      return "out of order sample";
    case AppendError::kOutOfBounds:
      return "out of bounds";
    case AppendError::kTooOld:
      return "too old sample";
    case AppendError::kDuplicate:
      return "duplicate sample for timestamp";
    case AppendError::kUnknownSeries:
      return "unknown series";
    case AppendError::kInvalidLabels:
      return "invalid sample";
    case AppendError::kInvalidHistogram:
      return "invalid histogram";
    case AppendError::kExemplarOutOfOrder:
      return "out of order exemplar";
    case AppendError::kExemplarTooLong:
      return "label length for exemplar exceeds maximum of 128 UTF-8 characters";
    case AppendError::kExemplarsDisabled:
      return "exemplar storage is disabled or max exemplars is less than or equal to 0";
    case AppendError::kStartNotOlder:
      return "ST is newer or the same as sample's timestamp, ignoring";
  }
  return "";
}

std::string DuplicateSampleText(const DuplicateSample& sample) {
  const std::string_view plain = AppendErrorText(AppendError::kDuplicate);
  if (sample.existing_is_histogram) {
    return fmt::format("{} {}; overrides not allowed: existing is a histogram, new value {}", plain,
                       sample.t, go::FormatFloatG(sample.value));
  }
  // Prometheus tells an error without values from one with them by all being zero.
  if (sample.t == 0 && sample.existing == 0 && sample.value == 0) return std::string(plain);
  return fmt::format("{} {}; overrides not allowed: existing {}, new value {}", plain, sample.t,
                     go::FormatFloatG(sample.existing), go::FormatFloatG(sample.value));
}

void Appender::SetStart(model::TimestampMs) {}

void Appender::AppendStartedColumn(std::span<const SeriesRef> refs, model::TimestampMs t,
                                   std::span<const double> values,
                                   std::span<const model::TimestampMs>,
                                   std::span<AppendError> outcomes) {
  AppendColumn(refs, t, values, outcomes);
}

AppendError Appender::AppendStartZero(SeriesRef&, const model::Labels&, model::TimestampMs,
                                      model::TimestampMs) {
  return AppendError::kOutOfOrder;
}
AppendError Appender::AppendStartZero(SeriesRef&, const model::Labels&, model::TimestampMs,
                                      model::TimestampMs, const model::Histogram&) {
  return AppendError::kOutOfOrder;
}
AppendError Appender::AppendStartZero(SeriesRef&, const model::Labels&, model::TimestampMs,
                                      model::TimestampMs, const model::FloatHistogram&) {
  return AppendError::kOutOfOrder;
}

}  // namespace narthex::storage

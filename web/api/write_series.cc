// SPDX-License-Identifier: Apache-2.0
#include "web/api/write_series.h"

#include <algorithm>
#include <variant>

#include <fmt/core.h>

#include "narthex/base/log.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/metadata.h"

namespace narthex::web {
namespace {

using storage::AppendError;

constexpr std::string_view kTypeLabel = "__type__";
constexpr std::string_view kUnitLabel = "__unit__";
// Finer schemas are reserved and understood, but not stored.
constexpr std::int32_t kFinestSchema = 8;
constexpr std::int32_t kFinestReservedSchema = 52;
// Of labels in messages, which may be as many as there are series.
constexpr std::size_t kMaxTextBytes = 2048;

bool ByName(const model::LabelView& a, const model::LabelView& b) { return a.name < b.name; }

model::Labels MakeLabels(std::vector<model::LabelView> labels) {
  std::sort(labels.begin(), labels.end(), ByName);
  model::Labels out;
  for (const auto& label : labels) {
    if (!label.value.empty()) out.AppendSorted(label.name, label.value);
  }
  return out;
}

AppendOutcome InFuture() {
  return {AppendError::kOutOfBounds,
          fmt::format("{}: timestamp is too far in the future",
                      storage::AppendErrorText(AppendError::kOutOfBounds))};
}

}  // namespace

IncomingLabels::Problem IncomingLabels::Load(std::span<const model::LabelView> labels) {
  sorted_.assign(labels.begin(), labels.end());
  return Check();
}

IncomingLabels::Problem IncomingLabels::LoadWithMetadata(std::span<const model::LabelView> labels,
                                                         const proto::WriteMetadata& metadata) {
  if (metadata.type == model::MetricType::kUnknown && metadata.unit.empty()) return Load(labels);
  sorted_.clear();
  for (const auto& label : labels) {
    if (label.name != kTypeLabel && label.name != kUnitLabel) sorted_.push_back(label);
  }
  if (metadata.type != model::MetricType::kUnknown) {
    sorted_.push_back({kTypeLabel, model::MetricTypeName(metadata.type)});
  }
  if (!metadata.unit.empty()) sorted_.push_back({kUnitLabel, metadata.unit});
  return Check();
}

IncomingLabels::Problem IncomingLabels::Check() {
  if (!std::is_sorted(sorted_.begin(), sorted_.end(), ByName)) {
    std::sort(sorted_.begin(), sorted_.end(), ByName);
  }
  labels_.Clear();
  bool has_name = false;
  for (const auto& label : sorted_) {
    if (label.name.empty() || !model::IsValidUtf8(label.name) || !model::IsValidUtf8(label.value)) {
      return Problem::kInvalid;
    }
    if (label.name == model::kMetricName) {
      if (label.value.empty()) return Problem::kInvalid;
      has_name = true;
    }
  }
  if (!has_name) return Problem::kInvalid;
  for (std::size_t i = 0; i < sorted_.size(); ++i) {
    if (i > 0 && sorted_[i].name == sorted_[i - 1].name) {
      duplicate_ = sorted_[i].name;
      return Problem::kDuplicate;
    }
    if (!sorted_[i].value.empty()) labels_.AppendSorted(sorted_[i].name, sorted_[i].value);
  }
  return Problem::kNone;
}

std::string IncomingLabels::Text() const {
  model::Labels shown;
  std::size_t left = kMaxTextBytes;
  const auto take = [&left](std::string_view text) {
    const auto part = text.substr(0, left);
    left -= part.size();
    return part;
  };
  for (const auto& label : sorted_) {
    if (left == 0) break;
    const auto name = take(label.name);
    shown.AppendSorted(name, take(label.value));
  }
  std::string text = shown.ToString();
  if (left == 0) text += " (cut)";
  return text;
}

bool AppendOutcome::bad_request() const {
  switch (error) {
    case AppendError::kOutOfOrder:
    case AppendError::kOutOfBounds:
    case AppendError::kTooOld:
    case AppendError::kDuplicate:
    case AppendError::kInvalidHistogram:
      return true;
    default:
      return false;
  }
}

AppendOutcome WriteAppender::OutcomeOf(AppendError error) const {
  if (error == AppendError::kNone) return {};
  return {error, appender_->RefusalText(error)};
}

namespace {

// Nobody is told: nearly every one is out of order, as a series began only once.
void NoteStartZero(AppendError error, const model::Labels& labels, model::TimestampMs t,
                   model::TimestampMs start) {
  if (error == AppendError::kNone || error == AppendError::kOutOfOrder) return;
  log::Debug("Error when appending ST from remote write request",
             {{"err", storage::AppendErrorText(error)},
              {"series", labels.ToString()},
              {"start_timestamp", start},
              {"timestamp", t}});
}

}  // namespace

AppendOutcome WriteAppender::Append(storage::SeriesRef& ref, const model::Labels& labels,
                                    const proto::WriteSample& sample) {
  if (start_zeros_ && sample.start_t != 0 && sample.t != 0) {
    NoteStartZero(appender_->AppendStartZero(ref, labels, sample.t, sample.start_t), labels,
                  sample.t, sample.start_t);
  }
  if (sample.t > max_time_) return InFuture();
  return OutcomeOf(appender_->Append(ref, labels, sample.t, sample.value));
}

AppendOutcome WriteAppender::Append(storage::SeriesRef& ref, const model::Labels& labels,
                                    proto::WriteHistogram& histogram) {
  if (histogram.t > max_time_) return InFuture();
  const bool fine = std::visit(
      [](auto& h) {
        return h.schema <= kFinestSchema || h.schema > kFinestReservedSchema ||
               CoarsenChecked(h, kFinestSchema);
      },
      histogram.value);
  if (!fine) {
    return {AppendError::kInvalidHistogram,
            std::string(storage::AppendErrorText(AppendError::kInvalidHistogram))};
  }
  if (start_zeros_ && histogram.start_t != 0 && histogram.t != 0) {
    const auto error = std::visit(
        [&](const auto& h) {
          return appender_->AppendStartZero(ref, labels, histogram.t, histogram.start_t, h);
        },
        histogram.value);
    NoteStartZero(error, labels, histogram.t, histogram.start_t);
  }
  if (const auto* h = std::get_if<model::Histogram>(&histogram.value)) {
    return OutcomeOf(appender_->AppendHistogram(ref, labels, histogram.t, *h));
  }
  return OutcomeOf(appender_->AppendFloatHistogram(
      ref, labels, histogram.t, std::get<model::FloatHistogram>(histogram.value)));
}

AppendOutcome WriteAppender::Append(storage::SeriesRef ref, const model::Labels& labels,
                                    const proto::WriteExemplar& exemplar) {
  if (exemplar.t > max_time_) return InFuture();
  const model::Exemplar e{.labels = MakeLabels(exemplar.labels),
                          .value = exemplar.value,
                          .t = exemplar.t,
                          .has_timestamp = exemplar.t != 0};
  return OutcomeOf(appender_->AppendExemplar(ref, labels, e));
}

void WriteAppender::UpdateMetadata(storage::SeriesRef ref, const model::Labels& labels,
                                   const proto::WriteMetadata& metadata) {
  appender_->UpdateMetadata(ref, labels,
                            {.type = metadata.type,
                             .unit = std::string(metadata.unit),
                             .help = std::string(metadata.help)});
}

}  // namespace narthex::web

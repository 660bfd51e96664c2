// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_sink.h"

#include <type_traits>

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/model/sample.h"

namespace narthex::remote {
namespace {

using storage::AppendError;
using storage::SeriesRef;

constexpr std::size_t kMaxColumn = 1024;
// Of thousands of errors some will do for the sender's log.
constexpr std::size_t kMaxErrorBytes = 64 << 10;

/// Errors that sending again would not mend.
bool IsBadRequest(AppendError error) {
  return error == AppendError::kOutOfOrder || error == AppendError::kOutOfBounds ||
         error == AppendError::kTooOld || error == AppendError::kDuplicate;
}

bool EndsSeries(double v) { return model::IsStale(v); }
bool EndsSeries(const model::Histogram& h) { return model::IsStale(h.sum); }

}  // namespace

OtlpSink::OtlpSink(storage::Appendable& storage, OtlpSeriesCache& cache,
                   const OtlpSinkOptions& options)
    : cache_(cache), options_(options), appender_(storage.NewAppender()) {}

void OtlpSink::BeginUnit() {
  ++unit_;
  unit_failed_ = false;
}

void OtlpSink::Note(std::uint32_t unit, std::string_view text, bool bad_request) {
  // What came before in the unit may be in the column still.
  if (unit == unit_) {
    Flush();
    unit_failed_ = true;
  }
  if (last_failed_ == unit) return;
  last_failed_ = unit;
  failed_ = true;
  bad_request_ = bad_request_ || bad_request;
  if (errors_.size() >= kMaxErrorBytes) {
    ++untold_;
    return;
  }
  if (!errors_.empty()) errors_ += '\n';
  errors_ += text.substr(0, kMaxErrorBytes);
}

bool OtlpSink::TooLate(model::TimestampMs t) {
  if (t <= options_.max_time) return false;
  Note(unit_,
       fmt::format("{}: timestamp is too far in the future",
                   storage::AppendErrorText(AppendError::kOutOfBounds)),
       true);
  return true;
}

bool OtlpSink::AddKnown(const Hash128& id, const OtlpSeriesCache::Entry& known,
                        const OtlpTimes& times, double v,
                        std::span<const model::Exemplar> exemplars) {
  if (!options_.columns) return AppendToKnown(id, known, times, v, exemplars);
  if (TooLate(times.t)) return true;
  if (column_.t != times.t || column_.refs.size() == kMaxColumn) Flush();
  column_.t = times.t;
  column_.refs.push_back(known.ref);
  column_.values.push_back(v);
  column_.starts.push_back(times.start);
  column_.ids.push_back(id);
  column_.units.push_back(unit_);
  if (!family_->has_metadata) ++without_metadata_;
  if (!EndsSeries(v)) AppendRest(&id, known.ref, known.metadata, no_labels_, exemplars);
  return true;
}

bool OtlpSink::AddKnown(const Hash128& id, const OtlpSeriesCache::Entry& known,
                        const OtlpTimes& times, const model::Histogram& h,
                        std::span<const model::Exemplar> exemplars) {
  return AppendToKnown(id, known, times, h, exemplars);
}

template <typename V>
bool OtlpSink::AppendToKnown(const Hash128& id, const OtlpSeriesCache::Entry& known,
                             const OtlpTimes& times, const V& v,
                             std::span<const model::Exemplar> exemplars) {
  if (TooLate(times.t)) return true;
  Flush();
  SeriesRef ref = known.ref;
  const AppendError error = Append(ref, no_labels_, times, v);
  if (error == AppendError::kUnknownSeries) {
    cache_.Erase(id);
    return false;
  }
  if (error != AppendError::kNone) {
    Note(unit_, appender_->RefusalText(error), IsBadRequest(error));
    return true;
  }
  if (!family_->has_metadata) ++without_metadata_;
  if (!EndsSeries(v)) AppendRest(&id, ref, known.metadata, no_labels_, exemplars);
  return true;
}

template <typename V>
void OtlpSink::AddNew(const Hash128* id, const model::Labels& labels, const OtlpTimes& times,
                      const V& v, std::span<const model::Exemplar> exemplars) {
  if (TooLate(times.t)) return;
  Flush();
  SeriesRef ref{0};
  const AppendError error = Append(ref, labels, times, v);
  if (error != AppendError::kNone) {
    Note(unit_, appender_->RefusalText(error), IsBadRequest(error));
    return;
  }
  if (id != nullptr) cache_.Put(*id, ref);
  if (!family_->has_metadata) ++without_metadata_;
  if (!EndsSeries(v)) AppendRest(id, ref, 0, labels, exemplars);
}

template void OtlpSink::AddNew(const Hash128*, const model::Labels&, const OtlpTimes&,
                               const double&, std::span<const model::Exemplar>);
template void OtlpSink::AddNew(const Hash128*, const model::Labels&, const OtlpTimes&,
                               const model::Histogram&, std::span<const model::Exemplar>);

template <typename V>
AppendError OtlpSink::Append(SeriesRef& ref, const model::Labels& labels, const OtlpTimes& times,
                             const V& v) {
  constexpr bool kIsFloat = std::is_same_v<V, double>;
  appender_->SetStart(0);
  if (options_.start_zeros && times.start != 0) {
    AppendError error = AppendError::kNone;
    if constexpr (kIsFloat) {
      error = appender_->AppendStartZero(ref, labels, times.t, times.start);
    } else {
      error = appender_->AppendStartZero(ref, labels, times.t, times.start, v);
    }
    // Most are out of order, as a series began only once. The sample is stored without.
    if (error == AppendError::kUnknownSeries) return error;
  }
  appender_->SetStart(times.start);
  if constexpr (kIsFloat) {
    return appender_->Append(ref, labels, times.t, v);
  } else {
    return appender_->AppendHistogram(ref, labels, times.t, v);
  }
}

// What comes with a sample that does not end its series.
void OtlpSink::AppendRest(const Hash128* id, SeriesRef ref, std::uint64_t known_metadata,
                          const model::Labels& labels, std::span<const model::Exemplar> exemplars) {
  for (const model::Exemplar& exemplar : exemplars) {
    const AppendError error = appender_->AppendExemplar(ref, labels, exemplar);
    exemplars_refused_ +=
        error == AppendError::kExemplarOutOfOrder || error == AppendError::kExemplarTooLong;
  }
  if (!options_.append_metadata || !family_->has_metadata) return;
  if (known_metadata == family_->metadata_hash) return;
  appender_->UpdateMetadata(ref, labels, family_->metadata);
  if (id != nullptr) metadata_.emplace_back(*id, family_->metadata_hash);
}

void OtlpSink::Flush() {
  const std::size_t n = column_.refs.size();
  if (n == 0) return;
  column_.outcomes.resize(n);
  appender_->AppendStartedColumn(column_.refs, column_.t, column_.values, column_.starts,
                                 column_.outcomes);
  std::vector<std::pair<AppendError, std::size_t>> refused;
  for (std::size_t k = 0; k < n; ++k) {
    if (column_.outcomes[k] != AppendError::kNone) refused.emplace_back(column_.outcomes[k], k);
  }
  // Emptied before errors are noted, which would flush it.
  const Column done = refused.empty() ? Column() : column_;
  column_.refs.clear();
  column_.values.clear();
  column_.starts.clear();
  column_.ids.clear();
  column_.units.clear();
  for (const auto& [error, k] : refused) {
    if (error == AppendError::kUnknownSeries) {
      cache_.Erase(done.ids[k]);
      redo_ = true;
      continue;
    }
    std::string text(storage::AppendErrorText(error));
    if (error == AppendError::kDuplicate) {
      // A column tells the values of its last refusal only.
      SeriesRef ref = done.refs[k];
      if (appender_->Append(ref, no_labels_, done.t, done.values[k]) == error) {
        text = appender_->RefusalText(error);
      }
    }
    Note(done.units[k], text, IsBadRequest(error));
  }
}

OtlpSink::Outcome OtlpSink::Finish(bool keep) {
  Flush();
  Outcome outcome{.redo = redo_, .bad_request = bad_request_, .error = std::move(errors_)};
  if (!keep || redo_ || failed_) {
    if (untold_ > 0) outcome.error += fmt::format("\n(and {} more)", untold_);
    appender_->Rollback();
    return outcome;
  }
  if (const Status status = appender_->Commit(); !status) {
    outcome.error = status.error().message();
    return outcome;
  }
  for (const auto& [id, metadata] : metadata_) cache_.SetMetadata(id, metadata);
  return outcome;
}

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
//
// ScrapeSession: samples of series whose start is worked out. Each goes to storage alone. Part of
// session_append.cc.
#pragma once

#include "scrape/loop/scrape_session.h"

namespace narthex::scrape {

template <typename Parser>
Result<bool> ScrapeSession::IsSynthesized(Parser& parser, ScrapeBuffers& buffers) {
  if (start_ != 0) {
    synthesis_->Forget(parser.series_hash());
    return false;
  }
  if (synthesis_->Knows(parser.series_hash())) return true;
  if (!IsCountedFamily()) return false;  // Most are told apart without a look at their labels.
  NX_RETURN_IF_ERROR(parser.ReadLabels(buffers.labels));
  NX_ASSIGN_OR_RETURN(const auto labels, RelabelledSample(buffers));
  return IsOfCountedFamily(labels);
}

template <typename Parser>
bool ScrapeSession::IsSynthesized(const Parser& parser, const model::Labels& labels) {
  return start_ == 0 && (synthesis_->Knows(parser.series_hash()) || IsOfCountedFamily(labels));
}

template <typename Parser>
Status ScrapeSession::AppendKnownSynthesized(Parser& parser, SeriesCache::Index i, bool seen,
                                             ScrapeBuffers& buffers) {
  ++counts_.post_relabeling;
  const bool own_time = parser.has_timestamp() && config_->honor_timestamps;
  if (seen && !own_time) return RefuseSynthesized(parser.series_hash());
  const model::TimestampMs t = own_time ? parser.timestamp() : t_;
  double value = parser.value();
  const auto start = synthesis_->Adjust(parser.series_hash(), t, value);
  if (!start) {
    cache_->Track(i);
    return {};
  }
  if (!TakeFromLimit()) {
    synthesis_->Forget(parser.series_hash());
    return {};
  }
  BeginSynthesized(*start);
  if (options_.start_zeros) NX_RETURN_IF_ERROR(AppendKnownStart(parser, i, t, buffers));
  NX_ASSIGN_OR_RETURN(const storage::AppendError outcome,
                      AppendKnownAlone(parser, i, own_time, value, buffers));
  EndSynthesized();
  if (outcome != storage::AppendError::kNone) synthesis_->Forget(parser.series_hash());
  return CountOutcome(outcome);
}

template <typename Parser>
Status ScrapeSession::AppendNewSynthesized(Parser& parser, const model::Labels& labels,
                                           ScrapeBuffers& buffers) {
  const bool own_time = parser.has_timestamp() && config_->honor_timestamps;
  const Hash128 hash = parser.series_hash();
  if (synthesis_->IsSeen(hash) && !own_time) return RefuseSynthesized(hash);
  double value = parser.value();
  const auto start = synthesis_->Adjust(hash, own_time ? parser.timestamp() : t_, value);
  if (!start) {
    CountNewSeries();
    return {};
  }
  // Its first sample was counted as a new series.
  const std::size_t series_added = counts_.series_added;
  BeginSynthesized(*start);
  NX_ASSIGN_OR_RETURN(const bool appended, AppendNewSample(parser, labels, value, buffers));
  EndSynthesized();
  counts_.series_added = series_added;
  if (!appended) synthesis_->Forget(hash);
  return {};
}

template <typename Parser>
Status ScrapeSession::AppendHistogramSynthesized(Parser& parser, const HistogramSample& sample,
                                                 ScrapeBuffers& buffers) {
  const Hash128 hash = parser.series_hash();
  const bool known = sample.index != SeriesCache::kNone;
  if (!StartSynthesis::CanAdjust(parser.histogram())) {
    synthesis_->Forget(hash);
    NX_RETURN_IF_ERROR(AppendHistogramSample(parser, sample, buffers));  // Storage says what it is.
    return {};
  }
  if (!known && synthesis_->IsSeen(hash) && !sample.own_time) return RefuseSynthesized(hash);
  const auto start = synthesis_->Adjust(hash, sample.t, parser.histogram());
  if (!start) {
    if (known) {
      cache_->Track(sample.index);
    } else {
      CountNewSeries();
    }
    return {};
  }
  const std::size_t series_added = counts_.series_added;
  BeginSynthesized(*start);
  NX_ASSIGN_OR_RETURN(const bool appended, AppendHistogramSample(parser, sample, buffers));
  EndSynthesized();
  counts_.series_added = series_added;
  if (!appended) synthesis_->Forget(hash);
  return {};
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// ScrapeSession: from the entries of a parser to the storage.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <variant>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/model/sample.h"
#include "scrape/loop/sample_labels.h"
#include "scrape/loop/scrape_session.h"
#include "scrape/loop/session_synthesis.h"
#include "scrape/textparse/converting_parser.h"
#include "scrape/textparse/histogram_limits.h"
#include "scrape/textparse/openmetrics_parser.h"
#include "scrape/textparse/proto_parser.h"
#include "scrape/textparse/text_parser.h"

namespace narthex::scrape {

using storage::AppendError;
using storage::SeriesRef;

template <typename Parser>
Status ScrapeSession::AppendAll(Parser& parser, ScrapeBuffers& buffers) {
  buffers.batch.size = 0;
  start_ = 0;
  synthesized_ = false;
  created_.Reset();
  MetadataCache& metadata = target_->metadata();
  for (;;) {
    switch (parser.Next(cache_->Hint())) {
      case EntryKind::kSeries:
        if (options_.reads_starts() && !ReadStart(parser)) break;
        ++counts_.scraped;
        NX_RETURN_IF_ERROR(AppendSample(parser, buffers));
        break;
      case EntryKind::kHistogram:
        if constexpr (Parser::kHasHistograms) {
          if (options_.reads_starts()) start_ = parser.start();
          ++counts_.scraped;
          NX_RETURN_IF_ERROR(AppendHistogram(parser, buffers));
        }
        break;
      case EntryKind::kType:
        metadata.SetType(parser.family(), parser.type());
        break;
      case EntryKind::kHelp:
        metadata.SetHelp(parser.family(), parser.text(), Parser::kHelpEscapes);
        break;
      case EntryKind::kUnit:
        metadata.SetUnit(parser.family(), parser.text());
        break;
      case EntryKind::kComment:
        break;
      case EntryKind::kError:
        return Fail(Code::kInvalidArgument, parser.error());
      case EntryKind::kEnd:
        return Flush(parser, buffers);
    }
  }
}

template <typename Parser>
Status ScrapeSession::AppendSample(Parser& parser, ScrapeBuffers& buffers) {
  bool seen = false;
  const SeriesCache::Index i = cache_->Find(parser.series_hash(), parser.hint_matched(), seen);
  if (i == SeriesCache::kNone) return AppendNew(parser, buffers);
  if (cache_->dropped(i)) return {};
  if (options_.append_metadata) NX_RETURN_IF_ERROR(AppendKnownMetadata(parser, i, buffers));
  if (options_.start_synthesis) {
    NX_ASSIGN_OR_RETURN(const bool synthesized, IsSynthesized(parser, buffers));
    if (synthesized) return AppendKnownSynthesized(parser, i, seen, buffers);
  }
  return AppendKnown(parser, i, seen, buffers);
}

template <typename Parser>
Status ScrapeSession::AppendKnown(Parser& parser, SeriesCache::Index i, bool seen,
                                  ScrapeBuffers& buffers) {
  ++counts_.post_relabeling;
  const bool own_time = parser.has_timestamp() && config_->honor_timestamps;
  if (seen && !own_time) return CountOutcome(AppendError::kDuplicate);
  if (!TakeFromLimit()) return {};
  if (start_ != 0 && options_.start_zeros) {
    NX_RETURN_IF_ERROR(AppendKnownStart(parser, i, own_time ? parser.timestamp() : t_, buffers));
  }
  // Where starts are worked out, a column has those without one.
  if (own_time || HasExemplars(parser) || (options_.start_synthesis && start_ != 0)) {
    NX_ASSIGN_OR_RETURN(const AppendError outcome,
                        AppendKnownAlone(parser, i, own_time, parser.value(), buffers));
    return CountOutcome(outcome);
  }
  if (options_.start_times) buffers.batch.SetStart(start_);
  buffers.batch.Add(cache_->ref(i), parser.value(), {i, parser.type(), parser.line()});
  return buffers.batch.full() ? Flush(parser, buffers) : Status();
}

template <typename Parser>
Result<AppendError> ScrapeSession::AppendKnownAlone(Parser& parser, SeriesCache::Index i,
                                                    bool own_time, double value,
                                                    ScrapeBuffers& buffers) {
  const model::TimestampMs t = own_time ? parser.timestamp() : t_;
  if (t > max_t_) return AppendError::kOutOfBounds;
  SeriesRef ref = cache_->ref(i);
  PrepareAppend(start_);
  AppendError outcome = appender_->Append(ref, model::Labels(), t, value);
  if (outcome == AppendError::kUnknownSeries) {
    NX_RETURN_IF_ERROR(parser.ReadLabels(buffers.labels));
    ref = SeriesRef{0};
    NX_ASSIGN_OR_RETURN(const auto labels, RelabelledSample(buffers));
    outcome = appender_->Append(ref, labels, t, value);
    if (outcome == AppendError::kNone) cache_->set_ref(i, ref);
  }
  if (outcome != AppendError::kNone) return outcome;
  if (EndsWithMarker(own_time)) cache_->Track(i);
  AppendExemplars(parser, ref, model::Labels(), t, buffers);
  return outcome;
}

Result<model::Labels> ScrapeSession::RelabelledSample(const ScrapeBuffers& buffers) const {
  return MakeSampleLabels(buffers.labels, target_->public_labels(), *config_);
}

template <typename Parser>
Result<model::Labels> ScrapeSession::NewSample(Parser& parser, ScrapeBuffers& buffers) {
  if (auto status = parser.ReadLabels(buffers.labels); !status) {
    --counts_.scraped;  // What can't be read is no sample.
    return Fail(std::move(status).error());
  }
  NX_ASSIGN_OR_RETURN(auto labels, RelabelledSample(buffers));
  if (labels.empty()) {
    cache_->Add(parser.series_hash(), parser.series().size(), SeriesRef{0});
    return labels;
  }
  if (auto status = CheckSampleLabels(labels, *config_); !status) {
    if (status.error().code() == Code::kResourceExhausted) metrics_.label_limits_exceeded.Add();
    return Fail(std::move(status).error());
  }
  if (!buffers.labels.duplicate.empty()) {
    return Fail(Code::kInvalidArgument, fmt::format("label name {} is not unique: invalid sample",
                                                    go::Quote(buffers.labels.duplicate)));
  }
  return labels;
}

template <typename Parser>
Status ScrapeSession::AppendNew(Parser& parser, ScrapeBuffers& buffers) {
  NX_ASSIGN_OR_RETURN(const auto labels, NewSample(parser, buffers));
  if (labels.empty()) return {};
  ++counts_.post_relabeling;
  if (options_.start_synthesis && IsSynthesized(parser, labels)) {
    return AppendNewSynthesized(parser, labels, buffers);
  }
  NX_RETURN_IF_ERROR(AppendNewSample(parser, labels, parser.value(), buffers));
  return {};
}

template <typename Parser>
Result<bool> ScrapeSession::AppendNewSample(Parser& parser, const model::Labels& labels,
                                            double value, ScrapeBuffers& buffers) {
  if (!TakeFromLimit()) return false;
  const bool own_time = parser.has_timestamp() && config_->honor_timestamps;
  const model::TimestampMs t = own_time ? parser.timestamp() : t_;
  if (t > max_t_) return Refuse(AppendError::kOutOfBounds);
  SeriesRef ref{0};
  if (options_.start_zeros) (void)AppendStart(ref, labels, t);
  PrepareAppend(start_);
  const AppendError outcome = appender_->Append(ref, labels, t, value);
  if (outcome != AppendError::kNone) return Refuse(outcome);
  AppendExemplars(parser, ref, labels, t, buffers);
  if (options_.append_metadata) AppendMetadata(ref, labels);
  Remember(parser.series_hash(), parser.series().size(), ref, own_time);
  return true;
}

void ScrapeSession::Remember(const Hash128& hash, std::size_t length, SeriesRef ref,
                             bool own_time) {
  // Only what was appended is remembered: the rest can't become stale.
  const auto i = cache_->Add(hash, length, ref);
  if (EndsWithMarker(own_time)) cache_->Track(i);
  CountNewSeries();
}

void ScrapeSession::CountNewSeries() {
  if (!over_limit_ && !over_bucket_limit_) ++counts_.series_added;
}

template <typename H>
AppendError ScrapeSession::AppendOneHistogram(SeriesRef& ref, const model::Labels& labels,
                                              model::TimestampMs t, const H& h) {
  if (start_ != 0 && options_.start_zeros) {
    LogStart(appender_->AppendStartZero(ref, labels, t, start_, h), t);
  }
  PrepareAppend(start_);
  if constexpr (std::is_same_v<H, model::Histogram>) {
    return appender_->AppendHistogram(ref, labels, t, h);
  } else {
    return appender_->AppendFloatHistogram(ref, labels, t, h);
  }
}

template <typename Parser>
Status ScrapeSession::AppendHistogram(Parser& parser, ScrapeBuffers& buffers) {
  bool seen = false;
  HistogramSample sample;
  sample.index = cache_->Find(parser.series_hash(), parser.hint_matched(), seen);
  const bool known = sample.index != SeriesCache::kNone;
  if (known && cache_->dropped(sample.index)) return {};
  if (!known) {
    NX_ASSIGN_OR_RETURN(sample.labels, NewSample(parser, buffers));
    if (sample.labels.empty()) return {};
  }
  ++counts_.post_relabeling;
  sample.own_time = parser.has_timestamp() && config_->honor_timestamps;
  sample.t = sample.own_time ? parser.timestamp() : t_;
  if (known && seen && !sample.own_time) {
    if (synthesis_ != nullptr) return RefuseSynthesized(parser.series_hash());
    return CountOutcome(AppendError::kDuplicate);
  }
  if (options_.start_synthesis) {
    NX_ASSIGN_OR_RETURN(const bool synthesized,
                        known ? IsSynthesized(parser, buffers)
                              : Result<bool>(IsSynthesized(parser, sample.labels)));
    if (synthesized) return AppendHistogramSynthesized(parser, sample, buffers);
  }
  NX_RETURN_IF_ERROR(AppendHistogramSample(parser, sample, buffers));
  return {};
}

template <typename Parser>
Result<bool> ScrapeSession::AppendHistogramSample(Parser& parser, const HistogramSample& sample,
                                                  ScrapeBuffers& buffers) {
  if (!LimitHistogram(parser.histogram(), finest_schema_, config_->native_histogram_bucket_limit)) {
    over_bucket_limit_ = true;
    return false;
  }
  if (!TakeFromLimit()) return false;
  if (sample.t > max_t_) return Refuse(AppendError::kOutOfBounds);
  const SeriesCache::Index i = sample.index;
  const bool known = i != SeriesCache::kNone;
  SeriesRef ref = known ? cache_->ref(i) : SeriesRef{0};
  const auto append_to = [&](const model::Labels& labels) {
    return std::visit([&](const auto& h) { return AppendOneHistogram(ref, labels, sample.t, h); },
                      parser.histogram());
  };
  AppendError outcome = append_to(sample.labels);
  model::Labels labels = sample.labels;
  if (outcome == AppendError::kUnknownSeries && known) {
    NX_RETURN_IF_ERROR(parser.ReadLabels(buffers.labels));
    ref = SeriesRef{0};
    NX_ASSIGN_OR_RETURN(labels, RelabelledSample(buffers));
    outcome = append_to(labels);
    if (outcome == AppendError::kNone) cache_->set_ref(i, ref);
  }
  if (outcome != AppendError::kNone) return Refuse(outcome);
  AppendExemplars(parser, ref, labels, sample.t, buffers);
  if (known) {
    if (EndsWithMarker(sample.own_time)) cache_->Track(i);
    if (options_.append_metadata) NX_RETURN_IF_ERROR(AppendKnownMetadata(parser, i, buffers));
    return true;
  }
  if (options_.append_metadata) AppendMetadata(ref, labels);
  Remember(parser.series_hash(), parser.series().size(), ref, sample.own_time);
  return true;
}

bool ScrapeSession::IsCountedFamily() const {
  const model::Metadata* metadata = target_->metadata().current();
  return metadata != nullptr && (metadata->type == model::MetricType::kCounter ||
                                 metadata->type == model::MetricType::kHistogram);
}

bool ScrapeSession::IsOfCountedFamily(const model::Labels& labels) const {
  const MetadataCache& cache = target_->metadata();
  return IsCountedFamily() &&
         IsOfFamily(labels.Get("__name__"), cache.current_family(), cache.current()->type);
}

Status ScrapeSession::RefuseSynthesized(const Hash128& series) {
  synthesis_->Reset(series);
  return CountOutcome(AppendError::kDuplicate);
}

void ScrapeSession::BeginSynthesized(model::TimestampMs start) {
  start_ = start;
  synthesized_ = true;
}

void ScrapeSession::EndSynthesized() {
  start_ = 0;
  synthesized_ = false;
}

void ScrapeSession::PrepareAppend(model::TimestampMs start) {
  if (options_.start_times) appender_->SetStart(start);
  // With the feature upstream takes only samples that tell their start out of order.
  if (options_.start_synthesis) appender_->SetDiscardOutOfOrder(start == 0 || synthesized_);
}

bool ScrapeSession::EndsWithMarker(bool own_time) const {
  return !own_time || config_->track_timestamps_staleness || synthesized_;
}

template <typename Parser>
bool ScrapeSession::HasExemplars(const Parser& parser) const {
  if constexpr (Parser::kHasExemplars) return options_.exemplars && parser.has_exemplars();
  return false;
}

template <typename Parser>
void ScrapeSession::AppendExemplars(const Parser& parser, SeriesRef ref,
                                    const model::Labels& labels, model::TimestampMs t,
                                    ScrapeBuffers& buffers) {
  if (!HasExemplars(parser)) return;
  auto& exemplars = buffers.exemplars;
  exemplars.clear();
  if constexpr (Parser::kHasExemplars) parser.ReadExemplars(exemplars);
  for (model::Exemplar& exemplar : exemplars) {
    if (!exemplar.has_timestamp) exemplar.t = t;
  }
  // In the order in which storage takes them. NaN has none among numbers; it goes with -Inf.
  const auto place = [](double v) {
    return std::isnan(v) ? -std::numeric_limits<double>::infinity() : v;
  };
  std::sort(exemplars.begin(), exemplars.end(), [&](const auto& a, const auto& b) {
    if (a.t != b.t) return a.t < b.t;
    if (place(a.value) != place(b.value)) return place(a.value) < place(b.value);
    return a.labels < b.labels;
  });
  std::size_t late = 0;
  for (const model::Exemplar& exemplar : exemplars) {
    late += appender_->AppendExemplar(ref, labels, exemplar) == AppendError::kExemplarOutOfOrder;
  }
  // Some of them are those of the scrape before.
  if (late == 0 || late < exemplars.size()) return;
  exemplars_out_of_order_ += late;
  metrics_.exemplar_out_of_order.Add(late);
}

template <typename Parser>
bool ScrapeSession::ReadStart(Parser& parser) {
  if constexpr (Parser::kHasCreatedLines) {
    if (CreatedLines::IsCreated(parser.series(), parser.type())) return false;
    start_ = created_.StartOf(parser.body(), parser.line(), parser.family(), parser.type());
  } else if constexpr (Parser::kHasStarts) {
    start_ = parser.start();
  }
  return true;
}

AppendError ScrapeSession::AppendStart(SeriesRef& ref, const model::Labels& labels,
                                       model::TimestampMs t) {
  if (start_ == 0) return AppendError::kNone;
  const AppendError outcome = appender_->AppendStartZero(ref, labels, t, start_);
  LogStart(outcome, t);
  return outcome;
}

void ScrapeSession::LogStart(AppendError outcome, model::TimestampMs t) const {
  // Out of order is every one but the first of a series' life.
  if (outcome == AppendError::kNone || outcome == AppendError::kOutOfOrder) return;
  log::Debug("Error when appending ST in scrape loop",
             {{"target", target_->url()},
              {"st", start_},
              {"t", t},
              {"err", storage::AppendErrorText(outcome)}});
}

template <typename Parser>
Status ScrapeSession::AppendKnownStart(Parser& parser, SeriesCache::Index i, model::TimestampMs t,
                                       ScrapeBuffers& buffers) {
  SeriesRef ref = cache_->ref(i);
  if (AppendStart(ref, model::Labels(), t) != AppendError::kUnknownSeries) return {};
  NX_RETURN_IF_ERROR(parser.ReadLabels(buffers.labels));
  ref = SeriesRef{0};
  NX_ASSIGN_OR_RETURN(const auto labels, RelabelledSample(buffers));
  (void)AppendStart(ref, labels, t);
  if (ref != SeriesRef{0}) cache_->set_ref(i, ref);
  return {};
}

void ScrapeSession::AppendMetadata(SeriesRef ref, const model::Labels& labels) {
  const MetadataCache& cache = target_->metadata();
  const model::Metadata* metadata = cache.current();
  if (metadata == nullptr ||
      !IsOfFamily(labels.Get("__name__"), cache.current_family(), metadata->type)) {
    return;
  }
  appender_->UpdateMetadata(ref, labels, *metadata);
}

// Of a known series only what has changed.
template <typename Parser>
Status ScrapeSession::AppendKnownMetadata(Parser& parser, SeriesCache::Index i,
                                          ScrapeBuffers& buffers) {
  const MetadataCache& cache = target_->metadata();
  if (cache.current() == nullptr || !cache.current_changed()) return {};
  NX_RETURN_IF_ERROR(parser.ReadLabels(buffers.labels));
  NX_ASSIGN_OR_RETURN(const auto labels, RelabelledSample(buffers));
  AppendMetadata(cache_->ref(i), labels);
  return {};
}

template <typename Parser>
Status ScrapeSession::Flush(Parser& parser, ScrapeBuffers& buffers) {
  SampleBatch& batch = buffers.batch;
  const std::size_t n = batch.size;
  batch.size = 0;
  if (n == 0) return {};
  const std::span outcomes(batch.outcomes.data(), n);
  const std::span<const SeriesRef> refs(batch.refs.data(), n);
  const std::span<const double> values(batch.values.data(), n);
  if (options_.start_synthesis) appender_->SetDiscardOutOfOrder(true);
  if (options_.start_times) {
    appender_->AppendStartedColumn(refs, t_, values, {batch.starts.data(), n}, outcomes);
  } else {
    appender_->AppendColumn(refs, t_, values, outcomes);
  }
  for (std::size_t k = 0; k < n; ++k) {
    if (outcomes[k] == AppendError::kNone) {
      cache_->Track(batch.items[k].series);
    } else if (outcomes[k] == AppendError::kUnknownSeries) {
      PrepareAppend(options_.start_times ? batch.starts[k] : 0);
      NX_RETURN_IF_ERROR(AppendAgain(parser, batch.items[k], batch.values[k], buffers));
    } else {
      NX_RETURN_IF_ERROR(CountOutcome(outcomes[k]));
    }
  }
  return {};
}

template <typename Parser>
Status ScrapeSession::AppendAgain(Parser& parser, const SampleBatch::Item& item, double value,
                                  ScrapeBuffers& buffers) {
  NX_RETURN_IF_ERROR(parser.ReadLabelsAt(item.line, item.type, buffers.labels));
  NX_ASSIGN_OR_RETURN(const auto labels, RelabelledSample(buffers));
  SeriesRef ref{0};
  const AppendError outcome = appender_->Append(ref, labels, t_, value);
  if (outcome != AppendError::kNone) return CountOutcome(outcome);
  cache_->set_ref(item.series, ref);
  cache_->Track(item.series);
  return {};
}

Status ScrapeSession::CountOutcome(AppendError outcome) {
  switch (outcome) {
    case AppendError::kNone:
      return {};
    case AppendError::kOutOfOrder:
      ++out_of_order_;
      metrics_.out_of_order.Add();
      return {};
    case AppendError::kDuplicate:
      ++duplicates_;
      metrics_.duplicate_timestamp.Add();
      return {};
    case AppendError::kOutOfBounds:
      ++out_of_bounds_;
      metrics_.out_of_bounds.Add();
      return {};
    default:
      --counts_.post_relabeling;
      return Fail(Code::kExecution, appender_->RefusalText(outcome));
  }
}

Result<bool> ScrapeSession::Refuse(AppendError outcome) {
  NX_RETURN_IF_ERROR(CountOutcome(outcome));
  return false;
}

bool ScrapeSession::TakeFromLimit() {
  if (config_->sample_limit == 0) return true;
  if (++limited_ <= config_->sample_limit) return true;
  over_limit_ = true;
  return false;
}

template Status ScrapeSession::AppendAll(TextParser&, ScrapeBuffers&);
template Status ScrapeSession::AppendAll(OpenMetricsParser&, ScrapeBuffers&);
template Status ScrapeSession::AppendAll(ProtoParser&, ScrapeBuffers&);
template Status ScrapeSession::AppendAll(ConvertingParser<TextParser>&, ScrapeBuffers&);
template Status ScrapeSession::AppendAll(ConvertingParser<OpenMetricsParser>&, ScrapeBuffers&);

}  // namespace narthex::scrape

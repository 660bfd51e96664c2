// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/scrape_session.h"

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/model/sample.h"
#include "scrape/loop/sample_labels.h"
#include "scrape/textparse/openmetrics_parser.h"
#include "scrape/textparse/protocol.h"
#include "scrape/textparse/text_parser.h"

namespace narthex::scrape {

using storage::AppendError;
using storage::SeriesRef;

namespace {

/// Samples further ahead of the clock than this are out of bounds.
constexpr model::DurationMs kMaxAheadMs = 600'000;
struct ReportFacts {
  std::string_view name;
  std::string_view unit;
  std::string_view help;
};
constexpr ReportFacts kReports[] = {
    {"up", "targets",
     "Health of the scrape target. 1 means the target is healthy, 0 if the scrape failed."},
    {"scrape_duration_seconds", "seconds", "Duration of the last scrape in seconds."},
    {"scrape_samples_scraped", "samples", "Number of samples last scraped."},
    {"scrape_samples_post_metric_relabeling", "samples",
     "Number of samples remaining after metric relabeling was applied."},
    {"scrape_series_added", "series", "Number of series in the last scrape."}};
constexpr ReportFacts kExtraReports[] = {
    {"scrape_timeout_seconds", "seconds", "The configured scrape timeout for a target."},
    {"scrape_sample_limit", "samples",
     "The configured sample limit for a target. Returns zero if there is no limit configured."},
    {"scrape_body_size_bytes", "bytes",
     "The uncompressed size of the last scrape response, if successful. Scrapes failing because "
     "body_size_limit is exceeded report -1, other scrape failures report 0."}};

}  // namespace

ScrapeSession::ScrapeSession(std::shared_ptr<const config::ScrapeConfig> config,
                             std::shared_ptr<Target> target, storage::Appendable& appendable,
                             ScrapeMetrics& metrics, const SessionOptions& options)
    : config_(std::move(config)),
      target_(std::move(target)),
      appendable_(appendable),
      metrics_(metrics),
      options_(options),
      cache_(std::make_unique<SeriesCache>()) {
  for (const ReportFacts& facts : kReports)
    reports_.push_back({facts.name, facts.unit, facts.help});
  if (!options_.extra_metrics) return;
  for (const ReportFacts& facts : kExtraReports) {
    reports_.push_back({facts.name, facts.unit, facts.help});
  }
}

void ScrapeSession::AdoptCache(ScrapeSession& other) {
  cache_ = std::move(other.cache_);
  other.cache_ = std::make_unique<SeriesCache>();
}

void ScrapeSession::Begin(model::TimestampMs t, model::TimestampMs now_ms) {
  appender_ = appendable_.NewAppender();
  t_ = t;
  max_t_ = now_ms + kMaxAheadMs;
  counts_ = {};
  limited_ = 0;
  over_limit_ = false;
  out_of_order_ = duplicates_ = out_of_bounds_ = 0;
}

Status ScrapeSession::Samples(const Fetched& fetched, ScrapeBuffers& buffers) {
  Status status = fetched.status;
  if (status && fetched.body_too_large) {
    metrics_.body_size_exceeded.Add();
    status = Fail(Code::kResourceExhausted, "body size limit exceeded");
  }
  const bool empty = status && buffers.body.empty();
  if (status && !empty) {
    status = ParseBody(fetched, buffers);
    target_->metadata().FinishScrape(status.has_value());
    LogDropped();
  }
  if (status && !empty) {
    cache_->Finish(buffers.stale);
  } else {
    if (!status) {
      appender_->Rollback();
      appender_ = appendable_.NewAppender();
      counts_.series_added = 0;
    }
    if (cache_->Abandon(buffers.stale)) metrics_.cache_flush_forced.Add();
  }
  AppendStale(buffers, t_);
  return status;
}

Status ScrapeSession::ParseBody(const Fetched& fetched, ScrapeBuffers& buffers) {
  NX_ASSIGN_OR_RETURN(const Format format,
                      FormatOf(fetched.content_type, config_->fallback_scrape_protocol));
  Status status;
  switch (format) {
    case Format::kText: {
      TextParser parser(buffers.body);
      status = AppendAll(parser, buffers);
      break;
    }
    case Format::kOpenMetrics: {
      OpenMetricsParser parser(buffers.body);
      status = AppendAll(parser, buffers);
      break;
    }
  }
  if (!over_limit_) return status;
  metrics_.sample_limit_exceeded.Add();
  if (!status) return status;
  return Fail(Code::kResourceExhausted, "sample limit exceeded");
}

template <typename Parser>
Status ScrapeSession::AppendAll(Parser& parser, ScrapeBuffers& buffers) {
  buffers.batch.size = 0;
  start_ = 0;
  created_.Reset();
  MetadataCache& metadata = target_->metadata();
  for (;;) {
    switch (parser.Next(cache_->Hint())) {
      case EntryKind::kSeries:
        if (options_.reads_starts() && !ReadStart(parser)) break;
        ++counts_.scraped;
        NX_RETURN_IF_ERROR(AppendSample(parser, buffers));
        break;
      case EntryKind::kType:
        metadata.SetType(parser.family(), parser.type());
        break;
      case EntryKind::kHelp:
        metadata.SetHelp(parser.family(), parser.text(), Parser::kQuotesInHelp);
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
  const SampleBatch::Item item{i, parser.type(), parser.line()};
  if (!own_time) {
    if (options_.start_times) buffers.batch.SetStart(start_);
    buffers.batch.Add(cache_->ref(i), parser.value(), item);
    return buffers.batch.full() ? Flush(parser, buffers) : Status();
  }
  if (parser.timestamp() > max_t_) return CountOutcome(AppendError::kOutOfBounds);
  SeriesRef ref = cache_->ref(i);
  if (options_.start_times) appender_->SetStart(start_);
  AppendError outcome = appender_->Append(ref, model::Labels(), parser.timestamp(), parser.value());
  if (outcome == AppendError::kUnknownSeries) {
    NX_RETURN_IF_ERROR(parser.ReadLabels(buffers.labels));
    ref = SeriesRef{0};
    NX_ASSIGN_OR_RETURN(const auto labels, RelabelledSample(buffers));
    outcome = appender_->Append(ref, labels, parser.timestamp(), parser.value());
    if (outcome == AppendError::kNone) cache_->set_ref(i, ref);
  }
  if (outcome == AppendError::kNone && config_->track_timestamps_staleness) cache_->Track(i);
  return CountOutcome(outcome);
}

Result<model::Labels> ScrapeSession::RelabelledSample(const ScrapeBuffers& buffers) const {
  return MakeSampleLabels(buffers.labels, target_->public_labels(), *config_);
}

template <typename Parser>
Status ScrapeSession::AppendNew(Parser& parser, ScrapeBuffers& buffers) {
  NX_RETURN_IF_ERROR(parser.ReadLabels(buffers.labels));
  const std::string_view text = parser.series();
  NX_ASSIGN_OR_RETURN(const auto labels, RelabelledSample(buffers));
  if (labels.empty()) {
    cache_->Add(parser.series_hash(), text.size(), SeriesRef{0});
    return {};
  }
  if (auto status = CheckSampleLabels(labels, *config_); !status) {
    if (status.error().code() == Code::kResourceExhausted) metrics_.label_limits_exceeded.Add();
    return status;
  }
  if (!buffers.labels.duplicate.empty()) {
    return Fail(Code::kInvalidArgument, fmt::format("label name {} is not unique: invalid sample",
                                                    go::Quote(buffers.labels.duplicate)));
  }
  ++counts_.post_relabeling;
  if (!TakeFromLimit()) return {};
  const bool own_time = parser.has_timestamp() && config_->honor_timestamps;
  const model::TimestampMs t = own_time ? parser.timestamp() : t_;
  if (t > max_t_) return CountOutcome(AppendError::kOutOfBounds);
  SeriesRef ref{0};
  if (options_.start_zeros) (void)AppendStart(ref, labels, t);
  if (options_.start_times) appender_->SetStart(start_);
  const AppendError outcome = appender_->Append(ref, labels, t, parser.value());
  if (outcome != AppendError::kNone) return CountOutcome(outcome);
  if (options_.append_metadata) AppendMetadata(ref, labels);
  // Only what was appended is remembered: the rest can't become stale.
  const auto i = cache_->Add(parser.series_hash(), text.size(), ref);
  if (!own_time || config_->track_timestamps_staleness) cache_->Track(i);
  if (!over_limit_) ++counts_.series_added;
  return {};
}

template <typename Parser>
bool ScrapeSession::ReadStart(Parser& parser) {
  if constexpr (Parser::kHasCreatedLines) {
    if (CreatedLines::IsCreated(parser.series(), parser.type())) return false;
    start_ = created_.StartOf(parser.body(), parser.line(), parser.family(), parser.type());
  }
  return true;
}

AppendError ScrapeSession::AppendStart(SeriesRef& ref, const model::Labels& labels,
                                       model::TimestampMs t) {
  if (start_ == 0) return AppendError::kNone;
  const AppendError outcome = appender_->AppendStartZero(ref, labels, t, start_);
  // Out of order is every one but the first of a series' life.
  if (outcome == AppendError::kNone || outcome == AppendError::kOutOfOrder) return outcome;
  log::Debug("Error when appending ST in scrape loop",
             {{"target", target_->url()},
              {"st", start_},
              {"t", t},
              {"err", storage::AppendErrorText(outcome)}});
  return outcome;
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
  if (options_.start_times) {
    appender_->AppendStartedColumn(refs, t_, values, {batch.starts.data(), n}, outcomes);
  } else {
    appender_->AppendColumn(refs, t_, values, outcomes);
  }
  for (std::size_t k = 0; k < n; ++k) {
    if (outcomes[k] == AppendError::kNone) {
      cache_->Track(batch.items[k].series);
    } else if (outcomes[k] == AppendError::kUnknownSeries) {
      if (options_.start_times) appender_->SetStart(batch.starts[k]);
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
      return Fail(Code::kExecution, std::string(storage::AppendErrorText(outcome)));
  }
}

bool ScrapeSession::TakeFromLimit() {
  if (config_->sample_limit == 0) return true;
  if (++limited_ <= config_->sample_limit) return true;
  over_limit_ = true;
  return false;
}

void ScrapeSession::AppendStale(ScrapeBuffers& buffers, model::TimestampMs t) {
  SampleBatch& batch = buffers.batch;
  batch.values.fill(model::kStaleNaN);
  // A marker must not end what somebody else has written meanwhile.
  appender_->SetDiscardOutOfOrder(true);
  for (std::size_t from = 0; from < buffers.stale.size(); from += SampleBatch::kCapacity) {
    const std::size_t n = std::min(SampleBatch::kCapacity, buffers.stale.size() - from);
    // Refused markers are those of series that live on elsewhere, or are gone already.
    appender_->AppendColumn({buffers.stale.data() + from, n}, t, {batch.values.data(), n},
                            {batch.outcomes.data(), n});
  }
  appender_->SetDiscardOutOfOrder(false);
}

Status ScrapeSession::Report(const Status& scrape, const Fetched& fetched, double elapsed_s) {
  const bool too_large = fetched.status && fetched.body_too_large;
  const double body_bytes = too_large        ? -1
                            : fetched.status ? static_cast<double>(fetched.body_bytes)
                                             : 0;
  const double values[] = {scrape ? 1.0 : 0.0,
                           elapsed_s,
                           static_cast<double>(counts_.scraped),
                           static_cast<double>(counts_.post_relabeling),
                           static_cast<double>(counts_.series_added),
                           static_cast<double>(target_->timeout_ms()) / 1000,
                           static_cast<double>(config_->sample_limit),
                           body_bytes};
  Status status;
  appender_->SetStart(0);  // The last sample's.
  for (std::size_t i = 0; i < reports_.size() && status; ++i) {
    status = AppendReport(i, t_, values[i]);
  }
  if (!status) {
    log::Warn("Appending scrape report failed",
              {{"target", target_->url()}, {"err", status.error().message()}});
    appender_->Rollback();
  } else {
    status = appender_->Commit();
    if (!status) {
      log::Error("Scrape commit failed",
                 {{"target", target_->url()}, {"err", status.error().message()}});
    }
  }
  appender_.reset();
  return status;
}

Status ScrapeSession::AppendReport(std::size_t i, model::TimestampMs t, double value) {
  ReportSeries& report = reports_[i];
  AppendError outcome = AppendError::kUnknownSeries;
  if (report.ref != SeriesRef{0}) {
    outcome = appender_->Append(report.ref, model::Labels(), t, value);
  }
  if (outcome == AppendError::kUnknownSeries) {
    report.ref = SeriesRef{0};
    const auto labels = MakeReportLabels(report.name, target_->public_labels());
    outcome = appender_->Append(report.ref, labels, t, value);
    if (options_.append_metadata && outcome == AppendError::kNone) {
      appender_->UpdateMetadata(
          report.ref, labels,
          {model::MetricType::kGauge, std::string(report.unit), std::string(report.help)});
    }
  }
  // Both are expected when a target went away and came back with a new loop.
  if (outcome == AppendError::kNone || outcome == AppendError::kOutOfOrder ||
      outcome == AppendError::kDuplicate) {
    return {};
  }
  return Fail(Code::kExecution, std::string(storage::AppendErrorText(outcome)));
}

Status ScrapeSession::MarkAllStale(ScrapeBuffers& buffers, model::TimestampMs t) {
  Begin(t, t);
  cache_->Abandon(buffers.stale);
  AppendStale(buffers, t);
  appender_->SetDiscardOutOfOrder(true);
  for (std::size_t i = 0; i < reports_.size(); ++i) {
    if (auto status = AppendReport(i, t, model::kStaleNaN); !status) {
      log::Warn("Stale report failed", {{"err", status.error().message()}});
      break;
    }
  }
  auto status = appender_->Commit();
  appender_.reset();
  return status;
}

void ScrapeSession::LogDropped() const {
  if (out_of_order_ > 0) {
    log::Warn("Error on ingesting out-of-order samples",
              {{"target", target_->url()}, {"num_dropped", out_of_order_}});
  }
  if (duplicates_ > 0) {
    log::Warn("Error on ingesting samples with different value but same timestamp",
              {{"target", target_->url()}, {"num_dropped", duplicates_}});
  }
  if (out_of_bounds_ > 0) {
    log::Warn("Error on ingesting samples that are too old or are too far into the future",
              {{"target", target_->url()}, {"num_dropped", out_of_bounds_}});
  }
}

}  // namespace narthex::scrape

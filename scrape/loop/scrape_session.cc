// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/scrape_session.h"

#include "narthex/model/sample.h"
#include "scrape/loop/histogram_rules.h"
#include "scrape/textparse/converting_parser.h"
#include "scrape/textparse/histogram_limits.h"
#include "scrape/textparse/openmetrics_parser.h"
#include "scrape/textparse/proto_parser.h"
#include "scrape/textparse/protocol.h"
#include "scrape/textparse/text_parser.h"

namespace narthex::scrape {

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
      histograms_(HistogramOptionsOf(target_->labels(), *config_)),
      finest_schema_(FinestSchema(config_->native_histogram_min_bucket_factor)),
      appendable_(appendable),
      metrics_(metrics),
      options_(options),
      cache_(std::make_unique<SeriesCache>()) {
  for (const ReportFacts& facts : kReports)
    reports_.push_back({facts.name, facts.unit, facts.help});
  if (options_.start_synthesis) synthesis_ = std::make_unique<StartSynthesis>();
  if (!options_.extra_metrics) return;
  for (const ReportFacts& facts : kExtraReports) {
    reports_.push_back({facts.name, facts.unit, facts.help});
  }
}

void ScrapeSession::AdoptCache(ScrapeSession& other) {
  cache_ = std::move(other.cache_);
  other.cache_ = std::make_unique<SeriesCache>();
  std::swap(synthesis_, other.synthesis_);
}

void ScrapeSession::Begin(model::TimestampMs t, model::TimestampMs now_ms) {
  appender_ = appendable_.NewAppender();
  t_ = t;
  max_t_ = now_ms + kMaxAheadMs;
  counts_ = {};
  limited_ = 0;
  over_limit_ = over_bucket_limit_ = false;
  out_of_order_ = duplicates_ = out_of_bounds_ = exemplars_out_of_order_ = 0;
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
    if (!over_limit_ && !over_bucket_limit_) counts_.series_added += cache_->returned();
    target_->metadata().FinishScrape(status.has_value());
    if (synthesis_ != nullptr) synthesis_->FinishScrape(status.has_value());
    LogDropped();
  }
  if (status && !empty) {
    cache_->Finish(buffers.stale);
  } else {
    if (!status) {
      appender_->Rollback();
      appender_ = appendable_.NewAppender();
    }
    if (cache_->Abandon(buffers.stale)) metrics_.cache_flush_forced.Add();
  }
  AppendStale(buffers, t_);
  return status;
}

Status ScrapeSession::ParseBody(const Fetched& fetched, ScrapeBuffers& buffers) {
  NX_ASSIGN_OR_RETURN(const Format format,
                      FormatOf(fetched.content_type, config_->fallback_scrape_protocol));
  Status status = Parse(format, buffers);
  if (over_limit_) {
    metrics_.sample_limit_exceeded.Add();
    if (status) status = Fail(Code::kResourceExhausted, "sample limit exceeded");
  }
  if (over_bucket_limit_) {
    metrics_.bucket_limit_exceeded.Add();
    if (status) status = Fail(Code::kResourceExhausted, "histogram bucket limit exceeded");
  }
  return status;
}

Status ScrapeSession::Parse(Format format, ScrapeBuffers& buffers) {
  const auto text = [&](auto&& parser) {
    if (!histograms_.convert) return AppendAll(parser, buffers);
    ConvertingParser converting(parser, histograms_.keep_classic, options_.reads_starts());
    return AppendAll(converting, buffers);
  };
  switch (format) {
    case Format::kText:
      return text(TextParser(buffers.body));
    case Format::kOpenMetrics:
      return text(OpenMetricsParser(buffers.body));
    case Format::kProtobuf: {
      ProtoParser parser(buffers.body, histograms_);
      return AppendAll(parser, buffers);
    }
  }
  return {};
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

}  // namespace narthex::scrape

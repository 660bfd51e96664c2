// SPDX-License-Identifier: Apache-2.0
//
// ScrapeSession: the report series, and the end.
#include "narthex/base/log.h"
#include "narthex/model/sample.h"
#include "scrape/loop/sample_labels.h"
#include "scrape/loop/scrape_session.h"

namespace narthex::scrape {

using storage::AppendError;
using storage::SeriesRef;

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
  if (exemplars_out_of_order_ > 0) {
    log::Warn("Error on ingesting out-of-order exemplars",
              {{"target", target_->url()}, {"num_dropped", exemplars_out_of_order_}});
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

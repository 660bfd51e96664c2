// SPDX-License-Identifier: Apache-2.0
//
// What happens to the body of one scrape: parse, find the series, append, mark what is gone.
// It knows neither HTTP nor time, so a test can hand it any body at any instant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/scrape_config.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "scrape/loop/sample_batch.h"
#include "scrape/loop/scrape_metrics.h"
#include "scrape/loop/series_cache.h"
#include "scrape/loop/start_synthesis.h"
#include "scrape/loop/target.h"
#include "scrape/textparse/created_lines.h"
#include "scrape/textparse/histogram_options.h"
#include "scrape/textparse/protocol.h"

namespace narthex::scrape {

/// A fetched body, or why there is none.
struct Fetched {
  Status status;  // Of the request; the rest counts when it is good.
  std::string content_type;
  bool body_too_large = false;
  std::size_t body_bytes = 0;
};

/// What the report series say. Counts as Prometheus's.
struct ScrapeCounts {
  std::size_t scraped = 0;
  std::size_t post_relabeling = 0;
  std::size_t series_added = 0;
};

/// What a session does beyond the samples.
struct SessionOptions {
  bool extra_metrics = false;
  bool append_metadata = false;  // Type, unit and help of series go to storage.
  bool start_zeros = false;      // A zero where a series began, before its sample.
  bool start_times = false;      // When a series began goes to storage with each sample.
  bool start_synthesis = false;  // Starts are worked out where counters don't tell them.
  bool exemplars = false;        // Exemplars go to storage.

  bool reads_starts() const { return start_zeros || start_times; }
};

/// Buffers of one scrape in progress; kept by an I/O thread and used for one target after another.
struct ScrapeBuffers {
  std::string body;
  SampleBatch batch;
  std::vector<storage::SeriesRef> stale;
  ParsedLabels labels;
  std::vector<model::Exemplar> exemplars;

  std::size_t memory_bytes() const {
    return sizeof *this + body.capacity() + stale.capacity() * sizeof(storage::SeriesRef);
  }
};

/// Of one target. Thread safety: one thread at a time.
class ScrapeSession {
 public:
  /// `appendable` and `metrics` are not owned and outlive the session.
  ScrapeSession(std::shared_ptr<const config::ScrapeConfig> config, std::shared_ptr<Target> target,
                storage::Appendable& appendable, ScrapeMetrics& metrics,
                const SessionOptions& options);

  /// Takes over what an earlier session knows about the target's series.
  void AdoptCache(ScrapeSession& other);

  /// Appends the samples of buffers.body, the staleness markers and the report series at `t`, and
  /// commits them together. A scrape that failed leaves markers for all series of the one before.
  /// @param now_ms  samples more than ten minutes past it are out of bounds
  /// @param elapsed_s  seconds since the scrape began, asked for when it ends
  /// @return why the scrape failed, which the target's page shows
  template <typename Elapsed>
  Status Ingest(const Fetched& fetched, ScrapeBuffers& buffers, model::TimestampMs t,
                model::TimestampMs now_ms, const Elapsed& elapsed_s) {
    Begin(t, now_ms);
    auto status = Samples(fetched, buffers);
    const Status written = Report(status, fetched, elapsed_s());
    return status ? written : status;
  }

  /// Writes staleness markers for all series and the report series.
  Status MarkAllStale(ScrapeBuffers& buffers, model::TimestampMs t);

  const ScrapeCounts& counts() const { return counts_; }
  /// Of what is known about the target's series.
  std::size_t cache_bytes() const {
    return cache_->memory_bytes() + (synthesis_ == nullptr ? 0 : synthesis_->memory_bytes());
  }
  const SeriesCache& cache() const { return *cache_; }

 private:
  struct ReportSeries {
    std::string_view name;
    std::string_view unit;
    std::string_view help;
    storage::SeriesRef ref{0};
  };

  void Begin(model::TimestampMs t, model::TimestampMs now_ms);
  /// Appends body and markers; on failure rolls back and appends the markers of a failed scrape.
  Status Samples(const Fetched& fetched, ScrapeBuffers& buffers);
  Status ParseBody(const Fetched& fetched, ScrapeBuffers& buffers);
  Status Parse(Format format, ScrapeBuffers& buffers);
  template <typename Parser>
  Status AppendAll(Parser& parser, ScrapeBuffers& buffers);
  template <typename Parser>
  Status AppendSample(Parser& parser, ScrapeBuffers& buffers);
  template <typename Parser>
  Status AppendKnown(Parser& parser, SeriesCache::Index i, bool seen, ScrapeBuffers& buffers);
  /// The final labels of the series at hand; empty when it is dropped.
  Result<model::Labels> RelabelledSample(const ScrapeBuffers& buffers) const;
  template <typename Parser>
  Status AppendNew(Parser& parser, ScrapeBuffers& buffers);
  /// `value` is the parser's, or what was made of it.
  /// @return whether it was appended
  template <typename Parser>
  Result<bool> AppendNewSample(Parser& parser, const model::Labels& labels, double value,
                               ScrapeBuffers& buffers);
  template <typename Parser>
  Status AppendHistogram(Parser& parser, ScrapeBuffers& buffers);
  /// A histogram in hand, all but its counts.
  struct HistogramSample {
    SeriesCache::Index index = SeriesCache::kNone;  // kNone = new.
    model::Labels labels;                           // Of a new series; else empty.
    model::TimestampMs t = 0;
    bool own_time = false;
  };
  /// @return whether it was appended
  template <typename Parser>
  Result<bool> AppendHistogramSample(Parser& parser, const HistogramSample& sample,
                                     ScrapeBuffers& buffers);
  /// The final labels of a new series, checked; empty when it is dropped, which is remembered.
  template <typename Parser>
  Result<model::Labels> NewSample(Parser& parser, ScrapeBuffers& buffers);
  /// One sample with its time, which is not one of a column.
  template <typename Parser>
  Result<storage::AppendError> AppendKnownAlone(Parser& parser, SeriesCache::Index i, bool own_time,
                                                double value, ScrapeBuffers& buffers);

  // Of series whose start is worked out (session_synthesis.h).
  /// Whether the known, or new, series in hand is one.
  template <typename Parser>
  Result<bool> IsSynthesized(Parser& parser, ScrapeBuffers& buffers);
  template <typename Parser>
  bool IsSynthesized(const Parser& parser, const model::Labels& labels);
  template <typename Parser>
  Status AppendKnownSynthesized(Parser& parser, SeriesCache::Index i, bool seen,
                                ScrapeBuffers& buffers);
  template <typename Parser>
  Status AppendNewSynthesized(Parser& parser, const model::Labels& labels, ScrapeBuffers& buffers);
  template <typename Parser>
  Status AppendHistogramSynthesized(Parser& parser, const HistogramSample& sample,
                                    ScrapeBuffers& buffers);
  /// Whether the family in hand is one of counters or histograms, and the series one of it.
  bool IsCountedFamily() const;
  bool IsOfCountedFamily(const model::Labels& labels) const;
  /// For a second sample in one scrape.
  Status RefuseSynthesized(const Hash128& series);
  /// Around the append of a sample whose start was worked out.
  void BeginSynthesized(model::TimestampMs start);
  void EndSynthesized();
  /// Tells the appender of the sample that comes next.
  void PrepareAppend(model::TimestampMs start);
  /// Whether the series in hand gets a marker when it is gone.
  bool EndsWithMarker(bool own_time) const;
  template <typename Parser>
  bool HasExemplars(const Parser& parser) const;
  template <typename Parser>
  void AppendExemplars(const Parser& parser, storage::SeriesRef ref, const model::Labels& labels,
                       model::TimestampMs t, ScrapeBuffers& buffers);
  template <typename H>
  storage::AppendError AppendOneHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                          model::TimestampMs t, const H& h);
  /// Takes note of the time at which the series began. @return false for a line that tells nothing
  /// else
  template <typename Parser>
  bool ReadStart(Parser& parser);
  void LogStart(storage::AppendError outcome, model::TimestampMs t) const;
  void CountNewSeries();
  void Remember(const Hash128& hash, std::size_t length, storage::SeriesRef ref, bool own_time);
  /// Appends a zero at start_, when there is one. `labels` may be empty for a known series.
  storage::AppendError AppendStart(storage::SeriesRef& ref, const model::Labels& labels,
                                   model::TimestampMs t);
  template <typename Parser>
  Status AppendKnownStart(Parser& parser, SeriesCache::Index i, model::TimestampMs t,
                          ScrapeBuffers& buffers);
  /// Hands the family's metadata to storage, for a series that is one of the family's.
  void AppendMetadata(storage::SeriesRef ref, const model::Labels& labels);
  template <typename Parser>
  Status AppendKnownMetadata(Parser& parser, SeriesCache::Index i, ScrapeBuffers& buffers);
  template <typename Parser>
  Status Flush(Parser& parser, ScrapeBuffers& buffers);
  /// One sample with its labels, for series that the storage does not know (any more).
  template <typename Parser>
  Status AppendAgain(Parser& parser, const SampleBatch::Item& item, double value,
                     ScrapeBuffers& buffers);
  /// Counts the outcome of an append. Errors: what fails the whole scrape.
  Status CountOutcome(storage::AppendError outcome);
  /// The same for those who tell whether a sample was appended: false.
  Result<bool> Refuse(storage::AppendError outcome);
  /// Whether one more sample is within sample_limit.
  bool TakeFromLimit();
  void AppendStale(ScrapeBuffers& buffers, model::TimestampMs t);
  Status Report(const Status& scrape, const Fetched& fetched, double elapsed_s);
  Status AppendReport(std::size_t i, model::TimestampMs t, double value);
  void LogDropped() const;

  const std::shared_ptr<const config::ScrapeConfig> config_;
  const std::shared_ptr<Target> target_;
  const HistogramOptions histograms_;
  const std::int32_t finest_schema_;
  storage::Appendable& appendable_;
  ScrapeMetrics& metrics_;
  const SessionOptions options_;
  std::unique_ptr<SeriesCache> cache_;
  std::unique_ptr<StartSynthesis> synthesis_;  // Null unless wanted.
  std::vector<ReportSeries> reports_;

  // Of the scrape in progress.
  std::unique_ptr<storage::Appender> appender_;
  model::TimestampMs t_ = 0;
  model::TimestampMs max_t_ = 0;
  CreatedLines created_;
  model::TimestampMs start_ = 0;  // Of the series in hand; 0 = not known.
  bool synthesized_ = false;      // It was worked out.
  ScrapeCounts counts_;
  std::size_t limited_ = 0;
  bool over_limit_ = false;
  bool over_bucket_limit_ = false;
  std::size_t out_of_order_ = 0;
  std::size_t duplicates_ = 0;
  std::size_t out_of_bounds_ = 0;
  std::size_t exemplars_out_of_order_ = 0;
};

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// Takes the samples of one request to storage, all or none, and gathers what was wrong.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/storage/appender.h"
#include "src/remote/otlp_family.h"
#include "src/remote/otlp_series_cache.h"

namespace narthex::remote {

/// A sample's time, and when what it counts began (0 = not known).
struct OtlpTimes {
  model::TimestampMs t = 0, start = 0;
};

struct OtlpSinkOptions {
  model::TimestampMs max_time = model::kMaxTime;  // Samples after it are refused.
  bool append_metadata = false;
  bool start_zeros = false;
  /// Whether samples of known series go to storage in columns. That finds only later that a series
  /// is gone, and then the request has to be done again without.
  bool columns = true;
};

/// Thread safety: one thread.
class OtlpSink {
 public:
  OtlpSink(storage::Appendable& storage, OtlpSeriesCache& cache, const OtlpSinkOptions& options);

  /// What follows is told of by its first error only, and ends with it.
  void BeginUnit();
  /// Whether the unit is known to have ended with an error.
  bool unit_failed() const { return unit_failed_; }
  /// @param bad_request  sending the same again would not help
  void FailUnit(std::string_view text, bool bad_request = false) { Note(unit_, text, bad_request); }
  /// What the samples are of that follow; outlives them.
  void SetFamily(const OtlpFamily& family) { family_ = &family; }

  std::optional<OtlpSeriesCache::Entry> Find(const Hash128& id) { return cache_.Find(id); }

  /// Adds a sample to a series that Find gave. False when the series is gone, and nothing was
  /// added: then it is new.
  bool AddKnown(const Hash128& id, const OtlpSeriesCache::Entry& known, const OtlpTimes& times,
                double v, std::span<const model::Exemplar> exemplars);
  bool AddKnown(const Hash128& id, const OtlpSeriesCache::Entry& known, const OtlpTimes& times,
                const model::Histogram& h, std::span<const model::Exemplar> exemplars);
  /// @param id  null when the series shall not be found again
  template <typename V>
  void AddNew(const Hash128* id, const model::Labels& labels, const OtlpTimes& times, const V& v,
              std::span<const model::Exemplar> exemplars);

  struct Outcome {
    bool redo = false;         // A series was gone; do the request again, without columns.
    bool bad_request = false;  // An error was the sender's fault.
    std::string error;         // Empty = everything is stored.
  };
  /// Stores everything, or nothing when there was an error or `keep` is false.
  Outcome Finish(bool keep);
  /// Whether it is in vain to go on.
  bool must_redo() const { return redo_; }

  std::uint64_t without_metadata() const { return without_metadata_; }
  std::uint64_t exemplars_refused() const { return exemplars_refused_; }

 private:
  struct Column {
    model::TimestampMs t = 0;
    std::vector<storage::SeriesRef> refs;
    std::vector<double> values;
    std::vector<model::TimestampMs> starts;
    std::vector<Hash128> ids;
    std::vector<std::uint32_t> units;
    std::vector<storage::AppendError> outcomes;
  };

  bool TooLate(model::TimestampMs t);
  void Flush();
  void Note(std::uint32_t unit, std::string_view text, bool bad_request);
  template <typename V>
  storage::AppendError Append(storage::SeriesRef& ref, const model::Labels& labels,
                              const OtlpTimes& times, const V& v);
  template <typename V>
  bool AppendToKnown(const Hash128& id, const OtlpSeriesCache::Entry& known, const OtlpTimes& times,
                     const V& v, std::span<const model::Exemplar> exemplars);
  void AppendRest(const Hash128* id, storage::SeriesRef ref, std::uint64_t known_metadata,
                  const model::Labels& labels, std::span<const model::Exemplar> exemplars);

  OtlpSeriesCache& cache_;
  const OtlpSinkOptions options_;
  const std::unique_ptr<storage::Appender> appender_;
  const model::Labels no_labels_;
  const OtlpFamily* family_ = nullptr;
  Column column_;

  std::uint32_t unit_ = 0;
  bool unit_failed_ = false;
  std::uint32_t last_failed_ = 0;  // The unit that was told of last.
  std::string errors_;
  std::size_t untold_ = 0;
  bool failed_ = false, bad_request_ = false, redo_ = false;

  std::vector<std::pair<Hash128, std::uint64_t>> metadata_;  // Of series, once it is stored.
  std::uint64_t without_metadata_ = 0;
  std::uint64_t exemplars_refused_ = 0;
};

}  // namespace narthex::remote

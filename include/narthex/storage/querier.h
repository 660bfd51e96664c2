// SPDX-License-Identifier: Apache-2.0
//
// Read side of storage. Implemented by tsdb (head and blocks merged); called by promql, web and
// alerting. Series come as a set with random access, so that a query can split them over threads,
// and each decodes once into columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/base/uninit_vector.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/start_times.h"

namespace narthex::storage {

/// What a reader knows about its use of the series; storage may use it to do less, and may ignore
/// it. Source: Prometheus storage.SelectHints.
struct SelectHints {
  model::TimestampMs start_ms = 0;  // Closed range of wanted samples.
  model::TimestampMs end_ms = 0;
  std::size_t limit = 0;  // Most series to return; 0 = all.
  model::DurationMs step_ms = 0;
  model::DurationMs range_ms = 0;
  std::string func;  // Surrounding function or aggregation; "series" = labels only.
  std::vector<std::string> grouping;
  bool by = false;
  bool any_order =
      false;  // The series may come in any order: sorting a million takes half a second.
  std::int64_t deadline_ns = 0;  // Until when other servers may be waited for (Clock::MonotonicNs);
                                 // 0 = as they are set up.
};

/// The samples of one series as columns, ascending in time, timestamps unique over both kinds.
struct SampleColumns {
  UninitVector<model::TimestampMs> t;  // Floats: time …
  UninitVector<double> v;              // … and value; the stale marker is kept.
  std::vector<model::TimestampMs> histogram_t;
  std::vector<model::FloatHistogram> histograms;  // Stale: sum is the stale NaN.
  StartTimes starts;                              // Of the floats …
  StartTimes histogram_starts;                    // … and of the histograms.
  bool chained = false;  // The samples come from more than one part of the storage.

  /// Adds the samples of `later` behind these, whatever their times.
  void Append(SampleColumns&& later);
  /// Removes the floats from index `floats` on and the histograms from `histograms_from` on, and
  /// returns them.
  SampleColumns TakeTail(std::size_t floats, std::size_t histograms_from);

  void Clear() {
    chained = false;
    t.clear();
    v.clear();
    histogram_t.clear();
    histograms.clear();
    starts.clear();
    histogram_starts.clear();
  }
};

/// The selected series, sorted by labels (unless SelectHints::any_order), labels unique. Holds what
/// it needs alive (mapped blocks, head state) until destroyed; so keep it no longer than needed: it
/// delays deletions. Thread safety: all const methods, any thread.
class SeriesSet {
 public:
  virtual ~SeriesSet() = default;
  virtual std::size_t size() const = 0;
  virtual model::Labels LabelsAt(std::size_t i) const = 0;
  /// Its labels of these names alone; `names` ascend. Mostly cheaper.
  virtual model::Labels SomeLabelsAt(std::size_t i, std::span<const std::string> names) const;
  /// The same as LabelsAt without a copy. The texts are valid during the call.
  using VisitLabel = std::function<void(std::string_view name, std::string_view value)>;
  virtual void ForEachLabel(std::size_t i, const VisitLabel& visit) const;
  /// Whether series i has these labels; some can tell without making a copy of its own.
  virtual bool HasLabels(std::size_t i, const model::Labels& labels) const {
    return LabelsAt(i) == labels;
  }

  /// Adds the samples with mint ≤ t ≤ maxt of series i behind those that `out` has already, of
  /// whatever times. MergeTail (merge.h) brings them in order where that matters.
  /// Errors: kCorruption or kIo naming the chunk.
  virtual Status Read(std::size_t i, model::TimestampMs mint, model::TimestampMs maxt,
                      SampleColumns& out) const = 0;
};

/// One of several selections that are made together.
struct Selection {
  std::span<const model::Matcher> matchers;
  SelectHints hints;
};

class Annotations;

/// Thread safety: any thread.
class Querier {
 public:
  virtual ~Querier() = default;

  /// Selects the series that match all matchers and may have samples in the querier's range.
  /// Errors: kCancelled when `stop` was requested, kCorruption, kIo.
  virtual Result<std::unique_ptr<SeriesSet>> Select(std::span<const model::Matcher> matchers,
                                                    const SelectHints& hints,
                                                    std::stop_token stop = {}) const = 0;

  /// Makes all selections, as Select does; storage that asks other servers does it at the same
  /// time. @return as many sets as there are selections. Errors: of any of them.
  virtual Result<std::vector<std::unique_ptr<SeriesSet>>> SelectAll(
      std::span<const Selection> selections, std::stop_token stop = {}) const;

  /// Adds what calls up to now had to do without: parts of the storage whose failure is not that of
  /// the call.
  virtual void CollectWarnings(Annotations& out) const;

  /// The values of one label, or the label names, on series that match (all, when there are no
  /// matchers). Sorted, unique, at most `limit` (0 = all). Errors: as Select.
  virtual Result<std::vector<std::string>> LabelValues(std::string_view name,
                                                       std::span<const model::Matcher> matchers,
                                                       std::size_t limit,
                                                       std::stop_token stop = {}) const = 0;
  virtual Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher> matchers,
                                                      std::size_t limit,
                                                      std::stop_token stop = {}) const = 0;
};

/// Thread safety: any thread.
class Queryable {
 public:
  virtual ~Queryable() = default;
  /// A reader of the closed range [mint, maxt]. It sees every commit that ended before this call.
  /// Never null, but for members of a fanout (fanout.h).
  virtual Result<std::unique_ptr<Querier>> NewQuerier(model::TimestampMs mint,
                                                      model::TimestampMs maxt) = 0;
};

}  // namespace narthex::storage

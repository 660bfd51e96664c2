// SPDX-License-Identifier: Apache-2.0
//
// Write side of storage. Implemented by tsdb; called by scrape, alerting and web.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"

namespace narthex::model {
class Labels;
struct Exemplar;
struct FloatHistogram;
struct Histogram;
struct Metadata;
}  // namespace narthex::model

namespace narthex::storage {

enum class SeriesRef : std::uint64_t {};  // SeriesRef{0} means "unknown, look up by labels".

enum class AppendError : std::uint8_t {
  kNone,
  kOutOfOrder,        // Older than the series' last sample, no out-of-order window.
  kOutOfBounds,       // Before what the head still takes.
  kTooOld,            // Before the out-of-order window.
  kDuplicate,         // Another value for a time that has one.
  kUnknownSeries,     // The ref names no series (any more) and no labels were given.
  kInvalidLabels,     // Empty set, or a name twice.
  kInvalidHistogram,  // Buckets, spans and count contradict each other.
  kExemplarOutOfOrder,
  kExemplarTooLong,
  kExemplarsDisabled,
  kStartNotOlder,  // A start time that is not before its sample.
};

/// Prometheus's wording: "out of order sample", "out of bounds", "too old sample", ….
std::string_view AppendErrorText(AppendError error);

/// A sample that another one of its time was in the way of.
struct DuplicateSample {
  model::TimestampMs t = 0;
  double existing = 0;
  double value = 0;  // The new one.
  bool existing_is_histogram = false;
};
/// "duplicate sample for timestamp 5; overrides not allowed: existing 1, new value 2".
std::string DuplicateSampleText(const DuplicateSample& sample);

/// Collects samples and makes them visible together.
/// Lifecycle: any number of Append calls, then one Commit or Rollback; destroyed open = Rollback.
/// Thread safety: one thread at a time; several appenders may be open at once.
class Appender {
 public:
  virtual ~Appender() = default;

  /// Adds one float sample.
  /// @param[in,out] ref  SeriesRef{0} or the last one for this series; set to the one to reuse
  /// @param labels       full set, sorted by name, with __name__; copied only for a new series
  /// @param t            Unix time, milliseconds
  /// @param value        any double; model::kStaleNaN ends the series
  /// @return kNone, or why the sample was dropped; the appender stays usable either way
  /// Source: Prometheus storage.Appender and its ErrOutOfOrderSample family.
  [[nodiscard]] virtual AppendError Append(SeriesRef& ref, const model::Labels& labels,
                                           model::TimestampMs t, double value) = 0;

  /// Adds one sample to each of many known series, all at the same time: what a scrape is.
  /// @param refs      references from earlier Append calls, none of them 0
  /// @param values    one per ref
  /// @param outcomes  filled, one per ref; kUnknownSeries where the series is gone
  virtual void AppendColumn(std::span<const SeriesRef> refs, model::TimestampMs t,
                            std::span<const double> values, std::span<AppendError> outcomes) = 0;

  /// The same for series that say when they began.
  /// @param starts  one per ref, as SetStart takes them
  virtual void AppendStartedColumn(std::span<const SeriesRef> refs, model::TimestampMs t,
                                   std::span<const double> values,
                                   std::span<const model::TimestampMs> starts,
                                   std::span<AppendError> outcomes);

  /// When what the samples count began to be counted that Append, AppendHistogram and
  /// AppendFloatHistogram add from here on: Unix time, milliseconds; 0, as at first = not known.
  /// Storage that keeps no start times passes over it.
  virtual void SetStart(model::TimestampMs start);

  /// Adds one native histogram. Parameters as Append.
  [[nodiscard]] virtual AppendError AppendHistogram(SeriesRef& ref, const model::Labels& labels,
                                                    model::TimestampMs t,
                                                    const model::Histogram& h) = 0;
  [[nodiscard]] virtual AppendError AppendFloatHistogram(SeriesRef& ref,
                                                         const model::Labels& labels,
                                                         model::TimestampMs t,
                                                         const model::FloatHistogram& h) = 0;
  /// Adds a zero at `start`, the time at which the series began or was set back, for the sample at
  /// t that is appended next. Never out of order: kOutOfOrder when the series has a sample that is
  /// not older, as it has for all but the first sample after a start. Errors do not concern that
  /// sample. The other forms add an empty histogram of the layout of `like`.
  /// Source: Prometheus storage.StartTimestampAppender. Storage without this takes none.
  [[nodiscard]] virtual AppendError AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                                    model::TimestampMs t, model::TimestampMs start);
  [[nodiscard]] virtual AppendError AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                                    model::TimestampMs t, model::TimestampMs start,
                                                    const model::Histogram& like);
  [[nodiscard]] virtual AppendError AppendStartZero(SeriesRef& ref, const model::Labels& labels,
                                                    model::TimestampMs t, model::TimestampMs start,
                                                    const model::FloatHistogram& like);
  /// Adds an exemplar to a series that exists: `ref` names it, or the labels do when it is 0 or
  /// names none any more. @return kUnknownSeries when there is no such series
  [[nodiscard]] virtual AppendError AppendExemplar(SeriesRef ref, const model::Labels& labels,
                                                   const model::Exemplar& exemplar) = 0;
  virtual void UpdateMetadata(SeriesRef ref, const model::Labels& labels,
                              const model::Metadata& metadata) = 0;

  /// The wording of the refusal that the last call of one of the Append functions returned, with
  /// the values that it was about. Made when it is asked for; of AppendColumn only the last one.
  virtual std::string RefusalText(AppendError error) const {
    return std::string(AppendErrorText(error));
  }

  /// From now on samples that would be taken out of order are refused with kOutOfOrder, also where
  /// there is an out-of-order window: for staleness markers and rule results, which would end or
  /// contradict a series that somebody else goes on with. Source: Prometheus
  /// AppendOptions.DiscardOutOfOrder.
  virtual void SetDiscardOutOfOrder(bool discard) = 0;

  /// Writes the batch to the WAL, then publishes it. Errors: kIo, and then nothing is visible; but
  /// when only the log of late samples failed, those in order are.
  [[nodiscard]] virtual Status Commit() = 0;
  virtual void Rollback() noexcept = 0;
};

/// Thread safety: any thread.
class Appendable {
 public:
  virtual ~Appendable() = default;
  virtual std::unique_ptr<Appender> NewAppender() = 0;
};

}  // namespace narthex::storage

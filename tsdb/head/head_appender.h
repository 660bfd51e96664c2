// SPDX-License-Identifier: Apache-2.0
//
// The head's write side: samples are checked and kept, then written to the WAL, then published.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/storage/appender.h"
#include "tsdb/head/head_state.h"
#include "tsdb/head/rows.h"

namespace narthex::tsdb {

/// See storage::Appender. The head outlives it.
class HeadAppender final : public storage::Appender {
 public:
  /// @param committed  called after each successful commit; may be empty
  HeadAppender(HeadState& head, const std::function<void()>& committed);
  ~HeadAppender() override;

  storage::AppendError Append(storage::SeriesRef& ref, const model::Labels& labels,
                              model::TimestampMs t, double value) override;
  void AppendColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                    std::span<const double> values,
                    std::span<storage::AppendError> outcomes) override;
  void AppendStartedColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                           std::span<const double> values,
                           std::span<const model::TimestampMs> starts,
                           std::span<storage::AppendError> outcomes) override;
  void SetStart(model::TimestampMs start) override { start_ = keeps_starts_ ? start : 0; }
  storage::AppendError AppendHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                       model::TimestampMs t, const model::Histogram& h) override;
  storage::AppendError AppendFloatHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                            model::TimestampMs t,
                                            const model::FloatHistogram& h) override;
  storage::AppendError AppendStartZero(storage::SeriesRef& ref, const model::Labels& labels,
                                       model::TimestampMs t, model::TimestampMs start) override;
  storage::AppendError AppendStartZero(storage::SeriesRef& ref, const model::Labels& labels,
                                       model::TimestampMs t, model::TimestampMs start,
                                       const model::Histogram& like) override;
  storage::AppendError AppendStartZero(storage::SeriesRef& ref, const model::Labels& labels,
                                       model::TimestampMs t, model::TimestampMs start,
                                       const model::FloatHistogram& like) override;
  storage::AppendError AppendExemplar(storage::SeriesRef ref, const model::Labels& labels,
                                      const model::Exemplar& exemplar) override;
  void UpdateMetadata(storage::SeriesRef ref, const model::Labels& labels,
                      const model::Metadata& metadata) override;
  std::string RefusalText(storage::AppendError error) const override;
  void SetDiscardOutOfOrder(bool discard) override { discard_out_of_order_ = discard; }
  Status Commit() override;
  void Rollback() noexcept override;

 private:
  struct PendingExemplar {
    SeriesSlot slot = 0;
    model::Exemplar exemplar;
  };
  struct PendingMetadata {
    std::vector<wal::MetadataEntry> entries;
    std::vector<SeriesSlot> slots;
  };

  template <typename H>
  struct Histograms {
    std::vector<std::conditional_t<std::is_same_v<H, model::Histogram>, wal::HistogramEntry,
                                   wal::FloatHistogramEntry>>
        entries;
    std::vector<SeriesSlot> slots;
  };
  // Samples that may be written and published kind by kind, because no series changes its kind.
  struct Batch {
    Rows<wal::SampleEntry> samples;
    Rows<SeriesSlot> slots;      // Of the samples.
    storage::StartTimes starts;  // Of the samples.
    Histograms<model::Histogram> ints;
    Histograms<model::FloatHistogram> floats;
    bool empty() const { return slots.empty() && ints.slots.empty() && floats.slots.empty(); }
  };
  // Kinds that have a record of their own in the WAL.
  enum class HistogramKind : std::uint8_t { kInt, kCustomInt, kFloat, kCustomFloat };
  // What a commit did.
  struct Published {
    Isolation::Commit commit;
    model::TimestampMs mint = model::kMaxTime;
    model::TimestampMs maxt = model::kMinTime;
    std::uint64_t samples = 0, histograms = 0;
    std::uint64_t chunks_created = 0;
  };

  void Begin(model::TimestampMs first_t);
  bool OutOfBounds(model::TimestampMs t);
  storage::AppendError CheckTime(const MemSeries& series, model::TimestampMs t);
  storage::AppendError Check(const MemSeries& series, model::TimestampMs t, double v);
  // What becomes of a sample that is not in order.
  storage::AppendError CheckLate(model::TimestampMs t) const;
  // Pinning keeps the series alive until the appender ends: one pending sample more.
  bool Pin(storage::SeriesRef ref, SeriesSlot& slot);
  storage::AppendError PinNew(storage::SeriesRef& ref, const model::Labels& labels,
                              SeriesSlot& slot);
  // The one that `ref` names, else the one with the labels, which may be new.
  storage::AppendError PinOrCreate(storage::SeriesRef& ref, const model::Labels& labels,
                                   SeriesSlot& slot);
  storage::AppendError AddKnown(storage::SeriesRef ref, model::TimestampMs t, double v,
                                model::TimestampMs start);
  // The same; the slot of `ref` is that of the series, if it names one.
  storage::AppendError AddTo(MemSeries& series, storage::SeriesRef ref, model::TimestampMs t,
                             double v, model::TimestampMs start);
  // `start_of(i)` tells the start time of the column's sample i.
  template <typename StartOf>
  void AddColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                 std::span<const double> values, std::span<storage::AppendError> outcomes,
                 StartOf&& start_of);
  storage::AppendError AddNew(storage::SeriesRef& ref, const model::Labels& labels,
                              model::TimestampMs t, double v);
  storage::AppendError Keep(SeriesSlot slot, const MemSeries& series, model::TimestampMs t,
                            double v, model::TimestampMs start, std::uint32_t own);
  void KeepCommon(SeriesSlot slot, const MemSeries& series, model::TimestampMs t, double v,
                  model::TimestampMs start);
  // Adds what `keep(slot, series)` keeps at the start of a series, when that is in order.
  template <typename Fn>
  storage::AppendError AddStart(storage::SeriesRef& ref, const model::Labels& labels,
                                model::TimestampMs t, model::TimestampMs start, Fn&& keep);
  template <typename H>
  storage::AppendError AddHistogramStart(storage::SeriesRef& ref, const model::Labels& labels,
                                         model::TimestampMs t, model::TimestampMs start,
                                         const H& like);
  void NoteUnlogged(SeriesSlot slot, const MemSeries& series);
  storage::AppendError Count(storage::AppendError error);
  storage::AppendError CountHistogram(storage::AppendError error);
  // Whether the head takes the sample in order, now that it is to be published.
  bool InOrder(const MemSeries& series, model::TimestampMs t) const {
    return t >= min_valid_ && (!series.has_samples() || t > series.xor_state.t);
  }
  // Whether one that it does not goes to the late ones.
  bool TakesLate(const MemSeries& series, model::TimestampMs t, bool histogram);

  template <typename H>
  static Histograms<H>& HistogramsOf(Batch& batch);
  void EndBatch();
  // Begins a new batch when the series has a sample of another kind in this one.
  // @param own  the part of the series' pending samples that is for this one
  void NoteHistogram(SeriesSlot slot, const MemSeries& series, HistogramKind kind,
                     std::uint32_t own);
  template <typename H>
  storage::AppendError AddHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                    model::TimestampMs t, const H& h);
  template <typename H>
  storage::AppendError KeepHistogram(SeriesSlot slot, const MemSeries& series, model::TimestampMs t,
                                     const H& h, model::TimestampMs start, std::uint32_t own);
  storage::AppendError KeepStaleHistogram(SeriesSlot slot, const MemSeries& series,
                                          model::TimestampMs t, model::TimestampMs start,
                                          std::uint32_t own);
  template <typename H>
  void PublishHistograms(Batch& batch, Published& published);
  void PublishSamples(const Batch& batch, Published& published);
  void PublishBatch(Batch& batch, Published& published);
  Status PublishLate(Published& published);
  void PublishExemplars();
  void PublishMetadata();

  void EncodeRecords();
  void EncodeBatch(const Batch& batch);
  Status Publish();
  void Unpin();
  void Finish();

  HeadState& head_;
  const std::function<void()>& committed_;
  std::optional<AppenderRegistry::Place> place_;        // From Begin on.
  model::TimestampMs head_max_time_ = model::kMinTime;  // When the appender began.
  model::TimestampMs min_valid_ = model::kMinTime;
  model::DurationMs window_ = 0;  // For late samples, behind head_max_time_.
  const bool keeps_starts_;
  model::TimestampMs start_ = 0;  // Of the samples that come one at a time.
  bool discard_out_of_order_ = false;
  bool finished_ = false;

  std::vector<Batch> ended_;  // Batches before the current one.
  Batch batch_;
  // The kind of the series that have histograms in the current batch.
  absl::flat_hash_map<SeriesSlot, HistogramKind> histogram_kinds_;
  std::vector<SeriesSlot> not_in_wal_;  // Series whose record this commit writes.
  std::vector<LateSample> late_;        // Found when publishing.
  std::vector<PendingExemplar> exemplars_;
  PendingMetadata metadata_;
  std::vector<SeriesSlot> full_;
  std::vector<std::string> records_;

  // About the last refusal.
  std::optional<storage::DuplicateSample> duplicate_;  // Of a float; of a histogram none.
  std::string invalid_histogram_;
};

}  // namespace narthex::tsdb

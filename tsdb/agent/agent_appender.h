// SPDX-License-Identifier: Apache-2.0
//
// The agent's write side: samples are checked, then written to the log; only their times are kept.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "narthex/model/exemplar.h"
#include "narthex/storage/appender.h"
#include "narthex/storage/start_times.h"
#include "tsdb/agent/agent_state.h"
#include "tsdb/head/rows.h"

namespace narthex::tsdb {

/// See storage::Appender and AgentDb. The state outlives it.
class AgentAppender final : public storage::Appender {
 public:
  explicit AgentAppender(AgentState& state);
  ~AgentAppender() override;

  storage::AppendError Append(storage::SeriesRef& ref, const model::Labels& labels,
                              model::TimestampMs t, double value) override;
  void AppendColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                    std::span<const double> values,
                    std::span<storage::AppendError> outcomes) override;
  void AppendStartedColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                           std::span<const double> values,
                           std::span<const model::TimestampMs> starts,
                           std::span<storage::AppendError> outcomes) override;
  void SetStart(model::TimestampMs start) override {
    start_ = state_.options.start_times ? start : 0;
  }
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
  /// The agent's log has none. Source: Prometheus agent appender.
  void UpdateMetadata(storage::SeriesRef, const model::Labels&, const model::Metadata&) override {}
  std::string RefusalText(storage::AppendError error) const override;
  void SetDiscardOutOfOrder(bool discard) override {
    window_ = discard ? 0 : state_.options.out_of_order_window_ms;
  }
  Status Commit() override;
  void Rollback() noexcept override;

 private:
  struct PendingExemplar {
    SeriesSlot slot = 0;
    model::Exemplar exemplar;
  };
  template <typename Entry>
  struct Pending {
    std::vector<Entry> entries;
    std::vector<SeriesSlot> slots;
  };

  storage::AppendError CheckTime(const AgentSeries& series, model::TimestampMs t) const;
  storage::AppendError Count(storage::AppendError error);
  // Pinning keeps the series alive until the appender ends: one pending sample more.
  bool Pin(storage::SeriesRef ref, SeriesSlot& slot);
  // The one that `ref` names, else the one with the labels, which may be new.
  storage::AppendError PinOrCreate(storage::SeriesRef& ref, const model::Labels& labels,
                                   SeriesSlot& slot);
  void NoteUnlogged(SeriesSlot slot, const AgentSeries& series);
  storage::AppendError AddTo(AgentSeries& series, storage::SeriesRef ref, model::TimestampMs t,
                             double v, model::TimestampMs start);
  // `start_of(i)` tells the start time of the column's sample i.
  template <typename StartOf>
  void AddColumn(std::span<const storage::SeriesRef> refs, model::TimestampMs t,
                 std::span<const double> values, std::span<storage::AppendError> outcomes,
                 StartOf&& start_of);
  void Keep(SeriesSlot slot, const AgentSeries& series, model::TimestampMs t, double v,
            model::TimestampMs start);
  template <typename H>
  void KeepHistogram(SeriesSlot slot, const AgentSeries& series, model::TimestampMs t, const H& h,
                     model::TimestampMs start);
  template <typename H>
  storage::AppendError CheckHistogram(const H& h);
  template <typename H>
  storage::AppendError AddHistogram(storage::SeriesRef& ref, const model::Labels& labels,
                                    model::TimestampMs t, const H& h);
  // Keeps, by `keep(slot, series)`, what `check(series)` takes of a series that may be new.
  template <typename Check, typename Fn>
  storage::AppendError AddAlone(storage::SeriesRef& ref, const model::Labels& labels, Check&& check,
                                Fn&& keep);
  template <typename Fn>
  storage::AppendError AddStart(storage::SeriesRef& ref, const model::Labels& labels,
                                model::TimestampMs t, model::TimestampMs start, Fn&& keep);
  template <typename H>
  storage::AppendError AddHistogramStart(storage::SeriesRef& ref, const model::Labels& labels,
                                         model::TimestampMs t, model::TimestampMs start,
                                         const H& like);
  bool RepeatsPending(SeriesSlot slot, const model::Exemplar& exemplar) const;

  bool empty() const;
  void EncodeRecords();
  void EncodeHistograms();
  void Publish();
  struct Published {
    std::uint64_t late = 0;
    model::TimestampMs max_time = 0;
  };
  void PublishTime(SeriesSlot slot, model::TimestampMs t, Published& published);
  template <typename Fn>
  void ForEachPinned(Fn&& fn) const;

  AgentState& state_;
  model::DurationMs window_;      // How much older than a series' last sample one may be.
  model::TimestampMs start_ = 0;  // Of the samples that come one at a time.
  bool finished_ = false;

  Rows<wal::SampleEntry> samples_;
  Rows<SeriesSlot> slots_;      // Of the samples.
  storage::StartTimes starts_;  // Of the samples.
  Pending<wal::HistogramEntry> histograms_;
  Pending<wal::FloatHistogramEntry> float_histograms_;
  std::vector<PendingExemplar> exemplars_;
  std::vector<SeriesSlot> not_in_wal_;  // Series whose record this commit writes.
  std::vector<std::string> records_;
  std::string invalid_histogram_;  // About the last refusal.
};

}  // namespace narthex::tsdb

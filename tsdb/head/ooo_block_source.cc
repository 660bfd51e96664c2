// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/ooo_block_source.h"

#include <algorithm>
#include <set>

#include "tsdb/head/head_block_source.h"
#include "tsdb/head/series_order.h"

namespace narthex::tsdb {

using model::TimestampMs;

OooBlockSource::OooBlockSource(const HeadState& head, ChunkPlace last, TimestampMs mint,
                               TimestampMs maxt)
    : head_(head),
      last_(last),
      mint_(mint),
      last_time_(maxt - 1),
      reader_(const_cast<Isolation&>(head.isolation).NewKeeper()),
      files_(head.files.view()) {
  const OooStore& store = head.ooo.store();
  for (std::size_t part = 0; part < OooStore::kParts; ++part) {
    for (const SeriesSlot slot : store.Slots(part)) {
      if (store.Overlaps(slot, mint_, last_time_)) ids_.push_back(slot);
    }
  }
  SortByLabels(head_.index, ids_);
}

namespace {

// Of the aligned range that t is in; the first one begins at kMinTime.
TimestampMs RangeStart(TimestampMs t, model::DurationMs width) {
  const TimestampMs rest = t % width;
  TimestampMs start = t - rest;
  if (rest < 0 && __builtin_sub_overflow(start, width, &start)) return model::kMinTime;
  return start;
}

}  // namespace

Status OooBlockSource::Symbols(const SymbolSink& add) {
  AddSymbols(head_.index, ids_, add);
  return {};
}

Result<bool> OooBlockSource::Next() {
  while (next_ < ids_.size()) {
    const SeriesId id = ids_[next_++];
    head_.ooo.store().Load(id, mint_, last_time_, series_);
    unwanted_ = head_.DeletedOf(id);
    if (mint_ > model::kMinTime) AddInterval(unwanted_, {model::kMinTime, mint_ - 1});
    AddInterval(unwanted_, {last_time_ + 1, model::kMaxTime});
    std::vector<MergeInput> inputs;
    for (const auto& chunk : series_.full) {
      if (!NoLater(chunk.place, last_)) continue;
      const auto view = ChunkFiles::Read(*files_, chunk.place);
      if (view) inputs.push_back({*view, unwanted_});  // Else OooRanges has reported it.
    }
    NX_RETURN_IF_ERROR(merger_.Merge(std::move(inputs), ChunkCut::kByBytes));
    if (merger_.chunks().empty()) continue;
    labels_ = head_.index.LabelsOf(id);
    return true;
  }
  return false;
}

Result<std::vector<TimestampMs>> OooRanges(const HeadState& head, ChunkPlace last,
                                           model::DurationMs width) {
  const OooStore& store = head.ooo.store();
  const auto files = head.files.view();
  std::set<TimestampMs> starts;
  OooSeries series;
  storage::SampleColumns columns;
  const auto add = [&](const auto& times) {
    TimestampMs last_start = 0;
    for (const TimestampMs t : times) {
      const TimestampMs start = RangeStart(t, width);
      if (starts.empty() || start != last_start) starts.insert(start);
      last_start = start;
    }
  };
  for (std::size_t part = 0; part < OooStore::kParts; ++part) {
    for (const SeriesSlot slot : store.Slots(part)) {
      store.Load(slot, model::kMinTime, model::kMaxTime, series);
      for (const auto& chunk : series.full) {
        if (!NoLater(chunk.place, last)) continue;
        const auto view = ChunkFiles::Read(*files, chunk.place);
        if (!view) {
          head.ReportUnreadable(slot, view.error());
          continue;
        }
        columns.Clear();
        NX_RETURN_IF_ERROR(
            DecodeChunk(view->encoding, view->bytes, model::kMinTime, model::kMaxTime, columns));
        add(columns.t);
        add(columns.histogram_t);
      }
    }
  }
  return std::vector<TimestampMs>(starts.begin(), starts.end());
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include "tsdb/agent/memory_checkpoint.h"

#include <string>
#include <utility>
#include <vector>

#include "tsdb/wal/checkpoint.h"

namespace narthex::tsdb {
namespace {

// Series and samples that become a record each.
class Batch {
 public:
  Batch(wal::Wal& out, std::size_t limit) : out_(out), limit_(limit) { wal::BeginSeries(series_); }

  Status Add(wal::WalRef ref, const model::Labels& labels) {
    if (size_ == limit_) NX_RETURN_IF_ERROR(Flush());
    wal::AppendSeries(ref, labels, series_);
    ++size_;
    return {};
  }
  void AddSample(wal::WalRef ref, model::TimestampMs t) { samples_.push_back({ref, t, 0}); }

  Status Flush() {
    if (size_ == 0) return {};
    std::vector<std::string> records(2);
    records[0] = std::move(series_);
    wal::EncodeSamples(samples_, records[1]);
    NX_RETURN_IF_ERROR(out_.Log(records));
    wal::BeginSeries(series_);
    samples_.clear();
    size_ = 0;
    return {};
  }

 private:
  wal::Wal& out_;
  const std::size_t limit_;
  std::size_t size_ = 0;
  std::string series_;
  std::vector<wal::SampleEntry> samples_;
};

Status AddSeries(const AgentState& state, Batch& batch) {
  const AgentIndex& index = state.index;
  for (SeriesSlot slot = 1; slot < index.end(); ++slot) {
    if (state.stopping) return Fail(Code::kCancelled, "the agent is stopping");
    wal::WalRef ref = 0;
    model::TimestampMs last_t = model::kMinTime;
    {
      AgentSeries& series = index.At(slot);
      const SeriesLock lock(series.locked);
      if (series.ref == 0) continue;
      ref = series.ref;
      last_t = series.last_t;
    }
    NX_RETURN_IF_ERROR(batch.Add(ref, index.LabelsOf(slot)));
    if (last_t != model::kMinTime) batch.AddSample(ref, last_t);
  }
  return batch.Flush();
}

}  // namespace

Status WriteMemoryCheckpoint(const AgentState& state, const DeletedSeriesMap& deleted, int last) {
  return wal::WriteCheckpointFolder(state.fs, state.wal_dir, last, state.wal_options,
                                    [&](wal::Wal& out) -> Status {
                                      Batch batch(out, state.options.checkpoint_batch);
                                      NX_RETURN_IF_ERROR(AddSeries(state, batch));
                                      for (const auto& [ref, series] : deleted) {
                                        if (series.last_segment > last)
                                          NX_RETURN_IF_ERROR(batch.Add(ref, series.labels));
                                      }
                                      return batch.Flush();
                                    });
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include "src/remote/partial_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "narthex/base/heap_bytes.h"
#include "narthex/proto/snappy.h"

namespace narthex::remote {
namespace {

template <typename T>
void Put(T value, std::string& out) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <typename T>
T TakeValue(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return value;
}

}  // namespace

void PartialBatch::AddRow(std::uint32_t series, Kind kind, model::TimestampMs t,
                          std::size_t offset) {
  const auto bytes = static_cast<std::uint32_t>(extra_.size() - offset);
  rows_.push_back({series, static_cast<std::uint32_t>(kind) << kKindShift | bytes, t, offset});
}

void PartialBatch::AddFloat(std::uint32_t series, model::TimestampMs t, model::TimestampMs start,
                            double value) {
  if (start == 0) [[likely]] {
    rows_.push_back({series, 0, t, std::bit_cast<std::uint64_t>(value)});
    return;
  }
  const std::size_t offset = extra_.size();
  Put(value, extra_);
  Put(start, extra_);
  AddRow(series, Kind::kStartedFloat, t, offset);
}

void PartialBatch::AddHistogram(std::uint32_t series, model::TimestampMs t,
                                std::string_view message) {
  const std::size_t offset = extra_.size();
  extra_.append(message);
  AddRow(series, Kind::kHistogram, t, offset);
}

void PartialBatch::AddExemplar(std::uint32_t series, const model::Exemplar& exemplar) {
  const std::size_t offset = extra_.size();
  Put(exemplar.value, extra_);
  extra_.append(exemplar.labels.bytes());
  AddRow(series, Kind::kExemplar, exemplar.t, offset);
  ++num_exemplars_;
}

void PartialBatch::Write(const Row& row, const SeriesStore& store,
                         proto::WriteRequestWriter& writer, ItemCounts& counts) {
  const proto::SeriesLabels labels = store.labels(row.series);
  const model::Metadata* metadata = store.metadata(row.series);
  if (store.has_told_metadata(row.series)) ++counts.metadata;
  const auto kind = static_cast<Kind>(row.kind_and_bytes >> kKindShift);
  if (kind == Kind::kFloat) [[likely]] {
    ++counts.samples;
    return writer.AddSample(labels, metadata, row.t, 0, std::bit_cast<double>(row.bits));
  }
  const std::size_t size = row.kind_and_bytes & ((1U << kKindShift) - 1);
  std::string_view bytes = std::string_view(extra_).substr(row.bits, size);
  if (kind == Kind::kStartedFloat) {
    ++counts.samples;
    const auto value = TakeValue<double>(bytes);
    return writer.AddSample(labels, metadata, row.t, TakeValue<model::TimestampMs>(bytes), value);
  }
  if (kind == Kind::kHistogram) {
    ++counts.histograms;
    return writer.AddHistogram(labels, metadata, bytes);
  }
  ++counts.exemplars;
  const auto value = TakeValue<double>(bytes);
  writer.AddExemplar(labels, metadata, model::Labels::FromBytes(bytes), row.t, value);
}

Batch PartialBatch::Take(const SeriesStore& store, proto::WriteRequestWriter& writer,
                         UninitVector<char>& scratch) {
  Batch batch;
  for (const Row& row : rows_) {
    Write(row, store, writer, batch.counts);
    if (row.t <= 0) continue;  // As Prometheus: times that are not set say nothing.
    batch.lowest = std::min(batch.lowest, row.t);
    batch.highest = std::max(batch.highest, row.t);
  }
  // A copy of the right size: it may wait for long.
  batch.body = proto::SnappyEncode(writer.Finish(), scratch);
  rows_.clear();
  extra_.clear();
  num_exemplars_ = 0;
  return batch;
}

std::size_t PartialBatch::held_bytes() const { return HeapBytes(rows_) + HeapBytes(extra_); }

}  // namespace narthex::remote

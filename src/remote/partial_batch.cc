// SPDX-License-Identifier: Apache-2.0
#include "src/remote/partial_batch.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "narthex/base/heap_bytes.h"
#include "narthex/proto/snappy.h"

namespace narthex::remote {
namespace {

// Exemplars that wait for a sample of their series.
constexpr std::size_t kMostWaiting = 2000;

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

std::string_view PartialBatch::BytesOf(const Row& row) const {
  const std::size_t size = row.kind_and_bytes & ((1U << kKindShift) - 1);
  return std::string_view(extra_).substr(row.bits, size);
}

void PartialBatch::Write(const Row& row, const SeriesStore& store,
                         proto::WriteRequestWriter& writer, ItemCounts& counts) {
  const proto::SeriesLabels labels = store.labels(row.series);
  const model::Metadata* metadata = store.metadata(row.series);
  if (store.has_told_metadata(row.series)) ++counts.metadata;
  if (KindOf(row) == Kind::kFloat) [[likely]] {
    ++counts.samples;
    return writer.AddSample(labels, metadata, row.t, 0, std::bit_cast<double>(row.bits));
  }
  std::string_view bytes = BytesOf(row);
  if (KindOf(row) == Kind::kStartedFloat) {
    ++counts.samples;
    const auto value = TakeValue<double>(bytes);
    return writer.AddSample(labels, metadata, row.t, TakeValue<model::TimestampMs>(bytes), value);
  }
  if (KindOf(row) == Kind::kHistogram) {
    ++counts.histograms;
    return writer.AddHistogram(labels, metadata, bytes);
  }
  ++counts.exemplars;
  const auto value = TakeValue<double>(bytes);
  writer.AddExemplar(labels, metadata, model::Labels::FromBytes(bytes), row.t, value);
}

PartialBatch::Exemplars PartialBatch::TakeExemplars() {
  Exemplars exemplars;
  for (Exemplar& one : waiting_) exemplars.emplace(one.series, std::move(one));
  waiting_.clear();
  for (const Row& row : rows_) {
    if (KindOf(row) != Kind::kExemplar) continue;
    exemplars.emplace(row.series, Exemplar{row.series, row.t, std::string(BytesOf(row))});
  }
  return exemplars;
}

Batch PartialBatch::Take(const SeriesStore& store, proto::WriteRequestWriter& writer,
                         UninitVector<char>& scratch, bool all) {
  Batch batch;
  const auto note = [&batch](model::TimestampMs t) {
    if (t <= 0) return;  // As Prometheus: times that are not set say nothing.
    batch.lowest = std::min(batch.lowest, t);
    batch.highest = std::max(batch.highest, t);
  };
  const bool joined = writer.version() == proto::WriteVersion::kV2;
  Exemplars exemplars;
  if (joined && (num_exemplars_ > 0 || has_waiting())) exemplars = TakeExemplars();
  for (const Row& row : rows_) {
    if (joined && KindOf(row) == Kind::kExemplar) continue;
    if (!exemplars.empty()) {
      const auto [begin, end] = exemplars.equal_range(row.series);
      for (auto i = begin; i != end; ++i) {
        std::string_view bytes = i->second.bytes;
        const auto value = TakeValue<double>(bytes);
        writer.GiveExemplar(model::Labels::FromBytes(bytes), i->second.t, value);
        ++batch.counts.exemplars;
      }
      exemplars.erase(begin, end);
    }
    Write(row, store, writer, batch.counts);
    note(row.t);
  }
  const bool wait = !all && exemplars.size() <= kMostWaiting;
  for (auto& [series, exemplar] : exemplars) {
    if (wait) {
      waiting_.push_back(std::move(exemplar));
      continue;
    }
    std::string_view bytes = exemplar.bytes;
    const auto value = TakeValue<double>(bytes);
    writer.AddExemplar(store.labels(series), store.metadata(series),
                       model::Labels::FromBytes(bytes), exemplar.t, value);
    ++batch.counts.exemplars;
    note(exemplar.t);
  }
  // A copy of the right size: it may wait for long.
  batch.body = proto::SnappyEncode(writer.Finish(), scratch);
  rows_.clear();
  extra_.clear();
  num_exemplars_ = 0;
  return batch;
}

std::size_t PartialBatch::held_bytes() const {
  std::size_t bytes = HeapBytes(rows_) + HeapBytes(extra_) + HeapBytes(waiting_);
  for (const Exemplar& one : waiting_) bytes += HeapBytes(one.bytes);
  return bytes;
}

}  // namespace narthex::remote

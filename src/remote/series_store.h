// SPDX-License-Identifier: Apache-2.0
//
// The series that a queue knows: from the log's number to the labels that are sent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/minute_log.h"
#include "narthex/model/labels.h"
#include "narthex/model/metadata.h"
#include "narthex/model/relabel.h"
#include "narthex/proto/write_request.h"
#include "narthex/tsdb/wal_records.h"

namespace narthex::remote {

using tsdb::wal::WalRef;

/// From numbers that mostly follow one another to small numbers. Thread safety: one thread.
class RefTable {
 public:
  /// 0 when there is none.
  std::uint32_t Find(WalRef ref) const {
    const Page* page = PageOf(ref / kPageRefs);
    return page == nullptr ? 0 : page->values[ref % kPageRefs];
  }
  void Set(WalRef ref, std::uint32_t value);
  void Erase(WalRef ref);
  std::size_t held_bytes() const { return pages_.size() * (sizeof(Page) + kNodeBytes); }

 private:
  static constexpr std::uint64_t kPageRefs = 256;
  static constexpr std::size_t kNodeBytes = 64;
  struct Page {
    std::array<std::uint32_t, kPageRefs> values{};
    std::uint32_t used = 0;
  };
  const Page* PageOf(std::uint64_t number) const {
    if (number == last_number_ && last_ != nullptr) return last_;
    const auto it = pages_.find(number);
    if (it == pages_.end()) return nullptr;
    last_number_ = number;
    return last_ = it->second.get();
  }

  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
  mutable std::uint64_t last_number_ = 0;
  mutable const Page* last_ = nullptr;
};

/// Thread safety: one thread at a time.
class SeriesStore final {
 public:
  struct Options {
    model::Labels external_labels;  // Added where the series has none of the name, …
    std::vector<model::RelabelConfig> relabel_configs;  // … before these.
    bool with_metadata = false;
    bool metadata_from_labels = false;  // Type and unit: those of __type__ and __unit__.
  };
  /// Numbers of series; others are those of series that are sent.
  static constexpr std::uint32_t kUnknown = 0;
  static constexpr std::uint32_t kDropped = 1;  // Relabelling drops it.

  explicit SeriesStore(Options options);

  /// @param segment  of the record; of a checkpoint: the last one that it covers
  void Store(std::span<const tsdb::wal::SeriesEntry> series, int segment);
  void StoreMetadata(std::span<const tsdb::wal::MetadataEntry> entries);
  /// Says that the log still has the series in this segment.
  void Touch(std::span<const WalRef> refs, int segment);
  /// Forgets the series that no segment from `segment` on has.
  void Reset(int segment);

  std::uint32_t Find(WalRef ref) const {
    const std::uint32_t number = refs_.Find(ref);
    return number < kDroppedBit ? number : kDropped;
  }
  proto::SeriesLabels labels(std::uint32_t series) const {
    const Row& row = rows_[series];
    return {std::span(runs_).subspan(row.run, row.num_pairs), row.field_bytes};
  }
  /// Null when none is known.
  const model::Metadata* metadata(std::uint32_t series) const {
    const std::uint32_t number = rows_[series].metadata;
    return number == 0 ? nullptr : &metadata_[number - 1];
  }
  /// Whether the log has metadata of it.
  bool has_told_metadata(std::uint32_t series) const { return rows_[series].told_metadata != 0; }
  const proto::LabelPairs& pairs() const { return pairs_; }
  /// Changes when the numbers of pairs do.
  std::uint64_t pairs_generation() const { return pairs_generation_; }
  std::size_t size() const { return size_; }
  std::size_t held_bytes() const;

 private:
  struct Row {
    WalRef ref = 0;
    std::uint32_t run = 0;  // Where its pairs begin.
    std::uint32_t num_pairs : 30 = 0;
    std::uint32_t told_metadata : 1 = 0;  // By the log, not by its labels alone.
    std::uint32_t in_use : 1 = 0;
    std::uint32_t field_bytes = 0;
    std::int32_t segment = 0;
    std::uint32_t metadata = 0;  // 1 more than its place.
  };
  static constexpr std::uint32_t kDroppedBit = 1U << 31;  // In refs_: beside the row.

  std::uint32_t NewRow();
  Row* RowOf(WalRef ref);  // Null when there is none.
  // The labels to send; null when the series is dropped.
  const model::Labels* Relabelled(const model::Labels& labels);
  void SetLabels(Row& row, const model::Labels& labels);
  std::uint32_t InternMetadata(const model::Metadata& metadata);
  void Compact();
  void CompactMetadata();

  const Options options_;
  RefTable refs_;
  std::vector<Row> rows_;  // The first two stand for kUnknown and kDropped.
  std::vector<std::uint32_t> free_;
  std::size_t size_ = 0;
  std::vector<std::uint32_t> runs_;
  std::size_t dead_pairs_ = 0;  // Of runs_.
  proto::LabelPairs pairs_;
  std::uint64_t pairs_generation_ = 0;
  std::vector<model::Metadata> metadata_;
  std::map<std::string, std::uint32_t> metadata_index_;
  std::size_t metadata_bytes_ = 0;
  std::size_t metadata_kept_ = 0;  // When what is not used was last left out.
  MinuteLog relabel_log_{SystemClock()};
  model::LabelsBuilder builder_;
  model::Labels built_;
};

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
#include "src/remote/series_store.h"

#include <algorithm>
#include <string>
#include <utility>

#include "narthex/base/heap_bytes.h"
#include "narthex/base/log.h"

namespace narthex::remote {
namespace {

constexpr std::string_view kTypeLabel = "__type__";
constexpr std::string_view kUnitLabel = "__unit__";
// Fewer are not worth making everything anew.
constexpr std::size_t kFewDeadPairs = 1 << 16;
constexpr std::size_t kFewMetadata = 1 << 12;

model::MetricType TypeOfName(std::string_view name) {
  for (int type = 0; type <= static_cast<int>(model::MetricType::kStateset); ++type) {
    if (model::MetricTypeName(static_cast<model::MetricType>(type)) == name) {
      return static_cast<model::MetricType>(type);
    }
  }
  return model::MetricType::kUnknown;
}

}  // namespace

void RefTable::Set(WalRef ref, std::uint32_t value) {
  auto& page = pages_[ref / kPageRefs];
  if (page == nullptr) page = std::make_unique<Page>();
  std::uint32_t& slot = page->values[ref % kPageRefs];
  if (slot == 0) ++page->used;
  slot = value;
}

void RefTable::Erase(WalRef ref) {
  const auto it = pages_.find(ref / kPageRefs);
  if (it == pages_.end()) return;
  std::uint32_t& slot = it->second->values[ref % kPageRefs];
  if (std::exchange(slot, 0) == 0 || --it->second->used > 0) return;
  last_ = nullptr;
  pages_.erase(it);
}

SeriesStore::SeriesStore(Options options) : options_(std::move(options)), rows_(2) {}

std::uint32_t SeriesStore::NewRow() {
  ++size_;
  if (!free_.empty()) {
    const std::uint32_t row = free_.back();
    free_.pop_back();
    return row;
  }
  rows_.emplace_back();
  return static_cast<std::uint32_t>(rows_.size() - 1);
}

SeriesStore::Row* SeriesStore::RowOf(WalRef ref) {
  const std::uint32_t number = refs_.Find(ref) & ~kDroppedBit;
  return number == 0 ? nullptr : &rows_[number];
}

const model::Labels* SeriesStore::Relabelled(const model::Labels& labels) {
  if (options_.external_labels.empty() && options_.relabel_configs.empty()) return &labels;
  builder_.Reset(labels);
  for (const auto [name, value] : options_.external_labels) {
    if (builder_.Get(name).empty()) builder_.Set(name, value);
  }
  const Result<bool> kept = model::Relabel(builder_, options_.relabel_configs);
  if (!kept) {
    relabel_log_.Warn("write_relabel_configs failed, the series is dropped",
                      {{"series", labels.ToString()}, {"err", kept.error().message()}});
    return nullptr;
  }
  if (!*kept) return nullptr;
  built_ = builder_.Build();
  // A series without labels would have the whole request refused.
  return built_.empty() ? nullptr : &built_;
}

void SeriesStore::SetLabels(Row& row, const model::Labels& labels) {
  row.run = static_cast<std::uint32_t>(runs_.size());
  row.field_bytes = 0;
  for (const auto [name, value] : labels) {
    const std::uint32_t pair = pairs_.Intern(name, value);
    runs_.push_back(pair);
    row.field_bytes += static_cast<std::uint32_t>(pairs_.field(pair).size());
  }
  row.num_pairs = static_cast<std::uint32_t>(runs_.size() - row.run) & 0x3fffffff;
}

void SeriesStore::Store(std::span<const tsdb::wal::SeriesEntry> series, int segment) {
  for (const auto& [ref, labels] : series) {
    // A number always stands for the same labels.
    if (Row* known = RowOf(ref)) {
      known->segment = std::max(known->segment, segment);
      continue;
    }
    std::uint32_t number = NewRow();
    Row& row = rows_[number];
    row.ref = ref;
    row.segment = segment;
    row.in_use = 1;
    if (const model::Labels* sent = Relabelled(labels)) {
      SetLabels(row, *sent);
      if (options_.metadata_from_labels) {
        row.metadata = InternMetadata({.type = TypeOfName(sent->Get(kTypeLabel)),
                                       .unit = std::string(sent->Get(kUnitLabel)),
                                       .help = {}});
      }
    } else {
      number |= kDroppedBit;
    }
    refs_.Set(ref, number);
  }
}

std::uint32_t SeriesStore::InternMetadata(const model::Metadata& metadata) {
  std::string key(1, static_cast<char>(metadata.type));
  key.append(metadata.unit).push_back('\0');
  key.append(metadata.help);
  const auto [it, added] =
      metadata_index_.emplace(std::move(key), static_cast<std::uint32_t>(metadata_.size() + 1));
  if (added) {
    metadata_.push_back(metadata);
    metadata_bytes_ += 2 * it->first.size() + sizeof(model::Metadata) + 100;
  }
  return it->second;
}

void SeriesStore::StoreMetadata(std::span<const tsdb::wal::MetadataEntry> entries) {
  if (!options_.with_metadata) return;
  for (const auto& [ref, metadata] : entries) {
    const std::uint32_t number = Find(ref);
    if (number <= kDropped) continue;
    Row& row = rows_[number];
    row.told_metadata = 1;
    if (!options_.metadata_from_labels) {
      row.metadata = InternMetadata(metadata);
    } else if (row.metadata != 0) {
      const model::Metadata own = metadata_[row.metadata - 1];
      row.metadata = InternMetadata({own.type, own.unit, metadata.help});
    }
  }
}

void SeriesStore::Touch(std::span<const WalRef> refs, int segment) {
  for (const WalRef ref : refs) {
    if (Row* row = RowOf(ref)) row->segment = std::max(row->segment, segment);
  }
}

void SeriesStore::Reset(int segment) {
  for (std::uint32_t number = kDropped + 1; number < rows_.size(); ++number) {
    Row& row = rows_[number];
    if (row.in_use == 0 || row.segment >= segment) continue;
    refs_.Erase(row.ref);
    dead_pairs_ += row.num_pairs;
    row = {};
    free_.push_back(number);
    --size_;
  }
  if (dead_pairs_ > kFewDeadPairs && 2 * dead_pairs_ > runs_.size()) Compact();
  if (metadata_.size() > kFewMetadata && metadata_.size() > metadata_kept_ * 2) CompactMetadata();
}

// Texts that no series has any more stay until then.
void SeriesStore::CompactMetadata() {
  std::vector<model::Metadata> old;
  old.swap(metadata_);
  metadata_index_.clear();
  metadata_bytes_ = 0;
  for (Row& row : rows_) {
    if (row.in_use != 0 && row.metadata != 0) row.metadata = InternMetadata(old[row.metadata - 1]);
  }
  metadata_kept_ = metadata_.size();
}

// Series that are gone leave their pairs behind; these are left out when everything is copied.
void SeriesStore::Compact() {
  proto::LabelPairs pairs;
  std::vector<std::uint32_t> runs;
  runs.reserve(runs_.size() - dead_pairs_);
  std::vector<std::uint32_t> renumbered(pairs_.size(), 0);  // 1 more than the new number.
  for (Row& row : rows_) {
    if (row.in_use == 0) continue;
    const auto run = static_cast<std::uint32_t>(runs.size());
    for (std::uint32_t i = 0; i < row.num_pairs; ++i) {
      std::uint32_t& pair = renumbered[runs_[row.run + i]];
      if (pair == 0) {
        const model::LabelView label = pairs_.label(runs_[row.run + i]);
        pair = pairs.Intern(label.name, label.value) + 1;
      }
      runs.push_back(pair - 1);
    }
    row.run = run;
  }
  pairs_ = std::move(pairs);
  runs_ = std::move(runs);
  dead_pairs_ = 0;
  ++pairs_generation_;
}

std::size_t SeriesStore::held_bytes() const {
  return refs_.held_bytes() + HeapBytes(rows_) + HeapBytes(free_) + HeapBytes(runs_) +
         pairs_.held_bytes() + metadata_bytes_;
}

}  // namespace narthex::remote

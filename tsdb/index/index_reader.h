// SPDX-License-Identifier: Apache-2.0
//
// Reads a block's index file (version 2; version 1 ended with Prometheus 2.1) where it lies in a
// mapping. Only every 32nd symbol and posting list is remembered, so that an open block costs
// kilobytes. Format: docs/formats/index.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/coding.h"
#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/labels.h"
#include "tsdb/chunkenc/chunk.h"
#include "tsdb/index/format.h"
#include "tsdb/postings.h"

namespace narthex::tsdb {

/// Label names and values of a series as symbol numbers.
using SymbolPairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

/// Views that it gives out live as long as the reader. Thread safety: any thread.
/// Errors of all: kCorruption. Section checksums are checked at open, those of series and posting
/// lists when they are read.
class IndexReader final : public PostingsSource {
 public:
  static Result<std::unique_ptr<IndexReader>> Open(Fs& fs, const std::string& path);

  // PostingsSource.
  Status All(PostingList& out) const override;
  Status OfValue(std::string_view name, std::string_view value, PostingList& out) const override;
  Status OfValues(std::string_view name, std::string_view prefix, const ValueFilter& keep,
                  PostingList& out) const override;

  /// Reads a series; what is passed as null is skipped. Vectors are replaced.
  Status Series(SeriesId id, SymbolPairs* labels, std::vector<ChunkMeta>* chunks) const;
  /// Whether `pred` says so of one of its chunks; those after that one are not read.
  Result<bool> AnyChunk(SeriesId id, const std::function<bool(const ChunkMeta&)>& pred) const;
  Result<model::Labels> LabelsOf(SeriesId id) const;
  /// The same of a series that was read before: its checksum is not looked at again.
  Result<model::Labels> LabelsOfChecked(SeriesId id) const;
  /// Those of these names alone, which ascend.
  Result<model::Labels> LabelsOfChecked(SeriesId id, std::span<const std::string> names) const;
  /// The labels of a series that was read before, one by one; the texts live as long as the index.
  Status ForEachLabelOfChecked(
      SeriesId id,
      const std::function<void(std::string_view name, std::string_view value)>& visit) const;
  /// Whether a series that was read before has these labels.
  bool HasLabels(SeriesId id, const model::Labels& labels) const;
  Result<std::string_view> Symbol(std::uint32_t number) const;
  /// Number of a label name's symbol; nullopt when no series has that label.
  std::optional<std::uint32_t> NumberOfName(std::string_view name) const;
  Status ForEachSymbol(const std::function<void(std::string_view)>& visit) const;

  /// Ascending.
  std::vector<std::string> LabelNames() const;
  std::vector<std::string> LabelValues(std::string_view name) const;
  /// Calls visit(value, number of series) for each value of a label, ascending.
  Status ForEachValue(std::string_view name,
                      const std::function<void(std::string_view, std::uint32_t)>& visit) const;

  /// Number of the values of a label.
  std::size_t NumValues(std::string_view name) const;
  /// The values of a label on any of `ids` (ascending), ascending. Errors: kCancelled.
  Result<std::vector<std::string>> ValuesOn(std::string_view name, std::span<const SeriesId> ids,
                                            const std::stop_token& stop = {}) const;

  /// The names of the labels on any of `ids` (ascending), ascending. For many of the series of the
  /// block: most of them are not read. Errors: kCancelled.
  Result<std::vector<std::string>> NamesOn(std::span<const SeriesId> ids,
                                           const std::stop_token& stop = {}) const;

  std::uint64_t size_bytes() const { return file_->bytes().size(); }
  /// Bytes held in memory beside the mapping.
  std::size_t memory_bytes() const;

 private:
  // Of so many symbols or posting lists, one is remembered.
  static constexpr std::uint32_t kSampling = 32;
  // An entry of the postings offset table.
  struct TableEntry {
    std::string_view name;
    std::string_view value;
    std::uint64_t list_offset = 0;
  };
  // The entries of one label name: consecutive in the table, ascending by value.
  struct NameEntries {
    std::string_view name;
    std::uint32_t symbol = 0;  // Number of the name's symbol; ascends with the names.
    std::uint32_t count = 0;
    std::uint32_t first_sample = 0;  // Index into samples_, one for each kSampling entries.
  };

  explicit IndexReader(std::unique_ptr<MappedFile> file);
  Status ReadHeaderAndToc();
  Status ReadSymbols();
  Status ReadPostingsTable();
  Result<ByteSpan> Section(std::uint64_t offset, std::string_view what) const;
  const NameEntries* Find(std::string_view name) const;
  static TableEntry ReadEntry(Decoder& in);
  TableEntry EntryAt(std::uint32_t offset) const;
  /// Visits entries of a name from the first one ≥ `from` on, until visit returns false.
  template <typename Visit>
  Status Walk(const NameEntries& entries, std::string_view from, Visit&& visit) const;
  /// Calls visit(value) for each value of a label on any of `ids`, until it returns false.
  template <typename Visit>
  Status WalkOn(const NameEntries& entries, std::span<const SeriesId> ids,
                const std::stop_token& stop, Visit&& visit) const;
  std::uint32_t SampleBefore(const NameEntries& entries, std::string_view value) const;
  Status AppendList(std::uint64_t offset, PostingList& out) const;
  Result<ByteSpan> ListBytes(std::uint64_t offset) const;
  // A series entry, and whether to look at its checksum.
  Result<Decoder> OpenSeries(SeriesId id, bool check = true) const;
  Result<model::Labels> ReadLabels(SeriesId id, Decoder in) const;
  template <typename Visit>
  Status WalkLabels(SeriesId id, Decoder in, Visit&& visit) const;
  // The text of a symbol; false when there is no such symbol.
  bool LookUp(std::uint32_t number, std::string_view& text) const;

  const std::uint64_t number_;  // No other reader of this process has it.
  std::unique_ptr<MappedFile> file_;
  index_format::Toc toc_;

  std::uint32_t num_symbols_ = 0;
  std::vector<std::uint32_t> symbol_samples_;  // Offsets in the symbol section.
  ByteSpan symbols_;                           // The section without its length and checksum.

  ByteSpan table_;                      // The postings offset table, likewise.
  std::vector<std::uint32_t> samples_;  // Offsets of entries in table_.
  std::vector<NameEntries> names_;      // Ascending.
  std::uint64_t all_offset_ = 0;
};

template <typename Visit>
Status IndexReader::Walk(const NameEntries& entries, std::string_view from, Visit&& visit) const {
  const std::uint32_t sample = from.empty() ? 0 : SampleBefore(entries, from);
  Decoder in(table_.subspan(samples_[entries.first_sample + sample]));
  for (std::uint32_t i = sample * kSampling; i < entries.count; ++i) {
    const TableEntry entry = ReadEntry(in);
    if (entry.value < from) continue;
    NX_ASSIGN_OR_RETURN(const bool more, visit(entry));
    if (!more) break;
  }
  return {};
}

}  // namespace narthex::tsdb

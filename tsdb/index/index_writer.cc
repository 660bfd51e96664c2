// SPDX-License-Identifier: Apache-2.0
#include "tsdb/index/index_writer.h"

#include <algorithm>
#include <optional>

#include <absl/container/flat_hash_map.h>
#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/go_format.h"
#include "tsdb/buffered_file.h"
#include "tsdb/index/format.h"

namespace narthex::tsdb {
namespace {

using namespace index_format;  // NOLINT(google-build-using-namespace): constants of this format.
using model::Labels;

std::size_t UvarintBytes(std::uint64_t v) {
  std::uint8_t scratch[kMaxVarintBytes];
  return PutUvarint(scratch, v);
}

std::uint64_t Distance(model::TimestampMs from, model::TimestampMs to) {
  return static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from);
}

constexpr std::size_t kLeastBudget = 1 << 20;

// A label pair and its posting list.
struct Pair {
  std::uint64_t key = 0;     // Number of the name's symbol << 32 | number of the value's.
  std::uint32_t count = 0;   // Series.
  std::uint64_t offset = 0;  // Of the list in the file.
};

class StreamingIndexWriter final : public IndexWriter {
 public:
  StreamingIndexWriter(Fs& fs, std::string path, BufferedFile file, std::size_t postings_budget)
      : fs_(fs), path_(std::move(path)), file_(std::move(file)), postings_budget_(postings_budget) {
    Encoder out(file_.buffer());
    out.Be32(kMagic);
    out.Byte(kVersion2);
  }

  Status AddSymbol(std::string_view symbol) override {
    if (!symbol_ends_.empty() && symbol <= SymbolAt(symbol_ends_.size() - 1)) {
      return Fail(Code::kInvalidArgument, fmt::format("symbol {} out-of-order", go::Quote(symbol)));
    }
    symbol_bytes_.append(symbol);
    symbol_ends_.push_back(symbol_bytes_.size());
    return {};
  }

  Status AddSeries(const Labels& labels, std::span<const ChunkMeta> chunks) override {
    if (!symbols_written_) NX_RETURN_IF_ERROR(WriteSymbols());
    NX_RETURN_IF_ERROR(CheckOrder(labels));
    file_.Pad(kSeriesAlignment);
    const std::uint64_t ref = file_.position() / kSeriesAlignment;
    if (file_.position() > kMaxFileBytes) return TooLarge();
    body_.clear();
    NX_RETURN_IF_ERROR(EncodeLabels(labels));
    NX_RETURN_IF_ERROR(EncodeChunks(chunks));
    Encoder out(file_.buffer());
    out.Uvarint(body_.size());
    file_.BeginCrc();
    out.Bytes(body_);
    out.Be32(file_.EndCrc());
    series_.push_back(static_cast<std::uint32_t>(ref));
    last_labels_ = labels;
    return file_.Spill();
  }

  Status Finish() override {
    if (!symbols_written_) NX_RETURN_IF_ERROR(WriteSymbols());
    toc_.label_indices = file_.position();  // Empty since Prometheus 3.7.
    SortPairs();
    file_.Pad(kPostingsAlignment);
    toc_.postings = file_.position();
    NX_RETURN_IF_ERROR(WritePostings());
    toc_.label_indices_table = toc_.postings_table = file_.position();
    NX_RETURN_IF_ERROR(WritePostingsTable());
    WriteToc();
    if (file_.position() > kMaxFileBytes) return TooLarge();
    return file_.SyncAndClose();
  }

  std::uint64_t num_series() const override { return series_.size(); }

 private:
  std::string_view SymbolAt(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : symbol_ends_[i - 1];
    return std::string_view(symbol_bytes_).substr(begin, symbol_ends_[i] - begin);
  }

  static Status TooLarge() {
    return Fail(Code::kResourceExhausted, "index file exceeding max size of 64GiB");
  }

  // The section is its length, the number of symbols, the symbols and a checksum.
  Status WriteSymbols() {
    symbols_written_ = true;
    symbol_numbers_.reserve(symbol_ends_.size());
    std::uint64_t length = 4;
    for (std::size_t i = 0; i < symbol_ends_.size(); ++i) {
      const std::string_view symbol = SymbolAt(i);
      symbol_numbers_.emplace(symbol, static_cast<std::uint32_t>(i));
      length += UvarintBytes(symbol.size()) + symbol.size();
    }
    if (length > kMaxTableBytes) {
      return Fail(Code::kResourceExhausted,
                  fmt::format("symbol table size exceeds {} bytes: {}", kMaxTableBytes, length));
    }
    toc_.symbols = file_.position();
    Encoder out(file_.buffer());
    out.Be32(static_cast<std::uint32_t>(length));
    file_.BeginCrc();
    out.Be32(static_cast<std::uint32_t>(symbol_ends_.size()));
    for (std::size_t i = 0; i < symbol_ends_.size(); ++i) {
      out.String(SymbolAt(i));
      NX_RETURN_IF_ERROR(file_.Spill());
    }
    out.Be32(file_.EndCrc());
    toc_.series = file_.position();
    return {};
  }

  Status CheckOrder(const Labels& labels) const {
    if (series_.empty() || last_labels_ < labels) return {};
    return Fail(Code::kInvalidArgument,
                fmt::format("out-of-order series added with label set {}, last label set {}",
                            go::Quote(labels.ToString()), go::Quote(last_labels_.ToString())));
  }

  Result<std::uint32_t> NumberOf(std::string_view symbol) const {
    const auto it = symbol_numbers_.find(symbol);
    if (it != symbol_numbers_.end()) return it->second;
    return Fail(Code::kInvalidArgument,
                fmt::format("symbol entry for {} does not exist", go::Quote(symbol)));
  }

  Status EncodeLabels(const Labels& labels) {
    Encoder out(body_);
    out.Uvarint(labels.size());
    for (const auto& [name, value] : labels) {
      NX_ASSIGN_OR_RETURN(const std::uint32_t name_number, NumberOf(name));
      NX_ASSIGN_OR_RETURN(const std::uint32_t value_number, NumberOf(value));
      out.Uvarint(name_number);
      out.Uvarint(value_number);
      ++pair_counts_[static_cast<std::uint64_t>(name_number) << 32 | value_number];
    }
    return {};
  }

  Status EncodeChunks(std::span<const ChunkMeta> chunks) {
    Encoder out(body_);
    out.Uvarint(chunks.size());
    for (std::size_t i = 0; i < chunks.size(); ++i) {
      const ChunkMeta& c = chunks[i];
      if (i == 0) {
        out.Varint(c.mint);
        out.Uvarint(Distance(c.mint, c.maxt));
        out.Uvarint(c.ref);
        continue;
      }
      const ChunkMeta& last = chunks[i - 1];
      if (c.mint <= last.maxt) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("chunk minT {} is not higher than previous chunk maxT {}", c.mint,
                                last.maxt));
      }
      if (c.ref <= last.ref) {
        return Fail(Code::kInvalidArgument,
                    fmt::format("unsorted chunk reference: {}, previous: {}", c.ref, last.ref));
      }
      out.Uvarint(Distance(last.maxt, c.mint));
      out.Uvarint(Distance(c.mint, c.maxt));
      out.Varint(static_cast<std::int64_t>(c.ref - last.ref));
    }
    return {};
  }

  // By name, then by value, as symbols are numbered in that order.
  void SortPairs() {
    pairs_.reserve(pair_counts_.size());
    for (const auto& [key, count] : pair_counts_) pairs_.push_back({key, count, 0});
    absl::flat_hash_map<std::uint64_t, std::uint32_t>().swap(pair_counts_);
    std::sort(pairs_.begin(), pairs_.end(),
              [](const Pair& a, const Pair& b) { return a.key < b.key; });
  }

  Status WriteList(std::span<const std::uint32_t> ids) {
    Encoder out(file_.buffer());
    out.Be32(static_cast<std::uint32_t>(4 + 4 * ids.size()));
    file_.BeginCrc();
    out.Be32(static_cast<std::uint32_t>(ids.size()));
    std::string& buffer = file_.buffer();
    const std::size_t at = buffer.size();
    buffer.resize(at + 4 * ids.size());
    auto* p = reinterpret_cast<std::uint8_t*>(buffer.data() + at);
    for (std::size_t i = 0; i < ids.size(); ++i) StoreBe32(p + 4 * i, ids[i]);
    out.Be32(file_.EndCrc());
    return file_.Spill();
  }

  // First the list of all series, then one per pair, made for as many pairs at a time as the budget
  // allows by walking over the series in the file.
  Status WritePostings() {
    all_offset_ = file_.position();
    NX_RETURN_IF_ERROR(WriteList(series_));
    if (pairs_.empty()) return {};
    NX_RETURN_IF_ERROR(file_.Flush());
    NX_ASSIGN_OR_RETURN(const auto mapped, fs_.Map(path_));
    const std::size_t budget =
        postings_budget_ > 0 ? postings_budget_ : std::max(kLeastBudget, 2 * series_.size());
    for (std::size_t begin = 0; begin < pairs_.size();) {
      std::size_t end = begin + 1;
      std::size_t entries = pairs_[begin].count;
      while (end < pairs_.size() && entries + pairs_[end].count <= budget) {
        entries += pairs_[end++].count;
      }
      NX_RETURN_IF_ERROR(WritePostingsOf(begin, end, entries, mapped->bytes()));
      begin = end;
    }
    return {};
  }

  Status WritePostingsOf(std::size_t begin, std::size_t end, std::size_t entries, ByteSpan file) {
    std::vector<std::uint32_t> ids(entries);
    absl::flat_hash_map<std::uint64_t, std::size_t> next;  // Where a pair's next entry goes.
    next.reserve(end - begin);
    std::size_t at = 0;
    for (std::size_t i = begin; i < end; ++i) {
      next.emplace(pairs_[i].key, at);
      at += pairs_[i].count;
    }
    const std::uint64_t low = pairs_[begin].key;
    const std::uint64_t high = pairs_[end - 1].key;
    for (const std::uint32_t ref : series_) {
      Decoder in(file.subspan(ref * kSeriesAlignment));
      in.Uvarint();
      for (std::uint64_t n = in.Uvarint(); n > 0; --n) {
        const std::uint64_t name = in.Uvarint();
        const std::uint64_t key = name << 32 | in.Uvarint();
        if (key >= low && key <= high) ids[next.find(key)->second++] = ref;
      }
    }
    at = 0;
    for (std::size_t i = begin; i < end; ++i) {
      pairs_[i].offset = file_.position();
      NX_RETURN_IF_ERROR(WriteList(std::span(ids).subspan(at, pairs_[i].count)));
      at += pairs_[i].count;
    }
    return {};
  }

  Status WritePostingsTable() {
    std::uint64_t length = 4 + 3 + UvarintBytes(all_offset_);
    for (const Pair& pair : pairs_) {
      const std::size_t name = SymbolAt(pair.key >> 32).size();
      const std::size_t value = SymbolAt(pair.key & 0xffffffff).size();
      length +=
          1 + UvarintBytes(name) + name + UvarintBytes(value) + value + UvarintBytes(pair.offset);
    }
    if (length > kMaxTableBytes) {
      return Fail(
          Code::kResourceExhausted,
          fmt::format("postings offset table size exceeds {} bytes: {}", kMaxTableBytes, length));
    }
    Encoder out(file_.buffer());
    out.Be32(static_cast<std::uint32_t>(length));
    file_.BeginCrc();
    out.Be32(static_cast<std::uint32_t>(pairs_.size() + 1));
    WriteTableEntry("", "", all_offset_);
    for (const Pair& pair : pairs_) {
      WriteTableEntry(SymbolAt(pair.key >> 32), SymbolAt(pair.key & 0xffffffff), pair.offset);
      NX_RETURN_IF_ERROR(file_.Spill());
    }
    out.Be32(file_.EndCrc());
    return {};
  }

  void WriteTableEntry(std::string_view name, std::string_view value, std::uint64_t offset) {
    Encoder out(file_.buffer());
    out.Uvarint(2);  // Strings in the key.
    out.String(name);
    out.String(value);
    out.Uvarint(offset);
  }

  void WriteToc() {
    Encoder out(file_.buffer());
    file_.BeginCrc();
    for (const std::uint64_t offset :
         {toc_.symbols, toc_.series, toc_.label_indices, toc_.label_indices_table, toc_.postings,
          toc_.postings_table}) {
      out.Be64(offset);
    }
    out.Be32(file_.EndCrc());
  }

  Fs& fs_;
  const std::string path_;
  BufferedFile file_;
  const std::size_t postings_budget_;
  Toc toc_;

  std::string symbol_bytes_;
  std::vector<std::size_t> symbol_ends_;
  absl::flat_hash_map<std::string_view, std::uint32_t> symbol_numbers_;  // Views of symbol_bytes_.
  bool symbols_written_ = false;

  std::string body_;  // Of the series at hand.
  Labels last_labels_;
  std::vector<std::uint32_t> series_;
  absl::flat_hash_map<std::uint64_t, std::uint32_t> pair_counts_;
  std::vector<Pair> pairs_;
  std::uint64_t all_offset_ = 0;
};

}  // namespace

Result<std::unique_ptr<IndexWriter>> IndexWriter::Create(Fs& fs, std::string path,
                                                         std::size_t postings_budget) {
  NX_ASSIGN_OR_RETURN(BufferedFile file, BufferedFile::Create(fs, path));
  return std::make_unique<StreamingIndexWriter>(fs, std::move(path), std::move(file),
                                                postings_budget);
}

}  // namespace narthex::tsdb

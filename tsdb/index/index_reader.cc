// SPDX-License-Identifier: Apache-2.0
#include "tsdb/index/index_reader.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"

namespace narthex::tsdb {
namespace {

using namespace index_format;  // NOLINT(google-build-using-namespace): constants of this format.

// Prometheus reads version 3 as version 2.
constexpr std::uint8_t kHighestVersion = 3;

auto Corrupt(std::string message) { return Fail(Code::kCorruption, std::move(message)); }

Status CheckCrc(ByteSpan bytes, const std::uint8_t* stored, std::string_view what) {
  const std::uint32_t want = LoadBe32(stored);
  const std::uint32_t got = Crc32c(bytes);
  if (got == want) return {};
  return Corrupt(fmt::format("{}: invalid checksum {:x}, want {:x}", what, got, want));
}

// Times are written as unsigned distances, which may pass the signed range.
std::int64_t AddWrapping(std::int64_t t, std::uint64_t distance) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(t) + distance);
}

// Reads the next chunk of a series; `chunk` is the one before it.
void ReadChunkMeta(Decoder& in, bool first, ChunkMeta& chunk) {
  chunk.mint = first ? in.Varint() : AddWrapping(chunk.maxt, in.Uvarint());
  chunk.maxt = AddWrapping(chunk.mint, in.Uvarint());
  chunk.ref = first ? in.Uvarint() : chunk.ref + static_cast<std::uint64_t>(in.Varint());
}

// Symbols that this thread has looked up last. A lookup passes over up to kSampling strings, and
// series that are read together have most symbols in common.
struct KnownSymbol {
  std::uint64_t reader = 0;  // IndexReader::number_; the text lives as long as that reader.
  std::uint32_t number = 0;
  std::string_view text;
};
constexpr std::size_t kKnownSymbols = 2048;
// So far apart the symbols of readers are that were opened one after the other: the blocks that a
// query reads mostly have some hundred in use, and should not drive out those of one another.
constexpr std::size_t kKnownSymbolsApart = 397;
thread_local std::array<KnownSymbol, kKnownSymbols> known_symbols;

// Whether two texts are equal. Those of labels are short: comparing takes less than a call does.
bool IsSame(std::string_view a, std::string_view b) {
  const std::size_t n = a.size();
  if (n != b.size()) return false;
  const auto same_words = [&](auto word) {
    const auto at = [&](std::string_view text, std::size_t i) {
      std::memcpy(&word, text.data() + i, sizeof word);
      return word;
    };
    return at(a, 0) == at(b, 0) && at(a, n - sizeof word) == at(b, n - sizeof word);
  };
  if (n >= 8 && n <= 16) return same_words(std::uint64_t{});
  if (n >= 4 && n < 8) return same_words(std::uint32_t{});
  return a == b;
}

std::uint64_t NextReaderNumber() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

IndexReader::IndexReader(std::unique_ptr<MappedFile> file)
    : number_(NextReaderNumber()), file_(std::move(file)) {}

Result<std::unique_ptr<IndexReader>> IndexReader::Open(Fs& fs, const std::string& path) {
  NX_ASSIGN_OR_RETURN(auto file, fs.Map(path));
  std::unique_ptr<IndexReader> reader(new IndexReader(std::move(file)));
  Status status = reader->ReadHeaderAndToc();
  if (status) status = reader->ReadPostingsTable();
  if (status) status = reader->ReadSymbols();
  if (!status) return Fail(std::move(status).error().Wrap(path));
  return reader;
}

Status IndexReader::ReadHeaderAndToc() {
  const ByteSpan file = file_->bytes();
  if (file.size() < kHeaderBytes + kTocBytes) {
    return Corrupt(fmt::format("index of {} bytes is cut short", file.size()));
  }
  if (const std::uint32_t magic = LoadBe32(file.data()); magic != kMagic) {
    return Corrupt(fmt::format("invalid magic number {:x}", magic));
  }
  if (const std::uint8_t version = file[4]; version < kVersion2 || version > kHighestVersion) {
    return Corrupt(fmt::format("unknown index file version {}", version));
  }
  const ByteSpan toc = file.last(kTocBytes);
  NX_RETURN_IF_ERROR(
      CheckCrc(toc.first(kTocBytes - kCrcBytes), toc.data() + kTocBytes - kCrcBytes, "read TOC"));
  Decoder in(toc);
  for (std::uint64_t* offset : {&toc_.symbols, &toc_.series, &toc_.label_indices,
                                &toc_.label_indices_table, &toc_.postings, &toc_.postings_table}) {
    *offset = in.Be64();
  }
  return {};
}

Result<ByteSpan> IndexReader::Section(std::uint64_t offset, std::string_view what) const {
  const ByteSpan file = file_->bytes();
  if (offset > file.size() || file.size() - offset < 4 + kCrcBytes) {
    return Corrupt(fmt::format("{} at offset {} lies outside the index", what, offset));
  }
  const std::uint64_t length = LoadBe32(file.data() + offset);
  if (file.size() - offset - 4 - kCrcBytes < length) {
    return Corrupt(fmt::format("{} at offset {}: {} bytes do not fit", what, offset, length));
  }
  const ByteSpan content = file.subspan(offset + 4, length);
  NX_RETURN_IF_ERROR(CheckCrc(content, content.data() + length, what));
  return content;
}

Status IndexReader::ReadSymbols() {
  NX_ASSIGN_OR_RETURN(const ByteSpan section, Section(toc_.symbols, "read symbols"));
  Decoder in(section);
  num_symbols_ = in.Be32();
  symbols_ = section;
  auto name = names_.begin();
  for (std::uint32_t i = 0; i < num_symbols_ && in.ok(); ++i) {
    if (i % kSampling == 0) {
      symbol_samples_.push_back(static_cast<std::uint32_t>(in.position() - section.data()));
    }
    const std::string_view symbol = in.String();
    if (name != names_.end() && name->name == symbol) (name++)->symbol = i;
  }
  if (!in.ok()) return Corrupt("symbol table is cut short");
  if (name != names_.end()) {
    return Corrupt(fmt::format("label name {} is not among the symbols", name->name));
  }
  symbol_samples_.shrink_to_fit();
  return {};
}

inline bool IndexReader::LookUp(std::uint32_t number, std::string_view& text) const {
  KnownSymbol& known = known_symbols[(number + number_ * kKnownSymbolsApart) % kKnownSymbols];
  if (known.reader != number_ || known.number != number) {
    if (number >= num_symbols_) return false;
    Decoder in(symbols_.subspan(symbol_samples_[number / kSampling]));
    for (std::uint32_t skip = number % kSampling; skip > 0; --skip) in.String();
    known = {number_, number, in.String()};
  }
  text = known.text;
  return true;
}

Result<std::string_view> IndexReader::Symbol(std::uint32_t number) const {
  std::string_view text;
  if (!LookUp(number, text)) return Corrupt(fmt::format("unknown symbol {}", number));
  return text;
}

std::optional<std::uint32_t> IndexReader::NumberOfName(std::string_view name) const {
  const NameEntries* entries = Find(name);
  if (entries == nullptr) return std::nullopt;
  return entries->symbol;
}

Status IndexReader::ForEachSymbol(const std::function<void(std::string_view)>& visit) const {
  Decoder in(symbols_.subspan(4));
  for (std::uint32_t i = 0; i < num_symbols_; ++i) visit(in.String());
  return {};
}

IndexReader::TableEntry IndexReader::ReadEntry(Decoder& in) {
  TableEntry entry;
  in.Uvarint();  // The number of strings, always 2.
  entry.name = in.String();
  entry.value = in.String();
  entry.list_offset = in.Uvarint();
  return entry;
}

IndexReader::TableEntry IndexReader::EntryAt(std::uint32_t offset) const {
  Decoder in(table_.subspan(offset));
  return ReadEntry(in);
}

Status IndexReader::ReadPostingsTable() {
  NX_ASSIGN_OR_RETURN(table_, Section(toc_.postings_table, "read postings table"));
  Decoder in(table_);
  const std::uint32_t count = in.Be32();
  std::string_view last_value;
  bool has_all = false;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto at = static_cast<std::uint32_t>(in.position() - table_.data());
    const TableEntry entry = ReadEntry(in);
    if (!in.ok()) return Corrupt("postings table is cut short");
    if (entry.name.empty()) {
      has_all = true;
      all_offset_ = entry.list_offset;
      continue;
    }
    if (names_.empty() || names_.back().name != entry.name) {
      if (!names_.empty() && names_.back().name > entry.name) {
        return Corrupt(fmt::format("postings table: label {} is out of order", entry.name));
      }
      names_.push_back({entry.name, 0, 0, static_cast<std::uint32_t>(samples_.size())});
    } else if (entry.value <= last_value) {
      return Corrupt(fmt::format("postings table: value {} is out of order", entry.value));
    }
    if (names_.back().count++ % kSampling == 0) samples_.push_back(at);
    last_value = entry.value;
  }
  if (!has_all) return Corrupt("postings table has no list of all series");
  names_.shrink_to_fit();
  samples_.shrink_to_fit();
  return {};
}

const IndexReader::NameEntries* IndexReader::Find(std::string_view name) const {
  const auto it =
      std::lower_bound(names_.begin(), names_.end(), name,
                       [](const NameEntries& a, std::string_view b) { return a.name < b; });
  return it != names_.end() && it->name == name ? &*it : nullptr;
}

// The last sample whose value is ≤ value (the first one when there is none).
std::uint32_t IndexReader::SampleBefore(const NameEntries& entries, std::string_view value) const {
  std::uint32_t low = 0;
  std::uint32_t high = (entries.count + kSampling - 1) / kSampling;
  while (high - low > 1) {
    const std::uint32_t mid = low + (high - low) / 2;
    if (EntryAt(samples_[entries.first_sample + mid]).value <= value) {
      low = mid;
    } else {
      high = mid;
    }
  }
  return low;
}

Result<ByteSpan> IndexReader::ListBytes(std::uint64_t offset) const {
  NX_ASSIGN_OR_RETURN(const ByteSpan list, Section(offset, "read postings"));
  if (list.size() < 4 || (list.size() - 4) / 4 != LoadBe32(list.data()) || list.size() % 4 != 0) {
    return Corrupt(fmt::format("postings at offset {}: unexpected postings length", offset));
  }
  return list.subspan(4);
}

Status IndexReader::AppendList(std::uint64_t offset, PostingList& out) const {
  NX_ASSIGN_OR_RETURN(const ByteSpan ids, ListBytes(offset));
  const std::size_t base = out.size();
  const std::size_t n = ids.size() / 4;
  out.resize(base + n);
  for (std::size_t i = 0; i < n; ++i) out[base + i] = LoadBe32(ids.data() + 4 * i);
  return {};
}

Status IndexReader::All(PostingList& out) const {
  out.clear();
  return AppendList(all_offset_, out);
}

Status IndexReader::OfValue(std::string_view name, std::string_view value, PostingList& out) const {
  const NameEntries* entries = Find(name);
  if (entries == nullptr) return {};
  return Walk(*entries, value, [&](const TableEntry& entry) -> Result<bool> {
    if (entry.value == value) NX_RETURN_IF_ERROR(AppendList(entry.list_offset, out));
    return false;
  });
}

Status IndexReader::OfValues(std::string_view name, std::string_view prefix,
                             const ValueFilter& keep, PostingList& out) const {
  const NameEntries* entries = Find(name);
  if (entries == nullptr) return {};
  return Walk(*entries, prefix, [&](const TableEntry& entry) -> Result<bool> {
    if (!entry.value.starts_with(prefix)) return false;
    if (!keep || keep(entry.value)) NX_RETURN_IF_ERROR(AppendList(entry.list_offset, out));
    return true;
  });
}

Result<Decoder> IndexReader::OpenSeries(SeriesId id, bool check) const {
  const ByteSpan file = file_->bytes();
  const std::uint64_t offset = static_cast<std::uint64_t>(id) * kSeriesAlignment;
  Decoder header(file.subspan(std::min<std::uint64_t>(offset, file.size())));
  const std::uint64_t length = header.Uvarint();
  if (!header.ok() || length > header.remaining() || header.remaining() - length < kCrcBytes) {
    return Corrupt(fmt::format("series {} lies outside the index", id));
  }
  const ByteSpan body(header.position(), length);
  if (check) NX_RETURN_IF_ERROR(CheckCrc(body, body.data() + length, "read series"));
  return Decoder(body);
}

Status IndexReader::Series(SeriesId id, SymbolPairs* labels, std::vector<ChunkMeta>* chunks) const {
  NX_ASSIGN_OR_RETURN(Decoder in, OpenSeries(id));
  const std::uint64_t num_labels = in.Uvarint();
  if (labels != nullptr) labels->clear();
  for (std::uint64_t i = 0; i < num_labels && in.ok(); ++i) {
    const auto name = static_cast<std::uint32_t>(in.Uvarint());
    const auto value = static_cast<std::uint32_t>(in.Uvarint());
    if (labels != nullptr) labels->emplace_back(name, value);
  }
  if (chunks == nullptr) return in.ok() ? Status{} : Corrupt("series is cut short");
  chunks->clear();
  ChunkMeta chunk;
  const std::uint64_t num_chunks = in.Uvarint();
  for (std::uint64_t i = 0; i < num_chunks && in.ok(); ++i) {
    ReadChunkMeta(in, i == 0, chunk);
    chunks->push_back(chunk);
  }
  return in.ok() ? Status{} : Corrupt(fmt::format("series {} is cut short", id));
}

Result<bool> IndexReader::AnyChunk(SeriesId id,
                                   const std::function<bool(const ChunkMeta&)>& pred) const {
  NX_ASSIGN_OR_RETURN(Decoder in, OpenSeries(id));
  const std::uint64_t num_labels = in.Uvarint();
  for (std::uint64_t i = 0; i < 2 * num_labels && in.ok(); ++i) in.Uvarint();
  ChunkMeta chunk;
  const std::uint64_t num_chunks = in.Uvarint();
  for (std::uint64_t i = 0; i < num_chunks && in.ok(); ++i) {
    ReadChunkMeta(in, i == 0, chunk);
    if (in.ok() && pred(chunk)) return true;
  }
  if (!in.ok()) return Corrupt(fmt::format("series {} is cut short", id));
  return false;
}

template <typename Visit>
Status IndexReader::WalkLabels(SeriesId id, Decoder in, Visit&& visit) const {
  const std::uint64_t num_labels = in.Uvarint();
  for (std::uint64_t i = 0; i < num_labels; ++i) {
    const auto name_number = static_cast<std::uint32_t>(in.Uvarint());
    const auto value_number = static_cast<std::uint32_t>(in.Uvarint());
    if (!in.ok()) return Corrupt("series is cut short");
    std::string_view name;
    std::string_view value;
    if (!LookUp(name_number, name) || !LookUp(value_number, value)) {
      return Corrupt(fmt::format("series {} has an unknown symbol", id));
    }
    visit(name, value);
  }
  return {};
}

Result<model::Labels> IndexReader::ReadLabels(SeriesId id, Decoder in) const {
  // Grows in memory that is kept; the copy that is returned is as long as it has to be.
  static thread_local model::Labels labels;
  labels.Clear();
  NX_RETURN_IF_ERROR(WalkLabels(id, in, [](std::string_view name, std::string_view value) {
    labels.AppendSorted(name, value);
  }));
  return labels;
}

Status IndexReader::ForEachLabelOfChecked(
    SeriesId id,
    const std::function<void(std::string_view name, std::string_view value)>& visit) const {
  NX_ASSIGN_OR_RETURN(const Decoder in, OpenSeries(id, false));
  return WalkLabels(id, in, visit);
}

Result<model::Labels> IndexReader::LabelsOf(SeriesId id) const {
  NX_ASSIGN_OR_RETURN(const Decoder in, OpenSeries(id));
  return ReadLabels(id, in);
}

Result<model::Labels> IndexReader::LabelsOfChecked(SeriesId id) const {
  NX_ASSIGN_OR_RETURN(const Decoder in, OpenSeries(id, false));
  return ReadLabels(id, in);
}

Result<model::Labels> IndexReader::LabelsOfChecked(SeriesId id,
                                                   std::span<const std::string> names) const {
  NX_ASSIGN_OR_RETURN(Decoder in, OpenSeries(id, false));
  model::Labels labels;
  auto wanted = names.begin();
  const std::uint64_t num_labels = in.Uvarint();
  for (std::uint64_t i = 0; i < num_labels && wanted != names.end() && in.ok(); ++i) {
    const auto name_number = static_cast<std::uint32_t>(in.Uvarint());
    const auto value_number = static_cast<std::uint32_t>(in.Uvarint());
    std::string_view name, value;
    if (!LookUp(name_number, name))
      return Corrupt(fmt::format("series {} has an unknown symbol", id));
    while (wanted != names.end() && *wanted < name) ++wanted;
    if (wanted == names.end() || *wanted != name) continue;
    if (!LookUp(value_number, value))
      return Corrupt(fmt::format("series {} has an unknown symbol", id));
    labels.AppendSorted(name, value);
  }
  if (!in.ok()) return Corrupt("series is cut short");
  return labels;
}

bool IndexReader::HasLabels(SeriesId id, const model::Labels& labels) const {
  auto in = OpenSeries(id, false);
  if (!in) return false;
  std::uint64_t left = in->Uvarint();
  for (const auto& [name, value] : labels) {
    if (left-- == 0) return false;
    std::string_view text;
    if (!LookUp(static_cast<std::uint32_t>(in->Uvarint()), text) || !IsSame(text, name))
      return false;
    if (!LookUp(static_cast<std::uint32_t>(in->Uvarint()), text) || !IsSame(text, value))
      return false;
  }
  return left == 0 && in->ok();
}

std::size_t IndexReader::memory_bytes() const {
  return sizeof(*this) + symbol_samples_.capacity() * sizeof(std::uint32_t) +
         samples_.capacity() * sizeof(std::uint32_t) + names_.capacity() * sizeof(NameEntries);
}

}  // namespace narthex::tsdb

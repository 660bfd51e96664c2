// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/records.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "tsdb/wal/entry_header.h"

namespace narthex::tsdb::wal {
namespace {

using model::Labels;
using model::TimestampMs;

void Begin(RecordType type, std::string& out) {
  out.clear();
  out.push_back(static_cast<char>(type));
}

// Differences wrap as in Go: corrupt or extreme numbers must not be undefined behaviour here.
std::int64_t Difference(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b);
}
std::int64_t Difference(std::int64_t a, std::int64_t b) {
  return Difference(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b));
}

void PutLabels(Encoder& out, const Labels& labels) {
  out.Uvarint(labels.size());
  for (const auto [name, value] : labels) {
    out.String(name);
    out.String(value);
  }
}

// Other writers may not have sorted them; ours must be.
Labels TakeLabels(Decoder& in) {
  const std::uint64_t n = in.Uvarint();
  const Decoder start = in;
  bool sorted = true;
  std::size_t longest = 0;
  std::string_view last;
  for (std::uint64_t i = 0; i < n && in.ok(); ++i) {
    const auto name = in.String();
    const auto value = in.String();
    sorted = sorted && (i == 0 || last < name) && !value.empty();
    longest = std::max({longest, name.size(), value.size()});
    last = name;
  }
  if (!in.ok()) return {};
  // Lengths of one byte: the record's bytes are those of the set.
  if (sorted && longest < 0x80) {
    return Labels::FromBytes({reinterpret_cast<const char*>(start.position()),
                              static_cast<std::size_t>(in.position() - start.position())});
  }
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  in = start;
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto name = in.String();
    pairs.emplace_back(name, in.String());
  }
  return sorted ? Labels::FromSorted(pairs) : Labels::FromPairs(std::move(pairs));
}

Status BadRecord(std::string_view what, std::size_t done) {
  return Fail(Code::kCorruption,
              fmt::format("decode {} record: invalid bytes after {} entries", what, done));
}

// Runs `entry` until the record is used up.
template <typename Entry>
Status ForEach(ByteSpan record, std::string_view what, Entry&& entry) {
  Decoder in(record);
  in.Byte();
  std::size_t done = 0;
  while (!in.done()) {
    entry(in);
    if (!in.ok()) return BadRecord(what, done);
    ++done;
  }
  return in.ok() ? Status() : BadRecord(what, done);
}

// Runs `entry(in, header)` for records whose entries have headers.
template <typename Entry>
Status ForEachWithHeader(ByteSpan record, std::string_view what, Entry&& entry) {
  EntryHeader header(TypeOf(record));
  return ForEach(record, what, [&](Decoder& in) {
    if (header.Next(in)) entry(in, header);
  });
}

}  // namespace

RecordType TypeOf(ByteSpan record) {
  if (record.empty() || record[0] > static_cast<std::uint8_t>(RecordType::kFloatHistogramsV2)) {
    return RecordType::kUnknown;
  }
  return static_cast<RecordType>(record[0]);
}

void BeginSeries(std::string& out) { Begin(RecordType::kSeries, out); }

void AppendSeries(WalRef ref, const Labels& labels, std::string& out) {
  Encoder encoder(out);
  encoder.Be64(ref);
  PutLabels(encoder, labels);
}

namespace {

// Nearly all of them have one byte or two.
std::uint8_t* PutDifference(std::uint8_t* p, std::int64_t difference) {
  const std::uint64_t v = ZigZag(difference);
  if (v < 0x80) [[likely]] {
    *p = static_cast<std::uint8_t>(v);
    return p + 1;
  }
  return p + PutUvarint(p, v);
}

void EncodeSamplesFrom(WalRef base_ref, std::span<const SampleEntry> entries, std::string& out) {
  constexpr std::size_t kMostPerSample = 2 * kMaxVarintBytes + 8;
  // As many as are put together before they are copied: the record need not have room for the
  // longest numbers there could be.
  constexpr std::size_t kPiece = 128;
  // Most have numbers of one byte.
  out.reserve(17 + entries.size() * 11);
  out.push_back(static_cast<char>(RecordType::kSamples));
  const TimestampMs base_t = entries[0].t;
  Encoder base(out);
  base.Be64(base_ref);
  base.Be64(static_cast<std::uint64_t>(base_t));
  while (!entries.empty()) {
    const std::size_t n = std::min(entries.size(), kPiece);
    std::uint8_t piece[kPiece * kMostPerSample];
    std::uint8_t* p = piece;
    for (const auto& entry : entries.first(n)) {
      p = PutDifference(p, Difference(entry.ref, base_ref));
      p = PutDifference(p, Difference(entry.t, base_t));
      StoreBe64(p, std::bit_cast<std::uint64_t>(entry.v));
      p += 8;
    }
    out.append(reinterpret_cast<const char*>(piece), static_cast<std::size_t>(p - piece));
    entries = entries.subspan(n);
  }
}

// A shorter run saves less than a record of its own takes.
constexpr std::size_t kShortestRun = 64;
// Bounds the bytes of a record, for those who hold it in memory and for its compression.
constexpr std::size_t kLongestRun = 4096;
constexpr std::size_t kEntriesWithoutRun = 1024;

// How many entries from the first one on have numbers that are one byte when told from `base`.
std::size_t RunOf(std::span<const SampleEntry> entries, WalRef base) {
  std::size_t n = 0;
  while (n < entries.size() && entries[n].ref - base + kRunReach < 2 * kRunReach) ++n;
  return n;
}

}  // namespace

void EncodeSamples(std::span<const SampleEntry> entries, std::string& out) {
  out.clear();
  if (!entries.empty()) EncodeSamplesFrom(entries[0].ref, entries, out);
}

void EncodeSampleRuns(std::span<const SampleEntry> entries, std::vector<std::string>& out) {
  while (!entries.empty()) {
    // Numbers that follow each other rise. The base need not be the number of a series.
    WalRef base = entries[0].ref + kRunReach;
    std::size_t n = RunOf(entries.first(std::min(entries.size(), kLongestRun)), base);
    if (n < std::min(entries.size(), kShortestRun)) {
      base = entries[0].ref;
      n = std::min(entries.size(), kEntriesWithoutRun);
    }
    EncodeSamplesFrom(base, entries.first(n), out.emplace_back());
    entries = entries.subspan(n);
  }
}

void EncodeStartedSamples(std::span<const SampleEntry> entries, const storage::StartTimes& starts,
                          std::string& out) {
  out.clear();
  if (entries.empty()) return;
  Begin(RecordType::kSamplesV2, out);
  Encoder encoder(out);
  StartedHeaderWriter header;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    header.Put(encoder, entries[i].ref, entries[i].t, starts.At(i));
    encoder.Double(entries[i].v);
  }
}

void EncodeTombstones(std::span<const TombstoneEntry> entries, std::string& out) {
  out.clear();
  if (entries.empty()) return;
  Begin(RecordType::kTombstones, out);
  Encoder encoder(out);
  for (const auto& entry : entries) {
    encoder.Be64(entry.ref);
    encoder.Varint(entry.mint);
    encoder.Varint(entry.maxt);
  }
}

void EncodeExemplars(std::span<const ExemplarEntry> entries, std::string& out) {
  out.clear();
  if (entries.empty()) return;
  Begin(RecordType::kExemplars, out);
  Encoder encoder(out);
  const auto& base = entries[0];
  encoder.Be64(base.ref);
  encoder.Be64(static_cast<std::uint64_t>(base.exemplar.t));
  for (const auto& entry : entries) {
    encoder.Varint(Difference(entry.ref, base.ref));
    encoder.Varint(Difference(entry.exemplar.t, base.exemplar.t));
    encoder.Double(entry.exemplar.value);
    PutLabels(encoder, entry.exemplar.labels);
  }
}

void EncodeMmapMarkers(std::span<const MarkerEntry> entries, std::string& out) {
  out.clear();
  if (entries.empty()) return;
  Begin(RecordType::kMmapMarkers, out);
  Encoder encoder(out);
  for (const auto& entry : entries) {
    encoder.Be64(entry.ref);
    encoder.Be64(entry.chunk_ref);
  }
}

void EncodeMetadata(std::span<const MetadataEntry> entries, std::string& out) {
  out.clear();
  if (entries.empty()) return;
  Begin(RecordType::kMetadata, out);
  Encoder encoder(out);
  for (const auto& entry : entries) {
    encoder.Uvarint(entry.ref);
    encoder.Byte(static_cast<std::uint8_t>(entry.metadata.type));
    encoder.Uvarint(2);
    encoder.String("UNIT");
    encoder.String(entry.metadata.unit);
    encoder.String("HELP");
    encoder.String(entry.metadata.help);
  }
}

Status DecodeSeries(ByteSpan record, std::vector<SeriesEntry>& out) {
  return ForEach(record, "series", [&](Decoder& in) {
    const WalRef ref = in.Be64();
    auto labels = TakeLabels(in);
    if (in.ok()) out.push_back({ref, std::move(labels)});
  });
}

Status DecodeSeriesRefs(ByteSpan record, std::vector<WalRef>& out) {
  return ForEach(record, "series", [&](Decoder& in) {
    const WalRef ref = in.Be64();
    const std::uint64_t n = in.Uvarint();
    for (std::uint64_t i = 0; i < n && in.ok(); ++i) {
      in.String();
      in.String();
    }
    if (in.ok()) out.push_back(ref);
  });
}

Status DecodeSamples(ByteSpan record, std::vector<SampleEntry>& out, storage::StartTimes* starts) {
  return ForEachWithHeader(record, "samples", [&](Decoder& in, const EntryHeader& header) {
    const double v = in.Double();
    if (!in.ok()) return;
    if (starts != nullptr) starts->Append(out.size(), header.start());
    out.push_back({header.ref(), header.t(), v});
  });
}

Status DecodeTombstones(ByteSpan record, std::vector<TombstoneEntry>& out) {
  return ForEach(record, "tombstones", [&](Decoder& in) {
    TombstoneEntry entry;
    entry.ref = in.Be64();
    entry.mint = in.Varint();
    entry.maxt = in.Varint();
    if (in.ok()) out.push_back(entry);
  });
}

Status DecodeExemplars(ByteSpan record, std::vector<ExemplarEntry>& out) {
  return ForEachWithHeader(record, "exemplars", [&](Decoder& in, const EntryHeader& header) {
    ExemplarEntry entry{header.ref(), {}};
    entry.exemplar.t = header.t();
    entry.exemplar.has_timestamp = true;
    entry.exemplar.value = in.Double();
    entry.exemplar.labels = TakeLabels(in);
    if (in.ok()) out.push_back(std::move(entry));
  });
}

Status DecodeMmapMarkers(ByteSpan record, std::vector<MarkerEntry>& out) {
  return ForEach(record, "mmap markers", [&](Decoder& in) {
    const WalRef ref = in.Be64();
    const std::uint64_t chunk = in.Be64();
    if (in.ok()) out.push_back({ref, chunk});
  });
}

Status DecodeMetadata(ByteSpan record, std::vector<MetadataEntry>& out) {
  return ForEach(record, "metadata", [&](Decoder& in) {
    MetadataEntry entry;
    entry.ref = in.Uvarint();
    const std::uint8_t type = in.Byte();
    constexpr auto kLast = static_cast<std::uint8_t>(model::MetricType::kStateset);
    entry.metadata.type = static_cast<model::MetricType>(type <= kLast ? type : 0);
    const std::uint64_t fields = in.Uvarint();
    for (std::uint64_t i = 0; i < fields && in.ok(); ++i) {
      const auto name = in.String();
      const auto value = in.String();
      if (name == "UNIT") entry.metadata.unit = value;
      if (name == "HELP") entry.metadata.help = value;
    }
    if (in.ok()) out.push_back(std::move(entry));
  });
}

}  // namespace narthex::tsdb::wal

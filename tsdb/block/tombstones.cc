// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/tombstones.h"

#include <algorithm>

#include <fmt/format.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"

namespace narthex::tsdb {
namespace {

constexpr std::uint32_t kMagic = 0x0130BA30;
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kCrcBytes = 4;
constexpr std::string_view kFileName = "tombstones";

bool Contains(std::span<const Interval> intervals, model::TimestampMs t) {
  const auto it =
      std::lower_bound(intervals.begin(), intervals.end(), t,
                       [](const Interval& i, model::TimestampMs x) { return i.maxt < x; });
  return it != intervals.end() && it->mint <= t;
}

template <typename Times, typename Values>
void Drop(std::span<const Interval> intervals, std::size_t base, Times& t, Values& v,
          storage::StartTimes& starts) {
  std::size_t kept = base;
  for (std::size_t i = base; i < t.size(); ++i) {
    if (Contains(intervals, t[i])) continue;
    if (kept != i) {
      t[kept] = t[i];
      v[kept] = std::move(v[i]);
      starts.Move(i, kept);
    }
    ++kept;
  }
  t.resize(kept);
  v.resize(kept);
  starts.Truncate(kept);
}

}  // namespace

void AddInterval(std::vector<Interval>& intervals, Interval added) {
  // Neighbours in whole milliseconds leave no sample between them.
  const auto before = [](const Interval& a, const Interval& b) {
    return a.maxt < b.mint && b.mint - 1 != a.maxt;
  };
  const auto first = std::lower_bound(intervals.begin(), intervals.end(), added, before);
  auto last = first;
  for (; last != intervals.end() && !before(added, *last); ++last) {
    added.mint = std::min(added.mint, last->mint);
    added.maxt = std::max(added.maxt, last->maxt);
  }
  intervals.insert(intervals.erase(first, last), added);
}

bool Covers(std::span<const Interval> intervals, model::TimestampMs mint, model::TimestampMs maxt) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](const Interval& i) { return i.mint <= mint && maxt <= i.maxt; });
}

bool Touches(std::span<const Interval> intervals, model::TimestampMs mint,
             model::TimestampMs maxt) {
  return std::any_of(intervals.begin(), intervals.end(),
                     [&](const Interval& i) { return i.mint <= maxt && mint <= i.maxt; });
}

void DropDeleted(std::span<const Interval> intervals, std::size_t first_float,
                 std::size_t first_histogram, storage::SampleColumns& columns) {
  if (intervals.empty()) return;
  Drop(intervals, first_float, columns.t, columns.v, columns.starts);
  Drop(intervals, first_histogram, columns.histogram_t, columns.histograms,
       columns.histogram_starts);
}

std::span<const Interval> Tombstones::Of(std::uint64_t ref) const {
  const auto it = by_ref_.find(ref);
  return it == by_ref_.end() ? std::span<const Interval>() : std::span<const Interval>(it->second);
}

std::uint64_t Tombstones::num_intervals() const {
  std::uint64_t n = 0;
  for (const auto& [ref, intervals] : by_ref_) n += intervals.size();
  return n;
}

std::string EncodeTombstones(const Tombstones& tombstones) {
  std::string bytes;
  Encoder out(bytes);
  out.Be32(kMagic);
  out.Byte(kVersion);
  for (const auto& [ref, intervals] : tombstones.by_ref()) {
    for (const Interval& interval : intervals) {
      out.Uvarint(ref);
      out.Varint(interval.mint);
      out.Varint(interval.maxt);
    }
  }
  out.Be32(Crc32c(AsBytes(bytes).subspan(kHeaderBytes)));
  return bytes;
}

Result<Tombstones> DecodeTombstones(ByteSpan file) {
  if (file.size() < kHeaderBytes + kCrcBytes) {
    return Fail(Code::kCorruption,
                fmt::format("tombstones of {} bytes are cut short", file.size()));
  }
  if (const std::uint32_t magic = LoadBe32(file.data()); magic != kMagic) {
    return Fail(Code::kCorruption, fmt::format("invalid magic number {:x}", magic));
  }
  if (file[4] != kVersion) {
    return Fail(Code::kCorruption, fmt::format("invalid tombstone format {}", file[4]));
  }
  const ByteSpan entries = file.subspan(kHeaderBytes, file.size() - kHeaderBytes - kCrcBytes);
  if (Crc32c(entries) != LoadBe32(file.data() + file.size() - kCrcBytes)) {
    return Fail(Code::kCorruption, "tombstones: checksum did not match");
  }
  Tombstones tombstones;
  Decoder in(entries);
  while (!in.done()) {
    const std::uint64_t ref = in.Uvarint();
    Interval interval;
    interval.mint = in.Varint();
    interval.maxt = in.Varint();
    if (in.ok()) tombstones.Add(ref, interval);
  }
  if (!in.ok()) return Fail(Code::kCorruption, "tombstones: last entry is cut short");
  return tombstones;
}

Result<Tombstones> ReadTombstones(Fs& fs, const std::string& block_dir) {
  const std::string path = JoinPath(block_dir, kFileName);
  if (!fs.Exists(path)) return Tombstones();
  NX_ASSIGN_OR_RETURN(const std::string bytes, fs.ReadFile(path));
  auto tombstones = DecodeTombstones(AsBytes(bytes));
  if (!tombstones) return Fail(std::move(tombstones).error().Wrap(path));
  return tombstones;
}

Status WriteTombstones(Fs& fs, const std::string& block_dir, const Tombstones& tombstones) {
  return WriteFileAtomically(fs, JoinPath(block_dir, kFileName),
                             AsBytes(EncodeTombstones(tombstones)));
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/tsdb/inspect.h"
#include "tsdb/block/block_info.h"
#include "tsdb/inspect/folder.h"

namespace narthex::tsdb {
namespace {

constexpr std::size_t kColumns = 8;
constexpr std::size_t kMinColumnWidth = 13;
constexpr std::size_t kColumnGap = 2;

using Row = std::array<std::string, kColumns>;

// As Go's Time.String in UTC: "2025-06-15 02:00:00 +0000 UTC". Parts of a second are cut off.
std::string ReadableTime(model::TimestampMs t) {
  const std::chrono::sys_seconds time{std::chrono::seconds(t / 1000)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02} +0000 UTC", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

// "1MiB967KiB239B": units without bytes are left out.
std::string ReadableBytes(std::uint64_t bytes) {
  if (bytes == 0) return "0B";
  constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::string text;
  for (std::size_t i = 0; i < kUnits.size() && bytes > 0; ++i, bytes /= 1024) {
    if (bytes % 1024 != 0) text.insert(0, fmt::format("{}{}", bytes % 1024, kUnits[i]));
  }
  return text;
}

Row RowOf(const BlockInfo& block, bool readable) {
  const auto time = [&](model::TimestampMs t) {
    return readable ? ReadableTime(t) : std::to_string(t);
  };
  // Multiplied as unsigned: a range of more than 292 years wraps, as in Go.
  const std::uint64_t length_ns =
      (static_cast<std::uint64_t>(block.max_time) - static_cast<std::uint64_t>(block.min_time)) *
      1'000'000;
  return {block.ulid,
          time(block.min_time),
          time(block.max_time),
          go::FormatDuration(static_cast<std::int64_t>(length_ns)),
          std::to_string(block.num_samples),
          std::to_string(block.num_chunks),
          std::to_string(block.num_series),
          readable ? ReadableBytes(block.size_bytes) : std::to_string(block.size_bytes)};
}

}  // namespace

std::string FormatBlockTable(std::span<const BlockInfo> blocks, bool header, bool readable) {
  std::vector<Row> rows;
  rows.reserve(blocks.size() + 1);
  if (header) {
    rows.push_back({"BLOCK ULID", "MIN TIME", "MAX TIME", "DURATION", "NUM SAMPLES", "NUM CHUNKS",
                    "NUM SERIES", "SIZE"});
  }
  for (const BlockInfo& block : blocks) rows.push_back(RowOf(block, readable));
  std::string text;
  std::array<std::size_t, kColumns> widths;
  widths.fill(kMinColumnWidth);
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], row[i].size() + kColumnGap);
    }
  }
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i) {
      text += row[i];
      text.append(widths[i] - row[i].size(), ' ');
    }
    text += row.back() + '\n';
  }
  return text;
}

Result<std::vector<BlockInfo>> ReadBlockList(Fs& fs, const std::string& dir) {
  NX_ASSIGN_OR_RETURN(const auto blocks, inspect::OpenBlocks(fs, dir));
  std::vector<BlockInfo> infos;
  infos.reserve(blocks.size());
  for (const auto& block : blocks) infos.push_back(InfoOf(fs, *block));
  return infos;
}

Status ListBlocks(Fs& fs, const std::string& dir, bool readable, const TextSink& out) {
  NX_ASSIGN_OR_RETURN(const auto blocks, ReadBlockList(fs, dir));
  return out(FormatBlockTable(blocks, true, readable));
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include "tsdb/wal/segment.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace narthex::tsdb::wal {
namespace {

std::optional<int> ParseNumber(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0) {
    return std::nullopt;
  }
  return number;
}

constexpr std::string_view kCheckpointPrefix = "checkpoint.";

}  // namespace

std::string SegmentName(int number) { return fmt::format("{:08}", number); }

std::string SegmentPath(std::string_view dir, int number) {
  return JoinPath(dir, SegmentName(number));
}

std::string CheckpointPath(std::string_view wal_dir, int number) {
  return JoinPath(wal_dir, fmt::format("{}{:08}", kCheckpointPrefix, number));
}

Result<std::vector<int>> ListSegments(Fs& fs, const std::string& dir) {
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(dir));
  std::vector<int> numbers;
  for (const auto& entry : entries) {
    if (entry.is_dir) continue;
    if (const auto number = ParseNumber(entry.name)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] != numbers[i - 1] + 1) {
      return Fail(Code::kCorruption,
                  fmt::format("segments are not sequential: {} follows {} in {}",
                              SegmentName(numbers[i]), SegmentName(numbers[i - 1]), dir));
    }
  }
  return numbers;
}

std::string AsidePath(Fs& fs, const std::string& path) {
  const std::string aside = path + ".corrupt";
  std::string free = aside;
  for (int number = 2; fs.Exists(free); ++number) free = fmt::format("{}.{}", aside, number);
  return free;
}

Result<std::vector<int>> ListCheckpoints(Fs& fs, const std::string& wal_dir) {
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(wal_dir));
  std::vector<int> numbers;
  for (const auto& entry : entries) {
    if (!entry.is_dir || !entry.name.starts_with(kCheckpointPrefix)) continue;
    const auto digits = std::string_view(entry.name).substr(kCheckpointPrefix.size());
    if (const auto number = ParseNumber(digits)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::uint64_t FolderBytes(Fs& fs, const std::string& dir) {
  std::uint64_t total = 0;
  std::vector<std::string> folders = {dir};
  while (!folders.empty()) {
    const std::string folder = std::move(folders.back());
    folders.pop_back();
    const auto entries = fs.ListDir(folder);
    if (!entries) continue;
    for (const auto& entry : *entries) {
      total += entry.size;
      if (entry.is_dir) folders.push_back(JoinPath(folder, entry.name));
    }
  }
  return total;
}

std::string Corruption::ToString() const {
  return fmt::format("corruption in segment {} at {}: {}", SegmentPath(dir, segment), offset,
                     reason);
}

}  // namespace narthex::tsdb::wal

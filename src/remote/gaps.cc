// SPDX-License-Identifier: Apache-2.0
#include "src/remote/gaps.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include <fmt/format.h>

namespace narthex::remote {
namespace {

// What is read together; also what is sent twice after a kill.
constexpr model::DurationMs kSliceMs = 5 * 60 * 1000;
// Beyond, the last two become one, and the time between them is sent again.
constexpr std::size_t kMostGaps = 64;

bool ReadNumber(std::string_view& text, model::TimestampMs& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

}  // namespace

Result<std::vector<Gap>> ReadGaps(Fs& fs, const std::string& path) {
  std::vector<Gap> gaps;
  if (!fs.Exists(path)) return gaps;
  NX_ASSIGN_OR_RETURN(const std::string text, fs.ReadFile(path));
  std::string_view rest = text;
  while (!rest.empty()) {
    Gap gap;
    bool good = ReadNumber(rest, gap.from) && rest.starts_with(' ');
    if (good) rest.remove_prefix(1);
    good = good && ReadNumber(rest, gap.to) && rest.starts_with('\n');
    if (!good) return Fail(Code::kCorruption, fmt::format("{}: not a file of gaps", path));
    rest.remove_prefix(1);
    gaps.push_back(gap);
  }
  return gaps;
}

Status WriteGaps(Fs& fs, const std::string& path, const std::vector<Gap>& gaps) {
  if (gaps.empty()) return fs.RemoveAll(path);
  std::string text;
  for (const Gap& gap : gaps) text += fmt::format("{} {}\n", gap.from, gap.to);
  return WriteFileAtomically(fs, path, AsBytes(text));
}

void AddGap(std::vector<Gap>& gaps, Gap gap) {
  if (gap.from > gap.to) return;
  // A run that finds the same gap again begins it where the first run did.
  if (!gaps.empty()) gap.from = std::max(gap.from, gaps.front().from);
  if (gap.from > gap.to) return;
  std::size_t i = 0;
  while (i < gaps.size() && model::Plus(gaps[i].to, 1) < gap.from) ++i;
  if (i == gaps.size() || model::Plus(gap.to, 1) < gaps[i].from) {
    gaps.insert(gaps.begin() + static_cast<std::ptrdiff_t>(i), gap);
  } else {
    if (i > 0) gaps[i].from = std::min(gaps[i].from, gap.from);
    gaps[i].to = std::max(gaps[i].to, gap.to);
    while (i + 1 < gaps.size() && gaps[i + 1].from <= model::Plus(gaps[i].to, 1)) {
      gaps[i].to = std::max(gaps[i].to, gaps[i + 1].to);
      gaps.erase(gaps.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
  }
  while (gaps.size() > kMostGaps) {
    gaps[gaps.size() - 2].to = gaps.back().to;
    gaps.pop_back();
  }
}

Gap FirstSlice(const Gap& gap) {
  return {gap.from, std::min(gap.to, model::Plus(gap.from, kSliceMs - 1))};
}

std::optional<Gap> AfterSlice(const Gap& gap, const Gap& slice) {
  if (slice.to >= gap.to) return std::nullopt;
  return Gap{slice.to + 1, gap.to};
}

}  // namespace narthex::remote

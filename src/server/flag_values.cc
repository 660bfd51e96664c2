// SPDX-License-Identifier: Apache-2.0
#include "src/server/flag_values.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "narthex/base/go_format.h"

namespace narthex::server {
namespace {

Result<std::uint64_t> ParseBytes(std::string_view text) {
  std::size_t digits = 0;
  std::uint64_t value = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    value = value * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  std::string_view unit = text.substr(digits);
  const std::string_view scales = "BKMGTPE";
  const std::size_t power = unit.empty() ? std::string_view::npos : scales.find(unit[0]);
  const bool is_unit = unit == "B" || (power != std::string_view::npos && power > 0 &&
                                       (unit.substr(1) == "B" || unit.substr(1) == "iB"));
  if (digits == 0 || digits > 15 || !is_unit) {
    return Fail(
        Code::kInvalidArgument,
        (fmt::format("units: unknown unit {} in {}: want a number with B, KB, MB, GB, TB, PB or EB",
                     unit, text)));
  }
  return value << (10 * power);
}

std::string FormatBytes(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (unit + 1 < std::size(kUnits) && bytes != 0 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

const FlagSpec& Spec(std::string_view name) {
  const auto flags = AllFlags();
  return *std::lower_bound(flags.begin(), flags.end(), name,
                           [](const FlagSpec& flag, std::string_view n) { return flag.name < n; });
}

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  return text;
}

}  // namespace

std::string FlagValues::Text(std::string_view name) const {
  const auto it = given_.find(name);
  return it != given_.end() && !it->second.empty() ? it->second.front()
                                                   : std::string(Spec(name).default_text);
}

std::vector<std::string> FlagValues::List(std::string_view name) const {
  const auto it = given_.find(name);
  return it != given_.end() ? it->second : SplitCommas(Spec(name).default_text);
}

template <typename T>
T FlagValues::Take(Result<T> result, std::string_view name) {
  if (result) return *result;
  Reject(fmt::format("{} (flag --{})", result.error().message(), name));
  return {};
}

std::int64_t FlagValues::Int(std::string_view name) {
  const std::string text = Text(name);
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (error != std::errc() || end != text.data() + text.size()) {
    Reject(fmt::format("strconv.ParseInt: parsing {}: invalid syntax", go::Quote(text)));
  }
  return v;
}

std::uint64_t FlagValues::Bytes(std::string_view name) {
  return Take(ParseBytes(Text(name)), name);
}

model::DurationMs FlagValues::Duration(std::string_view name) {
  return Take(model::ParseDuration(Text(name)), name);
}

std::int64_t FlagValues::GoDurationNs(std::string_view name) {
  const auto ns = go::ParseDuration(Text(name));
  if (!ns) Reject(fmt::format("time: invalid duration {}", go::Quote(Text(name))));
  return ns.value_or(0);
}

void FlagValues::Reject(std::string message) {
  if (!failure_) failure_ = Error(Code::kInvalidArgument, std::move(message));
}

void FlagValues::CheckAll() {
  for (const auto& [name, texts] : given_) Check(Spec(name));
}

void FlagValues::Check(const FlagSpec& flag) {
  switch (flag.kind) {
    case FlagKind::kInt:
      Int(flag.name);
      break;
    case FlagKind::kFloat:
      if (!go::ParseFloat(Text(flag.name))) {
        Reject(fmt::format("strconv.ParseFloat: parsing {}: invalid syntax",
                           go::Quote(Text(flag.name))));
      }
      break;
    case FlagKind::kBytes:
      Bytes(flag.name);
      break;
    case FlagKind::kDuration:
      Duration(flag.name);
      break;
    case FlagKind::kGoDuration:
      GoDurationNs(flag.name);
      break;
    case FlagKind::kEnum:
      CheckEnum(flag);
      break;
    case FlagKind::kString:
    case FlagKind::kBool:
    case FlagKind::kList:
      break;
  }
}

void FlagValues::CheckEnum(const FlagSpec& flag) {
  const std::string text = Text(flag.name);
  const std::string wanted = flag.name == "log.level" ? Lower(text) : text;
  std::string choices(flag.choices);
  std::replace(choices.begin(), choices.end(), '|', ',');
  for (const std::string& choice : SplitCommas(choices)) {
    if (choice == wanted) return;
  }
  if (flag.name == "log.level") {
    Reject(fmt::format("unrecognized log level {}", text));
  } else if (flag.name == "log.format") {
    Reject(fmt::format("unrecognized log format {}", text));
  } else {
    Reject(fmt::format("enum value must be one of {}, got '{}'", choices, text));
  }
}

std::string FlagValues::Printed(const FlagSpec& flag) {
  switch (flag.kind) {
    case FlagKind::kDuration:
      return model::FormatDuration(Duration(flag.name));
    case FlagKind::kGoDuration:
      return go::FormatDuration(GoDurationNs(flag.name));
    case FlagKind::kBytes:
      return FormatBytes(Bytes(flag.name));
    case FlagKind::kList:
      return fmt::format("{}", fmt::join(List(flag.name), ","));
    default:
      return Text(flag.name);
  }
}

}  // namespace narthex::server

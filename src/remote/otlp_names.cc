// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_names.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "narthex/base/go_format.h"

namespace narthex::remote {
namespace {

using NamePair = std::pair<std::string_view, std::string_view>;

constexpr std::array<NamePair, 26> kUnits = {{
    {"d", "days"},
    {"h", "hours"},
    {"min", "minutes"},
    {"s", "seconds"},
    {"ms", "milliseconds"},
    {"us", "microseconds"},
    {"ns", "nanoseconds"},
    {"By", "bytes"},
    {"KiBy", "kibibytes"},
    {"MiBy", "mebibytes"},
    {"GiBy", "gibibytes"},
    {"TiBy", "tibibytes"},
    {"KBy", "kilobytes"},
    {"MBy", "megabytes"},
    {"GBy", "gigabytes"},
    {"TBy", "terabytes"},
    {"m", "meters"},
    {"V", "volts"},
    {"A", "amperes"},
    {"J", "joules"},
    {"W", "watts"},
    {"g", "grams"},
    {"Cel", "celsius"},
    {"Hz", "hertz"},
    {"1", ""},
    {"%", "percent"},
}};
// After a slash a unit is one of it, and a short name may be another unit.
constexpr std::array<NamePair, 7> kPerUnits = {{
    {"s", "second"},
    {"m", "minute"},
    {"h", "hour"},
    {"d", "day"},
    {"w", "week"},
    {"mo", "month"},
    {"y", "year"},
}};

template <std::size_t n>
std::string_view LongName(const std::array<NamePair, n>& names, std::string_view unit) {
  for (const auto& [from, to] : names) {
    if (from == unit) return to;
  }
  return unit;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c);
}

/// How many bytes the first character takes; 1 for a byte that begins none, as Go's range has it.
std::size_t CharacterBytes(std::string_view text) {
  const auto at = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto is_tail = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned first = at(0);
  if (first >= 0xc2 && first <= 0xdf) return is_tail(1) ? 2 : 1;
  if (first >= 0xe0 && first <= 0xef) {
    const bool bad = (first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f);
    return is_tail(1) && is_tail(2) && !bad ? 3 : 1;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool bad = (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f);
    return is_tail(1) && is_tail(2) && is_tail(3) && !bad ? 4 : 1;
  }
  return 1;
}

/// unicode.IsSpace
constexpr std::array<std::string_view, 25> kSpaces = {
    "\t",           "\n",           "\v",           "\f",           "\r",           " ",
    "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
    "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
    "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
    "\xe3\x80\x80"};

std::string_view Trimmed(std::string_view text) {
  const auto cut = [](auto&& matches, auto&& remove) {
    while (true) {
      const auto space = std::find_if(kSpaces.begin(), kSpaces.end(), matches);
      if (space == kSpaces.end()) return;
      remove(space->size());
    }
  };
  cut([&](std::string_view space) { return text.starts_with(space); },
      [&](std::size_t n) { text.remove_prefix(n); });
  cut([&](std::string_view space) { return text.ends_with(space); },
      [&](std::size_t n) { text.remove_suffix(n); });
  return text;
}

struct UnitSuffixes {
  std::string main, per;  // "bytes", "per_second"; "" = none.
};

UnitSuffixes SuffixesOf(std::string_view unit) {
  const auto slash = unit.find('/');
  const auto usable = [](std::string_view text) {
    return !text.empty() && text.find_first_of("{}") == std::string_view::npos;
  };
  UnitSuffixes suffixes;
  if (const auto main = Trimmed(unit.substr(0, slash)); usable(main)) {
    suffixes.main = LongName(kUnits, main);
  }
  if (slash == std::string_view::npos) return suffixes;
  if (const auto per = Trimmed(unit.substr(slash + 1)); usable(per)) {
    suffixes.per = fmt::format("per_{}", LongName(kPerUnits, per));
  }
  return suffixes;
}

/// Only characters of legacy names, underscores one at a time and none at the beginning.
std::string Cleaned(std::string_view unit) {
  std::string clean;
  bool last_underscore = false;
  for (const char c : unit) {
    const bool plain = IsAlphanumeric(c) || c == ':';
    if (plain) {
      clean += c;
    } else if (!last_underscore) {
      clean += '_';
    }
    last_underscore = !plain;
  }
  if (clean.starts_with('_')) clean.erase(0, 1);
  return clean;
}

void DropLastUnderscore(std::string& text) {
  if (text.ends_with('_')) text.pop_back();
}

template <typename Keep>
std::vector<std::string> Split(std::string_view name, Keep keep) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < name.size();) {
    std::size_t end = i;
    while (end < name.size() && keep(name[end])) ++end;
    if (end > i) parts.emplace_back(name.substr(i, end - i));
    i = end + 1;
  }
  return parts;
}

std::string Join(const std::vector<std::string>& parts) {
  std::string joined;
  for (const std::string& part : parts) {
    if (&part != &parts.front()) joined += '_';
    joined += part;
  }
  return joined;
}

void MoveToEnd(std::vector<std::string>& parts, std::string_view part) {
  std::erase(parts, part);
  parts.emplace_back(part);
}

void AddUnitParts(std::vector<std::string>& parts, const UnitSuffixes& unit) {
  const auto has = [&parts](std::string_view part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
  };
  std::string main = Cleaned(unit.main);
  std::string per = Cleaned(unit.per);
  if (has(main)) main.clear();
  if (per == "per_") {
    per.clear();
  } else {
    DropLastUnderscore(per);
    if (has(per)) per.clear();
  }
  if (!per.empty()) DropLastUnderscore(main);
  if (!main.empty()) parts.push_back(std::move(main));
  if (!per.empty()) parts.push_back(std::move(per));
}

std::string EscapedWithSuffixes(std::string_view name, std::string_view unit, OtlpNameType type) {
  auto parts = Split(name, [](char c) { return IsAlphanumeric(c) || c == ':'; });
  AddUnitParts(parts, SuffixesOf(unit));
  if (type == OtlpNameType::kMonotonicCounter) MoveToEnd(parts, "total");
  // Counters of things come with the unit 1 as well, and a ratio that is counted makes no sense.
  if (unit == "1" && type == OtlpNameType::kGauge) MoveToEnd(parts, "ratio");
  return Join(parts);
}

std::string Escaped(std::string_view name) {
  return Join(Split(name, [](char c) { return IsAlphanumeric(c) || c == ':' || c == '_'; }));
}

/// The suffix and one character before it, whatever that is.
void CutSuffix(std::string& name, std::string_view suffix) {
  if (name.ends_with(suffix) && name.size() > suffix.size() + 1) {
    name.resize(name.size() - suffix.size() - 1);
  }
}

std::string WithSuffixes(std::string_view given, std::string_view unit, OtlpNameType type) {
  std::string name(given);
  const bool ratio = unit == "1" && type == OtlpNameType::kGauge;
  const bool total = type == OtlpNameType::kMonotonicCounter;
  if (ratio) CutSuffix(name, "ratio");
  if (total) CutSuffix(name, "total");
  const UnitSuffixes suffixes = SuffixesOf(unit);
  if (!suffixes.per.empty()) CutSuffix(name, suffixes.per);
  if (!suffixes.main.empty() && !name.ends_with(suffixes.main)) name += "_" + suffixes.main;
  if (!suffixes.per.empty()) name += "_" + suffixes.per;
  if (total) name += "_total";
  if (ratio) name += "_ratio";
  return name;
}

bool OnlyUnderscores(std::string_view text) {
  return text.find_first_not_of('_') == std::string_view::npos;
}

bool IsPlainLabelCharacter(std::string_view character) {
  return character.size() == 1 && IsAlphanumeric(character[0]);
}

std::string SanitizedLabel(std::string_view name, bool keep_underscores) {
  const bool reserved =
      !keep_underscores && name.size() >= 4 && name.starts_with("__") && name.ends_with("__");
  if (reserved) name = name.substr(2, name.size() - 4);
  std::string clean;
  bool last_underscore = false;
  while (!name.empty()) {
    const std::string_view character = name.substr(0, CharacterBytes(name));
    name.remove_prefix(character.size());
    const bool plain = IsPlainLabelCharacter(character);
    if (plain) {
      clean += character;
    } else if (keep_underscores || !last_underscore) {
      clean += '_';
    }
    last_underscore = !plain;
  }
  return reserved ? "__" + clean + "__" : clean;
}

}  // namespace

OtlpNaming OtlpNaming::Of(const config::OtlpConfig& config) {
  using config::OtlpTranslation;
  const OtlpTranslation t = config.translation;
  return {.utf8 = t == OtlpTranslation::kNoUtf8EscapingWithSuffixes ||
                  t == OtlpTranslation::kNoTranslation,
          .suffixes = t == OtlpTranslation::kUnderscoreEscapingWithSuffixes ||
                      t == OtlpTranslation::kNoUtf8EscapingWithSuffixes,
          .sanitize_underscore = config.label_name_underscore_sanitization,
          .keep_underscores = config.label_name_preserve_multiple_underscores};
}

Result<std::string> OtlpMetricName(const OtlpNaming& naming, std::string_view name,
                                   std::string_view unit, OtlpNameType type) {
  if (naming.utf8) {
    return naming.suffixes ? WithSuffixes(name, unit, type) : std::string(name);
  }
  std::string escaped = naming.suffixes ? EscapedWithSuffixes(name, unit, type) : Escaped(name);
  if (!escaped.empty() && IsDigit(escaped[0])) escaped.insert(0, 1, '_');
  if (escaped.empty()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("normalization for metric {} resulted in empty name", go::Quote(name)));
  }
  if (escaped != name && OnlyUnderscores(escaped)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("normalization for metric {} resulted in invalid name {}",
                            go::Quote(name), go::Quote(escaped)));
  }
  return escaped;
}

Result<std::string> OtlpLabelName(const OtlpNaming& naming, std::string_view name) {
  if (name.empty()) return Fail(Code::kInvalidArgument, "label name is empty");
  if (naming.utf8) {
    if (OnlyUnderscores(name)) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("label name {} contains only underscores", go::Quote(name)));
    }
    return std::string(name);
  }
  std::string clean = SanitizedLabel(name, naming.keep_underscores);
  if (IsDigit(clean[0])) {
    clean.insert(0, "key_");
  } else if (naming.sanitize_underscore && clean[0] == '_' && !clean.starts_with("__")) {
    clean.insert(0, "key");
  }
  if (OnlyUnderscores(clean)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("normalization for label name {} resulted in invalid name {}",
                            go::Quote(name), go::Quote(clean)));
  }
  return clean;
}

std::string OtlpUnitName(std::string_view unit, bool utf8) {
  UnitSuffixes suffixes = SuffixesOf(unit);
  if (!utf8) suffixes = {Cleaned(suffixes.main), Cleaned(suffixes.per)};
  std::string name = std::move(suffixes.main);
  if (!name.empty() && !suffixes.per.empty()) name += '_';
  name += suffixes.per;
  if (name.starts_with('_')) name.erase(0, 1);
  DropLastUnderscore(name);
  return name;
}

}  // namespace narthex::remote

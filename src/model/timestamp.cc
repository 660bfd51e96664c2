// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/timestamp.h"

#include <array>

#include <fmt/format.h>

#include "narthex/base/go_format.h"

namespace narthex::model {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t ms;
  bool only_exact;  // Printed only when it divides the rest.
};
constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::array<Unit, 7> kUnits = {{{"y", 365 * kDayMs, true},
                                         {"w", 7 * kDayMs, true},
                                         {"d", kDayMs, false},
                                         {"h", 3'600'000, false},
                                         {"m", 60'000, false},
                                         {"s", 1'000, false},
                                         {"ms", 1, false}}};
// model.Duration is a Go duration: nanoseconds in 64 bits.
constexpr std::uint64_t kMaxMs = 9'223'372'036'854;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Result<DurationMs> ParseDuration(std::string_view text) {
  if (text.empty()) return Fail(Code::kInvalidArgument, "empty duration string");
  if (text == "0") return 0;
  const std::string original(text);
  const auto invalid = [&original] {
    return Fail(Code::kInvalidArgument,
                fmt::format("not a valid duration string: {}", go::Quote(original)));
  };
  std::uint64_t total = 0;
  std::size_t next_unit = 0;  // Units come in falling order, each once.
  while (!text.empty()) {
    if (!IsDigit(text[0])) return invalid();
    std::uint64_t value = 0;
    bool overflow = false;  // Of 64 bits.
    while (!text.empty() && IsDigit(text[0])) {
      overflow |= __builtin_mul_overflow(value, std::uint64_t{10}, &value);
      overflow |= __builtin_add_overflow(value, std::uint64_t(text[0] - '0'), &value);
      text.remove_prefix(1);
    }
    if (overflow) return invalid();
    std::size_t n = 0;
    while (n < text.size() && !IsDigit(text[n])) ++n;
    if (n == 0) return invalid();
    const std::string_view name = text.substr(0, n);
    std::size_t unit = 0;
    while (unit < kUnits.size() && kUnits[unit].name != name) ++unit;
    if (unit == kUnits.size()) {
      return Fail(Code::kInvalidArgument, fmt::format("unknown unit {} in duration {}",
                                                      go::Quote(name), go::Quote(original)));
    }
    if (unit < next_unit) return invalid();
    next_unit = unit + 1;
    text.remove_prefix(n);
    if (value > (kMaxMs - total) / kUnits[unit].ms) {
      return Fail(Code::kInvalidArgument, "duration out of range");
    }
    total += value * kUnits[unit].ms;
  }
  return static_cast<DurationMs>(total);
}

std::string FormatDuration(DurationMs ms) {
  if (ms == 0) return "0s";
  std::string out = ms < 0 ? "-" : "";
  std::uint64_t rest = ms < 0 ? -static_cast<std::uint64_t>(ms) : static_cast<std::uint64_t>(ms);
  for (const Unit& unit : kUnits) {
    if (rest < unit.ms || (unit.only_exact && rest % unit.ms != 0)) continue;
    out += std::to_string(rest / unit.ms);
    out += unit.name;
    rest %= unit.ms;
  }
  return out;
}

}  // namespace narthex::model

// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/humanize.h"

#include <cmath>
#include <cstdint>
#include <string_view>

#include <fmt/core.h>

#include "alerting/template/value.h"
#include "narthex/base/go_int.h"

namespace narthex::alerting::tmpl {
namespace {

constexpr std::string_view kLarge[] = {"k", "M", "G", "T", "P", "E", "Z", "Y"};
constexpr std::string_view kSmall[] = {"m", "u", "n", "p", "f", "a", "z", "y"};
constexpr std::string_view kBinary[] = {"ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"};

bool IsPlain(double v) { return v == 0 || std::isnan(v) || std::isinf(v); }

std::string Below1(double v) {
  std::string_view prefix;
  for (const std::string_view p : kSmall) {
    if (std::fabs(v) >= 1) break;
    prefix = p;
    v *= 1000;
  }
  return FormatG4(v) + std::string(prefix);
}

}  // namespace

std::string FormatG4(double v) { return Sprintf("%.4g", {Value(v)}); }

std::string Humanize(double v) {
  if (IsPlain(v)) return FormatG4(v);
  if (std::fabs(v) < 1) return Below1(v);
  std::string_view prefix;
  for (const std::string_view p : kLarge) {
    if (std::fabs(v) < 1000) break;
    prefix = p;
    v /= 1000;
  }
  return FormatG4(v) + std::string(prefix);
}

std::string Humanize1024(double v) {
  if (std::fabs(v) <= 1 || std::isnan(v) || std::isinf(v)) return FormatG4(v);
  std::string_view prefix;
  for (const std::string_view p : kBinary) {
    if (std::fabs(v) < 1024) break;
    prefix = p;
    v /= 1024;
  }
  return FormatG4(v) + std::string(prefix);
}

std::string HumanizeDuration(double v) {
  if (std::isnan(v) || std::isinf(v)) return FormatG4(v);
  if (v == 0) return FormatG4(v) + 's';
  if (std::fabs(v) < 1) return Below1(v) + 's';
  const char* sign = v < 0 ? "-" : "";
  v = std::fabs(v);
  const std::int64_t duration = go::ToInt64(v);
  const std::int64_t seconds = duration % 60;
  const std::int64_t minutes = duration / 60 % 60;
  const std::int64_t hours = duration / 3600 % 24;
  const std::int64_t days = duration / 86'400;
  if (days != 0) return fmt::format("{}{}d {}h {}m {}s", sign, days, hours, minutes, seconds);
  if (hours != 0) return fmt::format("{}{}h {}m {}s", sign, hours, minutes, seconds);
  if (minutes != 0) return fmt::format("{}{}m {}s", sign, minutes, seconds);
  return sign + FormatG4(v) + 's';
}

std::string HumanizePercentage(double v) { return FormatG4(v * 100) + '%'; }

}  // namespace narthex::alerting::tmpl

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace narthex::server {

enum class FlagKind : std::uint8_t {
  kString,
  kBool,  // --x and --no-x, without a value.
  kInt,
  kFloat,
  kBytes,       // "512MB"; base 2, unit required.
  kDuration,    // "1h30m", model duration.
  kGoDuration,  // "1.5s", Go duration.
  kEnum,        // One of `choices`, which '|' separates.
  kList,        // Repeatable; values may hold commas.
};
enum class FlagMode : std::uint8_t { kBoth, kServer, kAgent };

struct FlagSpec {
  std::string_view name;  // Without dashes.
  FlagKind kind;
  std::string_view choices;
  std::string_view default_text;
  FlagMode mode;
  bool hidden;
  std::string_view help;
};

/// Sorted by name.
std::span<const FlagSpec> AllFlags();

}  // namespace narthex::server

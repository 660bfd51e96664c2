// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace narthex::promql {

/// The text of a PromQL string with its quotes ("…", '…' or `…`): escapes replaced. nullopt when
/// it is not one whole string.
std::optional<std::string> Unquote(std::string_view quoted);

}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace narthex {

/// What another side says, as it may stand in a message: its first 256 bytes at most, cut between
/// characters, with "…" behind them when there are more.
std::string ShortText(std::string text);

}  // namespace narthex

// SPDX-License-Identifier: Apache-2.0
//
// What the log and the logs in files write alike.
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/log.h"

namespace narthex::log {

/// "INFO"
std::string_view LevelName(Level level);
/// "file.cc:12"
std::string PlaceText(const Where& where);

}  // namespace narthex::log

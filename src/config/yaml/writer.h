// SPDX-License-Identifier: Apache-2.0
//
// Prints a tree of values as gopkg.in/yaml.v2 prints Go structs, byte for byte.
#pragma once

#include <string>

#include "src/config/yaml/schema.h"

namespace narthex::config {

/// Secrets are masked unless `reveal_secrets`; then the text is for comparing, not for showing.
std::string WriteYaml(const Value& value, bool reveal_secrets = false);

}  // namespace narthex::config

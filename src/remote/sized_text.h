// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::remote {

/// Appends a text behind its length, so that texts in a row can be told apart when they are hashed.
inline void AppendSized(std::string& out, std::string_view text) {
  const std::uint64_t size = text.size();
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out += text;
}

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
#include "src/net/error_text.h"

#include <system_error>

namespace narthex::net {

std::string ErrnoText(int error) {
  std::string text = std::generic_category().message(error);
  if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a') {
    text[0] = static_cast<char>(text[0] + ('a' - 'A'));
  }
  return text;
}

}  // namespace narthex::net

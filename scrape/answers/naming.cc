// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/naming.h"

#include <fmt/format.h>

#include "narthex/model/labels.h"

namespace narthex::scrape {

namespace {

bool IsLabelChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Bytes of the character that `text` begins with; 1 when it is not UTF-8.
std::size_t CharBytes(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t size = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return size <= text.size() && model::IsValidUtf8(text.substr(0, size)) ? size : 1;
}

}  // namespace

std::string SanitizeLabelName(std::string_view name) {
  std::string out;
  out.reserve(name.size());
  while (!name.empty()) {
    out += IsLabelChar(name[0]) ? name[0] : '_';
    name.remove_prefix(CharBytes(name));
  }
  return out;
}

std::string JoinHostPort(std::string_view host, std::string_view port) {
  const bool v6 = host.find(':') != std::string_view::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string JoinHostPort(std::string_view host, std::int64_t port) {
  return JoinHostPort(host, std::to_string(port));
}

std::string EnclosedList(const std::vector<std::string_view>& items, std::string_view separator) {
  return fmt::format("{0}{1}{0}", separator, fmt::join(items, separator));
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include "src/config/environment.h"

#include <cstdlib>

#include "narthex/base/log.h"

namespace narthex::config {

namespace {

bool IsSpecial(char c) {
  return std::string_view("*#$@!?-0123456789").find(c) != std::string_view::npos;
}

bool IsNameChar(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct Variable {
  std::string_view name;
  std::size_t length = 0;  // Bytes behind the dollar; 0 = no variable, the dollar stays.
};

Variable ReadVariable(std::string_view rest) {
  if (rest[0] == '{') {
    if (rest.size() > 2 && IsSpecial(rest[1]) && rest[2] == '}') return {rest.substr(1, 1), 3};
    const std::size_t close = rest.find('}');
    if (close == std::string_view::npos) return {{}, 1};  // Bad syntax: the "${" goes away.
    return {rest.substr(1, close - 1), close + 1};
  }
  if (IsSpecial(rest[0])) return {rest.substr(0, 1), 1};
  std::size_t end = 0;
  while (end < rest.size() && IsNameChar(rest[end])) ++end;
  return {rest.substr(0, end), end};
}

std::string Lookup(std::string_view name) {
  if (name == "$") return "$";
  const char* value = std::getenv(std::string(name).c_str());
  if (value != nullptr && *value != '\0') return value;
  log::Warn("Empty environment variable", {{"name", name}});
  return "";
}

}  // namespace

std::string ExpandEnvironment(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const Variable variable = ReadVariable(text.substr(i + 1));
    if (variable.length == 0) {
      out += '$';
    } else if (!variable.name.empty()) {
      out += Lookup(variable.name);
    }
    i += variable.length;
  }
  return out;
}

}  // namespace narthex::config

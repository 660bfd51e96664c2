// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/append_check.h"

#include <cstddef>
#include <string_view>

namespace narthex::tsdb {
namespace {

constexpr std::size_t kMaxExemplarRunes = 128;

std::size_t Runes(std::string_view text) {
  std::size_t n = 0;
  for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return n;
}

}  // namespace

bool NamesRepeat(const model::Labels& labels) {
  std::string_view last;
  bool first = true;
  for (const auto label : labels) {
    if (!first && label.name == last) return true;
    last = label.name;
    first = false;
  }
  return false;
}

bool ExemplarIsTooLong(const model::Labels& labels) {
  std::size_t runes = 0;
  for (const auto label : labels) runes += Runes(label.name) + Runes(label.value);
  return runes > kMaxExemplarRunes;
}

}  // namespace narthex::tsdb

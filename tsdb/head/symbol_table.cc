// SPDX-License-Identifier: Apache-2.0
#include "tsdb/head/symbol_table.h"

#include <cstring>

#include "narthex/base/hash.h"

namespace narthex::tsdb {
namespace {

std::uint32_t HashOf(std::string_view text) { return static_cast<std::uint32_t>(Hash64(text)); }

}  // namespace

Symbol SymbolTable::Find(std::string_view text) const {
  return index_.Find(HashOf(text), [&](Symbol symbol) { return Text(symbol) == text; });
}

Symbol SymbolTable::Acquire(std::string_view text) {
  const std::uint32_t hash = HashOf(text);
  if (const Symbol found = index_.Find(hash, [&](Symbol symbol) { return Text(symbol) == text; })) {
    ++HeaderOf(found)->references;
    return found;
  }
  const Symbol symbol = arena_.Allocate(sizeof(Header) + text.size());
  Header* header = HeaderOf(symbol);
  *header = {1, static_cast<std::uint32_t>(text.size())};
  std::memcpy(header + 1, text.data(), text.size());
  index_.Insert(hash, symbol);
  return symbol;
}

bool SymbolTable::Release(Symbol symbol) {
  if (--HeaderOf(symbol)->references != 0) return false;
  index_.Erase(HashOf(Text(symbol)), symbol);
  return true;
}

void SymbolTable::Free(Symbol symbol) {
  arena_.Free(symbol, sizeof(Header) + HeaderOf(symbol)->size);
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/scan.h"

#include <array>
#include <bit>
#include <cstdint>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace narthex::scrape {

namespace {

constexpr std::array<bool, 256> MakeNameTable() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 256; ++c) {
    table[static_cast<std::size_t>(c)] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                         (c >= '0' && c <= '9') || c == '_' || c == ':';
  }
  return table;
}
constexpr auto kNameTable = MakeNameTable();

/// @return the first `a` or `b` from p on; at or behind `end` when there is none
const char* FindEither(const char* p, const char* end, char a, char b) {
#ifdef __SSE2__
  const __m128i first = _mm_set1_epi8(a);
  const __m128i second = _mm_set1_epi8(b);
  for (; p < end; p += 16) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const auto mask = static_cast<std::uint32_t>(_mm_movemask_epi8(
        _mm_or_si128(_mm_cmpeq_epi8(block, first), _mm_cmpeq_epi8(block, second))));
    if (mask != 0) return p + std::countr_zero(mask);
  }
#else
  while (p < end && *p != a && *p != b) ++p;
#endif
  return p;
}

}  // namespace

const char* ScanName(const char* p) {
  while (kNameTable[static_cast<unsigned char>(*p)]) ++p;
  return p;
}

const char* ScanString(const char* p, const char* end) {
  for (++p; p < end;) {
    p = FindEither(p, end, '"', '\\');
    if (p >= end) return nullptr;
    if (*p == '"') return p + 1;
    p += 2;
  }
  return nullptr;
}

const char* ScanBraces(const char* p, const char* end) {
  for (++p; p < end;) {
    p = FindEither(p, end, '"', '}');
    if (p >= end) return nullptr;
    if (*p == '}') return p + 1;
    p = ScanString(p, end);
    if (p == nullptr) return nullptr;
  }
  return nullptr;
}

}  // namespace narthex::scrape

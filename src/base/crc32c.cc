// SPDX-License-Identifier: Apache-2.0
#include "narthex/base/crc32c.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

namespace narthex {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // Castagnoli, bits reversed.

constexpr std::array<std::uint32_t, 256> MakeTable() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}
constexpr auto kTable = MakeTable();

std::uint32_t UpdatePortable(std::uint32_t crc, const std::uint8_t* p, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) crc = (crc >> 8) ^ kTable[(crc ^ p[i]) & 0xff];
  return crc;
}

#if defined(__x86_64__)
// The instruction gives its result three cycles after it began, but one can begin in each. So three
// parts of the bytes go side by side, and are put together at the end of a block.
constexpr std::size_t kMaxPartWords = 128;
// Below that, putting together takes longer than it saves.
constexpr std::size_t kMinPartWords = 4;

// [n]: what a checksum is multiplied with when n words follow, x^(64n-33) modulo the polynomial.
// The 33 are what the product of two reversed numbers is moved by, and the step that reduces it.
constexpr std::array<std::uint32_t, 2 * kMaxPartWords + 1> MakeShifts() {
  std::array<std::uint32_t, 2 * kMaxPartWords + 1> shifts{};
  std::uint32_t power = 1;  // x^31.
  for (std::size_t n = 1; n < shifts.size(); ++n) {
    shifts[n] = power;
    for (int bit = 0; bit < 64; ++bit) power = (power >> 1) ^ ((power & 1) != 0 ? kPolynomial : 0);
  }
  return shifts;
}
constexpr auto kShifts = MakeShifts();

#define NX_CRC_TARGET __attribute__((target("sse4.2,pclmul")))

std::uint64_t LoadWord(const std::uint8_t* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

NX_CRC_TARGET std::uint64_t Product(std::uint64_t crc, std::size_t words_behind) {
  const __m128i factor = _mm_cvtsi32_si128(static_cast<int>(kShifts[words_behind]));
  const __m128i number = _mm_cvtsi64_si128(static_cast<long long>(crc));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm_clmulepi64_si128(number, factor, 0)));
}

NX_CRC_TARGET std::uint64_t UpdateThreeParts(std::uint64_t crc, const std::uint8_t* p,
                                             std::size_t words) {
  const std::uint8_t* const q = p + 8 * words;
  const std::uint8_t* const r = q + 8 * words;
  std::uint64_t b = 0, c = 0;
  for (std::size_t i = 0; i < 8 * words; i += 8) {
    crc = _mm_crc32_u64(crc, LoadWord(p + i));
    b = _mm_crc32_u64(b, LoadWord(q + i));
    c = _mm_crc32_u64(c, LoadWord(r + i));
  }
  return c ^ _mm_crc32_u64(0, Product(crc, 2 * words) ^ Product(b, words));
}

NX_CRC_TARGET std::uint32_t UpdateSse42(std::uint32_t crc, const std::uint8_t* p, std::size_t n) {
  std::uint64_t wide = crc;
  while (n >= 24 * kMinPartWords) {
    const std::size_t words = std::min(n / 24, kMaxPartWords);
    wide = UpdateThreeParts(wide, p, words);
    p += 24 * words;
    n -= 24 * words;
  }
  for (; n >= 8; n -= 8, p += 8) wide = _mm_crc32_u64(wide, LoadWord(p));
  crc = static_cast<std::uint32_t>(wide);
  for (; n > 0; --n) crc = _mm_crc32_u8(crc, *p++);
  return crc;
}

using Update = std::uint32_t (*)(std::uint32_t, const std::uint8_t*, std::size_t);
const Update kUpdate = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")
                           ? UpdateSse42
                           : UpdatePortable;
#else
constexpr auto kUpdate = UpdatePortable;
#endif

}  // namespace

std::uint32_t Crc32c(std::span<const std::uint8_t> bytes, std::uint32_t seed) {
  return ~kUpdate(~seed, bytes.data(), bytes.size());
}

}  // namespace narthex

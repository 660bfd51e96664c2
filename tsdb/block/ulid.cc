// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/ulid.h"

#include <array>
#include <random>

namespace narthex::tsdb {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kUlidChars = 26;
constexpr std::size_t kTimeChars = 10;

int DigitOf(char c) {
  if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  const std::size_t at = kAlphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

}  // namespace

std::string NewUlid(const Clock& clock) {
  std::string text(kUlidChars, '0');
  auto time = static_cast<std::uint64_t>(clock.NowMs());
  for (std::size_t i = kTimeChars; i-- > 0; time >>= 5) text[i] = kAlphabet[time & 31];
  std::random_device random;
  for (std::size_t i = kTimeChars; i < kUlidChars; ++i) text[i] = kAlphabet[random() & 31];
  return text;
}

bool IsUlid(std::string_view text) {
  if (text.size() != kUlidChars || text[0] > '7') return false;
  for (const char c : text) {
    if (DigitOf(c) < 0) return false;
  }
  return true;
}

std::int64_t UlidTimeMs(std::string_view text) {
  std::int64_t time = 0;
  for (const char c : text.substr(0, kTimeChars)) time = time << 5 | DigitOf(c);
  return time;
}

}  // namespace narthex::tsdb

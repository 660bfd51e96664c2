// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/ip_text.h"

#include <arpa/inet.h>

#include <charconv>

namespace narthex::scrape {

std::optional<std::string> CanonicalIp(std::string_view text) {
  const std::string input(text);
  unsigned char bytes[sizeof(in6_addr)];
  char out[INET6_ADDRSTRLEN];
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, input.c_str(), bytes) == 1) {
      return inet_ntop(family, bytes, out, sizeof(out));
    }
  }
  return std::nullopt;
}

namespace {

struct Prefix {
  std::string address;
  int bits = 0;
};

std::optional<Prefix> ParsePrefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto address = CanonicalIp(text.substr(0, slash));
  if (!address) return std::nullopt;
  const int longest = address->find(':') == std::string::npos ? 32 : 128;
  int bits = -1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
  if (error != std::errc() || stop != end || bits < 0 || bits > longest) return std::nullopt;
  return Prefix{std::move(*address), bits};
}

}  // namespace

std::optional<std::string> IpOfPrefix(std::string_view text) {
  auto prefix = ParsePrefix(text);
  if (!prefix) return std::nullopt;
  return std::move(prefix->address);
}

std::optional<std::string> NetworkOfPrefix(std::string_view text) {
  const auto prefix = ParsePrefix(text);
  if (!prefix) return std::nullopt;
  const int family = prefix->address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  unsigned char bytes[sizeof(in6_addr)] = {};
  inet_pton(family, prefix->address.c_str(), bytes);
  for (int bit = prefix->bits; bit < 128; ++bit) {
    bytes[bit / 8] = static_cast<unsigned char>(bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  }
  char out[INET6_ADDRSTRLEN];
  inet_ntop(family, bytes, out, sizeof(out));
  return std::string(out) + "/" + std::to_string(prefix->bits);
}

}  // namespace narthex::scrape

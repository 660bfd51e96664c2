// SPDX-License-Identifier: Apache-2.0
#include "src/config/bcrypt_form.h"

#include <charconv>

#include <fmt/core.h>

namespace narthex::config {
namespace {

constexpr std::size_t kShortest = 59;
constexpr int kMinCost = 4;
constexpr int kMaxCost = 31;

}  // namespace

Status CheckBcryptForm(std::string_view hash) {
  const auto bad = [](std::string_view why) {
    return Fail(Code::kInvalidArgument, fmt::format("crypto/bcrypt: {}", why));
  };
  if (hash.size() < kShortest) {
    return bad(
        "hashedSecret too short to be a bcrypted password: make one with htpasswd -nBC 10 ''");
  }
  if (hash[0] != '$') return bad("bcrypt hashes must start with '$'");
  if (hash[1] > '2') return bad("the hash's algorithm version is newer than '2'");
  hash.remove_prefix(hash[2] == '$' ? 3 : 4);  // "$2$" or "$2b$".
  int cost = 0;
  const auto [end, error] = std::from_chars(hash.data(), hash.data() + 2, cost);
  if (error != std::errc() || end != hash.data() + 2) return bad("the hash's cost is no number");
  if (cost < kMinCost || cost > kMaxCost) {
    return bad(
        fmt::format("cost {} is outside allowed inclusive range {}..{}", cost, kMinCost, kMaxCost));
  }
  return {};
}

}  // namespace narthex::config

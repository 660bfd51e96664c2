// SPDX-License-Identifier: Apache-2.0
#include "src/net/password.h"

#include <memory>
#include <string>

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "narthex/base/check.h"

namespace narthex::net {
namespace {

constexpr std::size_t kSettingSize = sizeof("$2b$10$") - 1 + 22;  // Version, cost and salt.
constexpr std::size_t kHashSize = kSettingSize + 31;

}  // namespace

bool MatchesBcrypt(std::string_view hash, std::string_view password) {
  // All minor versions name the same function. crypt's own readings of the older ones emulate
  // their bugs, so the current one is asked for; Go does the same.
  if (!hash.starts_with("$2") || hash.size() < 4) return false;
  const std::size_t cost = hash[2] == '$' ? 3 : 4;
  const std::string wanted = "$2b$" + std::string(hash.substr(std::min(cost, hash.size())));
  // A zero byte would end the password for crypt.
  if (wanted.size() != kHashSize || password.find('\0') != std::string_view::npos) return false;
  const auto data =
      std::make_unique<crypt_data>();  // 32 KiB; a coroutine's thread has small stacks.
  std::string text(password);
  const char* got = crypt_r(text.c_str(), wanted.substr(0, kSettingSize).c_str(), data.get());
  const bool right = got != nullptr && std::string_view(got).size() == kHashSize &&
                     CRYPTO_memcmp(got, wanted.data(), kHashSize) == 0;
  OPENSSL_cleanse(text.data(), text.size());
  OPENSSL_cleanse(data.get(), sizeof(*data));
  return right;
}

PasswordChecker::PasswordChecker(Compare compare) : compare_(std::move(compare)) {
  NX_CHECK(RAND_bytes(key_.data(), static_cast<int>(key_.size())) == 1, "no random bytes");
}

PasswordChecker::Digest PasswordChecker::DigestOf(std::string_view user, std::string_view hash,
                                                  std::string_view password) const {
  std::string text;
  for (const std::string_view part : {user, hash, password}) {
    text += std::to_string(part.size()) + ':';
    text += part;
  }
  Digest digest;
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  NX_CHECK(size == digest.size(), "a SHA-256 of another size");
  OPENSSL_cleanse(text.data(), text.size());
  return digest;
}

std::optional<bool> PasswordChecker::Known(std::string_view user, std::string_view hash,
                                           std::string_view password) {
  const Digest digest = DigestOf(user, hash, password);
  MutexLock lock(mutex_);
  if (right_.contains(digest)) return true;
  if (wrong_.contains(digest)) return false;
  return std::nullopt;
}

std::optional<bool> PasswordChecker::Check(std::string_view user, std::string_view hash,
                                           std::string_view password, const std::stop_token& stop) {
  MutexLock lock(bcrypt_mutex_);
  // Many connections may bring the same password at once: all but the first find it here.
  if (const auto known = Known(user, hash, password)) return known;
  // Those who wait long for their turn may be gone, and the server must not wait for all at its
  // end.
  if (stop.stop_requested()) return std::nullopt;
  const bool right = compare_(hash, password);
  Remember(DigestOf(user, hash, password), right);
  return right;
}

void PasswordChecker::Remember(const Digest& digest, bool right) {
  MutexLock lock(mutex_);
  Outcomes& outcomes = right ? right_ : wrong_;
  if (outcomes.size() >= kMaxRemembered) {
    // Any one: what is evicted must not be foreseeable.
    auto victim = outcomes.begin();
    std::advance(victim, random_() % outcomes.size());
    outcomes.erase(victim);
  }
  outcomes.insert(digest);
}

}  // namespace narthex::net

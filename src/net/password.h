// SPDX-License-Identifier: Apache-2.0
//
// Passwords against bcrypt hashes, with a memory of what was checked.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <stop_token>
#include <string_view>

#include "narthex/base/mutex.h"

namespace narthex::net {

/// Takes as long as the hash's cost says: 50 ms and more. False for what is no bcrypt hash.
bool MatchesBcrypt(std::string_view hash, std::string_view password);

/// Thread safety: any thread.
class PasswordChecker final {
 public:
  using Compare = std::function<bool(std::string_view hash, std::string_view password)>;
  explicit PasswordChecker(Compare compare = MatchesBcrypt);

  /// The outcome of an earlier Check of the same three texts, if it is still known. Takes no time.
  std::optional<bool> Known(std::string_view user, std::string_view hash,
                            std::string_view password);
  /// Compares and remembers. One comparison at a time: guessing must not take all cores.
  /// @param stop  looked at when it is this one's turn
  /// @return nullopt when nothing was compared, because nobody waits for the outcome any more
  std::optional<bool> Check(std::string_view user, std::string_view hash, std::string_view password,
                            const std::stop_token& stop = {});

 private:
  /// What is remembered instead of the texts: a digest under a key that nobody else has.
  using Digest = std::array<unsigned char, 32>;
  /// Wrong passwords have a map of their own, so that guesses don't push out the right ones.
  using Outcomes = std::set<Digest>;
  static constexpr std::size_t kMaxRemembered = 100;

  Digest DigestOf(std::string_view user, std::string_view hash, std::string_view password) const;
  void Remember(const Digest& digest, bool right);

  const Compare compare_;
  std::array<unsigned char, 32> key_{};
  Mutex bcrypt_mutex_;  // Held while comparing; taken before the other.
  Mutex mutex_;
  Outcomes right_ NX_GUARDED_BY(mutex_);
  Outcomes wrong_ NX_GUARDED_BY(mutex_);
  std::minstd_rand random_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::net

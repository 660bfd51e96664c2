// SPDX-License-Identifier: Apache-2.0
//
// Source: exporter-toolkit's web handler.
#include "src/net/gate.h"

#include <algorithm>

#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"

namespace narthex::net {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 with its padding.
std::optional<std::string> DecodeBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  std::uint32_t buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    buffer = buffer << 6 | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(buffer >> bits & 0xff));
  }
  return bytes;
}

/// The two digits of a bcrypt hash's cost; empty when there are none.
std::string_view CostOf(std::string_view hash) {
  hash.remove_prefix(std::min<std::size_t>(hash.starts_with("$2$") ? 3 : 4, hash.size()));
  const std::string_view cost = hash.substr(0, 2);
  const bool digits =
      cost.size() == 2 && cost.find_first_not_of("0123456789") == std::string_view::npos;
  return digits && cost <= "31" ? cost : "";
}

/// For a name that nobody has, a hash of no password, as costly as the costliest of the others: the
/// time of an answer does not tell who is there. The outcome does not count.
std::string HashOf(const RequestRules& rules, const std::string& user) {
  const auto found = rules.users.find(user);
  if (found != rules.users.end()) return found->second;
  std::string_view cost = "04";
  for (const auto& [name, hash] : rules.users) cost = std::max(cost, CostOf(hash));
  return fmt::format("$2b${}$Narthex.Nobody.HasThisNo.Password.Gives.This.Hash.AtA", cost);
}

}  // namespace

std::optional<Credentials> ParseBasicAuth(std::string_view header) {
  constexpr std::string_view kScheme = "Basic ";
  if (!EqualsIgnoreCase(header.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const auto text = DecodeBase64(header.substr(kScheme.size()));
  if (!text) return std::nullopt;
  const std::size_t colon = text->find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

Gate::Decision Gate::Decide(const HeaderList& request_headers) {
  Decision decision;
  auto rules = rules_.Requests();
  const auto refuse = [&](int status, Refused why) {
    rules_.CountRefused(why);
    decision.status = status;
    return std::move(decision);
  };
  if (!rules) return refuse(500, Refused::kConfig);
  if (!limiter_.Allow(clock_.MonotonicNs())) return refuse(429, Refused::kRate);
  decision.rules = std::move(*rules);
  if (decision.rules->users.empty()) return decision;
  const std::string* header = FindHeader(request_headers, "Authorization");
  auto credentials = header == nullptr ? std::nullopt : ParseBasicAuth(*header);
  if (!credentials) return refuse(401, Refused::kPassword);
  const auto known = passwords_.Known(credentials->user, HashOf(*decision.rules, credentials->user),
                                      credentials->password);
  if (known) {
    const bool right = *known && decision.rules->users.contains(credentials->user);
    return right ? std::move(decision) : refuse(401, Refused::kPassword);
  }
  decision.place = TakePlace();
  if (decision.place == nullptr) return refuse(503, Refused::kBusy);
  decision.check_password = true;
  decision.status = 401;
  decision.credentials = std::move(*credentials);
  return decision;
}

Gate::Place Gate::TakePlace() {
  Place place(&waiting_);
  return ++waiting_ <= kMaxWaiting ? std::move(place) : nullptr;
}

void Gate::CheckPassword(Decision& decision, const std::stop_token& stop) {
  decision.status = 500;
  try {
    decision.status = Compare(decision, stop);
  } catch (const std::exception& e) {
    log::Error("Comparing a password failed", {{"err", e.what()}});
  } catch (...) {
    log::Error("Comparing a password failed");
  }
  if (decision.status == 401) rules_.CountRefused(Refused::kPassword);
  if (decision.status == 500) rules_.CountRefused(Refused::kError);
  decision.check_password = false;
  decision.place = nullptr;
}

int Gate::Compare(const Decision& decision, const std::stop_token& stop) {
  const auto& [user, password] = decision.credentials;
  const auto right = passwords_.Check(user, HashOf(*decision.rules, user), password, stop);
  if (!right) return 503;
  return *right && decision.rules->users.contains(user) ? 200 : 401;
}

}  // namespace narthex::net

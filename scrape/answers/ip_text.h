// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace narthex::scrape {

/// An address as Go prints it ("2001:DB8::0" gives "2001:db8::"); nullopt = it is none.
std::optional<std::string> CanonicalIp(std::string_view text);

/// The address of "10.0.0.2/24"; nullopt = it is no address with a number of bits that it can have.
std::optional<std::string> IpOfPrefix(std::string_view text);

/// The network of it: "10.0.0.0/24".
std::optional<std::string> NetworkOfPrefix(std::string_view text);

}  // namespace narthex::scrape

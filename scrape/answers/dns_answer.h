// SPDX-License-Identifier: Apache-2.0
//
// DNS messages as they come over the wire (RFC 1035, 2782, 3596).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::scrape {

/// Numbers of types of records.
inline constexpr std::uint16_t kDnsA = 1, kDnsNs = 2, kDnsCname = 5, kDnsMx = 15, kDnsAaaa = 28,
                               kDnsSrv = 33;

struct DnsRecord {
  std::uint16_t type = 0;
  std::string text;        // Address, or name with a dot at its end; "" for other types.
  std::uint16_t port = 0;  // Of SRV.
};

/// The records of the answer section, whatever name they are for. Errors: kInvalidArgument.
Result<std::vector<DnsRecord>> ParseDnsAnswer(std::span<const std::uint8_t> message);

/// An address of 16 bytes as Go's net.IP prints it: one that stands for IPv4 has dots.
std::string FormatIpv6(std::span<const std::uint8_t, 16> bytes);

}  // namespace narthex::scrape

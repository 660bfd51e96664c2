// SPDX-License-Identifier: Apache-2.0
//
// /etc/resolv.conf: who answers, and what a name may stand for.
// Source: github.com/miekg/dns, ClientConfig.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace narthex::scrape {

struct ResolvConf {
  std::vector<std::string> servers;  // IP addresses.
  std::vector<std::string> search;   // Domains.
  int ndots = 1;

  /// Names to ask for, one after the other, each with a dot at its end.
  std::vector<std::string> Candidates(const std::string& name) const;
};

/// What can't be understood is ignored.
ResolvConf ParseResolvConf(std::string_view text);

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// Questions to the name servers of resolv.conf, by c-ares. Not the host's own resolver: that one
// knows no SRV records, and hides whether a name does not exist or nobody could say.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "scrape/answers/dns_answer.h"

namespace narthex::scrape {

/// Thread safety: one LookUp at a time; Cancel any thread.
class DnsResolver final {
 public:
  struct Options {
    std::string resolv_conf = "/etc/resolv.conf";  // Read by each LookUp.
    std::uint16_t port = 53;
    std::chrono::milliseconds timeout{2000};  // Of one question to one server.
  };
  explicit DnsResolver(Options options);
  ~DnsResolver();
  DnsResolver(const DnsResolver&) = delete;
  DnsResolver& operator=(const DnsResolver&) = delete;

  /// Asks for all names at once. Of each name: the records of the first search domain in which it
  /// exists; nothing when all say that it does not exist (NXDOMAIN). Servers are asked one after
  /// the other until one knows; over UDP with EDNS0, over TCP when the answer did not fit.
  /// Errors, per name: kUnavailable, in Prometheus's wording; kCancelled.
  std::vector<Result<std::vector<DnsRecord>>> LookUp(const std::vector<std::string>& names,
                                                     std::uint16_t type);

  /// A running LookUp and all later ones fail.
  void Cancel() noexcept;

 private:
  const Options options_;
  std::atomic<bool> cancelled_{false};
  int wake_fd_;
};

}  // namespace narthex::scrape

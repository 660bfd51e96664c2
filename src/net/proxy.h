// SPDX-License-Identifier: Apache-2.0
//
// Which proxy a request goes through. Source: golang.org/x/net/http/httpproxy, whose rules those
// of Prometheus are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/ip/address.hpp>

#include "narthex/base/result.h"
#include "narthex/net/environment.h"
#include "narthex/net/http_client.h"

namespace narthex::net {

/// The hosts of a no_proxy list: names (with all below them; ".name" and "*.name" only those
/// below), addresses, networks as 10.0.0.0/8, each but networks with ":port" if need be; "*" =
/// everything. localhost and loopback addresses always belong to it.
class NoProxyList final {
 public:
  explicit NoProxyList(std::string_view text);

  /// @param host  without brackets
  bool Contains(std::string_view host, std::uint16_t port) const;

 private:
  using Address = boost::asio::ip::address;
  struct Network {
    Address first, last;
  };
  struct Entry {
    std::optional<Address> address;
    std::string below;         // ".name", when there is no address.
    bool name_itself = false;  // Belongs to it as well.
    std::string port;          // "" = any.
  };
  void Add(std::string_view text);
  static std::optional<Network> ParseNetwork(std::string_view text);

  bool everything_ = false;
  std::vector<Network> networks_;
  std::vector<Entry> entries_;
};

/// Thread safety: const methods, any thread.
class ProxyRules final {
 public:
  explicit ProxyRules(const ProxyOptions& options, const Environment& environment);

  /// Errors: kInvalidArgument for what cannot be parsed, kUnavailable for a proxy that must not be
  /// used.
  Result<std::optional<Url>> For(const Url& url) const;

 private:
  std::string http_, https_;
  std::optional<NoProxyList> direct_;  // None: everything goes through the proxy.
  bool in_cgi_ = false;                // HTTP_PROXY may be a header of whoever calls.
};

}  // namespace narthex::net

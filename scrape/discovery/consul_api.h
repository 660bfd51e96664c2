// SPDX-License-Identifier: Apache-2.0
//
// What is asked of a Consul agent, as requests. No network here.
// Sources: Prometheus discovery/consul, https://developer.hashicorp.com/consul/api-docs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/consul_sd.h"
#include "narthex/net/http_client.h"

namespace narthex::scrape {

/// Makes the requests of one agent. Thread safety: constant after Make.
class ConsulApi final {
 public:
  /// @param wait  how long the agent may keep a blocking query
  /// Errors: kInvalidArgument: a scheme other than http and https, an address or a prefix that is
  /// none.
  static Result<ConsulApi> Make(const config::ConsulSdConfig& config,
                                std::chrono::milliseconds wait);

  /// The agent's address without its password, for messages.
  std::string shown_server() const;

  net::ClientRequest Self() const;
  /// Both answer when something has changed since `index`, at once when it is 0.
  net::ClientRequest Services(std::uint64_t index) const;
  net::ClientRequest Health(const std::string& service, std::uint64_t index) const;

 private:
  using Params = std::vector<std::pair<std::string, std::string>>;

  ConsulApi(config::ConsulSdConfig config, std::chrono::milliseconds wait)
      : config_(std::move(config)), wait_(wait) {}
  Params QueryOptions(std::uint64_t index, const std::string& filter) const;
  net::ClientRequest Get(const std::string& path, Params params,
                         std::chrono::milliseconds timeout) const;

  config::ConsulSdConfig config_;
  std::chrono::milliseconds wait_;
  net::Url base_;  // Its target is "" or "/consul": what requests begin with.
};

/// The X-Consul-Index of an answer; 0 when there is none. Errors: kInvalidArgument.
Result<std::uint64_t> ConsulIndex(const net::Headers& headers);

}  // namespace narthex::scrape

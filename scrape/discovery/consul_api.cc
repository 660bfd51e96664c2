// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/consul_api.h"

#include <charconv>

#include <fmt/core.h>

#include "scrape/discovery/sd_client.h"
#include "scrape/discovery/url_query.h"

namespace narthex::scrape {

namespace {

/// What an answer may take longer than the agent was allowed to wait.
constexpr std::chrono::seconds kAnswerTime{15};

}  // namespace

Result<ConsulApi> ConsulApi::Make(const config::ConsulSdConfig& config,
                                  std::chrono::milliseconds wait) {
  ConsulApi api(config, wait);
  std::string scheme = config.scheme;
  std::string address = config.server;
  std::string prefix = config.path_prefix;
  if (const std::size_t mark = address.find("://"); mark != std::string::npos) {
    const std::string named = address.substr(0, mark);
    if (named != "http" && named != "https") {
      return Fail(Code::kInvalidArgument, "Unknown protocol scheme: " + named);
    }
    if (named == "https") scheme = named;  // Never back to http when TLS was asked for.
    address.erase(0, mark + 3);
    if (const std::size_t slash = address.find('/'); slash != std::string::npos) {
      prefix = address.substr(slash);
      address.erase(slash);
    }
  }
  if (!prefix.starts_with('/')) prefix.insert(0, 1, '/');
  NX_ASSIGN_OR_RETURN(api.base_,
                      net::ParseUrl(fmt::format("{}://{}{}", scheme, address, EscapePath(prefix))));
  if (api.base_.target == "/") api.base_.target.clear();
  return api;
}

std::string ConsulApi::shown_server() const { return net::FormatUrl(base_); }

net::ClientRequest ConsulApi::Get(const std::string& path, Params params,
                                  std::chrono::milliseconds timeout) const {
  if (!config_.datacenter.empty()) params.emplace_back("dc", config_.datacenter);
  if (!config_.name_space.empty()) params.emplace_back("ns", config_.name_space);
  if (!config_.partition.empty()) params.emplace_back("partition", config_.partition);
  const std::string query = EncodeQuery(std::move(params));
  net::ClientRequest request;
  request.url = base_;
  request.url.target += EscapePath(path) + (query.empty() ? "" : "?" + query);
  if (!config_.token.empty()) request.headers.emplace_back("X-Consul-Token", config_.token);
  request.timeout = timeout;
  request.max_body_bytes = kMaxSdBodyBytes;
  return request;
}

ConsulApi::Params ConsulApi::QueryOptions(std::uint64_t index, const std::string& filter) const {
  Params params;
  if (config_.allow_stale) params.emplace_back("stale", "");
  if (index != 0) params.emplace_back("index", std::to_string(index));
  params.emplace_back("wait", fmt::format("{}ms", wait_.count()));
  for (const auto& [key, value] : config_.node_meta) {
    params.emplace_back("node-meta", fmt::format("{}:{}", key, value));
  }
  if (!filter.empty()) params.emplace_back("filter", filter);
  return params;
}

net::ClientRequest ConsulApi::Self() const { return Get("/v1/agent/self", {}, kAnswerTime); }

net::ClientRequest ConsulApi::Services(std::uint64_t index) const {
  return Get("/v1/catalog/services", QueryOptions(index, config_.filter), wait_ + kAnswerTime);
}

net::ClientRequest ConsulApi::Health(const std::string& service, std::uint64_t index) const {
  Params params = QueryOptions(index, config_.health_filter);
  for (const std::string& tag : config_.tags) params.emplace_back("tag", tag);
  return Get("/v1/health/service/" + service, std::move(params), wait_ + kAnswerTime);
}

Result<std::uint64_t> ConsulIndex(const net::Headers& headers) {
  for (const auto& [name, value] : headers) {
    constexpr std::string_view kName = "x-consul-index";
    const bool found =
        std::equal(name.begin(), name.end(), kName.begin(), kName.end(), [](char a, char b) {
          return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
        });
    if (!found || value.empty()) continue;
    std::uint64_t index = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), index);
    if (error == std::errc() && end == value.data() + value.size()) return index;
    return Fail(Code::kInvalidArgument,
                fmt::format("Failed to parse X-Consul-Index: \"{}\"", value.substr(0, 40)));
  }
  return 0;
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/docker/docker_api.h"

#include <charconv>
#include <map>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "narthex/base/json_writer.h"
#include "narthex/net/url.h"
#include "narthex/scrape/client_options.h"

namespace narthex::scrape {

namespace {

/// Of the API that Prometheus 3.14 speaks.
constexpr std::pair<int, int> kNewest{1, 55};
constexpr std::pair<int, int> kOldest{1, 40};
/// For the Host header of requests through a socket; Docker's own client sends it.
constexpr std::string_view kSocketUrl = "http://api.moby.localhost";

/// "1.44"; nullopt for anything else.
std::optional<std::pair<int, int>> ParseVersion(std::string_view text) {
  std::pair<int, int> version;
  const char* const end = text.data() + text.size();
  const auto [dot, bad_major] = std::from_chars(text.data(), end, version.first);
  if (bad_major != std::errc() || dot == end || *dot != '.') return std::nullopt;
  const auto [stop, bad_minor] = std::from_chars(dot + 1, end, version.second);
  if (bad_minor != std::errc() || stop != end) return std::nullopt;
  return version;
}

/// What the daemon says went wrong.
Error DaemonError(const std::string& url, const ApiAnswer& answer) {
  if (answer.body.empty()) {
    return {Code::kUnavailable,
            fmt::format("request returned {} {} for API route and version {}, check if the server "
                        "supports the requested API version",
                        answer.response.status, ShortText(answer.response.reason), UrlText(url))};
  }
  if (auto document = JsonDocument::Parse(answer.body)) {
    const std::string message = (*document)->root()["message"].Text();
    if (!message.empty()) {
      return {Code::kUnavailable, "Error response from daemon: " + ShortText(message)};
    }
  }
  return UnexpectedStatus("Get " + UrlText(url), answer);
}

}  // namespace

Result<DockerHost> ParseDockerHost(const std::string& host) {
  const std::size_t mark = host.find("://");
  if (mark == std::string::npos || mark + 3 == host.size()) {
    return Fail(Code::kInvalidArgument, fmt::format("unable to parse docker host `{}`", host));
  }
  const std::string kind = host.substr(0, mark);
  std::string address = host.substr(mark + 3);
  if (kind == "unix") {
    return DockerHost{.base_url = std::string(kSocketUrl), .unix_socket = std::move(address)};
  }
  if (kind != "tcp" && kind != "http" && kind != "https") {
    return Fail(Code::kInvalidArgument,
                fmt::format("docker host {}: want unix://, tcp://, http:// or https://", host));
  }
  while (address.ends_with('/')) address.pop_back();
  DockerHost parsed{.base_url = (kind == "tcp" ? "http" : kind) + "://" + address,
                    .unix_socket = "",
                    .has_http_options = kind != "tcp"};
  NX_RETURN_IF_ERROR(net::ParseUrl(parsed.base_url));
  return parsed;
}

std::string FilterQuery(const std::vector<config::SdFilter>& filters) {
  std::map<std::string, std::set<std::string>> terms;
  for (const config::SdFilter& filter : filters) {
    for (const std::string& value : filter.values) terms[filter.name].insert(value);
  }
  if (terms.empty()) return "";
  JsonWriter json;
  json.BeginObject();
  for (const auto& [name, values] : terms) {
    json.Key(name);
    json.BeginObject();
    for (const std::string& value : values) {
      json.Key(value);
      json.Bool(true);
    }
    json.EndObject();
  }
  json.EndObject();
  return "?filters=" + net::EscapeQuery(json.TakeText());
}

Result<std::unique_ptr<DockerApi>> DockerApi::Make(const std::string& host,
                                                   const config::HttpConfig& http,
                                                   std::chrono::milliseconds timeout) {
  NX_ASSIGN_OR_RETURN(DockerHost parsed, ParseDockerHost(host));
  net::HttpClientOptions options;
  if (parsed.has_http_options) {
    NX_ASSIGN_OR_RETURN(options, MakeClientOptions(http, options.user_agent));
  } else {
    options.follow_redirects = false;
  }
  options.unix_socket = parsed.unix_socket;
  return std::unique_ptr<DockerApi>(new DockerApi(std::move(parsed), std::move(options), timeout));
}

void DockerApi::Negotiate() {
  if (negotiated_) return;
  version_ = fmt::format("{}.{}", kNewest.first, kNewest.second);
  const auto url = net::ParseUrl(host_.base_url + "/_ping");
  if (!url) return;
  net::ClientRequest ping;
  ping.url = *url;
  ping.method = "HEAD";
  auto answer = client_.Do(ping);
  if (!answer || answer->response.status != 200) {
    // What stands in front of a daemon may know only GET.
    ping.method = "GET";
    answer = client_.Do(ping);
    if (!answer || answer->response.status / 100 != 2) return;
  }
  const std::string told = answer->Header("Api-Version");
  const auto version = told.empty() ? kNewest : ParseVersion(told);
  if (!version || *version < kOldest) return;
  const auto common = std::min(*version, kNewest);
  version_ = fmt::format("{}.{}", common.first, common.second);
  negotiated_ = true;
}

Result<std::unique_ptr<JsonDocument>> DockerApi::List(std::string_view path,
                                                      const std::string& query) {
  Negotiate();
  const std::string url = fmt::format("{}/v{}{}{}", host_.base_url, version_, path, query);
  auto answer = client_.Get(url);
  if (!answer) {
    if (host_.unix_socket.empty()) return Fail(std::move(answer).error());
    return Fail(std::move(answer).error().Wrap(
        fmt::format("failed to connect to the docker API at unix://{}", host_.unix_socket)));
  }
  if (answer->response.status >= 400 || answer->response.status < 200) {
    return Fail(DaemonError(url, *answer));
  }
  auto document = JsonDocument::Parse(answer->body);
  if (!document) return Fail(std::move(document).error().Wrap("Get " + UrlText(url)));
  return document;
}

}  // namespace narthex::scrape

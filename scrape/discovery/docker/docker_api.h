// SPDX-License-Identifier: Apache-2.0
//
// The Docker daemon's HTTP API, by TCP or through its socket.
// Source: https://docs.docker.com/reference/api/engine/
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/docker_sd.h"
#include "scrape/answers/json_view.h"
#include "scrape/discovery/api_client.h"

namespace narthex::scrape {

/// Where a daemon is.
struct DockerHost {
  std::string base_url;           // "http://host:2375/path", without a slash at the end.
  std::string unix_socket;        // Then base_url only names the host, for a header.
  bool has_http_options = false;  // http and https: those of the configuration count.
};

/// Errors: kInvalidArgument for what is no host, or of a kind that is not spoken here.
Result<DockerHost> ParseDockerHost(const std::string& host);

/// The query that a list of filters makes: "?filters=…", "" for none.
std::string FilterQuery(const std::vector<config::SdFilter>& filters);

/// Thread safety: one request at a time; Cancel any thread.
class DockerApi final {
 public:
  /// Errors: those of ParseDockerHost; header files that can't be read.
  static Result<std::unique_ptr<DockerApi>> Make(const std::string& host,
                                                 const config::HttpConfig& http,
                                                 std::chrono::milliseconds timeout);

  /// GET of "/containers/json" and the like, in the newest version that both sides know.
  Result<std::unique_ptr<JsonDocument>> List(std::string_view path, const std::string& query = "");
  void Cancel() noexcept { client_.Cancel(); }

 private:
  DockerApi(DockerHost host, net::HttpClientOptions options, std::chrono::milliseconds timeout)
      : host_(std::move(host)), client_(std::move(options), timeout) {}

  /// Asks the daemon for its version unless it has told it. An error is none: the list that is
  /// asked for next says what is wrong.
  void Negotiate();

  const DockerHost host_;
  ApiClient client_;
  std::string version_;
  bool negotiated_ = false;
};

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// Signed requests to one service of AWS.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "narthex/base/clock.h"
#include "narthex/base/result.h"
#include "narthex/config/aws_sd.h"
#include "narthex/net/aws_session.h"
#include "scrape/discovery/api_client.h"

namespace narthex::scrape {

/// Thread safety: one request at a time; Cancel any thread.
class AwsClient final {
 public:
  /// @param service  "ec2": its name in signatures and in its host's name
  /// Errors: header files that can't be read.
  static Result<std::unique_ptr<AwsClient>> Make(
      const config::AwsAccess& access, const config::HttpConfig& http, std::string service,
      std::chrono::milliseconds timeout, Clock& clock,
      net::Environment environment = net::ProcessEnvironment);

  /// The region, which is looked for once.
  Result<std::string> Region();

  /// POSTs to the service and returns the body of an answer with status 200. After an answer that
  /// the credentials are no good, the next request looks for others.
  /// Errors: kUnavailable with what AWS said; those of credentials.
  Result<std::string> Post(net::Headers headers, std::string body);
  /// The same with a GET of a path, "/v1/x?a=b", behind the service's URL.
  Result<std::string> Get(const std::string& target);

  void Cancel() noexcept;

 private:
  AwsClient(net::AwsSettings settings, net::Environment environment, std::string endpoint,
            std::string service, std::chrono::milliseconds timeout, Clock& clock);

  /// Signs and sends what has all but its URL, whose end the target is.
  Result<std::string> Send(net::ClientRequest request, const std::string& target);

  const std::string endpoint_;  // "" = AWS's own.
  const std::string service_;
  ApiClient client_;
  net::AwsSession session_;
  std::string region_;
};

}  // namespace narthex::scrape

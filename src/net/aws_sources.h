// SPDX-License-Identifier: Apache-2.0
//
// The services that hand out AWS credentials: the token service (STS), the metadata service of an
// instance, the provider of a container.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "narthex/net/aws_session.h"
#include "narthex/net/sigv4.h"

namespace narthex::net {

/// Sends a request and returns the body of an answer with status 200.
/// Errors: those of the client; kUnavailable with what the service said.
Result<std::string> AwsCall(BlockingClient& client, const ClientRequest& request);

/// sts:AssumeRole, to be signed by who takes the role on.
/// @param endpoint  of the token service
Result<ClientRequest> AssumeRoleRequest(const std::string& endpoint, const std::string& role_arn,
                                        const std::string& external_id,
                                        const std::string& session_name);
/// sts:AssumeRoleWithWebIdentity, which is sent as it is: the token says who asks.
Result<ClientRequest> WebIdentityRequest(const std::string& endpoint, const std::string& role_arn,
                                         const std::string& session_name, const std::string& token);
/// From the answer to either. Errors: kUnavailable.
Result<AwsCredentials> ReadStsCredentials(const std::string& xml);

/// The metadata service, version 2: each question with a token that is asked for first.
class InstanceMetadata {
 public:
  /// @param endpoint  "http://169.254.169.254"
  InstanceMetadata(BlockingClient& client, std::string endpoint)
      : client_(client), endpoint_(std::move(endpoint)) {}
  Result<AwsCredentials> Credentials();
  Result<std::string> Region();

 private:
  Result<std::string> Get(const std::string& path);

  BlockingClient& client_;
  const std::string endpoint_;
  std::string token_;
};

/// From a container's provider of credentials.
/// @param authorization  what it wants in that header, may be empty
Result<AwsCredentials> ContainerCredentials(BlockingClient& client, const std::string& url,
                                            const std::string& authorization);

}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
//
// Who we are for AWS: credentials from where AWS's own programs look for them, and the signing of
// requests with them.
// Source: https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/clock.h"
#include "narthex/base/result.h"
#include "narthex/net/environment.h"
#include "narthex/net/http_client.h"
#include "narthex/net/sigv4.h"

namespace narthex::net {

struct AwsSettings {
  std::string region{};
  std::string access_key{}, secret_key{};  // Count only together.
  std::string profile{};                   // Of the shared files.
  std::string role_arn{}, external_id{};   // A role to take on.
  bool use_fips_sts_endpoint = false;
  HttpClientOptions http{};  // Of requests to the token service.
};

/// The settings' region, the environment's, the profile's; "" when none of them has one.
/// Errors: shared files that can't be read.
Result<std::string> ConfiguredAwsRegion(const AwsSettings& settings,
                                        Environment environment = ProcessEnvironment);

/// What AWS said in answer to a request that it did not fulfil.
struct AwsFailure {
  std::string code;  // "AuthFailure"; "" when the answer has none.
  std::string message;
};
/// From the XML of the services that speak the Query protocol (EC2, STS).
AwsFailure ReadAwsFailure(const std::string& xml);
/// "api error AuthFailure: why", or the status when there is no code. What AWS said is cut after
/// 256 bytes.
std::string DescribeAwsFailure(const AwsFailure& failure, const ClientResponse& response);
/// Whether it means that the credentials are no good, or no longer.
bool IsCredentialFailure(const AwsFailure& failure);

/// Looks for credentials in this order: the settings; with a profile in the settings there; the
/// environment; a web identity that the environment names; the profile of the shared files
/// (AWS_PROFILE, "default"), which may name another profile, a role, a web identity; the
/// container's provider; the instance's role (IMDSv2). Then it takes on `role_arn`, if there is
/// one. They are kept until shortly before they end. SSO, login sessions and credential_process are
/// errors. Thread safety: one thread at a time; Cancel any thread.
class AwsSession final {
 public:
  explicit AwsSession(AwsSettings settings, Environment environment = ProcessEnvironment,
                      Clock& clock = SystemClock());
  ~AwsSession();
  AwsSession(const AwsSession&) = delete;
  AwsSession& operator=(const AwsSession&) = delete;

  /// ConfiguredAwsRegion, and without one the region of the instance this runs on. Errors: as the
  /// metadata service's.
  Result<std::string> Region();

  /// Where a service ("ec2") is: what the environment says (AWS_ENDPOINT_URL_EC2,
  /// AWS_ENDPOINT_URL), or its host name in the region.
  std::string Endpoint(std::string_view service, std::string_view region) const;

  /// Signs with the credentials of now; may wait for the network to get them. The token service is
  /// asked in the configured region, or else in this one.
  Status Sign(ClientRequest& request, std::string_view region, std::string_view service);
  /// The next Sign looks for credentials anew: AWS no longer takes those.
  void ForgetCredentials();

  /// A running Sign or Region and all later ones that need the network fail with kCancelled.
  void Cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::net

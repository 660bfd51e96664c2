// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <string_view>
#include <utility>

#include "narthex/base/clock.h"
#include "narthex/base/mutex.h"
#include "narthex/net/aws_session.h"
#include "narthex/net/bearer_tokens.h"
#include "narthex/remote/request_authorizer.h"
#include "src/remote/cloud_tokens.h"

namespace narthex::remote {
namespace {

// Amazon Managed Service for Prometheus.
constexpr std::string_view kDefaultService = "aps";

/// AWS Signature Version 4.
class AwsAuthorizer final : public RequestAuthorizer {
 public:
  AwsAuthorizer(net::AwsSettings settings, std::string service, Clock& clock)
      : region_(settings.region),
        service_(std::move(service)),
        session_(std::move(settings), net::ProcessEnvironment, clock) {}

  Status Authorize(net::ClientRequest& request) override {
    // The session keeps its credentials, so only one request in an hour waits here for long.
    MutexLock lock(mutex_);
    return session_.Sign(request, region_, service_);
  }
  void Forget() override {
    MutexLock lock(mutex_);
    session_.ForgetCredentials();
  }
  void Cancel() override { session_.Cancel(); }

 private:
  const std::string region_;
  const std::string service_;
  Mutex mutex_;
  net::AwsSession session_;
};

/// Tokens of Azure and Google.
class TokenAuthorizer final : public RequestAuthorizer {
 public:
  explicit TokenAuthorizer(std::unique_ptr<net::BearerTokens> tokens)
      : tokens_(std::move(tokens)) {}

  Status Authorize(net::ClientRequest& request) override {
    auto token = tokens_->Token();
    if (!token) return Fail(std::move(token).error().Wrap("Failed to get access token"));
    request.headers.emplace_back("Authorization", "Bearer " + *token);
    return {};
  }
  void Cancel() override { tokens_->Cancel(); }

 private:
  const std::unique_ptr<net::BearerTokens> tokens_;
};

Result<std::unique_ptr<RequestAuthorizer>> MakeAwsAuthorizer(const config::Sigv4Config& sigv4,
                                                             const net::HttpClientOptions& client,
                                                             Clock& clock) {
  net::AwsSettings settings{.region = sigv4.region,
                            .access_key = sigv4.access_key,
                            .secret_key = sigv4.secret_key,
                            .profile = sigv4.profile,
                            .role_arn = sigv4.role_arn,
                            .external_id = sigv4.external_id,
                            .use_fips_sts_endpoint = sigv4.use_fips_sts_endpoint};
  settings.http.proxy = client.proxy;
  NX_ASSIGN_OR_RETURN(settings.region, net::ConfiguredAwsRegion(settings));
  if (settings.region.empty()) {
    return Fail(Code::kInvalidArgument,
                "region not configured in sigv4 or in default credentials chain");
  }
  std::string service(sigv4.service_name.empty() ? kDefaultService : sigv4.service_name);
  return std::make_unique<AwsAuthorizer>(std::move(settings), std::move(service), clock);
}

}  // namespace

Result<std::unique_ptr<RequestAuthorizer>> MakeAuthorizer(const config::RemoteWriteConfig& config,
                                                          const net::HttpClientOptions& client,
                                                          Clock& clock) {
  if (config.sigv4) return MakeAwsAuthorizer(*config.sigv4, client, clock);
  std::unique_ptr<net::BearerTokens> tokens;
  if (config.azure_ad) {
    NX_ASSIGN_OR_RETURN(tokens, AzureTokens(*config.azure_ad, clock));
  } else if (config.google_iam) {
    NX_ASSIGN_OR_RETURN(tokens, GoogleTokens(*config.google_iam, clock));
  }
  if (tokens == nullptr) return nullptr;
  return std::make_unique<TokenAuthorizer>(std::move(tokens));
}

}  // namespace narthex::remote

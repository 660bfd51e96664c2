// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/aws/aws_client.h"

#include <fmt/core.h>

#include "narthex/base/log.h"
#include "narthex/scrape/client_options.h"

namespace narthex::scrape {

namespace {

/// From the JSON of the services that speak the JSON protocol (Lightsail):
/// {"__type": "com.amazonaws…#AccessDenied", "message": "…"}; those that have paths (MSK) say the
/// type in a header: "AccessDenied:http://…"
net::AwsFailure ReadJsonFailure(const ApiAnswer& answer) {
  const auto document = JsonDocument::Parse(answer.body);
  if (!document) return {};
  const JsonView root = (*document)->root();
  std::string type = root["__type"].Text();
  if (type.empty()) type = answer.Header("X-Amzn-ErrorType");
  type.erase(std::min(type.find(':'), type.size()));
  type.erase(0, type.find('#') == std::string::npos ? 0 : type.find('#') + 1);
  std::string message = root["message"].Text();
  if (message.empty()) message = root["Message"].Text();
  return {std::move(type), std::move(message)};
}

}  // namespace

Result<std::unique_ptr<AwsClient>> AwsClient::Make(const config::AwsAccess& access,
                                                   const config::HttpConfig& http,
                                                   std::string service,
                                                   std::chrono::milliseconds timeout, Clock& clock,
                                                   net::Environment environment) {
  net::AwsSettings settings{.region = access.region,
                            .access_key = access.access_key,
                            .secret_key = access.secret_key,
                            .profile = access.profile,
                            .role_arn = access.role_arn,
                            .external_id = access.external_id};
  NX_ASSIGN_OR_RETURN(settings.http, MakeClientOptions(http, settings.http.user_agent));
  return std::unique_ptr<AwsClient>(new AwsClient(std::move(settings), std::move(environment),
                                                  access.endpoint, std::move(service), timeout,
                                                  clock));
}

AwsClient::AwsClient(net::AwsSettings settings, net::Environment environment, std::string endpoint,
                     std::string service, std::chrono::milliseconds timeout, Clock& clock)
    : endpoint_(std::move(endpoint)),
      service_(std::move(service)),
      client_(settings.http, timeout),
      session_(std::move(settings), std::move(environment), clock) {}

Result<std::string> AwsClient::Region() {
  if (region_.empty()) {
    NX_ASSIGN_OR_RETURN(region_, session_.Region());
  }
  return region_;
}

Result<std::string> AwsClient::Post(net::Headers headers, std::string body) {
  net::ClientRequest request;
  request.method = "POST";
  request.headers = std::move(headers);
  request.body = std::move(body);
  return Send(std::move(request), "");
}

Result<std::string> AwsClient::Get(const std::string& target) {
  return Send(net::ClientRequest(), target);
}

Result<std::string> AwsClient::Send(net::ClientRequest request, const std::string& target) {
  NX_ASSIGN_OR_RETURN(const std::string region, Region());
  std::string url = endpoint_.empty() ? session_.Endpoint(service_, region) : endpoint_;
  if (!target.empty() && url.ends_with('/')) url.pop_back();
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url + target));
  NX_RETURN_IF_ERROR(session_.Sign(request, region, service_));
  NX_ASSIGN_OR_RETURN(ApiAnswer answer, client_.Do(std::move(request)));
  if (answer.response.status == 200) return std::move(answer.body);
  net::AwsFailure failure = net::ReadAwsFailure(answer.body);
  if (failure.code.empty()) failure = ReadJsonFailure(answer);
  if (net::IsCredentialFailure(failure)) session_.ForgetCredentials();
  return Fail(Code::kUnavailable, net::DescribeAwsFailure(failure, answer.response));
}

void AwsClient::Cancel() noexcept {
  client_.Cancel();
  try {
    session_.Cancel();
  } catch (const std::exception& e) {
    log::Error("A request can't be cancelled", {{"err", e.what()}});
  }
}

}  // namespace narthex::scrape

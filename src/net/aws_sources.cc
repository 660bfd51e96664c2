// SPDX-License-Identifier: Apache-2.0
#include "src/net/aws_sources.h"

#include <algorithm>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <pugixml.hpp>

#include "narthex/base/go_format.h"
#include "narthex/base/short_text.h"
#include "src/net/http1.h"

namespace narthex::net {
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxAnswerBytes = 1 << 20;
constexpr std::chrono::milliseconds kTimeout{10'000};
/// A metadata service is on the same machine, or there is none and nobody says no.
constexpr std::chrono::milliseconds kMetadataTimeout{3'000};
constexpr std::string_view kSessionSeconds = "900";  // AWS's SDK asks for as much.

Result<ClientRequest> Request(std::string method, const std::string& url,
                              std::chrono::milliseconds timeout) {
  ClientRequest request;
  NX_ASSIGN_OR_RETURN(request.url, ParseUrl(url));
  request.method = std::move(method);
  request.timeout = timeout;
  request.max_body_bytes = kMaxAnswerBytes;
  return request;
}

Result<ClientRequest> StsRequest(const std::string& endpoint, const Headers& form) {
  NX_ASSIGN_OR_RETURN(ClientRequest request, Request("POST", endpoint, kTimeout));
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = "Version=2011-06-15";
  for (const auto& [name, value] : form) request.body += "&" + name + "=" + EscapeQuery(value);
  return request;
}

/// "2026-11-27T14:00:00Z" as Unix time. Errors: another form, which must not mean never.
Result<std::int64_t> Expiration(const std::string& text) {
  const auto time = go::ParseTime(text);
  if (time) return time->seconds;
  return Fail(Code::kUnavailable,
              fmt::format("the credentials' expiration \"{}\" is no time", ShortText(text)));
}

std::string Text(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

Result<json::object> ParseObject(const std::string& text) {
  boost::system::error_code bad;
  json::value value = json::parse(text, bad);
  if (bad) return Fail(Code::kUnavailable, "the answer is no JSON: " + bad.message());
  if (!value.is_object()) return Fail(Code::kUnavailable, "the answer is no JSON object");
  return std::move(value.get_object());
}

/// As the metadata service and containers' providers write them.
Result<AwsCredentials> ReadJsonCredentials(const std::string& text) {
  NX_ASSIGN_OR_RETURN(const json::object object, ParseObject(text));
  const std::string code = Text(object, "Code");
  if (!code.empty() && code != "Success") {
    return Fail(Code::kUnavailable,
                fmt::format("{}: {}", ShortText(code), ShortText(Text(object, "Message"))));
  }
  AwsCredentials credentials{.access_key = Text(object, "AccessKeyId"),
                             .secret_key = Text(object, "SecretAccessKey"),
                             .session_token = Text(object, "Token")};
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return Fail(Code::kUnavailable, "the answer has no keys");
  }
  // A container's provider may hand out keys that never end.
  if (const json::value* const end = object.if_contains("Expiration"); end && !end->is_null()) {
    NX_ASSIGN_OR_RETURN(credentials.expires_seconds, Expiration(Text(object, "Expiration")));
  }
  return credentials;
}

/// The first element of that name, wherever it is.
pugi::xml_node Find(const pugi::xml_document& document, std::string_view name) {
  return document.find_node([&](const pugi::xml_node& node) { return node.name() == name; });
}

}  // namespace

AwsFailure ReadAwsFailure(const std::string& xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return {};
  const pugi::xml_node error = Find(document, "Error");
  return {error.child_value("Code"), error.child_value("Message")};
}

std::string DescribeAwsFailure(const AwsFailure& failure, const ClientResponse& response) {
  if (failure.code.empty()) {
    return fmt::format("server returned HTTP status {} {}", response.status,
                       ShortText(response.reason));
  }
  return fmt::format("https response error StatusCode: {}, api error {}: {}", response.status,
                     ShortText(failure.code), ShortText(failure.message));
}

bool IsCredentialFailure(const AwsFailure& failure) {
  constexpr std::string_view kCodes[] = {"AuthFailure",        "UnauthorizedOperation",
                                         "RequestExpired",     "InvalidClientTokenId",
                                         "InvalidAccessKeyId", "UnrecognizedClientException"};
  return failure.code.starts_with("ExpiredToken") ||
         std::find(std::begin(kCodes), std::end(kCodes), failure.code) != std::end(kCodes);
}

Result<std::string> AwsCall(BlockingClient& client, const ClientRequest& request) {
  std::string body;
  NX_ASSIGN_OR_RETURN(const ClientResponse response, client.Do(request, body));
  if (response.status != 200) {
    return Fail(Code::kUnavailable,
                fmt::format("{} {}: {}", request.method, FormatUrl(request.url),
                            DescribeAwsFailure(ReadAwsFailure(body), response)));
  }
  if (response.body_too_large) {
    return Fail(Code::kUnavailable, fmt::format("{}: the answer has more than {} bytes",
                                                FormatUrl(request.url), request.max_body_bytes));
  }
  return body;
}

Result<ClientRequest> AssumeRoleRequest(const std::string& endpoint, const std::string& role_arn,
                                        const std::string& external_id,
                                        const std::string& session_name) {
  Headers form = {{"Action", "AssumeRole"},
                  {"DurationSeconds", std::string(kSessionSeconds)},
                  {"RoleArn", role_arn},
                  {"RoleSessionName", session_name}};
  if (!external_id.empty()) form.emplace_back("ExternalId", external_id);
  return StsRequest(endpoint, form);
}

Result<ClientRequest> WebIdentityRequest(const std::string& endpoint, const std::string& role_arn,
                                         const std::string& session_name,
                                         const std::string& token) {
  return StsRequest(endpoint, {{"Action", "AssumeRoleWithWebIdentity"},
                               {"RoleArn", role_arn},
                               {"RoleSessionName", session_name},
                               {"WebIdentityToken", token}});
}

Result<AwsCredentials> ReadStsCredentials(const std::string& xml) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(xml.data(), xml.size());
  if (!parsed) {
    return Fail(Code::kUnavailable,
                fmt::format("the token service's answer is no XML: {}", parsed.description()));
  }
  const pugi::xml_node node = Find(document, "Credentials");
  AwsCredentials credentials{.access_key = node.child_value("AccessKeyId"),
                             .secret_key = node.child_value("SecretAccessKey"),
                             .session_token = node.child_value("SessionToken")};
  if (credentials.access_key.empty() || credentials.secret_key.empty()) {
    return Fail(Code::kUnavailable, "the token service's answer has no keys");
  }
  auto end = Expiration(node.child_value("Expiration"));
  if (!end) return Fail(std::move(end).error().Wrap("the token service's answer"));
  credentials.expires_seconds = *end;
  return credentials;
}

Result<std::string> InstanceMetadata::Get(const std::string& path) {
  if (token_.empty()) {
    NX_ASSIGN_OR_RETURN(ClientRequest request,
                        Request("PUT", endpoint_ + "/latest/api/token", kMetadataTimeout));
    request.headers = {{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "21600"}};
    NX_ASSIGN_OR_RETURN(token_, AwsCall(client_, request));
  }
  NX_ASSIGN_OR_RETURN(ClientRequest request, Request("GET", endpoint_ + path, kMetadataTimeout));
  request.headers = {{"X-Aws-Ec2-Metadata-Token", token_}};
  return AwsCall(client_, request);
}

Result<AwsCredentials> InstanceMetadata::Credentials() {
  const std::string path = "/latest/meta-data/iam/security-credentials/";
  NX_ASSIGN_OR_RETURN(std::string role, Get(path));
  role = TrimSpace(role.substr(0, role.find('\n')));
  if (role.empty()) return Fail(Code::kUnavailable, "the instance has no role");
  NX_ASSIGN_OR_RETURN(const std::string text, Get(path + role));
  NX_ASSIGN_OR_RETURN(AwsCredentials credentials, ReadJsonCredentials(text));
  if (credentials.expires_seconds == 0) {
    return Fail(Code::kUnavailable, "the answer has no expiration");
  }
  return credentials;
}

Result<std::string> InstanceMetadata::Region() {
  NX_ASSIGN_OR_RETURN(const std::string text, Get("/latest/dynamic/instance-identity/document"));
  NX_ASSIGN_OR_RETURN(const json::object object, ParseObject(text));
  std::string region = Text(object, "region");
  if (region.empty()) return Fail(Code::kUnavailable, "the instance's document has no region");
  return region;
}

Result<AwsCredentials> ContainerCredentials(BlockingClient& client, const std::string& url,
                                            const std::string& authorization) {
  NX_ASSIGN_OR_RETURN(ClientRequest request, Request("GET", url, kTimeout));
  if (!authorization.empty()) request.headers = {{"Authorization", authorization}};
  NX_ASSIGN_OR_RETURN(const std::string text, AwsCall(client, request));
  return ReadJsonCredentials(text);
}

}  // namespace narthex::net

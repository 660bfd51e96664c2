// SPDX-License-Identifier: Apache-2.0
#include "narthex/scrape/client_options.h"

namespace narthex::scrape {

namespace {

net::TlsOptions MakeTlsOptions(const config::TlsConfig& tls) {
  return {.ca = tls.ca,
          .ca_file = tls.ca_file,
          .cert = tls.cert,
          .cert_file = tls.cert_file,
          .key = tls.key,
          .key_file = tls.key_file,
          .server_name = tls.server_name,
          .min_version = tls.min_version,
          .max_version = tls.max_version,
          .insecure_skip_verify = tls.insecure_skip_verify};
}

net::ProxyOptions MakeProxyOptions(const config::ProxyConfig& proxy) {
  return {.url = proxy.url,
          .no_proxy = proxy.no_proxy,
          .from_environment = proxy.from_environment,
          .connect_headers = proxy.connect_headers};
}

std::shared_ptr<const net::Oauth2Options> MakeOauth2Options(const config::Oauth2Config& oauth2) {
  if (oauth2.client_id.empty()) return nullptr;
  return std::make_shared<net::Oauth2Options>(
      net::Oauth2Options{.client_id = oauth2.client_id,
                         .client_secret = oauth2.client_secret,
                         .client_secret_file = oauth2.client_secret_file,
                         .token_url = oauth2.token_url,
                         .scopes = oauth2.scopes,
                         .endpoint_params = oauth2.endpoint_params,
                         .tls = MakeTlsOptions(oauth2.tls),
                         .proxy = MakeProxyOptions(oauth2.proxy)});
}

}  // namespace

Result<net::HttpClientOptions> MakeClientOptions(const config::HttpConfig& http,
                                                 const std::string& user_agent) {
  if (const std::string& grant = http.oauth2.grant_type;
      !grant.empty() && grant != "client_credentials") {
    return Fail(Code::kInvalidArgument, "oauth2 grant_type not supported: " + grant);
  }
  net::HttpClientOptions options;
  options.tls = MakeTlsOptions(http.tls);
  options.oauth2 = MakeOauth2Options(http.oauth2);
  options.basic_username = http.basic_username;
  options.basic_password = http.basic_password;
  options.basic_username_file = http.basic_username_file;
  options.basic_password_file = http.basic_password_file;
  options.authorization_type = http.authorization_type;
  options.authorization_credentials = http.authorization_credentials;
  options.authorization_credentials_file = http.authorization_credentials_file;
  options.follow_redirects = http.follow_redirects;
  options.proxy = MakeProxyOptions(http.proxy);
  options.user_agent = user_agent;
  for (const config::HttpHeader& header : http.http_headers) {
    for (const std::string& value : header.values)
      options.extra_headers.emplace_back(header.name, value);
    for (const std::string& value : header.secrets)
      options.extra_headers.emplace_back(header.name, value);
    for (const std::string& path : header.files)
      options.header_files.emplace_back(header.name, path);
  }
  return options;
}

}  // namespace narthex::scrape

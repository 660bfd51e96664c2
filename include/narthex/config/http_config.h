// SPDX-License-Identifier: Apache-2.0
//
// HTTP client settings, the same wherever the configuration names a peer.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace narthex::config {

struct TlsConfig {
  std::string ca, ca_file, cert, cert_file, key, key_file, server_name;
  std::string min_version, max_version;
  bool insecure_skip_verify = false;
};

struct HttpHeader {
  std::string name;
  std::vector<std::string> values, secrets, files;
};

struct ProxyConfig {
  std::string url, no_proxy;
  bool from_environment = false;
  std::vector<std::pair<std::string, std::string>> connect_headers;
};

/// No client_id = none.
struct Oauth2Config {
  std::string grant_type;  // "" = client_credentials, the only one that requests can be made with.
  std::string client_id, client_secret, client_secret_file, token_url;
  std::vector<std::string> scopes;
  std::vector<std::pair<std::string, std::string>> endpoint_params;
  TlsConfig tls;
  ProxyConfig proxy;
};

/// AWS Signature Version 4. Empty = from where AWS's own programs take it.
struct Sigv4Config {
  std::string region, access_key, secret_key, profile, role_arn, external_id;
  std::string service_name;  // "" = "aps", Amazon Managed Service for Prometheus.
  bool use_fips_sts_endpoint = false;
};

struct HttpConfig {
  std::string basic_username, basic_username_file, basic_password, basic_password_file;
  std::string authorization_type, authorization_credentials, authorization_credentials_file;
  Oauth2Config oauth2;
  TlsConfig tls;
  bool follow_redirects = true;
  bool enable_http2 = true;  // Accepted; requests go out as HTTP/1.1.
  ProxyConfig proxy;
  std::vector<HttpHeader> http_headers;
};

}  // namespace narthex::config

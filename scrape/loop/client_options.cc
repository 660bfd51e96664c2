// SPDX-License-Identifier: Apache-2.0
#include "narthex/scrape/client_options.h"

#include "narthex/base/fs.h"

namespace narthex::scrape {

Result<net::HttpClientOptions> MakeClientOptions(const config::HttpConfig& http,
                                                 const std::string& user_agent) {
  net::HttpClientOptions options;
  options.tls = {.ca = http.tls.ca,
                 .ca_file = http.tls.ca_file,
                 .cert = http.tls.cert,
                 .cert_file = http.tls.cert_file,
                 .key = http.tls.key,
                 .key_file = http.tls.key_file,
                 .server_name = http.tls.server_name,
                 .insecure_skip_verify = http.tls.insecure_skip_verify};
  options.basic_username = http.basic_username;
  options.basic_password = http.basic_password;
  options.basic_username_file = http.basic_username_file;
  options.basic_password_file = http.basic_password_file;
  options.authorization_type = http.authorization_type;
  options.authorization_credentials = http.authorization_credentials;
  options.authorization_credentials_file = http.authorization_credentials_file;
  options.follow_redirects = http.follow_redirects;
  options.proxy_url = http.proxy_url;
  options.user_agent = user_agent;
  for (const config::HttpHeader& header : http.http_headers) {
    for (const std::string& value : header.values)
      options.extra_headers.emplace_back(header.name, value);
    for (const std::string& value : header.secrets)
      options.extra_headers.emplace_back(header.name, value);
    for (const std::string& path : header.files) {
      NX_ASSIGN_OR_RETURN(std::string value, SystemFs().ReadFile(path));
      while (!value.empty() &&
             (value.back() == '\n' || value.back() == '\r' || value.back() == ' ')) {
        value.pop_back();
      }
      options.extra_headers.emplace_back(header.name, std::move(value));
    }
  }
  return options;
}

}  // namespace narthex::scrape

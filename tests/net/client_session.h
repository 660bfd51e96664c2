// SPDX-License-Identifier: Apache-2.0
//
// A client that waits for its answers, and what it asks and is answered in tests.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "narthex/net/http_client.h"

namespace narthex::net {

inline ClientRequest Get(const std::string& url) {
  ClientRequest request;
  request.url = *ParseUrl(url);
  request.timeout = std::chrono::seconds(20);
  return request;
}

inline std::string Answer(std::string_view body, std::string_view more_headers = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + std::string(more_headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

/// Several requests over one client.
class ClientSession {
 public:
  explicit ClientSession(HttpClientOptions options = {})
      : client_(context_.get_executor(), std::move(options)) {}
  Result<ClientResponse> Do(const ClientRequest& request) {
    Result<ClientResponse> response = Fail(Code::kInternal, "no answer");
    boost::asio::co_spawn(context_, client_.Do(request, body),
                          [&](const std::exception_ptr&, Result<ClientResponse> result) {
                            response = std::move(result);
                          });
    context_.restart();
    context_.run();
    return response;
  }
  std::string body;

 private:
  boost::asio::io_context context_;
  HttpClient client_;
};

}  // namespace narthex::net

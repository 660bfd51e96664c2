// SPDX-License-Identifier: Apache-2.0
//
// HTTP/1.1 client for one peer: coroutines on the caller's executor, one kept-alive connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "narthex/base/result.h"
#include "narthex/net/url.h"

namespace narthex::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct TlsOptions {
  std::string ca, ca_file;      // PEM text or path; both empty = the system's.
  std::string cert, cert_file;  // Client certificate.
  std::string key, key_file;
  std::string server_name;
  std::string min_version, max_version;  // "TLS12"; empty = from 1.2 to the library's newest.
  bool insecure_skip_verify = false;
};

/// Through which proxy requests go: one that is spoken to by HTTP, by TLS or by SOCKS5.
struct ProxyOptions {
  std::string url{};              // "" = none.
  std::string no_proxy{};         // Hosts, domains, addresses and networks that are asked directly.
  bool from_environment = false;  // HTTP_PROXY, HTTPS_PROXY and NO_PROXY say all that instead.
  Headers connect_headers{};      // Of the CONNECT requests, by which https goes through it.
};

/// OAuth2 with client credentials.
struct Oauth2Options {
  std::string client_id, client_secret, client_secret_file, token_url;
  std::vector<std::string> scopes;
  Headers endpoint_params;  // Further fields of the request for a token.
  TlsOptions tls;           // Of that request, as the proxy.
  ProxyOptions proxy;
};

struct HttpClientOptions {
  TlsOptions tls;
  std::string basic_username, basic_password, basic_username_file, basic_password_file;
  std::string authorization_type, authorization_credentials, authorization_credentials_file;
  /// Clients with equal settings share a token. May be null.
  std::shared_ptr<const Oauth2Options> oauth2;
  Headers extra_headers;  // Each is sent, also those of one name.
  std::vector<std::pair<std::string, std::string>> header_files;  // Name and path: read for each
                                                                  // request.
  bool follow_redirects = true;
  ProxyOptions proxy;
  /// All requests go through this socket; URLs tell scheme, Host header and path then. "" = TCP.
  std::string unix_socket;
  /// Connect to the addresses of a name in random order, so that many clients spread over them.
  bool random_address = false;
  std::string user_agent = "Prometheus/3.14.0";
};

/// Takes a body piece by piece, decoded, as it arrives; first an empty piece when the answer's head
/// has come. Called on the executor's thread; must not throw.
/// @return false to end the request, which then succeeds with what has come so far
using BodySink = std::function<bool(std::string_view)>;

struct ClientResponse {
  int status = 0;
  std::string reason;  // "Service Unavailable"
  Headers headers;     // Names as sent.
  std::string content_type;
  bool body_too_large = false;       // max_body_bytes was passed; body holds what came before.
  bool stopped = false;              // The sink ended it.
  std::size_t compressed_bytes = 0;  // Bytes of the body on the wire.
};

struct ClientRequest {
  std::string method = "GET";
  Url url;
  Headers headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};  // For everything from connect to the last byte.
  /// Of that, for connect, TLS and sending the request; for answers that last. 0 = all of it.
  std::chrono::milliseconds open_timeout{0};
  std::size_t max_body_bytes = 0;  // After decompression; 0 = no limit.
  /// Sent twice, it does no more than sent once, whatever the method: so it is sent again when the
  /// peer has closed the kept connection in the meantime.
  bool idempotent = false;
  /// Of an answer with another status than 200 nothing but the head is wanted: its body is not
  /// decoded, hardly read, and what goes wrong with it is no failure.
  bool only_ok_body = false;
  /// Gets the body of an answer with status 2xx in the place of Do's `body`, for answers that are
  /// long or never end. The limits above hold for it as well. Others fill `body`, with 1 MiB at
  /// most.
  BodySink on_body;
  /// Gets each answer's head before its body; with on_body only with 2xx, before the empty piece.
  std::function<void(const ClientResponse&)> on_head = {};
};

/// Keeps one connection open between requests and reconnects when the peer closed it.
/// Decodes gzip and zstd answers. Thread safety: one request at a time, on the executor's thread.
class HttpClient final {
 public:
  HttpClient(boost::asio::any_io_executor executor, HttpClientOptions options);
  ~HttpClient();  // Closes the connection.
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// @param[in,out] body  its bytes are replaced; who leaves those of the last request in it saves
  ///                      that room is made and filled with zeros again
  /// Errors: kTimeout ("context deadline exceeded"), kUnavailable (connect, DNS, TLS, reset), in
  /// the wording of Go's net/http where users know it: "Get \"URL\": dial tcp …: connect:
  /// connection refused".
  boost::asio::awaitable<Result<ClientResponse>> Do(const ClientRequest& request,
                                                    std::string& body);

  /// Makes a running Do return kCancelled. Called on the executor's thread.
  void Cancel();

  /// Memory that it holds between two requests; without TLS, whose library keeps its own.
  std::size_t held_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// An HttpClient for a thread that waits for its answers; the connection stays open between them.
/// Thread safety: one request at a time; Cancel any thread.
class BlockingClient final {
 public:
  explicit BlockingClient(HttpClientOptions options);
  ~BlockingClient();
  BlockingClient(const BlockingClient&) = delete;
  BlockingClient& operator=(const BlockingClient&) = delete;

  /// As HttpClient::Do.
  Result<ClientResponse> Do(const ClientRequest& request, std::string& body);

  /// A running Do and all later ones return kCancelled.
  void Cancel();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Performs one request on a private context and waits for it; for command-line tools and tests.
Result<ClientResponse> DoBlocking(const HttpClientOptions& options, const ClientRequest& request,
                                  std::string& body);

}  // namespace narthex::net

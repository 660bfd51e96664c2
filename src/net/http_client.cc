// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/http_client.h"

#include <atomic>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <fmt/core.h>

#include "narthex/base/heap_bytes.h"
#include "src/net/body_reader.h"
#include "src/net/client_request.h"
#include "src/net/connect_tunnel.h"
#include "src/net/connection.h"
#include "src/net/http1.h"
#include "src/net/proxy.h"
#include "src/net/redirect.h"
#include "src/net/response_head.h"
#include "src/net/socks.h"
#include "src/net/tls.h"
#include "src/net/token_source.h"
#include "src/net/url.h"
#include "src/net/url_error.h"

namespace narthex::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadBytes = 32 << 10;
// What comes behind the head is copied, so not much of it is read with the head.
constexpr std::size_t kHeadReadBytes = 8 << 10;
constexpr std::size_t kMaxErrorBytes = 1 << 20;
// Read of a body that nobody wants, so that the connection can be used for the next request.
constexpr std::size_t kMaxUnwantedBytes = 2 << 10;

/// Sent twice, such a request does no more than sent once.
bool IsIdempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" ||
         method == "DELETE";
}

}  // namespace

struct HttpClient::Impl {
  Impl(const asio::any_io_executor& on, HttpClientOptions opts)
      : options(std::move(opts)),
        executor(on),
        connection(on),
        proxies(options.proxy.url.empty() && !options.proxy.from_environment
                    ? nullptr
                    : std::make_unique<ProxyRules>(options.proxy, ProcessEnvironment)),
        tokens(options.oauth2 == nullptr
                   ? nullptr
                   : std::make_unique<TokenSource>(on, options.oauth2, options.user_agent)) {}

  /// One request and its answer, without redirects.
  struct Exchange {
    RequestHop hop;
    Connection::Clock::time_point deadline{};
  };

  asio::awaitable<Result<ClientResponse>> Do(const ClientRequest& request, std::string& body);
  asio::awaitable<Result<ClientResponse>> Once(const ClientRequest& request,
                                               const Exchange& exchange, std::string& body);
  /// Opens a connection, or takes the kept one. @param proxy  null = none
  asio::awaitable<Result<ResponseHead>> SendAndReadHead(const ClientRequest& request,
                                                        const Exchange& exchange, const Url* proxy,
                                                        const std::string& text);
  asio::awaitable<Status> Authorize(Connection::Clock::time_point deadline);
  asio::awaitable<Status> Connect(const Url& peer);
  asio::awaitable<Status> ConnectToProxy(const Url& proxy);
  asio::awaitable<Status> StartTls(const std::string& host);
  asio::awaitable<Status> Open(const Url& url, const Url* proxy);
  asio::awaitable<Status> ReadBody(BodyReader& reader, ContentCoding coding,
                                   ClientResponse& response);
  Status RefreshTls();
  /// Has a file of the TLS settings changed since the open connection was made with them?
  bool TlsIsOutdated() const {
    return tls != nullptr && TlsFilesState(options.tls) != tls_files_state;
  }
  Result<std::optional<Url>> ProxyFor(const Url& url) const {
    if (proxies == nullptr || !options.unix_socket.empty()) return std::nullopt;
    return proxies->For(url);
  }
  bool IsFollowed(const ClientResponse& response) const {
    if (!options.follow_redirects || !IsRedirect(response.status)) return false;
    const std::string* location = FindHeader(response.headers, "Location");
    return location != nullptr && !location->empty();
  }
  void Disconnect() {
    connection.Close();
    unread.clear();
    connected_to.clear();
  }

  HttpClientOptions options;  // Constant but for an authorization that comes by OAuth2.
  const asio::any_io_executor executor;
  Connection connection;
  const std::unique_ptr<const ProxyRules> proxies;  // Null: never one.
  std::string connected_to;                         // Origin that the open connection leads to.
  std::string unread;                               // Received, not yet used.
  std::unique_ptr<char[]> scratch;  // kReadBytes for one read, while a request runs.
  std::shared_ptr<asio::ssl::context> tls;
  std::string tls_files_state;
  const std::unique_ptr<TokenSource> tokens;
  bool cancelled = false;
};

asio::awaitable<Status> HttpClient::Impl::Authorize(Connection::Clock::time_point deadline) {
  Result<AccessToken> token = co_await tokens->Get(deadline);
  if (!token) co_return Fail(std::move(token).error());
  options.authorization_type = token->type;
  options.authorization_credentials = token->value;
  co_return Status{};
}

Status HttpClient::Impl::RefreshTls() {
  std::string now = TlsFilesState(options.tls);
  if (tls != nullptr && now == tls_files_state) return {};
  NX_ASSIGN_OR_RETURN(tls, ClientTls(options.tls));
  tls_files_state = std::move(now);
  return {};
}

asio::awaitable<Status> HttpClient::Impl::StartTls(const std::string& host) {
  Status fresh = RefreshTls();
  if (!fresh) co_return fresh;
  const std::string name = options.tls.server_name.empty() ? host : options.tls.server_name;
  co_return co_await connection.StartTls(tls, name, !options.tls.insecure_skip_verify);
}

asio::awaitable<Status> HttpClient::Impl::Connect(const Url& peer) {
  if (!options.unix_socket.empty()) co_return connection.ConnectUnix(options.unix_socket);
  co_return co_await connection.Connect(peer.host, peer.port, options.random_address);
}

asio::awaitable<Status> HttpClient::Impl::ConnectToProxy(const Url& proxy) {
  Status status = co_await Connect(proxy);
  if (status && proxy.scheme == "https") {
    status = co_await StartTls(proxy.host);
  }
  if (status || status.error().code() != Code::kUnavailable) co_return status;
  co_return Fail(std::move(status).error().Wrap("proxyconnect tcp"));
}

/// Connects to the origin of `url`, through the proxy unless that is null.
asio::awaitable<Status> HttpClient::Impl::Open(const Url& url, const Url* proxy) {
  Disconnect();
  Status status;
  if (proxy == nullptr) {
    status = co_await Connect(url);
  } else {
    status = co_await ConnectToProxy(*proxy);
  }
  if (!status) co_return status;
  if (proxy != nullptr && proxy->scheme == "socks5") {
    status = co_await OpenSocksTunnel(connection, *proxy, url.host, url.port);
  } else if (proxy != nullptr && url.scheme == "https") {
    status = co_await OpenConnectTunnel(connection, *proxy, url, options.proxy.connect_headers);
  }
  if (status && url.scheme == "https") {
    status = co_await StartTls(url.host);
  }
  if (!status) co_return status;
  connected_to = url.scheme + "://" + Authority(url);
  co_return Status{};
}

asio::awaitable<Status> HttpClient::Impl::ReadBody(BodyReader& reader, ContentCoding coding,
                                                   ClientResponse& response) {
  std::string_view input = unread;
  BodyReader::State state = reader.Feed(input);
  while (state == BodyReader::State::kNeedMore) {
    const std::span<char> room = reader.Room();
    Result<std::size_t> n =
        co_await connection.Read(room.empty() ? std::span(scratch.get(), kReadBytes) : room);
    if (!n) co_return Fail(std::move(n).error());
    if (*n == 0) {
      state = reader.Finish();
      if (state == BodyReader::State::kNeedMore)
        co_return Fail(Code::kUnavailable, "unexpected EOF");
      break;
    }
    if (!room.empty()) {
      state = reader.Filled(*n);
      continue;
    }
    input = std::string_view(scratch.get(), *n);
    state = reader.Feed(input);
  }
  response.compressed_bytes = reader.wire_bytes();
  const std::string_view format = coding == ContentCoding::kZstd ? "zstd" : "gzip";
  switch (state) {
    case BodyReader::State::kTooLarge:
      response.body_too_large = true;
      break;
    case BodyReader::State::kMalformed:
      co_return Fail(Code::kUnavailable, "malformed chunked encoding");
    case BodyReader::State::kCorrupt:
      co_return Fail(Code::kUnavailable, fmt::format("{}: invalid data", format));
    case BodyReader::State::kTorn:
      co_return Fail(Code::kUnavailable, "unexpected EOF");
    case BodyReader::State::kBadSum:
      co_return Fail(Code::kUnavailable, fmt::format("{}: invalid checksum", format));
    case BodyReader::State::kBadHeader:
      co_return Fail(Code::kUnavailable, fmt::format("{}: invalid header", format));
    case BodyReader::State::kStopped:
      response.stopped = true;
      break;
    case BodyReader::State::kNeedMore:
    case BodyReader::State::kDone:
      break;
  }
  unread.assign(input);
  co_return Status{};
}

asio::awaitable<Result<ResponseHead>> HttpClient::Impl::SendAndReadHead(
    const ClientRequest& request, const Exchange& exchange, const Url* proxy,
    const std::string& text) {
  const Url& url = exchange.hop.url;
  bool reused = connected_to == url.scheme + "://" + Authority(url) && unread.empty() &&
                connection.IsIdleUsable() && !TlsIsOutdated();
  const bool opens_in_time = request.open_timeout.count() > 0;
  for (;;) {
    if (opens_in_time) {
      // A new deadline makes the connection forget that it was to end.
      if (cancelled) co_return Fail(Code::kCancelled, "context canceled");
      const auto open_until = Connection::Clock::now() + request.open_timeout;
      connection.SetDeadline(std::min(exchange.deadline, open_until));
    }
    if (!reused) {
      Status opened = co_await Open(url, proxy);
      if (!opened) co_return Fail(std::move(opened).error());
    }
    Status sent = co_await connection.Write(text);
    if (!sent && (sent.error().code() != Code::kUnavailable)) {
      co_return Fail(std::move(sent).error());
    }
    if (opens_in_time) {
      connection.SetDeadline(exchange.deadline);
      connection.ProbePeer();  // The head of the answer may be long in coming, too.
    }
    // A server may answer and close before it has read everything, so look for an answer anyway.
    Result<ResponseHead> head =
        co_await ReadResponseHead(connection, {scratch.get(), kHeadReadBytes}, unread);
    if (head) co_return head;
    const bool stale = reused && unread.empty() && head.error().code() == Code::kUnavailable;
    const bool again = request.idempotent || IsIdempotent(exchange.hop.method);
    if (!stale || !again) co_return head;
    reused = false;  // The server closed the kept connection in the meantime: once more.
  }
}

asio::awaitable<Result<ClientResponse>> HttpClient::Impl::Once(const ClientRequest& request,
                                                               const Exchange& exchange,
                                                               std::string& body) {
  const Url& url = exchange.hop.url;
  const auto failed = [&](const Error& why) {
    Disconnect();
    body.clear();
    return Fail(UrlError(request.method, FormatUrl(url), why));
  };
  const Result<std::optional<Url>> found = ProxyFor(url);
  if (!found) co_return failed(found.error());
  const Url* const proxy = found->has_value() ? &**found : nullptr;
  // Through a tunnel the request is that which goes to the target itself.
  const bool tunnel = url.scheme == "https" || (proxy != nullptr && proxy->scheme == "socks5");
  Result<std::string> text = RequestText(options, request, exchange.hop, tunnel ? nullptr : proxy);
  if (!text) co_return failed(text.error());
  if (exchange.hop.with_body) *text += request.body;

  Result<ResponseHead> head = co_await SendAndReadHead(request, exchange, proxy, *text);
  if (!head) co_return failed(head.error());

  ClientResponse response;
  response.status = head->status;
  response.reason = std::move(head->reason);
  response.headers = std::move(head->headers);
  if (const std::string* type = FindHeader(response.headers, "Content-Type")) {
    response.content_type = *type;
  }
  const BodyFraming framing = ResponseFraming(*head, exchange.hop.method);
  const bool unwanted = IsFollowed(response) || (request.only_ok_body && response.status != 200);
  const ContentCoding coding =
      unwanted ? ContentCoding::kIdentity : ContentCodingOf(response.headers);
  const BodySink* sink = request.on_body && response.status / 100 == 2 ? &request.on_body : nullptr;
  if (request.on_head && (sink != nullptr || !request.on_body)) request.on_head(response);
  if (sink != nullptr) {
    connection.ProbePeer();  // The body may be silent for long.
    if (!(*sink)({})) {
      Disconnect();
      response.stopped = true;
      co_return response;
    }
  }
  std::size_t limit = request.max_body_bytes;
  if (unwanted) {
    limit = kMaxUnwantedBytes;
  } else if (request.on_body && sink == nullptr) {
    // Who takes pieces has no limit for the whole; an error must not have none.
    limit = limit == 0 ? kMaxErrorBytes : std::min(limit, kMaxErrorBytes);
  }
  BodyReader reader(framing, coding, limit, body, sink);
  Status read = co_await ReadBody(reader, coding, response);
  if (!read) {
    Disconnect();
    if (unwanted && !cancelled) co_return response;
    co_return Fail(std::move(read).error());
  }
  // Nothing is no gzip, which a scrape's text would show no more.
  if (request.only_ok_body && coding == ContentCoding::kGzip && response.compressed_bytes == 0) {
    Disconnect();
    co_return Fail(Code::kUnavailable, "EOF");
  }
  const bool whole = !response.body_too_large && !response.stopped;
  const bool keep = KeepsAlive(response.headers, head->minor_version) && whole &&
                    framing.kind != BodyKind::kUntilClose && unread.empty();
  if (!keep) Disconnect();
  co_return response;
}

asio::awaitable<Result<ClientResponse>> HttpClient::Impl::Do(const ClientRequest& request,
                                                             std::string& body) {
  if (request.on_body) body.clear();
  cancelled = false;
  const auto deadline = Connection::Clock::now() + request.timeout;
  connection.SetDeadline(deadline);
  scratch = std::make_unique_for_overwrite<char[]>(kReadBytes);
  Exchange exchange{.hop = {.method = request.method, .url = request.url}, .deadline = deadline};
  if (tokens != nullptr) {
    const Status authorized = co_await Authorize(deadline);
    if (!authorized) {
      body.clear();
      connection.ClearDeadline();
      scratch = nullptr;
      if (cancelled) co_return Fail(Code::kCancelled, "context canceled");
      co_return Fail(UrlError(request.method, FormatUrl(request.url), authorized.error()));
    }
  }
  Result<ClientResponse> response = Fail(Code::kInternal, "");
  for (int number = 1;; ++number) {
    response = co_await Once(request, exchange, body);
    if (cancelled && !response) response = Fail(Code::kCancelled, "context canceled");
    if (!response || !IsFollowed(*response)) break;
    const std::string& location = *FindHeader(response->headers, "Location");
    Status next = FollowRedirect(request, response->status, location, number, exchange.hop);
    if (!next) {
      response = Fail(std::move(next).error());
      break;
    }
  }
  connection.ClearDeadline();
  // Thousands of clients wait for their next scrape.
  scratch = nullptr;
  unread.shrink_to_fit();  // It had the head of the answer, with a read's worth of what followed.
  co_return response;
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): a handle, by value as Asio takes it.
HttpClient::HttpClient(asio::any_io_executor executor, HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(options))) {}

HttpClient::~HttpClient() = default;

asio::awaitable<Result<ClientResponse>> HttpClient::Do(const ClientRequest& request,
                                                       std::string& body) {
  std::string failure;
  try {
    Result<ClientResponse> response = co_await impl_->Do(request, body);
    co_return response;
  } catch (const std::exception& e) {
    // Asio throws when the coroutine itself was cancelled, and when the system has no descriptors.
    failure = e.what();
  }
  body.clear();
  impl_->Disconnect();
  impl_->connection.ClearDeadline();
  co_return Fail(Code::kCancelled, failure);
}

void HttpClient::Cancel() {
  impl_->cancelled = true;
  if (impl_->tokens != nullptr) impl_->tokens->Cancel();
  impl_->connection.Cancel();
}

std::size_t HttpClient::held_bytes() const {
  return HeapBytesOf(*impl_) + HeapBytes(impl_->unread) + HeapBytes(impl_->connected_to) +
         impl_->connection.held_bytes();
}

struct BlockingClient::Impl {
  explicit Impl(HttpClientOptions options) : client(context.get_executor(), std::move(options)) {}

  // The flag is looked at on the context's thread: Cancel comes either before, and is seen, or its
  // handler runs while the request waits.
  asio::awaitable<Result<ClientResponse>> Do(const ClientRequest& request, std::string& body) {
    if (cancelled) co_return Fail(Code::kCancelled, "context canceled");
    co_return co_await client.Do(request, body);
  }

  asio::io_context context{1};
  HttpClient client;
  std::atomic<bool> cancelled{false};
};

BlockingClient::BlockingClient(HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

BlockingClient::~BlockingClient() = default;

Result<ClientResponse> BlockingClient::Do(const ClientRequest& request, std::string& body) {
  Result<ClientResponse> response = Fail(Code::kInternal, "not run");
  asio::co_spawn(impl_->context, impl_->Do(request, body),
                 [&](const std::exception_ptr&, Result<ClientResponse> result) {
                   response = std::move(result);
                 });
  impl_->context.restart();
  impl_->context.run();
  return response;
}

void BlockingClient::Cancel() {
  impl_->cancelled = true;
  asio::post(impl_->context, [this] { impl_->client.Cancel(); });
}

Result<ClientResponse> DoBlocking(const HttpClientOptions& options, const ClientRequest& request,
                                  std::string& body) {
  return BlockingClient(options).Do(request, body);
}

}  // namespace narthex::net

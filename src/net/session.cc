// SPDX-License-Identifier: Apache-2.0
#include "src/net/session.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "src/net/url.h"

namespace narthex::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 16 << 10;
constexpr std::size_t kWriteBytes = 64 << 10;
constexpr auto kWatchInterval = std::chrono::milliseconds(250);
constexpr std::size_t kTlsHeaderBytes = 5;  // Of a record, which is what TLS begins with.

std::string RemoteText(const tcp::socket& socket) {
  error_code ec;
  const tcp::endpoint peer = socket.remote_endpoint(ec);
  if (ec) return "";
  const std::string host = peer.address().to_string();
  return peer.address().is_v6() ? fmt::format("[{}]:{}", host, peer.port())
                                : fmt::format("{}:{}", host, peer.port());
}

/// Source: Go's tlsRecordHeaderLooksLikeHTTP.
bool LooksLikeHttp(std::string_view first) {
  for (const std::string_view begin : {"GET /", "HEAD ", "POST ", "PUT /", "OPTIO"}) {
    if (first == begin) return true;
  }
  return false;
}

/// Runs the handler on a worker; its failures end only this answer.
void RunHandler(const Router& router, ServerRequest& request, ResponseStream& stream) {
  try {
    router.Dispatch(request, stream);
    stream.Finish();
  } catch (const std::exception& e) {
    log::Error("Uncaught exception in an HTTP handler",
               {{"path", request.path}, {"err", e.what()}});
    stream.Fail();
  } catch (...) {
    log::Error("Uncaught exception in an HTTP handler", {{"path", request.path}});
    stream.Fail();
  }
}

}  // namespace

Session::Session(tcp::socket socket, const ServerOptions& options, ThreadPool& workers,
                 const Router& router, Gate* gate,
                 std::shared_ptr<std::atomic<std::size_t>> all_bodies)
    : options_(options),
      workers_(workers),
      router_(router),
      gate_(gate),
      all_bodies_(std::move(all_bodies)),
      connection_(std::move(socket)),
      watch_(connection_.socket().get_executor()),
      remote_(RemoteText(connection_.socket())) {
  error_code ignored;
  connection_.socket().set_option(tcp::no_delay(true), ignored);
  connection_.socket().non_blocking(true, ignored);
}

// May come after the server's end: an operation that holds the session can be left in the context.
Session::~Session() { ReleaseBody(); }

void Session::ReleaseBody() { *all_bodies_ -= std::exchange(body_bytes_, 0); }

bool Session::HoldBody(std::size_t bytes) {
  const std::size_t before = std::exchange(body_bytes_, bytes);
  return all_bodies_->fetch_add(bytes - before) + (bytes - before) <= options_.max_bodies_bytes;
}

void Session::CloseWhenIdle() {
  closing_ = true;
  if (answering_) return;
  RequestStop();
  connection_.Cancel();
}

void Session::RequestStop() {
  if (stop_ != nullptr) stop_->request_stop();
}

void Session::Abort() {
  closing_ = true;
  RequestStop();
  // Before the descriptor is closed, as the handler's thread may send with it.
  if (stream_ != nullptr) stream_->Disconnect();
  connection_.Cancel();
}

asio::awaitable<void> Session::Run() {
  const auto self = shared_from_this();
  if (gate_ != nullptr && gate_->rules().uses_tls()) {
    const bool ready = co_await StartTls();
    if (!ready) {
      connection_.Close();
      co_return;
    }
  }
  while (keep_alive_ && !closing_) {
    ServerRequest request;
    request.remote_address = remote_;
    connection_.SetDeadline(Connection::Clock::now() +
                            std::chrono::milliseconds(options_.read_timeout_ms));
    ReadOutcome outcome = co_await ReadRequest(request);
    if (!outcome) {
      ReleaseBody();
      if (outcome.error().denied && keep_alive_) continue;
      if (outcome.error().status != 0) {
        co_await Refuse(outcome.error());
      }
      break;
    }
    // Cut while it came in, e.g. while its password was compared: nobody would get the answer.
    if (closing_) break;
    const bool sent = co_await Answer(request);
    if (!sent) break;
  }
  connection_.Close();
}

asio::awaitable<bool> Session::StartTls() {
  connection_.SetDeadline(Connection::Clock::now() +
                          std::chrono::milliseconds(options_.read_timeout_ms));
  // A plain request is known by its first bytes, and gets an answer that its client understands.
  std::string first(kTlsHeaderBytes, '\0');
  for (std::size_t filled = 0; filled < first.size();) {
    const auto n = co_await connection_.Read({first.data() + filled, first.size() - filled});
    if (!n || *n == 0) co_return false;
    filled += *n;
  }
  if (LooksLikeHttp(first)) {
    gate_->rules().CountRefused(Refused::kHandshake);
    const Status sent = co_await connection_.Write(
        "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
    if (sent) {
      co_await FinishAndDrain();
    }
    co_return false;
  }
  Result<TlsContext> context = gate_->rules().Tls();
  if (!context) {
    gate_->rules().CountRefused(Refused::kHandshake);
    // An alert in plain, as before any handshake: fatal, internal error.
    const Status sent = co_await connection_.Write(std::string_view("\x15\x03\x01\0\2\2\x50", 7));
    if (sent) {
      co_await FinishAndDrain();
    }
    co_return false;
  }
  const Status shaken = co_await connection_.AcceptTls(std::move(*context), std::move(first));
  if (shaken) co_return true;
  gate_->rules().CountRefused(Refused::kHandshake);
  log::Debug("TLS handshake error", {{"remote", remote_}, {"err", shaken.error().message()}});
  co_await FinishAndDrain();  // The alert that says why has been sent.
  co_return false;
}

asio::awaitable<bool> Session::Fill() {
  if (chunk_ == nullptr) chunk_ = std::make_unique_for_overwrite<char[]>(kReadBytes);
  Result<std::size_t> n = co_await connection_.Read({chunk_.get(), kReadBytes});
  if (!n || *n == 0) co_return false;
  unread_.append(chunk_.get(), *n);
  co_return true;
}

Session::ReadOutcome Session::TakeHead(const RequestHead& head, ServerRequest& request) const {
  const std::string* host = FindHeader(head.headers, "Host");
  if (host == nullptr && head.minor_version >= 1) {
    return tl::unexpected(Refusal{400, "400 Bad Request: missing required Host header"});
  }
  const auto hosts = std::count_if(head.headers.begin(), head.headers.end(),
                                   [](const auto& h) { return EqualsIgnoreCase(h.first, "Host"); });
  if (hosts > 1) return tl::unexpected(Refusal{400, "400 Bad Request: too many Host headers"});
  std::string_view target = head.target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());  // As sent to a proxy: the host is in the line.
    target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    if (!target.starts_with('/')) request.path = "/";
  }
  const std::size_t query = std::min(target.find('?'), target.size());
  if (query < target.size()) request.raw_query = target.substr(query + 1);
  std::string path;
  if (!PercentDecode(target.substr(0, query), false, path)) {
    return tl::unexpected(Refusal{400, "400 Bad Request"});
  }
  request.path += path;
  const bool whole_server = request.path == "*" && head.method == "OPTIONS";
  if (!request.path.starts_with('/') && !whole_server)
    return tl::unexpected(Refusal{400, "400 Bad Request"});
  request.method = head.method;
  request.headers = head.headers;
  return {};
}

asio::awaitable<tl::expected<RequestHead, Session::Refusal>> Session::ReadHead() {
  // Empty lines before a request are tolerated (RFC 9112, 2.2).
  unread_.erase(0, unread_.find_first_not_of("\r\n"));
  // A large request must not leave its memory behind.
  if (unread_.empty()) {
    std::string().swap(unread_);
    chunk_ = nullptr;
  }
  std::size_t end = FindHeadEnd(unread_, 0);
  while (end == std::string::npos && unread_.size() <= options_.max_header_bytes) {
    const std::size_t searched = unread_.size();
    const bool more = co_await Fill();
    if (!more) co_return tl::unexpected(Refusal{0, ""});
    if (searched == 0) unread_.erase(0, unread_.find_first_not_of("\r\n"));
    end = FindHeadEnd(unread_, searched == 0 ? 0 : searched);
  }
  const auto lines = std::count(
      unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(std::min(end, unread_.size())),
      '\n');
  if (end > options_.max_header_bytes ||
      static_cast<std::size_t>(lines) > options_.max_header_lines) {
    co_return tl::unexpected(Refusal{431, "431 Request Header Fields Too Large"});
  }
  Result<RequestHead> head = ParseRequestHead(std::string_view(unread_).substr(0, end));
  unread_.erase(0, end);
  if (head) co_return std::move(*head);
  const bool coding = head.error().code() == Code::kUnavailable;
  co_return tl::unexpected(coding ? Refusal{501, "501 Not Implemented"}
                                  : Refusal{400, "400 Bad Request: " + head.error().message()});
}

asio::awaitable<Session::ReadOutcome> Session::ReadRequest(ServerRequest& request) {
  tl::expected<RequestHead, Refusal> head = co_await ReadHead();
  if (!head) co_return tl::unexpected(head.error());
  minor_version_ = head->minor_version;
  keep_alive_ = KeepsAlive(head->headers, head->minor_version);
  const BodyFraming framing = head->framing;
  ReadOutcome outcome = TakeHead(*head, request);
  if (!outcome) co_return outcome;
  if (gate_ != nullptr) {
    // Before the body: who may not come in must not take memory either.
    const bool admitted = co_await Admit(*head);
    if (!admitted) co_return tl::unexpected(Refusal{0, "", true});
  }
  if (framing.kind == BodyKind::kNone) co_return ReadOutcome{};
  if (framing.length > options_.max_body_bytes) {
    co_return tl::unexpected(Refusal{413, "413 Request Entity Too Large"});
  }
  if (const std::string* expect = FindHeader(head->headers, "Expect")) {
    if (!EqualsIgnoreCase(*expect, "100-continue")) {
      co_return tl::unexpected(Refusal{417, "417 Expectation Failed"});
    }
    if (unread_.empty()) {
      const Status sent = co_await connection_.Write("HTTP/1.1 100 Continue\r\n\r\n");
      if (!sent) co_return tl::unexpected(Refusal{0, ""});
    }
  }
  outcome = co_await ReadBody(framing, request.body);
  co_return outcome;
}

asio::awaitable<bool> Session::Admit(const RequestHead& head) {
  Gate::Decision decision = gate_->Decide(head.headers);
  if (decision.check_password) {
    co_await CheckPassword(decision);
  }
  rules_ = std::move(decision.rules);
  if (decision.status == 200) co_return true;
  // The body of a refused request is not read.
  keep_alive_ = keep_alive_ && head.framing.kind == BodyKind::kNone && !closing_;
  co_await Deny(decision.status, head.method == "HEAD");
  co_return false;
}

/// On a worker, because it takes as long as the hash's cost says.
asio::awaitable<void> Session::CheckPassword(Gate::Decision& decision) {
  const auto done =
      std::make_shared<asio::steady_timer>(executor(), asio::steady_timer::time_point::max());
  // Others may be first: whoever leaves meanwhile costs nothing.
  stop_ = std::make_shared<std::stop_source>();
  if (closing_) RequestStop();
  LookAgainForDisconnect(stop_);
  workers_.Submit([this, self = shared_from_this(), &decision, done, stop = stop_->get_token()] {
    gate_->CheckPassword(decision, stop);
    asio::post(done->get_executor(), [done] { done->expires_at(Connection::Clock::now()); });
  });
  do {
    co_await done->async_wait(kAwait);
  } while (done->expiry() == asio::steady_timer::time_point::max());
  stop_ = nullptr;
  watch_.cancel();
}

asio::awaitable<void> Session::Deny(int status, bool head_only) {
  ResponseStream stream(
      {.head_only = head_only, .minor_version = minor_version_, .keep_alive = keep_alive_}, [] {});
  stream.SetStatus(status);
  AddHeaders(stream);
  if (status == 401) stream.SetHeader("Www-Authenticate", "Basic");
  stream.SetHeader("Content-Type", "text/plain; charset=utf-8");
  stream.SetHeader("X-Content-Type-Options", "nosniff");
  stream.Write(fmt::format("{}\n", ReasonPhrase(status)));
  stream.Finish();
  const ResponseStream::Batch answer = stream.Take();
  const bool sent = co_await Send(answer.bytes);
  keep_alive_ = sent && answer.keep_alive;
  if (sent && !keep_alive_) {
    co_await FinishAndDrain();
  }
}

void Session::AddHeaders(ResponseStream& stream) const {
  if (rules_ == nullptr) return;
  for (const auto& [name, value] : rules_->headers) stream.SetHeader(name, value);
}

asio::awaitable<Session::ReadOutcome> Session::ReadBody(BodyFraming framing, std::string& body) {
  if (framing.kind == BodyKind::kLength) {
    while (unread_.size() < framing.length) {
      if (!HoldBody(unread_.size())) co_return tl::unexpected(TooManyBodies());
      const bool more = co_await Fill();
      if (!more) co_return tl::unexpected(Refusal{0, ""});
    }
    // Taken over, not copied: a large body is in memory only once.
    std::string rest = unread_.substr(framing.length);
    unread_.resize(framing.length);
    body = std::exchange(unread_, std::move(rest));
    if (!HoldBody(body.size())) co_return tl::unexpected(TooManyBodies());
    co_return ReadOutcome{};
  }
  ChunkedDecoder decoder;
  for (;;) {
    std::string_view input = unread_, data;
    ChunkedDecoder::State state = decoder.Next(input, data);
    while (state == ChunkedDecoder::State::kData) {
      body += data;
      if (body.size() > options_.max_body_bytes) {
        co_return tl::unexpected(Refusal{413, "413 Request Entity Too Large"});
      }
      state = decoder.Next(input, data);
    }
    if (state == ChunkedDecoder::State::kError) {
      co_return tl::unexpected(Refusal{400, "400 Bad Request"});
    }
    unread_.erase(0, unread_.size() - input.size());
    if (!HoldBody(body.size())) co_return tl::unexpected(TooManyBodies());
    if (state == ChunkedDecoder::State::kDone) co_return ReadOutcome{};
    const bool more = co_await Fill();
    if (!more) co_return tl::unexpected(Refusal{0, ""});
  }
}

/// While the handler runs nobody reads. The socket becomes readable when the client goes away, or
/// when it sends its next request early; then we can't tell any more and stop watching.
void Session::WatchForDisconnect(std::shared_ptr<std::stop_source> source) {
  connection_.socket().async_wait(
      tcp::socket::wait_read,
      [self = shared_from_this(), source = std::move(source)](const error_code& ec) {
        if (ec || self->stop_ != source) return;  // That handler has ended.
        char byte = 0;
        const int fd = self->connection_.socket().native_handle();
        const ssize_t n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
        const bool nothing = n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (nothing) {
          self->WatchForDisconnect(source);  // The news was of bytes that have been read at once.
        } else if (n <= 0) {
          source->request_stop();
        } else if (self->connection_.is_tls()) {
          self->LookAgainForDisconnect(source);
        }
      });
}

/// A client of TLS says farewell before it goes, so that there is something to read. The same with
/// a body that has not been read.
void Session::LookAgainForDisconnect(std::shared_ptr<std::stop_source> source) {
  watch_.expires_after(kWatchInterval);
  watch_.async_wait([self = shared_from_this(), source = std::move(source)](const error_code& ec) {
    if (ec || self->stop_ != source) return;  // That handler has ended.
    if (!self->connection_.is_open() || self->connection_.PeerHasEnded()) {
      source->request_stop();
    } else {
      self->LookAgainForDisconnect(source);
    }
  });
}

/// Writes with the time limit for each piece that the client has to take.
asio::awaitable<bool> Session::Send(std::string_view bytes) {
  bool sent = true;
  while (sent && !bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kWriteBytes);
    bytes.remove_prefix(piece.size());
    connection_.SetDeadline(Connection::Clock::now() +
                            std::chrono::milliseconds(options_.write_timeout_ms));
    const Status status = co_await connection_.Write(piece);
    sent = status.has_value();
  }
  // The handler may take its time until the next piece.
  connection_.SuspendDeadline();
  co_return sent;
}

/// For the handler's thread, while Answer waits and so leaves the socket open. Not with TLS, whose
/// state is this thread's.
ResponseStream::SendNow Session::SendNow() {
  if (connection_.is_tls()) return {};
  return [this, fd = connection_.socket().native_handle()](std::string_view bytes) {
    ReleaseBody();  // Whoever has the answer may send the next body.
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    return static_cast<std::size_t>(std::max<ssize_t>(n, 0));
  };
}

/// @return whether the connection may serve another request
asio::awaitable<bool> Session::Answer(ServerRequest& request) {
  answering_ = true;
  stop_ = std::make_shared<std::stop_source>();
  request.stop = stop_->get_token();
  ResponseStream::Traits traits;
  traits.head_only = request.method == "HEAD";
  traits.minor_version = minor_version_;
  traits.keep_alive = keep_alive_ && !closing_;
  traits.compression = ChooseCompression(request.headers);

  const auto ready =
      std::make_shared<asio::steady_timer>(executor(), asio::steady_timer::time_point::max());
  const auto stream = std::make_shared<ResponseStream>(
      traits, [ready] { asio::post(ready->get_executor(), [ready] { ready->cancel(); }); },
      SendNow());
  stream_ = stream;
  AddHeaders(*stream);
  connection_.SuspendDeadline();
  WatchForDisconnect(stop_);
  workers_.Submit([this, self = shared_from_this(), stream, &request] {
    RunHandler(router_, request, *stream);
  });

  bool connected = true;
  ResponseStream::Batch batch;
  do {
    batch = stream->Take();
    if (batch.bytes.empty() && !batch.finished) {
      co_await ready->async_wait(kAwait);
      continue;
    }
    if (batch.finished) ReleaseBody();  // The handler has ended.
    if (batch.bytes.empty() || !connected) continue;
    const bool sent = co_await Send(batch.bytes);
    if (sent) continue;
    // The handler still uses the request, so wait for its end, but hurry it.
    connected = false;
    stop_->request_stop();
    stream->Disconnect();
  } while (!batch.finished);
  stop_ = nullptr;
  stream_ = nullptr;
  watch_.cancel();
  answering_ = false;
  connected = connected && connection_.is_open();
  keep_alive_ = connected && batch.keep_alive && !closing_;
  if (keep_alive_) {
    error_code ignored;
    connection_.socket().cancel(ignored);  // Ends the watch.
  } else if (connected) {
    co_await connection_.Finish();
  }
  co_return connected;
}

asio::awaitable<void> Session::Refuse(const Refusal& refusal) {
  connection_.SetDeadline(Connection::Clock::now() + std::chrono::seconds(1));
  const std::string answer = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n{}",
      refusal.status, ReasonPhrase(refusal.status), refusal.text);
  const Status sent = co_await connection_.Write(answer);
  if (sent) {
    co_await FinishAndDrain();
  }
}

asio::awaitable<void> Session::FinishAndDrain() {
  co_await connection_.Finish();
  // Closing with unread input would reset the connection and lose the answer: read for a moment.
  connection_.SetDeadline(Connection::Clock::now() + std::chrono::seconds(1));
  for (std::size_t drained = 0; drained < (std::size_t{1} << 20); drained += unread_.size()) {
    unread_.clear();
    const bool more = co_await Fill();
    if (!more) break;
  }
}

}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
#include "src/net/session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "src/net/lane.h"
#include "src/net/url.h"

namespace narthex::net {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 16 << 10;
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

}  // namespace

Session::Session(tcp::socket socket, Lane& lane, const ServerOptions& options, ThreadPool& workers,
                 const Router& router, Gate* gate,
                 std::shared_ptr<std::atomic<std::size_t>> all_bodies)
    : lane_(lane),
      options_(options),
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
    lane_.Post([done] { done->expires_at(Connection::Clock::now()); });
  });
  do {
    co_await done->async_wait(kAwait);
  } while (done->expiry() == asio::steady_timer::time_point::max());
  stop_ = nullptr;
  watch_.cancel();
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

}  // namespace narthex::net

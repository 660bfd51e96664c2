// SPDX-License-Identifier: Apache-2.0
#include "src/net/http1.h"

#include <algorithm>
#include <cstring>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <fmt/core.h>

#include "src/net/response_lines.h"

namespace narthex::net {
namespace http = boost::beast::http;
using boost::system::error_code;
using BeastView = boost::beast::string_view;

namespace {

constexpr std::size_t kMaxLineBytes = 64 << 10;  // Of a chunk's size line, and of a trailer.
constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{1} << 60;
constexpr std::size_t kShortestEnd = 5;            // "0\r\n\r\n"; Beast takes that for granted.
constexpr std::uint32_t kMaxHeadBytes = 16 << 20;  // The callers' limits are lower.

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool IsTokenChar(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
}

std::string_view View(BeastView text) { return {text.data(), text.size()}; }

/// Beast's parser with its events as members; a message gives either a request or a response line.
template <bool kIsRequest>
class EventParser : public http::basic_parser<kIsRequest> {
 public:
  EventParser() {
    this->header_limit(kMaxHeadBytes);
    this->body_limit(boost::none);
  }

  std::string method;
  std::string target_or_reason;
  int status = 0;
  int version = 11;
  HeaderList headers;
  std::string_view data;         // Of the last piece of a chunked body, a view into the input.
  std::uint64_t chunk_left = 0;  // Bytes of the current chunk that are still to come.

 private:
  void on_request_impl(http::verb /*verb*/, BeastView method_text, BeastView target, int v,
                       error_code& /*ec*/) override {
    method = View(method_text);
    target_or_reason = View(target);
    version = v;
  }
  void on_response_impl(int code, BeastView reason, int v, error_code& /*ec*/) override {
    status = code;
    target_or_reason = View(reason);
    version = v;
  }
  void on_field_impl(http::field /*field*/, BeastView name, BeastView value,
                     error_code& /*ec*/) override {
    headers.emplace_back(View(name), View(value));
  }
  void on_header_impl(error_code& /*ec*/) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& /*length*/,
                         error_code& /*ec*/) override {}
  std::size_t on_body_impl(BeastView body, error_code& /*ec*/) override { return body.size(); }
  void on_chunk_header_impl(std::uint64_t size, BeastView /*extensions*/, error_code& ec) override {
    if (size > kMaxChunkBytes) ec = http::error::bad_chunk;
    chunk_left = size;
  }
  std::size_t on_chunk_body_impl(std::uint64_t /*remain*/, BeastView body,
                                 error_code& /*ec*/) override {
    data = View(body);
    chunk_left -= body.size();
    return body.size();
  }
  void on_finish_impl(error_code& /*ec*/) override {}
};

/// Bare line feeds end lines, too, as in Go's net/http: home-made exporters send them.
std::string WithCrLf(std::string_view head) {
  std::string out;
  out.reserve(head.size() + 16);
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')) out += '\r';
    out += head[i];
  }
  return out;
}

/// Folded lines are read differently by different parsers.
bool HasFoldedLine(std::string_view head) {
  return head.find("\n ") != std::string_view::npos || head.find("\n\t") != std::string_view::npos;
}

template <bool kIsRequest>
Result<BodyFraming> Framing(const EventParser<kIsRequest>& parser) {
  const std::string* coding = FindHeader(parser.headers, "Transfer-Encoding");
  if (coding != nullptr && (parser.version < 11 || !EqualsIgnoreCase(*coding, "chunked"))) {
    return Fail(Code::kUnavailable, fmt::format("unsupported transfer encoding: \"{}\"", *coding));
  }
  if (parser.chunked()) return BodyFraming{BodyKind::kChunked, 0};
  if (const auto length = parser.content_length()) return BodyFraming{BodyKind::kLength, *length};
  return BodyFraming{};
}

/// Feeds a whole head.
template <bool kIsRequest>
Result<BodyFraming> ParseHead(EventParser<kIsRequest>& parser, std::string_view head) {
  if (HasFoldedLine(head)) return Fail(Code::kInvalidArgument, "folded header line");
  const std::string text = WithCrLf(head);
  error_code ec;
  parser.put(boost::asio::buffer(text), ec);
  if (ec) return Fail(Code::kInvalidArgument, ec.message());
  if (!parser.is_header_done()) return Fail(Code::kInvalidArgument, "incomplete head");
  // Beast takes equal lengths in one line ("5, 5"); others may not.
  const std::string* length = FindHeader(parser.headers, "Content-Length");
  if (length != nullptr && length->find(',') != std::string::npos) {
    return Fail(Code::kInvalidArgument, "bad Content-Length");
  }
  return Framing(parser);
}

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Lower(x) == Lower(y); });
}

const std::string* FindHeader(const HeaderList& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return &value;
  }
  return nullptr;
}

bool HeaderHasToken(const HeaderList& headers, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : headers) {
    if (!EqualsIgnoreCase(key, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      if (EqualsIgnoreCase(TrimSpace(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

void SetHeader(HeaderList& headers, std::string_view name, std::string_view value) {
  for (auto& [key, old] : headers) {
    if (!EqualsIgnoreCase(key, name)) continue;
    old = value;
    return;
  }
  headers.emplace_back(name, value);
}

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

std::size_t FindHeadEnd(std::string_view data, std::size_t from) {
  // An end is at most four bytes, so three of them may be in the part searched before.
  std::size_t i = from > 3 ? from - 3 : 0;
  for (;;) {
    i = data.find('\n', i);
    if (i == std::string_view::npos) return i;
    const std::string_view rest = data.substr(i + 1, 2);
    if (rest.starts_with('\n')) return i + 2;
    if (rest == "\r\n") return i + 3;
    ++i;
  }
}

Result<RequestHead> ParseRequestHead(std::string_view head) {
  EventParser<true> parser;
  NX_ASSIGN_OR_RETURN(const BodyFraming framing, ParseHead(parser, head));
  return RequestHead{std::move(parser.method), std::move(parser.target_or_reason),
                     parser.version - 10, std::move(parser.headers), framing};
}

Result<ResponseHead> ParseResponseHead(std::string_view head) {
  NX_ASSIGN_OR_RETURN(const std::string text, PlainResponseHead(head));
  EventParser<false> parser;
  auto framing = ParseHead(parser, text);
  if (!framing) {
    if (framing.error().code() == Code::kUnavailable) return Fail(std::move(framing).error());
    const std::string_view line = head.substr(0, head.find_first_of("\r\n"));
    return Fail(Code::kInvalidArgument, fmt::format("malformed HTTP response \"{}\"", line));
  }
  return ResponseHead{parser.status, std::move(parser.target_or_reason), parser.version - 10,
                      std::move(parser.headers), *framing};
}

BodyFraming ResponseFraming(const ResponseHead& head, std::string_view method) {
  if (method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) return {};
  if (head.framing.kind == BodyKind::kNone) return {BodyKind::kUntilClose, 0};
  return head.framing;
}

bool KeepsAlive(const HeaderList& headers, int minor_version) {
  if (HeaderHasToken(headers, "Connection", "close")) return false;
  return minor_version >= 1 || HeaderHasToken(headers, "Connection", "keep-alive");
}

class ChunkedDecoder::Parser final : public EventParser<false> {};

ChunkedDecoder::ChunkedDecoder() : parser_(std::make_unique<Parser>()) {
  // The parser begins where a head has announced a chunked body.
  constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  error_code ec;
  parser_->put(boost::asio::buffer(kHead.data(), kHead.size()), ec);
}

ChunkedDecoder::~ChunkedDecoder() = default;

ChunkedDecoder::State ChunkedDecoder::Next(std::string_view& input, std::string_view& data) {
  while (!parser_->is_done()) {
    if (input.empty() && !more_in_partial_) return State::kNeedMore;
    // Beast wants a chunk's size line, and the trailer, in one piece.
    const bool joined = !partial_.empty();
    if (joined) partial_ += input;
    const std::string_view text = joined ? std::string_view(partial_) : input;
    parser_->data = {};
    error_code ec = http::error::need_more;
    std::size_t used = 0;
    const bool may_be_short_end = text.size() < kShortestEnd && text.starts_with('0');
    if (parser_->chunk_left > 0 || !may_be_short_end) {
      used = parser_->put(boost::asio::buffer(text.data(), text.size()), ec);
    }
    if (ec && ec != http::error::need_more) return State::kError;
    if (used == 0) {
      if (text.size() > kMaxLineBytes) return State::kError;
      if (!joined) partial_ = input;
      input = {};
      more_in_partial_ = false;
      return State::kNeedMore;
    }
    data = parser_->data;
    if (joined && !data.empty()) {
      piece_ = data;
      data = piece_;
    }
    const std::size_t left = text.size() - used;
    more_in_partial_ = left > input.size();
    if (more_in_partial_) {
      partial_.erase(0, used);
      input = {};
    } else {
      input.remove_prefix(input.size() - left);
      partial_.clear();
    }
    if (!data.empty()) return State::kData;
  }
  return State::kDone;
}

}  // namespace narthex::net

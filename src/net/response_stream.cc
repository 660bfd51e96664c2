// SPDX-License-Identifier: Apache-2.0
#include "src/net/response_stream.h"

#include <ctime>
#include <utility>

#include <fmt/core.h>

namespace narthex::net {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
constexpr std::size_t kMaxQueuedBytes = 256 << 10;

/// RFC 9110 date: "Fri, 20 Nov 2026 12:00:00 GMT".
std::string HttpDate(std::time_t now) {
  std::tm t{};
  gmtime_r(&now, &t);
  char text[40];
  const std::size_t n = strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &t);
  return std::string(text, n);
}

/// A line break would let a value write headers of its own.
std::string WithoutBreaks(std::string_view value) {
  std::string clean(value);
  std::erase_if(clean, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  return clean;
}

bool HasNoBody(int status) { return status < 200 || status == 204 || status == 304; }

}  // namespace

std::string_view ReasonPhrase(int status) {
  static constexpr std::pair<int, std::string_view> kPhrases[] = {
      {100, "Continue"},
      {200, "OK"},
      {204, "No Content"},
      {206, "Partial Content"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {411, "Length Required"},
      {413, "Request Entity Too Large"},
      {414, "Request URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {422, "Unprocessable Entity"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {499, ""},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
  };
  for (const auto& [number, phrase] : kPhrases) {
    if (number == status) return phrase;
  }
  return "";
}

Compression ChooseCompression(const HeaderList& request_headers) {
  const std::string* accept = FindHeader(request_headers, "Accept-Encoding");
  if (accept == nullptr) return Compression::kNone;
  std::string_view rest = *accept;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view token = TrimSpace(rest.substr(0, comma));
    if (token == "gzip") return Compression::kGzip;
    if (token == "deflate") return Compression::kDeflate;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return Compression::kNone;
}

ResponseStream::ResponseStream(Traits traits, std::function<void()> wake, SendNow send_now)
    : traits_(traits), wake_(std::move(wake)), send_now_(std::move(send_now)) {}

void ResponseStream::SetHeader(std::string_view name, std::string_view value) {
  net::SetHeader(headers_, name, WithoutBreaks(value));
}

void ResponseStream::AddHeader(std::string_view name, std::string_view value) {
  headers_.emplace_back(name, WithoutBreaks(value));
}

/// Who varies an answer by it lets it be compressed.
bool ResponseStream::MayCompress() const {
  return traits_.compression != Compression::kNone &&
         FindHeader(headers_, "Content-Encoding") == nullptr &&
         std::any_of(headers_.begin(), headers_.end(), [](const auto& header) {
           return EqualsIgnoreCase(header.first, "Vary") &&
                  EqualsIgnoreCase(header.second, "Accept-Encoding");
         });
}

bool ResponseStream::Write(std::string_view piece) {
  if (piece.empty() || HasNoBody(status_)) return true;
  if (traits_.head_only) {
    counted_ += piece.size();
    return true;
  }
  if (!head_sent_ && deflater_ == nullptr && body_.empty() && MayCompress()) {
    deflater_ = std::make_unique<Deflater>(traits_.compression);
    net::SetHeader(headers_, "Content-Encoding",
                   traits_.compression == Compression::kGzip ? "gzip" : "deflate");
  }
  // In pieces, so that one huge piece does not fill memory while the client is slow.
  while (!piece.empty()) {
    const std::string_view part = piece.substr(0, kPieceBytes);
    piece.remove_prefix(part.size());
    if (deflater_ != nullptr) {
      deflater_->Feed(part, false, body_);
    } else {
      body_ += part;
    }
    if (body_.size() >= kPieceBytes) HandOver(false);
  }
  MutexLock lock(mutex_);
  return !gone_;
}

bool ResponseStream::Flush() {
  if (!HasNoBody(status_) && !traits_.head_only) HandOver(false);
  MutexLock lock(mutex_);
  return !gone_;
}

void ResponseStream::Finish() {
  if (std::exchange(aborted_, false)) return Fail();
  if (deflater_ != nullptr) deflater_->Feed({}, true, body_);
  HandOver(true);
}

void ResponseStream::Fail() {
  if (head_sent_) {
    {
      MutexLock lock(mutex_);
      finished_ = failed_ = true;
    }
    wake_();
    return;
  }
  deflater_ = nullptr;
  headers_.clear();
  body_.clear();
  status_ = 500;
  SetHeader("Content-Type", "text/plain; charset=utf-8");
  traits_.compression = Compression::kNone;
  Write("Internal Server Error\n");
  Finish();
}

std::string ResponseStream::Head(bool complete, std::size_t body_bytes) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", status_, ReasonPhrase(status_));
  const bool no_body = HasNoBody(status_);
  if (!no_body && body_bytes > 0 && !traits_.head_only &&
      FindHeader(headers_, "Content-Type") == nullptr) {
    SetHeader("Content-Type", "text/plain; charset=utf-8");
  }
  for (const auto& [name, value] : headers_) {
    if (value == "identity" && EqualsIgnoreCase(name, "Content-Encoding")) continue;
    out += fmt::format("{}: {}\r\n", name, value);
  }
  out += "Date: " + HttpDate(std::time(nullptr)) + "\r\n";
  if (no_body) {
  } else if (complete) {
    out += fmt::format("Content-Length: {}\r\n", body_bytes);
  } else if (traits_.minor_version >= 1) {
    out += "Transfer-Encoding: chunked\r\n";
  } else {
    traits_.keep_alive = false;  // Only the end of the connection can end the body.
  }
  if (!traits_.keep_alive) {
    out += "Connection: close\r\n";
  } else if (traits_.minor_version == 0) {
    out += "Connection: keep-alive\r\n";
  }
  return out + "\r\n";
}

void ResponseStream::HandOver(bool last) {
  std::string bytes;
  const bool whole = last && !head_sent_;
  const bool chunked = traits_.minor_version >= 1 && (head_sent_ || !last);
  if (!head_sent_) bytes = Head(last, traits_.head_only ? counted_ : body_.size());
  head_sent_ = true;
  if (chunked && !body_.empty()) {
    bytes += fmt::format("{:x}\r\n", body_.size());
    bytes += body_;
    bytes += "\r\n";
  } else {
    bytes += body_;
  }
  if (chunked && last) bytes += "0\r\n\r\n";
  body_.clear();
  {
    MutexLock lock(mutex_);
    while (!last && !gone_ && queue_.size() > kMaxQueuedBytes) room_.Wait(mutex_);
    if (!gone_) queue_.append(bytes, whole && send_now_ ? send_now_(bytes) : 0);
    finished_ = last;
  }
  wake_();
}

ResponseStream::Batch ResponseStream::Take() {
  MutexLock lock(mutex_);
  Batch batch;
  batch.bytes.swap(queue_);
  batch.finished = finished_;
  batch.keep_alive = finished_ && !failed_ && !gone_ && traits_.keep_alive;
  room_.NotifyOne();
  return batch;
}

void ResponseStream::Disconnect() {
  MutexLock lock(mutex_);
  gone_ = true;
  queue_.clear();
  room_.NotifyOne();
}

}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
#include "src/net/http1.h"

#include <fmt/core.h>

namespace narthex::net {
namespace {

constexpr int kMaxChunkOverheadBytes = 64 << 10;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool IsTokenChar(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr;
}

/// Takes one line (without its end) from the front. Bare LF ends a line, too; a CR inside does not.
bool TakeLine(std::string_view& text, std::string_view& line) {
  const std::size_t lf = text.find('\n');
  if (lf == std::string_view::npos) return false;
  line = text.substr(0, lf);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  text.remove_prefix(lf + 1);
  return true;
}

bool IsFieldValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u == '\t' || (u >= 0x20 && u != 0x7f);
  });
}

Status ParseHeaders(std::string_view text, HeaderList& headers) {
  std::string_view line;
  while (TakeLine(text, line) && !line.empty()) {
    // Folded lines and spaces before the colon are read differently by different parsers.
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) {
      return Fail(Code::kInvalidArgument, "malformed header name");
    }
    const std::string_view value = TrimSpace(line.substr(colon + 1));
    if (!IsFieldValue(value)) return Fail(Code::kInvalidArgument, "malformed header value");
    headers.emplace_back(line.substr(0, colon), value);
  }
  return {};
}

/// "HTTP/1.x" -> x; -1 when it is something else.
int MinorVersion(std::string_view text) {
  if (text.size() != 8 || text.substr(0, 7) != "HTTP/1." || (text[7] != '0' && text[7] != '1')) {
    return -1;
  }
  return text[7] - '0';
}

/// All Content-Length lines must agree.
Result<BodyFraming> LengthFraming(const HeaderList& headers) {
  BodyFraming framing;
  for (const auto& [name, value] : headers) {
    if (!EqualsIgnoreCase(name, "Content-Length")) continue;
    std::uint64_t length = 0;
    if (value.empty() || value.size() > 18)
      return Fail(Code::kInvalidArgument, "bad Content-Length");
    for (const char c : value) {
      if (c < '0' || c > '9') return Fail(Code::kInvalidArgument, "bad Content-Length");
      length = length * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (framing.kind == BodyKind::kLength && framing.length != length) {
      return Fail(Code::kInvalidArgument, "contradicting Content-Length");
    }
    framing = {BodyKind::kLength, length};
  }
  return framing;
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
  RequestHead out;
  std::string_view line;
  if (!TakeLine(head, line)) return Fail(Code::kInvalidArgument, "malformed request line");
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) {
    return Fail(Code::kInvalidArgument, "malformed request line");
  }
  const std::string_view target = line.substr(first + 1, last - first - 1);
  out.method = line.substr(0, first);
  out.target = target;
  out.minor_version = MinorVersion(line.substr(last + 1));
  if (!IsToken(out.method)) return Fail(Code::kInvalidArgument, "malformed method");
  if (out.minor_version < 0) return Fail(Code::kInvalidArgument, "malformed HTTP version");
  const bool printable = std::all_of(target.begin(), target.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
  });
  if (target.empty() || !printable) return Fail(Code::kInvalidArgument, "malformed request target");
  NX_RETURN_IF_ERROR(ParseHeaders(head, out.headers));
  return out;
}

Result<ResponseHead> ParseResponseHead(std::string_view head) {
  ResponseHead out;
  std::string_view line;
  TakeLine(head, line);
  const auto malformed = [&] {
    return Fail(Code::kInvalidArgument, fmt::format("malformed HTTP response \"{}\"", line));
  };
  if (line.size() < 12 || line[8] != ' ') return malformed();
  out.minor_version = MinorVersion(line.substr(0, 8));
  if (out.minor_version < 0) return malformed();
  for (const char c : line.substr(9, 3)) {
    if (c < '0' || c > '9') return malformed();
    out.status = out.status * 10 + (c - '0');
  }
  if (out.status < 100 || (line.size() > 12 && line[12] != ' ')) return malformed();
  if (line.size() > 13) out.reason = line.substr(13);
  NX_RETURN_IF_ERROR(ParseHeaders(head, out.headers));
  return out;
}

Result<BodyFraming> RequestFraming(const RequestHead& head) {
  const std::string* coding = nullptr;
  for (const auto& [name, value] : head.headers) {
    if (!EqualsIgnoreCase(name, "Transfer-Encoding")) continue;
    if (coding != nullptr) return Fail(Code::kInvalidArgument, "too many transfer encodings");
    coding = &value;
  }
  NX_ASSIGN_OR_RETURN(const BodyFraming length, LengthFraming(head.headers));
  if (coding == nullptr) return length;
  if (head.minor_version == 0 || !EqualsIgnoreCase(*coding, "chunked")) {
    return Fail(Code::kInvalidArgument, "unsupported transfer encoding");
  }
  if (length.kind == BodyKind::kLength) {
    return Fail(Code::kInvalidArgument, "both Transfer-Encoding and Content-Length");
  }
  return BodyFraming{BodyKind::kChunked, 0};
}

Result<BodyFraming> ResponseFraming(const ResponseHead& head, std::string_view method) {
  if (method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304) {
    return BodyFraming{};
  }
  if (const std::string* coding = FindHeader(head.headers, "Transfer-Encoding")) {
    if (!EqualsIgnoreCase(*coding, "chunked")) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("unsupported transfer encoding: \"{}\"", *coding));
    }
    return BodyFraming{BodyKind::kChunked, 0};
  }
  NX_ASSIGN_OR_RETURN(BodyFraming framing, LengthFraming(head.headers));
  if (framing.kind == BodyKind::kNone) framing.kind = BodyKind::kUntilClose;
  return framing;
}

bool KeepsAlive(const HeaderList& headers, int minor_version) {
  if (HeaderHasToken(headers, "Connection", "close")) return false;
  return minor_version >= 1 || HeaderHasToken(headers, "Connection", "keep-alive");
}

ChunkedDecoder::State ChunkedDecoder::Next(std::string_view& input, std::string_view& data) {
  while (where_ != Where::kDone) {
    if (where_ == Where::kData) {
      if (input.empty()) return State::kNeedMore;
      const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      data = input.substr(0, n);
      input.remove_prefix(n);
      left_ -= n;
      if (left_ == 0) where_ = Where::kDataCr;
      return State::kData;
    }
    if (input.empty()) return State::kNeedMore;
    const char c = input.front();
    input.remove_prefix(1);
    switch (where_) {
      case Where::kSize: {
        const char l = Lower(c);
        const bool digit = l >= '0' && l <= '9';
        if (digit || (l >= 'a' && l <= 'f')) {
          if (++digits_ > 15) return State::kError;
          left_ = left_ * 16 + static_cast<std::uint64_t>(digit ? l - '0' : l - 'a' + 10);
        } else if (digits_ == 0) {
          return State::kError;
        } else if (c == ';' || c == ' ' || c == '\t') {
          where_ = Where::kExtension;
        } else if (c == '\r') {
          where_ = Where::kSizeLf;
        } else {
          return State::kError;
        }
        break;
      }
      case Where::kExtension:
        if (++overhead_bytes_ > kMaxChunkOverheadBytes || c == '\n') return State::kError;
        if (c == '\r') where_ = Where::kSizeLf;
        break;
      case Where::kSizeLf:
        if (c != '\n') return State::kError;
        where_ = left_ == 0 ? Where::kTrailer : Where::kData;
        digits_ = 0;
        line_empty_ = true;
        break;
      case Where::kDataCr:
        if (c != '\r') return State::kError;
        where_ = Where::kDataLf;
        break;
      case Where::kDataLf:
        if (c != '\n') return State::kError;
        where_ = Where::kSize;
        break;
      case Where::kTrailer:
        if (++overhead_bytes_ > kMaxChunkOverheadBytes || c == '\n') return State::kError;
        if (c == '\r') {
          where_ = Where::kTrailerLf;
        } else {
          line_empty_ = false;
        }
        break;
      case Where::kTrailerLf:
        if (c != '\n') return State::kError;
        where_ = line_empty_ ? Where::kDone : Where::kTrailer;
        line_empty_ = true;
        break;
      case Where::kData:
      case Where::kDone:
        break;
    }
  }
  return State::kDone;
}

}  // namespace narthex::net

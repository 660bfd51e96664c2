// SPDX-License-Identifier: Apache-2.0
#include "src/net/response_lines.h"

#include <algorithm>
#include <deque>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/net/http1.h"

namespace narthex::net {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsNumber(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsDigit);
}

/// The lines before the empty one, without their ends, folded ones joined.
/// @param joined  has the texts of these
std::vector<std::string_view> Lines(std::string_view head, std::deque<std::string>& joined) {
  std::vector<std::string_view> lines;
  while (!head.empty()) {
    const std::size_t end = std::min(head.find('\n'), head.size());
    std::string_view line = head.substr(0, end);
    head.remove_prefix(std::min(end + 1, head.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    const bool folded = lines.size() > 1 && (line[0] == ' ' || line[0] == '\t');
    if (folded) {
      lines.back() = joined.emplace_back(fmt::format("{} {}", lines.back(), TrimSpace(line)));
    } else {
      lines.push_back(line);
    }
  }
  return lines;
}

Result<std::string> StatusLine(std::string_view line) {
  const auto bad = [](std::string_view what, std::string_view text) {
    return Fail(Code::kInvalidArgument, fmt::format("malformed HTTP {} {}", what, go::Quote(text)));
  };
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return bad("response", line);
  const std::string_view version = line.substr(0, space);
  std::string_view status = line.substr(space);
  status.remove_prefix(std::min(status.find_first_not_of(' '), status.size()));
  const std::string_view code = status.substr(0, status.find(' '));
  if (code.size() != 3 || !IsNumber(code) || code[0] == '0') return bad("status code", code);
  const bool known = version.size() == 8 && version.starts_with("HTTP/") && IsDigit(version[5]) &&
                     version[6] == '.' && IsDigit(version[7]);
  if (!known) return bad("version", version);
  // What says to speak a later one is understood as this one.
  const bool old = version[5] == '0' || version.ends_with("1.0");
  status.remove_prefix(std::min<std::size_t>(4, status.size()));
  return fmt::format("HTTP/1.{} {} {}\r\n", old ? '0' : '1', code, status);
}

/// Whether a line's name can be kept. Errors: what no client takes.
Result<bool> IsName(std::string_view name, std::string_view line) {
  if (name.empty()) return false;
  if (IsToken(name)) return true;
  std::string without_blanks(name);
  std::erase(without_blanks, ' ');
  if (without_blanks.empty() || IsToken(without_blanks)) return false;
  return Fail(Code::kInvalidArgument, fmt::format("malformed MIME header line: {}", line));
}

/// The one length that all lines tell.
Result<std::string> LengthOf(const std::vector<std::string>& lengths) {
  for (const std::string& other : lengths) {
    if (other == lengths[0]) continue;
    std::string all;
    for (const std::string& one : lengths) all += (all.empty() ? "" : " ") + go::Quote(one);
    return Fail(
        Code::kInvalidArgument,
        fmt::format("http: message cannot contain multiple Content-Length headers; got [{}]", all));
  }
  if (!IsNumber(lengths[0])) {
    return Fail(Code::kInvalidArgument, "bad Content-Length " + go::Quote(lengths[0]));
  }
  return lengths[0];
}

}  // namespace

Result<std::string> PlainResponseHead(std::string_view head) {
  std::deque<std::string> joined;
  const std::vector<std::string_view> lines = Lines(head, joined);
  if (lines.empty()) return Fail(Code::kInvalidArgument, "malformed HTTP response \"\"");
  NX_ASSIGN_OR_RETURN(std::string out, StatusLine(lines[0]));
  std::vector<std::string> lengths;
  out.reserve(head.size() + 32);
  bool chunked = false;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    const std::string_view line = lines[i];
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) {
      return Fail(Code::kInvalidArgument,
                  "malformed MIME header: missing colon: " + go::Quote(line));
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = TrimSpace(line.substr(colon + 1));
    NX_ASSIGN_OR_RETURN(const bool kept, IsName(name, line));
    if (!kept) continue;
    if (EqualsIgnoreCase(name, "Content-Length")) {
      lengths.emplace_back(value);
      continue;
    }
    chunked = chunked || EqualsIgnoreCase(name, "Transfer-Encoding");
    out.append(name).append(": ").append(value).append("\r\n");
  }
  // Chunks tell the length themselves.
  if (!lengths.empty() && !chunked) {
    NX_ASSIGN_OR_RETURN(const std::string length, LengthOf(lengths));
    out.append("Content-Length: ").append(length).append("\r\n");
  }
  return out + "\r\n";
}

}  // namespace narthex::net

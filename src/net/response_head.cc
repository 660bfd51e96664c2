// SPDX-License-Identifier: Apache-2.0
#include "src/net/response_head.h"

#include <algorithm>
#include <string_view>

#include <fmt/core.h>

namespace narthex::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kMaxHeadBytes = 1 << 20;

}  // namespace

asio::awaitable<Result<ResponseHead>> ReadResponseHead(Connection& connection,
                                                       std::span<char> scratch,
                                                       std::string& unread) {
  for (;;) {
    std::size_t searched = 0;
    std::size_t end = FindHeadEnd(unread, 0);
    while (end == std::string::npos) {
      if (unread.size() > kMaxHeadBytes) {
        co_return Fail(Code::kUnavailable,
                       "net/http: server response headers exceeded 1048576 bytes; aborted");
      }
      searched = unread.size();
      Result<std::size_t> n = co_await connection.Read(scratch);
      if (!n) co_return Fail(std::move(n).error());
      if (*n == 0) co_return Fail(Code::kUnavailable, unread.empty() ? "EOF" : "unexpected EOF");
      unread.append(scratch.data(), *n);
      // No server that speaks HTTP begins otherwise; don't wait for a line that never ends.
      if (searched == 0 &&
          !unread.starts_with(std::string_view("HTTP/").substr(0, unread.size()))) {
        const std::size_t line = std::min(unread.find_first_of("\r\n"), std::size_t{64});
        co_return Fail(Code::kUnavailable,
                       fmt::format("net/http: HTTP/1.x transport connection broken: malformed HTTP "
                                   "response \"{}\"",
                                   unread.substr(0, line)));
      }
      end = FindHeadEnd(unread, searched);
    }
    Result<ResponseHead> head = ParseResponseHead(std::string_view(unread).substr(0, end));
    unread.erase(0, end);
    if (!head) {
      co_return Fail(Code::kUnavailable,
                     "net/http: HTTP/1.x transport connection broken: " + head.error().message());
    }
    // Interim answers (100 Continue, 103 Early Hints) come before the real one.
    if (head->status >= 200 || head->status == 101) co_return head;
  }
}

}  // namespace narthex::net

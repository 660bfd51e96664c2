// SPDX-License-Identifier: Apache-2.0
#include "src/net/connect_tunnel.h"

#include <array>
#include <string>

#include <fmt/core.h>

#include "src/net/client_request.h"
#include "src/net/http1.h"
#include "src/net/response_head.h"

namespace narthex::net {
namespace asio = boost::asio;

namespace {

constexpr std::size_t kReadBytes = 1024;

Result<std::string> ConnectRequest(const Url& proxy, const Url& target, const Headers& headers) {
  const bool v6 = target.host.find(':') != std::string::npos;
  const std::string authority =
      fmt::format("{}{}{}:{}", v6 ? "[" : "", target.host, v6 ? "]" : "", target.port);
  std::string text = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n", authority);
  for (const auto& [name, value] : headers) NX_RETURN_IF_ERROR(AppendHeader(name, value, text));
  if (!proxy.userinfo.empty() && FindHeader(headers, "Proxy-Authorization") == nullptr) {
    text += "Proxy-Authorization: Basic " + Base64(proxy.userinfo) + "\r\n";
  }
  text += "\r\n";
  return text;
}

}  // namespace

asio::awaitable<Status> OpenConnectTunnel(Connection& connection, const Url& proxy,
                                          const Url& target, const Headers& headers) {
  const Result<std::string> text = ConnectRequest(proxy, target, headers);
  if (!text) co_return Fail(text.error());
  Status sent = co_await connection.Write(*text);
  if (!sent) co_return sent;
  std::array<char, kReadBytes> scratch;
  std::string unread;  // The target says nothing before it is spoken to.
  const Result<ResponseHead> head = co_await ReadResponseHead(connection, scratch, unread);
  if (!head) co_return Fail(head.error());
  if (head->status != 200) co_return Fail(Code::kUnavailable, head->reason);
  co_return Status{};
}

}  // namespace narthex::net

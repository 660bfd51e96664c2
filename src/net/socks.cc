// SPDX-License-Identifier: Apache-2.0
#include "src/net/socks.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <boost/asio/ip/address.hpp>
#include <fmt/core.h>

namespace narthex::net {
namespace asio = boost::asio;

namespace {

constexpr char kVersion = 5;
constexpr char kPasswordVersion = 1;
constexpr char kNoPassword = 0, kPassword = 2;
constexpr char kConnect = 1;
constexpr char kIpV4 = 1, kName = 3, kIpV6 = 4;
constexpr std::size_t kMaxText = 255;  // Lengths have one byte.

/// What a proxy may say instead of 0, in the words of Go's client.
std::string_view ReplyText(unsigned code) {
  constexpr std::array<std::string_view, 9> kTexts = {"succeeded",
                                                      "general SOCKS server failure",
                                                      "connection not allowed by ruleset",
                                                      "network unreachable",
                                                      "host unreachable",
                                                      "connection refused",
                                                      "TTL expired",
                                                      "command not supported",
                                                      "address type not supported"};
  return code < kTexts.size() ? kTexts.at(code) : "unknown code";
}

template <typename Bytes>
void AppendBytes(const Bytes& bytes, std::string& out) {
  for (const unsigned char byte : bytes) out += static_cast<char>(byte);
}

/// Of one proxy and one host.
class Handshake {
 public:
  Handshake(Connection& connection, const Url& proxy, const std::string& host, std::uint16_t port)
      : connection_(connection), proxy_(proxy), host_(host), port_(port) {}

  asio::awaitable<Status> Run() {
    const bool password = !proxy_.userinfo.empty();
    std::string hello = {kVersion, static_cast<char>(password ? 2 : 1), kNoPassword};
    if (password) hello += kPassword;
    Result<std::string> answer = co_await Ask(hello, 2);
    if (!answer) co_return Fail(std::move(answer).error());
    if ((*answer)[0] != kVersion) {
      co_return Refused(fmt::format("unexpected protocol version {}", Byte(*answer, 0)));
    }
    if ((*answer)[1] == kPassword && password) {
      Status known = co_await Authenticate();
      if (!known) co_return known;
    } else if ((*answer)[1] != kNoPassword) {
      co_return Refused("no acceptable authentication methods");
    }
    co_return co_await AskForHost();
  }

 private:
  static unsigned Byte(const std::string& text, std::size_t at) {
    return static_cast<unsigned char>(text[at]);
  }

  tl::unexpected<Error> Refused(std::string_view why) const {
    return Fail(Code::kUnavailable, fmt::format("socks connect tcp {}:{}->{}:{}: {}", proxy_.host,
                                                proxy_.port, host_, port_, why));
  }

  /// Sends it and reads exactly so many bytes.
  asio::awaitable<Result<std::string>> Ask(std::string bytes, std::size_t wanted) {
    Status sent = co_await connection_.Write(bytes);
    if (!sent) co_return Fail(std::move(sent).error());
    co_return co_await Read(wanted);
  }

  asio::awaitable<Result<std::string>> Read(std::size_t wanted) {
    std::string bytes(wanted, '\0');
    for (std::size_t got = 0; got < wanted;) {
      Result<std::size_t> n = co_await connection_.Read({bytes.data() + got, wanted - got});
      if (!n) co_return Fail(std::move(n).error());
      if (*n == 0) co_return Refused(got == 0 ? "EOF" : "unexpected EOF");
      got += *n;
    }
    co_return bytes;
  }

  asio::awaitable<Status> Authenticate() {
    const std::size_t colon = std::min(proxy_.userinfo.find(':'), proxy_.userinfo.size());
    const std::string user = proxy_.userinfo.substr(0, colon);
    const std::string password =
        proxy_.userinfo.substr(std::min(colon + 1, proxy_.userinfo.size()));
    if (user.empty() || user.size() > kMaxText || password.size() > kMaxText) {
      co_return Refused("invalid username/password");
    }
    std::string text = {kPasswordVersion, static_cast<char>(user.size())};
    text += user;
    text += static_cast<char>(password.size());
    text += password;
    Result<std::string> answer = co_await Ask(std::move(text), 2);
    if (!answer) co_return Fail(std::move(answer).error());
    if ((*answer)[1] != 0) co_return Refused("username/password authentication failed");
    co_return Status{};
  }

  asio::awaitable<Status> AskForHost() {
    std::string text = {kVersion, kConnect, 0};
    boost::system::error_code no_literal;
    const asio::ip::address literal = asio::ip::make_address(host_, no_literal);
    if (no_literal) {
      if (host_.size() > kMaxText) co_return Refused("FQDN too long");
      text += {kName, static_cast<char>(host_.size())};
      text += host_;
    } else if (literal.is_v4()) {
      text += kIpV4;
      AppendBytes(literal.to_v4().to_bytes(), text);
    } else {
      text += kIpV6;
      AppendBytes(literal.to_v6().to_bytes(), text);
    }
    text += static_cast<char>(port_ >> 8);
    text += static_cast<char>(port_ & 0xff);
    // The fifth byte tells how long what follows is, when that is a name.
    Result<std::string> answer = co_await Ask(std::move(text), 5);
    if (!answer) co_return Fail(std::move(answer).error());
    if ((*answer)[0] != kVersion) {
      co_return Refused(fmt::format("unexpected protocol version {}", Byte(*answer, 0)));
    }
    if ((*answer)[1] != 0) {
      co_return Refused(fmt::format("unknown error {}", ReplyText(Byte(*answer, 1))));
    }
    const char kind = (*answer)[3];
    if (kind != kIpV4 && kind != kIpV6 && kind != kName) {
      co_return Refused(fmt::format("unknown address type {}", Byte(*answer, 3)));
    }
    // The address from which the proxy connects, without the byte that was read, and its port.
    const std::size_t left = kind == kIpV4 ? 3 : kind == kIpV6 ? 15 : Byte(*answer, 4);
    Result<std::string> rest = co_await Read(left + 2);
    if (!rest) co_return Fail(std::move(rest).error());
    co_return Status{};
  }

  Connection& connection_;
  const Url& proxy_;
  const std::string& host_;
  const std::uint16_t port_;
};

}  // namespace

asio::awaitable<Status> OpenSocksTunnel(Connection& connection, const Url& proxy,
                                        const std::string& host, std::uint16_t port) {
  Handshake handshake(connection, proxy, host, port);
  co_return co_await handshake.Run();
}

}  // namespace narthex::net

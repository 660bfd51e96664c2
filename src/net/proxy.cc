// SPDX-License-Identifier: Apache-2.0
#include "src/net/proxy.h"

#include <algorithm>
#include <charconv>

#include "src/net/http1.h"
#include "src/net/url.h"

namespace narthex::net {

namespace {

using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

std::optional<address> ParseAddress(std::string_view text) {
  boost::system::error_code error;
  const address parsed = boost::asio::ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (parsed.is_v6() && parsed.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, parsed.to_v6());
  }
  return parsed;
}

struct HostPort {
  std::string_view host, port;
};

/// "host:port", "[v6]:port"; the whole as host when there is no port.
HostPort SplitPort(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return {text, {}};
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    return {host.substr(1, host.size() - 2), text.substr(colon + 1)};
  }
  const bool one_colon = host.find(':') == std::string_view::npos;
  return one_colon ? HostPort{host, text.substr(colon + 1)} : HostPort{text, {}};
}

/// The first or last address of a network: the bytes behind `bits` set to `fill`.
template <typename Bytes>
Bytes Filled(Bytes bytes, unsigned bits, std::uint8_t fill) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned before = static_cast<unsigned>(i) * 8;
    const unsigned kept = bits <= before ? 0 : std::min(bits - before, 8U);
    const auto mask = static_cast<std::uint8_t>(0xff00U >> kept);
    bytes[i] = static_cast<std::uint8_t>((bytes[i] & mask) | (fill & ~mask));
  }
  return bytes;
}

std::string FirstSet(const Environment& environment, const char* upper, const char* lower) {
  std::string value = environment(upper);
  return value.empty() ? environment(lower) : value;
}

/// A URL of scheme socks5 as which one with this prefix is read, or none.
std::optional<Result<Url>> ParseSocks(const std::string& text) {
  for (const std::string_view prefix : {"socks5://", "socks5h://"}) {
    if (!Lower(text.substr(0, prefix.size())).starts_with(prefix)) continue;
    Result<Url> url = ParseUrl("http://" + text.substr(prefix.size()));
    if (url) {
      url->scheme = "socks5";
      if (SplitPort(url->authority).port.empty()) url->port = 1080;
    }
    return url;
  }
  return std::nullopt;
}

Result<Url> ParseProxy(const std::string& text) {
  if (auto socks = ParseSocks(text)) return std::move(*socks);
  Result<Url> proxy = ParseUrl(text);
  // The environment's are often written without a scheme.
  if (!proxy && text.find("://") == std::string::npos) {
    if (Result<Url> plain = ParseUrl("http://" + text); plain) return plain;
  }
  return proxy;
}

}  // namespace

NoProxyList::NoProxyList(std::string_view text) {
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    Add(TrimSpace(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
}

std::optional<NoProxyList::Network> NoProxyList::ParseNetwork(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto base = ParseAddress(text.substr(0, slash));
  if (!base) return std::nullopt;
  const std::string_view digits = text.substr(slash + 1);
  unsigned bits = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  const unsigned most = base->is_v4() ? 32 : 128;
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      bits > most) {
    return std::nullopt;
  }
  if (base->is_v4()) {
    const auto bytes = base->to_v4().to_bytes();
    return Network{address_v4(Filled(bytes, bits, 0)), address_v4(Filled(bytes, bits, 0xff))};
  }
  const auto bytes = base->to_v6().to_bytes();
  return Network{address_v6(Filled(bytes, bits, 0)), address_v6(Filled(bytes, bits, 0xff))};
}

void NoProxyList::Add(std::string_view text) {
  if (text == "*") everything_ = true;
  if (const auto network = ParseNetwork(text)) {
    networks_.push_back(*network);
    return;
  }
  const auto [host, port] = SplitPort(text);
  if (host.empty() || host == "*") return;
  Entry entry;
  entry.address = ParseAddress(host);
  entry.port = port;
  if (!entry.address) {
    std::string name = Lower(host.starts_with("*.") ? host.substr(1) : host);
    entry.name_itself = !name.starts_with('.');
    entry.below = entry.name_itself ? "." + name : std::move(name);
  }
  entries_.push_back(std::move(entry));
}

bool NoProxyList::Contains(std::string_view host, std::uint16_t port) const {
  const std::string name = Lower(host);
  const auto address = ParseAddress(name);
  if (everything_ || name == "localhost" || (address && address->is_loopback())) return true;
  if (address) {
    for (const auto& [first, last] : networks_) {
      if (first.is_v4() == address->is_v4() && first <= *address && *address <= last) return true;
    }
  }
  const std::string port_text = std::to_string(port);
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    if (!entry.port.empty() && entry.port != port_text) return false;
    if (entry.address || address) return entry.address == address;
    return name.ends_with(entry.below) ||
           (entry.name_itself && name == std::string_view(entry.below).substr(1));
  });
}

ProxyRules::ProxyRules(const ProxyOptions& options, const Environment& environment)
    : http_(options.url), https_(options.url) {
  if (options.from_environment) {
    http_ = FirstSet(environment, "HTTP_PROXY", "http_proxy");
    https_ = FirstSet(environment, "HTTPS_PROXY", "https_proxy");
    direct_.emplace(FirstSet(environment, "NO_PROXY", "no_proxy"));
    in_cgi_ = !environment("REQUEST_METHOD").empty();
  } else if (!options.no_proxy.empty()) {
    direct_.emplace(options.no_proxy);
  }
}

Result<std::optional<Url>> ProxyRules::For(const Url& url) const {
  const std::string& text = url.scheme == "https" ? https_ : http_;
  if (text.empty()) return std::nullopt;
  if (in_cgi_ && url.scheme == "http") {
    return Fail(Code::kUnavailable,
                "refusing to use HTTP_PROXY value in CGI environment; see "
                "golang.org/s/cgihttpproxy");
  }
  if (direct_ && direct_->Contains(url.host, url.port)) return std::nullopt;
  NX_ASSIGN_OR_RETURN(Url proxy, ParseProxy(text));
  return std::optional<Url>(std::move(proxy));
}

}  // namespace narthex::net

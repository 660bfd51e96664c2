// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/sigv4.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "narthex/base/check.h"
#include "narthex/base/go_format.h"
#include "src/net/http1.h"
#include "src/net/url.h"

namespace narthex::net {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";

std::string Hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

std::string Sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const int ok =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr);
  NX_CHECK(ok == 1, "SHA-256 is part of OpenSSL");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

std::string Hmac(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const unsigned char* const done = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                                         reinterpret_cast<const unsigned char*>(bytes.data()),
                                         bytes.size(), digest.data(), &size);
  NX_CHECK(done != nullptr, "HMAC is part of OpenSSL");
  return {reinterpret_cast<const char*>(digest.data()), size};
}

/// RFC 3986: all but the unreserved characters as %XX.
std::string Escape(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~' || (c == '/' && keep_slash);
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// The path without empty parts, "." and "..", and escaped once more than it is in the request.
std::string CanonicalPath(std::string_view path) {
  std::vector<std::string_view> parts;
  const bool slash_at_end = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string out;
  for (const std::string_view part : parts) out.append("/").append(Escape(part, false));
  if (out.empty() || slash_at_end) out += '/';
  return out;
}

std::string CanonicalQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::string name;
    std::string value;
    PercentDecode(pair.substr(0, equals), true, name);
    PercentDecode(pair.substr(std::min(equals + 1, pair.size())), true, value);
    pairs.emplace_back(Escape(name, false), Escape(value, false));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

/// Without blanks at the ends; blanks within become one.
std::string CanonicalValue(std::string_view value) {
  std::string out;
  for (const char c : TrimSpace(value)) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

/// "20150830T123600Z"
std::string AmzDate(std::int64_t unix_seconds) {
  std::string text = go::FormatTime(unix_seconds * 1'000'000'000);  // 2015-08-30T12:36:00Z
  std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
  return text;
}

}  // namespace

void SignV4(ClientRequest& request, const AwsCredentials& credentials, std::string_view region,
            std::string_view service, std::int64_t unix_seconds) {
  const std::string date = AmzDate(unix_seconds);
  SetHeader(request.headers, "X-Amz-Date", date);
  if (!credentials.session_token.empty()) {
    SetHeader(request.headers, "X-Amz-Security-Token", credentials.session_token);
  }

  std::vector<std::pair<std::string, std::string>> headers = {{"host", Authority(request.url)}};
  for (const auto& [name, value] : request.headers) {
    const std::string lower = LowerCase(name);
    // The client's own words, and what a proxy may rewrite.
    if (lower == "authorization" || lower == "user-agent") continue;
    headers.emplace_back(lower, CanonicalValue(value));
  }
  std::stable_sort(headers.begin(), headers.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string lines;
  std::string names;
  for (const auto& [name, value] : headers) {
    lines.append(name).append(":").append(value).append("\n");
    if (!names.empty()) names += ';';
    names += name;
  }

  const std::string& target = request.url.target;
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string canonical =
      request.method + "\n" + CanonicalPath(std::string_view(target).substr(0, question)) + "\n" +
      CanonicalQuery(std::string_view(target).substr(std::min(question + 1, target.size()))) +
      "\n" + lines + "\n" + names + "\n" + Hex(Sha256(request.body));

  const std::string day = date.substr(0, 8);
  const std::string scope = fmt::format("{}/{}/{}/aws4_request", day, region, service);
  const std::string to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, date, scope, Hex(Sha256(canonical)));
  std::string key = "AWS4" + credentials.secret_key;
  for (const std::string_view part :
       {std::string_view(day), region, service, std::string_view("aws4_request")}) {
    key = Hmac(key, part);
  }
  SetHeader(request.headers, "Authorization",
            fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                        credentials.access_key, scope, names, Hex(Hmac(key, to_sign))));
}

}  // namespace narthex::net

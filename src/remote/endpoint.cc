// SPDX-License-Identifier: Apache-2.0
#include "src/remote/endpoint.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "narthex/base/clock.h"

namespace narthex::remote {
namespace {

constexpr std::size_t kMaxAnswerBytes = std::size_t{64} << 10;
constexpr std::size_t kMaxErrorBytes = 1024;  // Of an answer's text, in a message.

bool SameName(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view Find(const net::Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (SameName(key, name)) return value;
  }
  return {};
}

bool ReadCount(const net::Headers& headers, std::string_view name, std::uint64_t& count) {
  const std::string_view text = Find(headers, name);
  if (text.empty()) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) count = 0;
  return true;
}

}  // namespace

std::string WithoutPassword(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::string_view authority = url.substr(begin, url.find_first_of("/?#", begin) - begin);
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return std::string(url);
  const std::size_t colon = authority.find(':');
  if (colon > at) return std::string(url);
  std::string shown(url.substr(0, begin + colon));
  shown += ":xxxxx";
  return shown.append(url.substr(begin + at));
}

net::ClientRequest MakeRequest(const Endpoint& endpoint, int attempt) {
  const bool v1 = endpoint.version() == proto::WriteVersion::kV1;
  net::ClientRequest request;
  request.method = "POST";
  request.url = endpoint.url;
  request.timeout = std::chrono::milliseconds(endpoint.config.timeout_ms);
  request.max_body_bytes = kMaxAnswerBytes;
  request.headers = {
      {"Content-Encoding", "snappy"},
      {"Content-Type", v1 ? "application/x-protobuf"
                          : "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
      {"User-Agent", endpoint.client.user_agent},
      {"X-Prometheus-Remote-Write-Version", v1 ? "0.1.0" : "2.0.0"}};
  if (attempt > 0) request.headers.emplace_back("Retry-Attempt", std::to_string(attempt));
  for (const auto& header : endpoint.config.headers) request.headers.push_back(header);
  return request;
}

Written ReadWritten(const net::Headers& headers) {
  Written written;
  constexpr std::string_view kPrefix = "X-Prometheus-Remote-Write-";
  const auto name = [&](const char* kind) { return fmt::format("{}{}-Written", kPrefix, kind); };
  written.confirmed = ReadCount(headers, name("Samples"), written.samples);
  written.confirmed |= ReadCount(headers, name("Histograms"), written.histograms);
  written.confirmed |= ReadCount(headers, name("Exemplars"), written.exemplars);
  return written;
}

model::DurationMs ReadRetryAfter(std::string_view text, model::TimestampMs now_ms) {
  constexpr std::int64_t kMostSeconds = 3600;  // Whoever wants more can say so again.
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) {
    return std::clamp<std::int64_t>(seconds, 0, kMostSeconds) * 1000;
  }
  std::tm parts{};
  const std::string date(text);
  const char* rest = ::strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (rest == nullptr || *rest != '\0') return 0;
  seconds = static_cast<std::int64_t>(::timegm(&parts)) - now_ms / 1000;
  return std::clamp<std::int64_t>(seconds, 0, kMostSeconds) * 1000;
}

Backoff NextBackoff(model::DurationMs current_ms, model::DurationMs retry_after_ms,
                    model::DurationMs max_ms) {
  const model::DurationMs wait = retry_after_ms > 0 ? retry_after_ms : current_ms;
  return {wait, std::min(2 * wait, max_ms)};
}

Answer ReadAnswer(const Endpoint& endpoint, const net::ClientResponse& response,
                  std::string_view body, model::TimestampMs now_ms) {
  Answer answer;
  answer.written = ReadWritten(response.headers);
  if (response.status / 100 == 2) return answer;
  answer.error = fmt::format("server returned HTTP status {} {}: {}", response.status,
                             response.reason, body.substr(0, kMaxErrorBytes));
  const bool may_pass = response.status / 100 == 5 ||
                        (response.status == 429 && endpoint.config.queue.retry_on_http_429);
  answer.unauthorized = response.status == 401 || response.status == 403;
  answer.outcome = may_pass ? Outcome::kTryAgain : Outcome::kRefused;
  if (may_pass) {
    answer.retry_after_ms = ReadRetryAfter(Find(response.headers, "Retry-After"), now_ms);
  }
  return answer;
}

EndpointClient::EndpointClient(std::shared_ptr<const Endpoint> endpoint, const Clock& clock)
    : endpoint_(std::move(endpoint)), clock_(clock), client_(endpoint_->client) {}

Answer EndpointClient::Post(std::string& body, int attempt) {
  net::ClientRequest request = MakeRequest(*endpoint_, attempt);
  request.body.swap(body);
  // What the endpoint did with the request is in the head, whatever becomes of the text behind it.
  std::optional<net::ClientResponse> head;
  request.on_head = [&head](const net::ClientResponse& response) {
    head.reset();
    if (response.status / 100 != 3) head = response;
  };
  const auto post = [&]() -> Result<net::ClientResponse> {
    if (endpoint_->authorizer != nullptr) {
      NX_RETURN_IF_ERROR(endpoint_->authorizer->Authorize(request));
    }
    return client_.Do(request, answer_);
  };
  Result<net::ClientResponse> response = Fail(Code::kInternal, "");
  try {
    response = post();
  } catch (const std::exception& e) {
    response = Fail(Code::kUnavailable, e.what());
  }
  request.body.swap(body);
  const bool cancelled = !response && response.error().code() == Code::kCancelled;
  if (!response && head && !cancelled) response = std::move(*head);
  if (response) return ReadAnswer(*endpoint_, *response, answer_, clock_.NowMs());
  Answer answer;
  answer.outcome = cancelled ? Outcome::kCancelled : Outcome::kTryAgain;
  answer.error = response.error().message();
  return answer;
}

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/informer.h"

#include <algorithm>
#include <optional>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/core.h>

#include "narthex/base/log.h"

namespace narthex::scrape::kubernetes {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Of one page. A cluster with larger ones gets smaller pages. Parsed it takes sixteen times as
/// much at the worst.
constexpr std::size_t kMaxPageBytes = std::size_t{16} << 20;

/// Of a whole list. A cluster of 150'000 pods, the most that Kubernetes is made for, has half of
/// it.
constexpr std::size_t kMaxListBytes = std::size_t{4} << 30;
constexpr std::size_t kMaxObjects = 1'000'000;

/// A list with more pages than this has no end.
constexpr int kMaxPages = 20'000;

/// Of a failure's text in the log.
constexpr std::size_t kMaxLoggedBytes = 1024;

constexpr int kGone = 410;
constexpr int kTooManyRequests = 429;
constexpr int kInternalError = 500;

}  // namespace

Informer::Informer(const asio::any_io_executor& executor, const ApiAccess& access,
                   InformerScope scope, InformerTiming timing, ObjectSink& sink,
                   KubernetesMetrics& metrics)
    : access_(access),
      scope_(std::move(scope)),
      timing_(timing),
      sink_(sink),
      metrics_(metrics),
      client_(executor, access.options),
      timer_(executor),
      watch_spread_(std::uniform_int_distribution<std::chrono::seconds::rep>(
          0, timing.watch_timeout.count())(random_)) {}

void Informer::Cancel() {
  stopping_ = true;
  timer_.cancel();
  client_.Cancel();
}

asio::awaitable<void> Informer::Run() {
  while (!stopping_) {
    Next next = Next::kWait;
    try {
      if (version_.empty()) {
        next = co_await List();
      } else {
        next = co_await Watch();
      }
    } catch (const std::exception& e) {  // No memory for an answer, say.
      version_.clear();
      ListFailed(e.what());
    }
    if (next == Next::kWait && !stopping_) {
      co_await WaitAfterFailure();
    }
  }
}

net::ClientRequest Informer::Request(std::vector<std::pair<std::string, std::string>> query) const {
  query.emplace_back("labelSelector", scope_.label);
  query.emplace_back("fieldSelector", scope_.field);
  net::ClientRequest request;
  request.url = access_.base;
  request.url.target += PathOf(scope_.resource, scope_.space) + QueryOf(query);
  request.headers = {{"Accept", "application/json"}};
  return request;
}

asio::awaitable<Informer::Next> Informer::List() {
  std::vector<ObjectPtr> objects;
  std::string version, page;
  int num_pages = 0;
  std::size_t num_bytes = 0;
  do {
    net::ClientRequest request =
        Request({{"limit", std::to_string(page_size_)}, {"continue", page}});
    request.headers.emplace_back("Accept-Encoding", "gzip");
    request.timeout = timing_.list_timeout;
    request.max_body_bytes = kMaxPageBytes;
    std::string body;
    const auto start = steady_clock::now();
    const Result<net::ClientResponse> response = co_await client_.Do(request, body);
    if (stopping_) co_return Next::kGoOn;
    metrics_.CountRequest(response ? response->status : 0);
    metrics_.ObserveRequest(
        access_.base.target + PathOf(scope_.resource, scope_.space.empty() ? "" : "{namespace}"),
        std::chrono::duration<double>(steady_clock::now() - start).count());
    std::string why;
    if (!response) {
      why = response.error().message();
    } else if (response->body_too_large) {
      why =
          fmt::format("a page of {} objects has more than {} MiB", page_size_, kMaxPageBytes >> 20);
      page_size_ = std::max<std::uint64_t>(page_size_ / 4, 1);
    } else if (response->status != 200) {
      why = ParseApiError(response->status, response->reason, body).message;
    } else if (auto list = ParseList(scope_.resource, body); !list) {
      why = list.error().message();
    } else {
      std::move(list->objects.begin(), list->objects.end(), std::back_inserter(objects));
      version = std::move(list->version);
      page = std::move(list->next_page);
      num_bytes += body.size();
      if (!page.empty() && ++num_pages == kMaxPages) why = "the list has too many pages";
      if (num_bytes > kMaxListBytes) {
        why = fmt::format("the list has more than {} GiB", kMaxListBytes >> 30);
      } else if (objects.size() > kMaxObjects) {
        why = fmt::format("the list has more than {} objects", kMaxObjects);
      }
    }
    if (!why.empty()) {
      ListFailed(why);
      co_return Next::kWait;
    }
  } while (!page.empty());
  list_failure_.clear();
  sink_.Replace(scope_.resource, scope_.space, std::move(objects));
  version_ = std::move(version);
  co_return Next::kGoOn;
}

asio::awaitable<Informer::Next> Informer::Watch() {
  const std::chrono::seconds timeout = timing_.watch_timeout + watch_spread_;
  net::ClientRequest request = Request({{"watch", "true"},
                                        {"allowWatchBookmarks", "true"},
                                        {"resourceVersion", version_},
                                        {"timeoutSeconds", std::to_string(timeout.count())}});
  request.timeout = timeout + timing_.watch_grace;
  request.open_timeout = timing_.open_timeout;
  WatchReader reader(scope_.resource,
                     [this](WatchReader::Event event) { Handle(std::move(event)); });
  bool connected = false;
  std::optional<std::string> thrown;
  request.on_body = [&](std::string_view piece) {
    if (!std::exchange(connected, true)) metrics_.CountRequest(200);
    try {
      return reader.Feed(piece);
    } catch (const std::exception& e) {  // No memory for an event, say.
      thrown = e.what();
      return false;
    }
  };
  const auto start = steady_clock::now();
  std::string body;
  const Result<net::ClientResponse> response = co_await client_.Do(request, body);
  if (stopping_) co_return Next::kGoOn;
  if (thrown) co_return WatchFailed({kInternalError, *thrown}, true);
  if (connected) co_return WatchEnded(reader, response, steady_clock::now() - start);
  metrics_.CountRequest(response ? response->status : 0);
  if (!response) {
    const std::string& why = response.error().message();
    co_return WatchFailed({0, why}, why.find("connection refused") == std::string::npos);
  }
  const ApiError error = ParseApiError(response->status, response->reason, body);
  co_return WatchFailed(error, error.status != kTooManyRequests);
}

Informer::Next Informer::WatchEnded(const WatchReader& reader,
                                    const Result<net::ClientResponse>& response,
                                    steady_clock::duration lasted) {
  if (reader.error()) {
    ApiError error = *reader.error();
    // Whatever a broken event was about has to be looked up.
    if (error.status == 0) error.status = kInternalError;
    return WatchFailed(error, false);
  }
  const bool was_short = lasted < timing_.short_watch;
  if (was_short && reader.num_events() == 0) {
    version_.clear();
    Report("Failed to watch", "very short watch: it ended at once and without an event",
           watch_failure_);
    return Next::kWait;
  }
  // The end of a stream, in order or not, is the end of a watch: the next one goes on from here.
  if (!response && response.error().code() != Code::kTimeout &&
      !response.error().message().ends_with("unexpected EOF")) {
    Report("A watch was cut", response.error().message(), watch_failure_);
  }
  return was_short ? Next::kWait : Next::kGoOn;
}

void Informer::Handle(WatchReader::Event event) {
  switch (event.type) {
    case WatchReader::Event::Type::kPut:
      sink_.Put(scope_.resource, scope_.space, std::move(event.object));
      break;
    case WatchReader::Event::Type::kRemove:
      sink_.Remove(scope_.resource, scope_.space, event.object->Key());
      break;
    case WatchReader::Event::Type::kBookmark:
      break;
  }
  if (!event.version.empty()) version_ = std::move(event.version);
  watch_failure_.clear();
}

Informer::Next Informer::WatchFailed(const ApiError& error, bool counts) {
  if (error.status != 0 && error.status != kTooManyRequests) version_.clear();
  if (counts) metrics_.CountFailure();
  // That the server has forgotten what came after the version is no fault of anybody.
  if (error.status != kGone) Report("Failed to watch", error.message, watch_failure_);
  return Next::kWait;
}

void Informer::ListFailed(const std::string& why) {
  metrics_.CountFailure();
  Report("Failed to list", why, list_failure_);
}

asio::awaitable<void> Informer::WaitAfterFailure() {
  const auto now = steady_clock::now();
  if (now - last_failure_ > timing_.forget_failures) num_failures_ = 0;
  last_failure_ = now;
  milliseconds delay = timing_.min_backoff;
  for (std::uint32_t i = 0; i < num_failures_ && delay < timing_.max_backoff; ++i) delay *= 2;
  ++num_failures_;
  delay = std::min(delay, timing_.max_backoff);
  delay +=
      milliseconds(std::uniform_int_distribution<milliseconds::rep>(0, delay.count())(random_));
  timer_.expires_after(delay);
  co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void Informer::Report(std::string_view what, const std::string& why, std::string& last) {
  std::string kind = FailureKind(why);
  kind.resize(std::min(kind.size(), kMaxLoggedBytes));
  if (last == kind) return;
  last = std::move(kind);
  log::Error(what, {{"discovery", "kubernetes"},
                    {"resource", PluralOf(scope_.resource)},
                    {"namespace", scope_.space},
                    {"err", std::string_view(why).substr(0, kMaxLoggedBytes)}});
}

}  // namespace narthex::scrape::kubernetes

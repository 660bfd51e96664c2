// SPDX-License-Identifier: Apache-2.0
//
// Keeps up with all objects of one resource: a list, then a watch that goes on from where the list,
// or the watch before it, has ended.
// Source: client-go's Reflector.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "narthex/net/http_client.h"
#include "scrape/answers/kubernetes/api_messages.h"
#include "scrape/discovery/kubernetes/api.h"
#include "scrape/discovery/kubernetes/metrics.h"

namespace narthex::scrape::kubernetes {

/// Times of the conversation with the API server.
struct InformerTiming {
  std::chrono::milliseconds min_backoff{800};  // Doubled after each failure …
  std::chrono::milliseconds max_backoff{30'000};
  std::chrono::milliseconds forget_failures{120'000};  // … until there was none for this long.
  std::chrono::milliseconds list_timeout{120'000};     // Of one page.
  std::chrono::seconds watch_timeout{300};  // Up to twice as long; the server ends a watch then.
  std::chrono::milliseconds open_timeout{30'000};  // To send the request for a watch.
  std::chrono::seconds watch_grace{30};            // Then we do.
  std::chrono::milliseconds short_watch{1'000};    // After a shorter one there is a pause.
};

/// What is to be watched.
struct InformerScope {
  Resource resource;
  std::string space;         // "" = all namespaces.
  std::string label, field;  // Selectors.
};

/// Takes what an informer finds. Called on the executor's thread.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  virtual void Replace(Resource resource, const std::string& space,
                       std::vector<ObjectPtr> objects) = 0;
  virtual void Put(Resource resource, const std::string& space, ObjectPtr object) = 0;
  virtual void Remove(Resource resource, const std::string& space, const std::string& key) = 0;
};

/// Thread safety: the executor's thread.
class Informer final {
 public:
  /// @param sink, metrics  not owned, outlive the object
  Informer(const boost::asio::any_io_executor& executor, const ApiAccess& access,
           InformerScope scope, InformerTiming timing, ObjectSink& sink,
           KubernetesMetrics& metrics);
  Informer(const Informer&) = delete;
  Informer& operator=(const Informer&) = delete;

  /// Runs until Cancel. Failures are counted, logged and tried again; the sink keeps what it has.
  boost::asio::awaitable<void> Run();
  void Cancel();

 private:
  enum class Next : std::uint8_t { kGoOn, kWait };  // Wait a while first.

  boost::asio::awaitable<Next> List();
  boost::asio::awaitable<Next> Watch();
  boost::asio::awaitable<void> WaitAfterFailure();
  net::ClientRequest Request(std::vector<std::pair<std::string, std::string>> query) const;
  void Handle(WatchReader::Event event);
  /// What follows a watch whose answer has begun.
  Next WatchEnded(const WatchReader& reader, const Result<net::ClientResponse>& response,
                  std::chrono::steady_clock::duration lasted);
  /// After a failure: lists anew but when the server asks for patience or can't be reached.
  Next WatchFailed(const ApiError& error, bool counts);
  void ListFailed(const std::string& why);
  /// Logs a failure when it is of another kind than the `last` that was logged.
  void Report(std::string_view what, const std::string& why, std::string& last);

  const ApiAccess access_;
  const InformerScope scope_;
  const InformerTiming timing_;
  ObjectSink& sink_;
  KubernetesMetrics& metrics_;
  net::HttpClient client_;
  boost::asio::steady_timer timer_;
  std::minstd_rand random_{std::random_device()()};
  /// Watches of many clients shall not all end at the same time.
  const std::chrono::seconds watch_spread_;
  bool stopping_ = false;

  std::string version_;  // Of the last list or event that the sink has; "" = a list is due.
  std::uint64_t page_size_ = 500;
  std::uint32_t num_failures_ = 0;
  std::chrono::steady_clock::time_point last_failure_{};
  std::string list_failure_, watch_failure_;  // Kinds of those logged last.
};

}  // namespace narthex::scrape::kubernetes

// SPDX-License-Identifier: Apache-2.0
//
// A scrape session of one target on a RecordingStorage, for tests that hand it bodies.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scrape/loop/scrape_session.h"
#include "tests/scrape/recording_storage.h"

namespace narthex::scrape {

inline constexpr model::TimestampMs kStart = 1'000'000;

class ScrapeSessionTest : public ::testing::Test {
 protected:
  /// Call after `config` is as wanted.
  ScrapeSession& session() {
    if (session_ == nullptr) {
      Target::Identity identity;
      identity.labels = {{"__address__", "h:1"}, {"job", "j"}, {"instance", "h:1"}};
      identity.url = "http://h:1/metrics";
      identity.interval_ms = 1000;
      identity.timeout_ms = 500;
      target = std::make_shared<Target>(identity, model::Labels());
      session_ = std::make_unique<ScrapeSession>(std::make_shared<config::ScrapeConfig>(config),
                                                 target, storage, metrics, options);
    }
    return *session_;
  }

  Status Ingest(std::string body, model::TimestampMs t, Status fetch = {}) {
    Fetched fetched;
    fetched.status = std::move(fetch);
    fetched.content_type = content_type;
    fetched.body_bytes = body.size();
    buffers->body = std::move(body);
    return session().Ingest(fetched, *buffers, t, t, [] { return 0.25; });
  }

  static model::Labels Series(
      std::string_view name, std::vector<std::pair<std::string_view, std::string_view>> more = {}) {
    std::vector<std::pair<std::string_view, std::string_view>> pairs = {
        {"__name__", name}, {"job", "j"}, {"instance", "h:1"}};
    for (const auto& pair : more) pairs.push_back(pair);
    return model::Labels::FromPairs(std::move(pairs));
  }
  std::string Samples(std::string_view name) { return storage.Samples(Series(name)); }

  config::ScrapeConfig config;
  std::string content_type = "text/plain; version=0.0.4";
  SessionOptions options;
  metrics::Registry registry;
  ScrapeMetrics metrics{registry};
  RecordingStorage storage;
  std::shared_ptr<Target> target;
  std::unique_ptr<ScrapeBuffers> buffers = std::make_unique<ScrapeBuffers>();

 private:
  std::unique_ptr<ScrapeSession> session_;
};

}  // namespace narthex::scrape

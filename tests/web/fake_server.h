// SPDX-License-Identifier: Apache-2.0
//
// The API over a storage in memory and fakes of everything else; requests go straight to the
// router.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/net/http_server.h"
#include "narthex/promql/engine.h"
#include "narthex/web/api.h"
#include "tests/support/fake_clock.h"
#include "tests/support/memory_storage.h"

namespace narthex::web {

struct Answer : net::ResponseWriter {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  bool aborted = false;
  bool connected = true;
  std::function<void()> on_write = {};
  void SetStatus(int s) override { status = s; }
  void SetHeader(std::string_view name, std::string_view value) override {
    headers[std::string(name)] = value;
  }
  void AddHeader(std::string_view name, std::string_view value) override {
    std::string& lines = headers[std::string(name)];
    lines += lines.empty() ? "" : ", ";
    lines += value;
  }
  bool Write(std::string_view piece) override {
    body += piece;
    if (on_write) on_write();
    return connected;
  }
  void Abort() override { aborted = true; }
};

struct FakeStatus final : StatusSource {
  ServerState state = ServerState::kReady;
  std::vector<std::string> blocks;
  model::Labels external;
  std::vector<Notification> notifications;
  std::size_t asked_limit = 0;

  ServerState State() const override { return state; }
  std::string ConfigYaml() const override { return "global: {}\n"; }
  std::vector<std::pair<std::string, std::string>> Flags() const override {
    return {{"query.timeout", "2m"}, {"web.route-prefix", "/"}};
  }
  RuntimeInfo Runtime() const override {
    RuntimeInfo info;
    info.start_time_ns = 1'700'000'000'500'000'000;
    info.cwd = "/";
    info.hostname = "h";
    info.storage_retention = "15d";
    return info;
  }
  BuildInfo Build() const override { return {"3.14.0", "r", "b", "u", "d", "g"}; }
  Result<TsdbStatus> Tsdb(std::size_t) const override {
    TsdbStatus tsdb;
    tsdb.num_series = 2;
    tsdb.min_time = -5;
    tsdb.series_by_metric_name = {{"up", 2}};
    return tsdb;
  }
  std::vector<std::string> BlockMetas() const override { return blocks; }
  WalReplayStatus WalReplay() const override { return {1, 3, 2}; }
  std::vector<Notification> Notifications() const override { return notifications; }
  model::Labels ExternalLabels() const override { return external; }
};

struct FakeTargets final : TargetRetriever {
  std::vector<ActiveTarget> active;
  std::vector<DroppedTarget> dropped;
  std::vector<std::pair<model::Labels, TargetMetadata>> metadata;
  std::vector<model::RelabelConfig> rules;  // Of the pool "a".

  std::vector<std::string> ScrapePools() const override { return {"a", "b"}; }
  std::vector<ActiveTarget> ActiveTargets(std::string_view pool) const override {
    std::vector<ActiveTarget> out;
    for (const auto& t : active) {
      if (pool.empty() || t.scrape_pool == pool) out.push_back(t);
    }
    return out;
  }
  std::vector<DroppedTarget> DroppedTargets(std::string_view pool) const override {
    std::vector<DroppedTarget> out;
    for (const auto& t : dropped) {
      if (pool.empty() || t.scrape_pool == pool) out.push_back(t);
    }
    return out;
  }
  std::vector<std::pair<std::string, std::int64_t>> DroppedCounts() const override {
    return {{"a", 0}, {"b", 7}};
  }
  std::optional<std::vector<model::RelabelConfig>> RelabelConfigs(
      std::string_view pool) const override {
    if (pool != "a") return {};
    return rules;
  }
  void VisitMetadata(std::string_view metric,
                     const std::function<bool(const model::Labels&, const TargetMetadata&)>& visit)
      const override {
    for (const auto& [target, entry] : metadata) {
      if (!metric.empty() && entry.metric != metric) continue;
      if (!visit(target, entry)) return;
    }
  }
};

struct FakeRules final : RulesRetriever {
  std::vector<RuleGroupStatus> groups;
  std::vector<RuleGroupStatus> RuleGroups(bool) const override { return groups; }
};

struct FakeLifecycle final : Lifecycle {
  Status reload;
  int reloads = 0;
  int quits = 0;
  Status Reload() override {
    ++reloads;
    return reload;
  }
  bool Quit() override { return quits++ == 0; }
};

struct FakeAdmin final : TsdbAdmin {
  std::vector<std::string> calls;
  Status DeleteSeries(model::TimestampMs mint, model::TimestampMs maxt,
                      std::span<const model::Matcher> matchers) override {
    std::string call = "delete " + std::to_string(mint) + " " + std::to_string(maxt);
    for (const auto& m : matchers) call += " " + m.ToString();
    calls.push_back(call);
    return {};
  }
  Status CleanTombstones() override {
    calls.push_back("clean");
    return {};
  }
  Result<std::string> Snapshot(bool with_head) override {
    calls.push_back(with_head ? "snapshot" : "snapshot without head");
    return "name";
  }
};

class FakeServer {
 public:
  /// To be changed before the first request.
  ApiOptions options;
  FakeStatus status;
  FakeTargets targets;
  FakeRules rules;
  FakeLifecycle lifecycle;
  FakeAdmin admin;
  testing::FakeClock clock{1'700'000'000'000};
  testing::MemoryStorage storage;
  metrics::Registry registry;
  // Null = the server has no such part.
  storage::Queryable* queryable = nullptr;  // Null = `storage`.
  storage::Appendable* appendable = nullptr;
  OtlpReceiver* otlp = nullptr;
  PushGateway* push = nullptr;
  storage::ChunkQueryable* chunks = nullptr;
  std::function<Status(const storage::EncodedChunk&, storage::TypedSamples&)> decode_chunk;
  const ExemplarSource* exemplars = nullptr;
  const ConsoleRenderer* consoles = nullptr;

  void Add(const model::Labels& labels, const std::vector<model::Sample>& samples) {
    const auto appender = storage.NewAppender();
    for (const auto& sample : samples) {
      storage::SeriesRef ref{0};
      ASSERT_EQ(storage::AppendError::kNone, appender->Append(ref, labels, sample.t, sample.v));
    }
    ASSERT_TRUE(appender->Commit());
  }
  void AddHistogram(const model::Labels& labels, model::TimestampMs t,
                    const model::FloatHistogram& h) {
    const auto appender = storage.NewAppender();
    storage::SeriesRef ref{0};
    ASSERT_EQ(storage::AppendError::kNone, appender->AppendFloatHistogram(ref, labels, t, h));
    ASSERT_TRUE(appender->Commit());
  }

  net::Router& router() {
    if (!registered_) {
      const Status registered =
          RegisterApi(router_, {.engine = options.agent_mode ? nullptr : &engine_,
                                .queryable = queryable != nullptr ? *queryable : storage,
                                .registry = registry,
                                .clock = clock,
                                .status = status,
                                .targets = &targets,
                                .rules = &rules,
                                .lifecycle = &lifecycle,
                                .admin = &admin,
                                .exemplars = exemplars,
                                .consoles = consoles,
                                .appendable = appendable,
                                .otlp = otlp,
                                .push = push,
                                .chunks = chunks,
                                .decode_chunk = decode_chunk,
                                .options = options});
      EXPECT_TRUE(registered);
      registered_ = true;
    }
    return router_;
  }

  /// @param url  path and query, encoded
  Answer Ask(const std::string& method, const std::string& url, const std::string& form = "",
             std::vector<std::pair<std::string, std::string>> headers = {}) {
    net::ServerRequest request;
    request.method = method;
    const std::size_t query = std::min(url.find('?'), url.size());
    request.path = url.substr(0, query);
    if (query < url.size()) request.raw_query = url.substr(query + 1);
    request.headers = std::move(headers);
    if (!form.empty()) {
      request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
      request.body = form;
    }
    Answer answer;
    router().Dispatch(request, answer);
    return answer;
  }
  Answer Post(const std::string& url, std::string body,
              std::vector<std::pair<std::string, std::string>> headers = {},
              std::function<void()> on_write = {}) {
    net::ServerRequest request;
    request.method = "POST";
    request.path = url;
    request.headers = std::move(headers);
    request.body = std::move(body);
    Answer answer;
    answer.on_write = std::move(on_write);
    router().Dispatch(request, answer);
    return answer;
  }
  std::string MetricsText() {
    std::string text;
    registry.WriteText(text);
    return text;
  }
  Answer Get(const std::string& url) { return Ask("GET", url); }

 private:
  promql::Engine engine_{promql::EngineOptions{}, nullptr, clock, registry};
  net::Router router_;
  bool registered_ = false;
};

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/consul_discoverer.h"

#include <atomic>
#include <new>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "tests/scrape/sd_fixture.h"
#include "tests/support/fake_http_server.h"

namespace narthex::scrape {
namespace {

using testing::FakeHttpServer;

/// An agent with blocking queries: one index for all that it knows.
class FakeConsul {
 public:
  FakeConsul() : server_([this](const auto& request) { return Answer(request); }) {}
  ~FakeConsul() {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }

  /// A service without instances is gone. @param instances  addresses of nodes
  void Set(const std::string& service, const std::vector<std::string>& instances,
           const std::string& tags = "") {
    MutexLock lock(mutex_);
    ++index_;
    services_[service] = {instances, tags};
    if (instances.empty()) services_.erase(service);
    changed_.NotifyAll();
  }
  void SetFailing(bool failing) {
    MutexLock lock(mutex_);
    failing_ = failing;
    ++index_;
    changed_.NotifyAll();
  }
  /// Waits until a target was asked for that many times.
  void WaitForRequests(const std::string& start, int n) {
    MutexLock lock(mutex_);
    while (CountLocked(start) < n) changed_.Wait(mutex_);
  }
  int Count(const std::string& start) {
    MutexLock lock(mutex_);
    return CountLocked(start);
  }
  std::string Address() const { return server_.Address(); }

 private:
  struct Service {
    std::vector<std::string> instances;
    std::string tags;
  };

  int CountLocked(const std::string& start) const NX_REQUIRES(mutex_) {
    int count = 0;
    for (const std::string& target : requests_) count += target.starts_with(start) ? 1 : 0;
    return count;
  }

  FakeHttpServer::Response Answer(const FakeHttpServer::Request& request) {
    MutexLock lock(mutex_);
    requests_.push_back(request.target);
    changed_.NotifyAll();
    const std::string path = request.target.substr(0, request.target.find('?'));
    const std::size_t at = request.target.find("index=");
    const int index = at == std::string::npos ? 0 : std::stoi(request.target.substr(at + 6));
    const bool blocks = path != "/v1/agent/self";
    while (blocks && !failing_ && !stopping_ && index_ <= index) changed_.Wait(mutex_);
    if (failing_) return {.body = "No cluster leader", .status = "500 Internal Server Error"};
    FakeHttpServer::Response response{.body = ""};
    response.headers = fmt::format("X-Consul-Index: {}\r\n", index_);
    if (path == "/v1/agent/self") {
      response.body = R"({"Config": {"Datacenter": "dc1"}})";
    } else if (path == "/v1/catalog/services") {
      response.body = R"({"consul": [])";
      for (const auto& [name, service] : services_) {
        response.body += fmt::format(R"(, "{}": [{}])", name, service.tags);
      }
      response.body += "}";
    } else {
      const auto service = services_.find(path.substr(path.rfind('/') + 1));
      const std::vector<std::string> none;
      for (const std::string& address :
           service == services_.end() ? none : service->second.instances) {
        response.body += fmt::format(
            R"({}{{"Node": {{"Address": "{}"}}, "Service": {{"Port": 80}}, "Checks": []}})",
            response.body.empty() ? "" : ",", address);
      }
      response.body = "[" + response.body + "]";
    }
    return response;
  }

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Service> services_ NX_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ NX_GUARDED_BY(mutex_);
  int index_ NX_GUARDED_BY(mutex_) = 1;
  bool failing_ NX_GUARDED_BY(mutex_) = false;
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  FakeHttpServer server_;  // Last: its threads use all of the above.
};

class ConsulDiscovererTest : public SdTest {
 protected:
  std::unique_ptr<Discoverer> Make(config::ConsulSdConfig config, std::size_t services = 100) {
    config.server = consul.Address();
    config.refresh_interval_ms = 1;
    auto made = ConsulDiscoverer::Make(
        config, context(), {.retry = std::chrono::milliseconds(1), .services = services});
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return std::move(*made);
  }
  static std::vector<std::string> Instances(const std::vector<std::string>& addresses) {
    std::vector<std::string> texts;
    for (const std::string& address : addresses) {
      texts.push_back(fmt::format(
          R"({{__address__="{0}:80", __meta_consul_address="{0}", __meta_consul_health="passing", )"
          R"(__meta_consul_service_port="80", __meta_consul_tags=",,"}})",
          address));
    }
    return texts;
  }

  FakeConsul consul;
};

TEST_F(ConsulDiscovererTest, FollowsTheCatalog) {
  consul.Set("web", {"10.0.0.1"});
  config::ConsulSdConfig config;
  config.tags = {"blue"};
  auto discoverer = Make(config);
  consul.Set("web", {"10.0.0.1"}, R"("blue", "x")");
  consul.Set("db", {"10.0.0.9"}, R"("x")");
  discoverer->Start(Record());
  WaitForSources({"web"});
  EXPECT_EQ(Targets("web"), Instances({"10.0.0.1"}));
  EXPECT_EQ(GroupLabels("web"), R"({__meta_consul_dc="dc1", __meta_consul_service="web"})");
  EXPECT_EQ(consul.Count("/v1/health/service/db"), 0);
  consul.Set("cache", {"10.0.0.2", "10.0.0.3"}, R"("blue")");
  WaitForSources({"web", "cache"});
  EXPECT_EQ(Targets("cache"), Instances({"10.0.0.2", "10.0.0.3"}));
  consul.Set("web", {});
  WaitForSources({"cache"});
  discoverer->Stop();
  EXPECT_EQ(consul.Count("/v1/agent/self"), 1);
  EXPECT_EQ(CounterValue("prometheus_sd_consul_rpc_failures_total"), 0u);
}

TEST_F(ConsulDiscovererTest, NamedServicesNeedNoCatalog) {
  consul.Set("web", {"10.0.0.1"});
  config::ConsulSdConfig config;
  config.services = {"web", "later", "web"};
  config.datacenter = "dc7";
  auto discoverer = Make(config);
  discoverer->Start(Record());
  WaitForSources({"web"});
  consul.Set("later", {"10.0.0.2"});
  WaitForSources({"web", "later"});
  EXPECT_EQ(GroupLabels("later"), R"({__meta_consul_dc="dc7", __meta_consul_service="later"})");
  consul.Set("web", {});  // It may come back.
  WaitForSources({"later"});
  discoverer->Stop();
  EXPECT_EQ(consul.Count("/v1/agent/self"), 0);
  EXPECT_EQ(consul.Count("/v1/catalog/services"), 0);
}

TEST_F(ConsulDiscovererTest, FailuresKeepWhatWasFoundAndAreTriedAgain) {
  consul.Set("web", {"10.0.0.1"});
  auto discoverer = Make({});
  discoverer->Start(Record());
  WaitForSources({"web"});
  consul.SetFailing(true);
  const int before = consul.Count("/v1/health/service/web");
  consul.WaitForRequests("/v1/health/service/web", before + 2);
  EXPECT_EQ(Targets("web"), Instances({"10.0.0.1"}));
  EXPECT_GT(CounterValue("prometheus_sd_consul_rpc_failures_total"), 0u);
  consul.SetFailing(false);
  consul.Set("web", {"10.0.0.2"});
  WaitForTargets("web", Instances({"10.0.0.2"}));
  discoverer->Stop();
}

TEST_F(ConsulDiscovererTest, AnExceptionBeginsAWatchAgain) {
  consul.Set("web", {"10.0.0.1"});
  auto discoverer = Make({});
  std::atomic<int> calls = 0;
  discoverer->Start([&, record = Record()](TargetUpdate update) {
    if (++calls == 1) throw std::bad_alloc();
    record(std::move(update));
  });
  WaitForSources({"web"});
  discoverer->Stop();
  EXPECT_EQ(CounterValue("prometheus_sd_consul_rpc_failures_total"), 1u);
}

TEST_F(ConsulDiscovererTest, WatchesAreBounded) {
  consul.Set("a", {"10.0.0.1"}, R"("x")");
  consul.Set("b", {"10.0.0.2"}, R"("x")");
  consul.Set("c", {"10.0.0.3"}, R"("x")");
  config::ConsulSdConfig config;
  config.tags = {"x"};
  auto discoverer = Make(config, 2);
  discoverer->Start(Record());
  WaitForSources({"a", "b"});
  EXPECT_EQ(consul.Count("/v1/health/service/c"), 0);
  EXPECT_GT(CounterValue("prometheus_sd_consul_rpc_failures_total"), 0u);
  consul.Set("a", {});  // Makes room.
  WaitForSources({"b", "c"});
  discoverer->Stop();
}

TEST_F(ConsulDiscovererTest, TheDatacenterIsAskedForUntilItIsKnown) {
  consul.SetFailing(true);
  auto discoverer = Make({});
  discoverer->Start(Record());
  consul.WaitForRequests("/v1/agent/self", 2);
  EXPECT_EQ(consul.Count("/v1/catalog/services"), 0);
  consul.SetFailing(false);
  consul.WaitForRequests("/v1/catalog/services", 1);
  discoverer->Stop();
}

TEST_F(ConsulDiscovererTest, StopEndsBlockingQueriesAndWaits) {
  consul.Set("web", {"10.0.0.1"});
  config::ConsulSdConfig config;
  config.server = consul.Address();
  auto made = ConsulDiscoverer::Make(config, context());  // Waits 30 s between two queries.
  ASSERT_TRUE(made.has_value());
  (*made)->Start(Record());
  WaitForSources({"web"});
  (*made)->Stop();
  auto blocked = Make({});
  blocked->Start(Record());
  consul.WaitForRequests("/v1/catalog/services?index=", 1);
  blocked->Stop();
  blocked->Stop();  // Idempotent.
}

TEST_F(ConsulDiscovererTest, AWrongAddressKeepsItFromStarting) {
  config::ConsulSdConfig config;
  config.server = "unix:///run/consul";
  const auto made = ConsulDiscoverer::Make(config, context());
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().message(), "Unknown protocol scheme: unix");
}

}  // namespace
}  // namespace narthex::scrape

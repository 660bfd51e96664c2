// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/kubernetes_discoverer.h"

#include <new>
#include <sstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "narthex/base/mutex.h"
#include "tests/scrape/kubernetes/fake_api.h"

namespace narthex::scrape::kubernetes {
namespace {

using std::chrono::milliseconds;

constexpr const char* kPods = "/api/v1/pods";

std::string Pod(const std::string& name, const std::string& ip, int version) {
  return "{'metadata': {'name': '" + name + "', 'namespace': 'ns', 'resourceVersion': '" +
         std::to_string(version) + "'}, 'spec': {'containers': [{'name': 'c'}]}, 'status': {" +
         "'podIP': '" + ip + "'}}";
}
std::string List(int version, const std::string& items, const std::string& next = "") {
  return "{'metadata': {'resourceVersion': '" + std::to_string(version) + "', 'continue': '" +
         next + "'}, 'items': [" + items + "]}";
}
std::string Event(const std::string& type, const std::string& object) {
  return "{'type': '" + type + "', 'object': " + object + "}";
}

class KubernetesDiscovererTest : public ::testing::Test {
 protected:
  void Start() {
    config.api_server = api.url();
    auto access = FindApi(config, {});
    ASSERT_TRUE(access) << access.error().message();
    // Failures are not waited for, and no watch is too short.
    discoverer = std::make_unique<KubernetesDiscoverer>(
        config, std::move(*access), registry,
        InformerTiming{.min_backoff = milliseconds(1),
                       .max_backoff = milliseconds(1),
                       .list_timeout = list_timeout,
                       .watch_timeout = std::chrono::seconds(1000),
                       .short_watch = short_watch});
    discoverer->Start([this](TargetUpdate update) {
      MutexLock lock(mutex);
      EXPECT_FALSE(update.complete);
      for (const config::TargetGroup& group : update.groups) {
        if (group.targets.empty()) {
          addresses.erase(group.source);
        } else {
          addresses[group.source] = group.targets[0].Get("__address__");
        }
      }
      changed.NotifyAll();
    });
  }
  /// Waits until these are the addresses by source, "" = not there.
  void Expect(const std::map<std::string, std::string>& wanted) {
    MutexLock lock(mutex);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (addresses != wanted && std::chrono::steady_clock::now() < end) {
      changed.WaitFor(mutex, std::chrono::seconds(1));
    }
    EXPECT_EQ(wanted, addresses);
  }
  std::string Metric(const std::string& name) const {
    std::string text;
    registry.WriteText(text);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(name + " ")) return line.substr(name.size() + 1);
    }
    return "none";
  }
  static std::string Param(const std::string& request, const std::string& name) {
    const std::size_t at = request.find(name + "=");
    if (at == std::string::npos) return "";
    const std::size_t from = at + name.size() + 1;
    return request.substr(from, std::min(request.find('&', from), request.size()) - from);
  }

  FakeApi api;
  metrics::Registry registry;
  config::KubernetesSdConfig config;
  milliseconds list_timeout{20'000};
  milliseconds short_watch{0};
  Mutex mutex;
  CondVar changed;
  std::map<std::string, std::string> addresses;
  std::unique_ptr<KubernetesDiscoverer> discoverer;  // Last: its thread uses the above.
};

TEST_F(KubernetesDiscovererTest, ListsPagesThenWatches) {
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3), "page-2"));
  api.Answer(kPods, 200, List(10, Pod("b", "2.2.2.2", 4)));
  Start();
  Expect({{"pod/ns/a", "1.1.1.1"}, {"pod/ns/b", "2.2.2.2"}});
  EXPECT_EQ("/api/v1/pods?limit=500", api.Request(0));
  EXPECT_EQ("/api/v1/pods?limit=500&continue=page-2", api.Request(1));
  const std::string watch = api.Request(2);
  EXPECT_EQ("true", Param(watch, "watch"));
  EXPECT_EQ("true", Param(watch, "allowWatchBookmarks"));
  EXPECT_EQ("10", Param(watch, "resourceVersion"));
  EXPECT_GE(std::stoi(Param(watch, "timeoutSeconds")), 1000);
  EXPECT_LE(std::stoi(Param(watch, "timeoutSeconds")), 2000);

  api.Send(kPods, Event("ADDED", Pod("c", "3.3.3.3", 11)));
  api.Send(kPods, Event("MODIFIED", Pod("a", "1.1.1.2", 12)));
  api.Send(kPods, Event("DELETED", Pod("b", "2.2.2.2", 13)));
  Expect({{"pod/ns/a", "1.1.1.2"}, {"pod/ns/c", "3.3.3.3"}});
  EXPECT_EQ("0", Metric("prometheus_sd_kubernetes_failures_total"));
  EXPECT_EQ("3", Metric("prometheus_sd_kubernetes_http_request_total{status_code=\"200\"}"));
}

TEST_F(KubernetesDiscovererTest, ACutWatchGoesOnFromWhereItWas) {
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3)));
  Start();
  Expect({{"pod/ns/a", "1.1.1.1"}});
  api.Send(kPods, Event("ADDED", Pod("b", "2.2.2.2", 11)));
  api.Send(kPods, Event("BOOKMARK", "{'metadata': {'resourceVersion': '15'}}"));
  api.Cut(kPods);
  EXPECT_EQ("15", Param(api.Request(2), "resourceVersion"));
  Expect({{"pod/ns/a", "1.1.1.1"}, {"pod/ns/b", "2.2.2.2"}});
  api.Send(kPods, Event("DELETED", Pod("a", "1.1.1.1", 16)));
  Expect({{"pod/ns/b", "2.2.2.2"}});
  EXPECT_EQ("0", Metric("prometheus_sd_kubernetes_failures_total"));
}

TEST_F(KubernetesDiscovererTest, AnExpiredVersionIsListedAnew) {
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3)));
  Start();
  Expect({{"pod/ns/a", "1.1.1.1"}});
  const std::string gone =
      "{'kind': 'Status', 'code': 410, 'message': 'too old', "
      "'reason': 'Expired'}";
  api.Send(kPods, Event("ERROR", gone));
  api.Answer(kPods, 200, List(20, Pod("b", "2.2.2.2", 18)));
  Expect({{"pod/ns/b", "2.2.2.2"}});
  EXPECT_EQ("/api/v1/pods?limit=500", api.Request(2));
  EXPECT_EQ("20", Param(api.Request(3), "resourceVersion"));

  api.Answer(kPods, 410, gone);  // As the answer to the watch itself.
  api.Answer(kPods, 200, List(30, Pod("c", "3.3.3.3", 25)));
  Expect({{"pod/ns/c", "3.3.3.3"}});
  EXPECT_EQ("1", Metric("prometheus_sd_kubernetes_failures_total"));
}

TEST_F(KubernetesDiscovererTest, AnErrorOnTheWatchIsListedAnew) {
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3)));
  Start();
  Expect({{"pod/ns/a", "1.1.1.1"}});
  api.Send(kPods, Event("ERROR", "{'kind': 'Status', 'code': 500, 'message': 'etcd is away'}"));
  api.Answer(kPods, 200, List(20, Pod("b", "2.2.2.2", 18)));
  Expect({{"pod/ns/b", "2.2.2.2"}});
  api.Send(kPods, Event("ERROR", "{'kind': 'Status', 'code': 429, 'message': 'slow down'}"));
  EXPECT_EQ("20", Param(api.Request(4), "resourceVersion"));  // Only this one is patience.
  EXPECT_EQ("0", Metric("prometheus_sd_kubernetes_failures_total"));
}

TEST_F(KubernetesDiscovererTest, AVeryShortWatchIsListedAnew) {
  short_watch = std::chrono::hours(1);
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3)));
  Start();
  Expect({{"pod/ns/a", "1.1.1.1"}});
  api.Cut(kPods);
  api.Answer(kPods, 200, List(20, Pod("b", "2.2.2.2", 18)));
  Expect({{"pod/ns/b", "2.2.2.2"}});
  api.Send(kPods, Event("ADDED", Pod("c", "3.3.3.3", 21)));
  api.Cut(kPods);  // With an event it was a watch.
  EXPECT_EQ("21", Param(api.Request(4), "resourceVersion"));
  EXPECT_EQ("0", Metric("prometheus_sd_kubernetes_failures_total"));
}

TEST_F(KubernetesDiscovererTest, FailuresKeepTheTargets) {
  api.Answer(kPods, 503, "<html>");
  api.Answer(kPods, 200, "{'metadata': {'resourceVersion': 5}}");
  api.Answer(kPods, 200, "no JSON");
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3)));
  Start();
  Expect({{"pod/ns/a", "1.1.1.1"}});
  EXPECT_EQ("3", Metric("prometheus_sd_kubernetes_failures_total"));
  api.Answer(kPods, 403, "{'kind': 'Status', 'message': 'no', 'code': 403}");
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3)));
  api.Answer(kPods, 429, "slow down");
  EXPECT_EQ("/api/v1/pods?limit=500", api.Request(5));
  EXPECT_EQ("10", Param(api.Request(7), "resourceVersion"));  // The third try of the watch.
  api.Send(kPods, Event("ADDED", Pod("b", "2.2.2.2", 11)));
  Expect({{"pod/ns/a", "1.1.1.1"}, {"pod/ns/b", "2.2.2.2"}});
  EXPECT_EQ("4", Metric("prometheus_sd_kubernetes_failures_total"));

  api.Send(kPods, "garbage");  // Nobody knows what was in it.
  api.Answer(kPods, 200, List(20, Pod("b", "2.2.2.2", 11)));
  Expect({{"pod/ns/b", "2.2.2.2"}});
  EXPECT_EQ("4", Metric("prometheus_sd_kubernetes_failures_total"));
}

TEST_F(KubernetesDiscovererTest, AHungListIsTriedAgain) {
  list_timeout = milliseconds(50);
  Start();
  EXPECT_EQ("/api/v1/pods?limit=500", api.Request(1));  // The first one got no answer.
}

TEST_F(KubernetesDiscovererTest, WatchesEachNamespaceAndWhatIsRelated) {
  config.role = config::KubernetesRole::kEndpoints;
  config.namespaces = {"x", "y"};
  config.attach.node = true;
  config.selectors = {{config::KubernetesRole::kPod, "app=a", "status.phase=Running"}};
  const auto endpoints = [](const std::string& space, const std::string& ip) {
    return "{'metadata': {'name': 'e', 'namespace': '" + space +
           "'}, 'subsets': [{'addresses': [{'ip': '" + ip + "'}], 'ports': [{'port': 1}]}]}";
  };
  for (const std::string space : {"x", "y"}) {
    const std::string prefix = "/api/v1/namespaces/" + space;
    api.Answer(prefix + "/endpoints", 200, List(1, endpoints(space, "1.1.1.1")));
    api.Answer(prefix + "/services", 200, List(1, ""));
    api.Answer(prefix + "/pods", 200, List(1, ""));
  }
  Start();
  // An informer that watches has passed its list on.
  std::set<std::string> lists;
  int num_watches = 0;
  for (std::size_t i = 0; lists.size() < 7 || num_watches < 6; ++i) {
    const std::string request = api.Request(i);
    ASSERT_NE("", request);
    if (request.find("watch=true") == std::string::npos) {
      lists.insert(request);
    } else {
      ++num_watches;
    }
  }
  EXPECT_EQ(
      (std::set<std::string>{
          "/api/v1/namespaces/x/endpoints?limit=500", "/api/v1/namespaces/x/services?limit=500",
          "/api/v1/namespaces/x/pods?limit=500&labelSelector=app%3Da&"
          "fieldSelector=status.phase%3DRunning",
          "/api/v1/namespaces/y/endpoints?limit=500", "/api/v1/namespaces/y/services?limit=500",
          "/api/v1/namespaces/y/pods?limit=500&labelSelector=app%3Da&"
          "fieldSelector=status.phase%3DRunning",
          "/api/v1/nodes?limit=500"}),
      lists);
  Expect({});  // The nodes are still to come.
  api.Answer("/api/v1/nodes", 200, List(1, ""));
  Expect({{"endpoints/x/e", "1.1.1.1:1"}, {"endpoints/y/e", "1.1.1.1:1"}});
  api.Send("/api/v1/namespaces/y/endpoints", Event("MODIFIED", endpoints("y", "2.2.2.2")));
  Expect({{"endpoints/x/e", "1.1.1.1:1"}, {"endpoints/y/e", "2.2.2.2:1"}});
}

TEST(InformerTest, AnEventThatTheSinkCannotTakeIsListedAgain) {
  struct Sink final : ObjectSink {
    void Replace(Resource /*resource*/, const std::string& /*space*/,
                 std::vector<ObjectPtr> /*objects*/) override {
      if (++num_lists == 2) informer->Cancel();
    }
    void Put(Resource /*resource*/, const std::string& /*space*/, ObjectPtr /*object*/) override {
      throw std::bad_alloc();
    }
    void Remove(Resource /*resource*/, const std::string& /*space*/,
                const std::string& /*key*/) override {}

    Informer* informer = nullptr;
    int num_lists = 0;
  };
  FakeApi api;
  api.Answer(kPods, 200, List(10, ""));
  api.Send(kPods, Event("ADDED", Pod("a", "1.1.1.1", 11)));
  api.Answer(kPods, 200, List(20, ""));
  config::KubernetesSdConfig config;
  config.api_server = api.url();
  const auto access = FindApi(config, {});
  ASSERT_TRUE(access) << access.error().message();
  metrics::Registry registry;
  KubernetesMetrics metrics(registry);
  boost::asio::io_context context;
  Sink sink;
  Informer informer(context.get_executor(), *access, {Resource::kPod, "", "", ""},
                    {.min_backoff = milliseconds(1), .max_backoff = milliseconds(1)}, sink,
                    metrics);
  sink.informer = &informer;
  boost::asio::co_spawn(context, informer.Run(), boost::asio::detached);
  context.run_for(std::chrono::seconds(20));
  EXPECT_EQ(2, sink.num_lists);
  informer.Cancel();
  context.run();
}

TEST_F(KubernetesDiscovererTest, StopsDuringAnyRequest) {
  Start();  // The list gets no answer.
  api.Request(0);
  discoverer->Stop();
  discoverer->Stop();
  api.Answer(kPods, 200, List(10, Pod("a", "1.1.1.1", 3)));
  Start();
  Expect({{"pod/ns/a", "1.1.1.1"}});
  api.Request(2);  // The watch hangs, too.
  discoverer.reset();
}

TEST_F(KubernetesDiscovererTest, StopsWithoutAServer) {
  config.api_server = "http://127.0.0.1:1";
  auto access = FindApi(config, {});
  ASSERT_TRUE(access);
  KubernetesDiscoverer refused(config, std::move(*access), registry);
  refused.Start([](const TargetUpdate&) { ADD_FAILURE(); });
  refused.Stop();
}

}  // namespace
}  // namespace narthex::scrape::kubernetes

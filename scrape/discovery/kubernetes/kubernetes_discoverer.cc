// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/kubernetes_discoverer.h"

#include <map>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "narthex/base/log.h"
#include "narthex/base/mutex.h"
#include "narthex/net/io_pool.h"
#include "scrape/discovery/kubernetes/role_targets.h"

namespace narthex::scrape::kubernetes {

namespace asio = boost::asio;

namespace {

/// Changes that come within this time are passed on together. A pod that starts changes several
/// times, and the endpoints objects that it is in with it.
constexpr std::chrono::milliseconds kGather{100};

std::optional<config::KubernetesRole> RoleOf(Resource resource) {
  switch (resource) {
    case Resource::kPod:
      return config::KubernetesRole::kPod;
    case Resource::kService:
      return config::KubernetesRole::kService;
    case Resource::kNode:
      return config::KubernetesRole::kNode;
    case Resource::kEndpoints:
      return config::KubernetesRole::kEndpoints;
    case Resource::kEndpointSlice:
      return config::KubernetesRole::kEndpointSlice;
    case Resource::kIngress:
      return config::KubernetesRole::kIngress;
    default:
      return std::nullopt;
  }
}

InformerScope ScopeOf(const config::KubernetesSdConfig& config, Resource resource,
                      const std::string& space) {
  InformerScope scope{resource, space, "", ""};
  const auto role = RoleOf(resource);
  for (const config::KubernetesSelector& selector : config.selectors) {
    if (selector.role != role) continue;
    scope.label = selector.label;
    scope.field = selector.field;
  }
  return scope;
}

}  // namespace

/// Everything but Start and Stop happens on the one thread of `pool`.
struct KubernetesDiscoverer::Impl final : ObjectSink {
  Impl(const config::KubernetesSdConfig& sd, ApiAccess api, metrics::Registry& registry,
       InformerTiming informer_timing)
      : config(sd),
        access(std::move(api)),
        timing(informer_timing),
        metrics(registry),
        pool("sd-k8s", 1),
        gather(pool.context(0)) {
    // Nodes are in no namespace, so one view of them is all.
    if (config.role == config::KubernetesRole::kNode) access.namespaces = {""};
    const std::vector<Resource> resources = ResourcesOf(config);
    for (const std::string& space : access.namespaces) {
      targets.try_emplace(space, config, metrics);
      for (const Resource resource : resources) {
        if (!IsClusterWide(resource)) AddInformer(resource, space);
      }
    }
    for (const Resource resource : resources) {
      if (IsClusterWide(resource)) AddInformer(resource, "");
    }
  }

  void AddInformer(Resource resource, const std::string& space) {
    informers.push_back(std::make_unique<Informer>(pool.context(0).get_executor(), access,
                                                   ScopeOf(config, resource, space), timing, *this,
                                                   metrics));
  }

  /// Nodes and namespaces belong to the targets of all namespaces.
  template <typename Visit>
  void Each(Resource resource, const std::string& space, const Visit& visit) {
    for (auto& [name, role_targets] : targets) {
      if (IsClusterWide(resource) || name == space) visit(role_targets);
    }
  }

  void Replace(Resource resource, const std::string& space,
               std::vector<ObjectPtr> objects) override {
    Each(resource, space, [&](RoleTargets& view) { view.Replace(resource, objects); });
    Flush();
  }
  void Put(Resource resource, const std::string& space, ObjectPtr object) override {
    Each(resource, space, [&](RoleTargets& view) { view.Put(resource, object); });
    FlushSoon();
  }
  void Remove(Resource resource, const std::string& space, const std::string& key) override {
    Each(resource, space, [&](RoleTargets& view) { view.Remove(resource, key); });
    FlushSoon();
  }

  void FlushSoon() {
    if (gathering) return;
    gathering = true;
    gather.expires_after(kGather);
    gather.async_wait([this](const boost::system::error_code& error) {
      gathering = false;
      if (!error) Flush();
    });
  }

  void Flush() {
    std::vector<config::TargetGroup> changes;
    for (auto& [space, role_targets] : targets) {
      std::vector<config::TargetGroup> some = role_targets.TakeChanges();
      std::move(some.begin(), some.end(), std::back_inserter(changes));
    }
    if (!changes.empty() && !stopping) update(TargetUpdate(std::move(changes), false));
  }

  void Start(Update on_update) {
    update = std::move(on_update);
    {
      MutexLock lock(mutex);
      running = informers.size();
    }
    for (const auto& informer : informers) {
      asio::co_spawn(pool.context(0), informer->Run(),
                     [this](const std::exception_ptr& thrown) { Ended(thrown); });
    }
    pool.Start();
    started = true;
  }

  void Ended(const std::exception_ptr& thrown) {
    try {
      if (thrown != nullptr) std::rethrow_exception(thrown);
    } catch (const std::exception& e) {
      log::Error("A watch of the Kubernetes API has ended", {{"err", e.what()}});
    }
    MutexLock lock(mutex);
    --running;
    ended.NotifyAll();
  }

  void Stop() {
    if (!started) return;
    started = false;
    asio::post(pool.context(0), [this] {
      stopping = true;
      gather.cancel();
      for (const auto& informer : informers) informer->Cancel();
    });
    {
      MutexLock lock(mutex);
      while (running > 0) ended.Wait(mutex);
    }
    pool.Stop();
  }

  const config::KubernetesSdConfig config;
  ApiAccess access;
  const InformerTiming timing;
  KubernetesMetrics metrics;
  Update update;
  bool started = false;

  net::IoPool pool;
  asio::steady_timer gather;  // Ends the wait for further changes.
  bool gathering = false;
  bool stopping = false;
  std::map<std::string, RoleTargets> targets;  // By namespace.
  std::vector<std::unique_ptr<Informer>> informers;

  Mutex mutex;
  CondVar ended;
  std::size_t running NX_GUARDED_BY(mutex) = 0;  // Informers.
};

Result<std::unique_ptr<Discoverer>> KubernetesDiscoverer::Make(
    const config::KubernetesSdConfig& config, metrics::Registry& registry) {
  NX_ASSIGN_OR_RETURN(ApiAccess access, FindApi(config, OwnEnvironment()));
  return std::make_unique<KubernetesDiscoverer>(config, std::move(access), registry);
}

KubernetesDiscoverer::KubernetesDiscoverer(const config::KubernetesSdConfig& config,
                                           ApiAccess access, metrics::Registry& registry,
                                           InformerTiming timing)
    : impl_(std::make_unique<Impl>(config, std::move(access), registry, timing)) {}

KubernetesDiscoverer::~KubernetesDiscoverer() { Stop(); }

void KubernetesDiscoverer::Start(Update update) { impl_->Start(std::move(update)); }

void KubernetesDiscoverer::Stop() { impl_->Stop(); }

}  // namespace narthex::scrape::kubernetes

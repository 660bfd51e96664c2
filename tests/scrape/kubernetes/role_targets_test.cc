// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/role_targets.h"

#include "tests/scrape/kubernetes/fixture.h"

namespace narthex::scrape::kubernetes {
namespace {

using Role = config::KubernetesRole;

class RoleTargetsTest : public ::testing::Test {
 protected:
  RoleTargets Make(Role role, config::KubernetesAttachMetadata attach = {}) {
    config::KubernetesSdConfig config;
    config.role = role;
    config.attach = attach;
    return RoleTargets(config, metrics);
  }
  static ObjectPtr Pod(const std::string& name, const std::string& ip = "1.1.1.1",
                       const std::string& more = "") {
    return Read(Resource::kPod, "{'metadata': {'name': '" + name +
                                    "', 'namespace': 'ns', 'resourceVersion': '" +
                                    std::to_string(++version) +
                                    "'}, 'spec': {'nodeName': 'node', 'containers': [{'name': 'c'}]"
                                    "}, 'status': {'podIP': '" +
                                    ip + "'" + more + "}}");
  }
  /// "pod/ns/a=1 pod/ns/b=0": sources of the changed groups and how many targets they have.
  static std::string Changes(RoleTargets& targets) {
    std::string text;
    for (const config::TargetGroup& group : targets.TakeChanges()) {
      text += (text.empty() ? "" : " ") + group.source + "=" + std::to_string(group.targets.size());
    }
    return text;
  }
  std::set<std::string> Events() const {
    std::string all;
    std::set<std::string> events;
    registry.WriteText(all);
    std::istringstream lines(all);
    constexpr std::string_view kName = "prometheus_sd_kubernetes_events_total{event=";
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(kName) && !line.ends_with(" 0")) {
        events.insert(line.substr(kName.size()));
      }
    }
    return events;
  }

  static inline int version = 0;
  metrics::Registry registry;
  KubernetesMetrics metrics{registry};
};

TEST_F(RoleTargetsTest, TellsWhatHasChanged) {
  RoleTargets targets = Make(Role::kPod);
  EXPECT_EQ("", Changes(targets));
  targets.Replace(Resource::kPod, {Pod("a"), Pod("b"), Pod("waiting", "")});
  EXPECT_EQ("pod/ns/a=1 pod/ns/b=1 pod/ns/waiting=0", Changes(targets));
  EXPECT_EQ("", Changes(targets));
  targets.Put(Resource::kPod, Pod("a", "2.2.2.2"));
  targets.Put(Resource::kPod, Pod("c"));
  EXPECT_EQ("pod/ns/a=1 pod/ns/c=1", Changes(targets));
  targets.Put(Resource::kPod, Pod("a", "2.2.2.2", ", 'message': 'x'"));
  EXPECT_EQ("", Changes(targets));  // Nothing that targets are made of.
  targets.Remove(Resource::kPod, "ns/b");
  targets.Remove(Resource::kPod, "ns/unknown");
  targets.Put(Resource::kPod, Pod("short-lived"));
  targets.Remove(Resource::kPod, "ns/short-lived");
  EXPECT_EQ("pod/ns/b=0", Changes(targets));
  EXPECT_EQ((std::set<std::string>{R"("add",role="pod"} 5)", R"("delete",role="pod"} 2)",
                                   R"("update",role="pod"} 2)"}),
            Events());
}

TEST_F(RoleTargetsTest, ANewListTakesWhatIsGone) {
  RoleTargets targets = Make(Role::kPod);
  targets.Replace(Resource::kPod, {Pod("a"), Pod("b")});
  EXPECT_EQ("pod/ns/a=1 pod/ns/b=1", Changes(targets));
  targets.Replace(Resource::kPod, {Pod("b"), Pod("c")});
  EXPECT_EQ("pod/ns/a=0 pod/ns/c=1", Changes(targets));
}

TEST_F(RoleTargetsTest, WaitsUntilEverythingIsListed) {
  RoleTargets targets = Make(Role::kEndpoints, {.node = true});
  const ObjectPtr endpoints = Read(Resource::kEndpoints, R"({
      'metadata': {'name': 'e', 'namespace': 'ns'},
      'subsets': [{'addresses': [{'ip': '1.1.1.1',
        'targetRef': {'kind': 'Pod', 'namespace': 'ns', 'name': 'a'}}], 'ports': [{'port': 1}]}]})");
  targets.Replace(Resource::kEndpoints, {endpoints});
  targets.Replace(Resource::kService, {});
  targets.Replace(Resource::kPod, {});
  EXPECT_EQ("", Changes(targets));
  targets.Replace(Resource::kNode, {});
  EXPECT_EQ("endpoints/ns/e=1", Changes(targets));
}

TEST_F(RoleTargetsTest, FollowsWhatGroupsAreMadeOf) {
  RoleTargets targets = Make(Role::kEndpointSlice, {.space = true});
  const auto slice = [](const std::string& name, const std::string& pod) {
    return Read(Resource::kEndpointSlice, "{'metadata': {'name': '" + name +
                                              "', 'namespace': 'ns', 'labels': "
                                              "{'kubernetes.io/service-name': 's'}}, 'endpoints': "
                                              "[{'addresses': ['1.1.1.1'], 'targetRef': {'kind': "
                                              "'Pod', 'namespace': 'ns', 'name': '" +
                                              pod + "'}}], 'ports': [{'port': 1}]}");
  };
  const auto service = [](const std::string& label) {
    return Read(Resource::kService,
                "{'metadata': {'name': 's', 'namespace': 'ns', 'labels': {'x': '" + label + "'}}}");
  };
  for (const Resource resource : {Resource::kService, Resource::kPod, Resource::kNamespace}) {
    targets.Replace(resource, {});
  }
  targets.Replace(Resource::kEndpointSlice, {slice("one", "a"), slice("two", "b")});
  EXPECT_EQ("endpointslice/ns/one=1 endpointslice/ns/two=1", Changes(targets));
  targets.Put(Resource::kPod, Pod("a"));  // The slice was seen before its pod.
  EXPECT_EQ("endpointslice/ns/one=1", Changes(targets));
  targets.Put(Resource::kPod, Pod("a", "1.1.1.1", ", 'phase': 'Failed'"));
  EXPECT_EQ("endpointslice/ns/one=1", Changes(targets));
  targets.Put(Resource::kService, service("1"));
  EXPECT_EQ("endpointslice/ns/one=1 endpointslice/ns/two=1", Changes(targets));
  targets.Put(Resource::kNamespace,
              Read(Resource::kNamespace, "{'metadata': {'name': 'ns', 'labels': {'l': 'v'}}}"));
  EXPECT_EQ("endpointslice/ns/one=1 endpointslice/ns/two=1", Changes(targets));
  targets.Put(Resource::kEndpointSlice, slice("one", "b"));
  EXPECT_EQ("endpointslice/ns/one=1", Changes(targets));
  targets.Put(Resource::kPod, Pod("a", "9.9.9.9"));  // Nobody's any more.
  EXPECT_EQ("", Changes(targets));
  targets.Put(Resource::kPod, Pod("b"));
  EXPECT_EQ("endpointslice/ns/one=1 endpointslice/ns/two=1", Changes(targets));
  targets.Remove(Resource::kPod, "ns/b");
  EXPECT_EQ("endpointslice/ns/one=1 endpointslice/ns/two=1", Changes(targets));
  // Pods are not events of this role, services are.
  EXPECT_EQ(
      (std::set<std::string>{R"("add",role="endpointslice"} 2)",
                             R"("update",role="endpointslice"} 1)", R"("add",role="service"} 1)"}),
      Events());
}

TEST_F(RoleTargetsTest, OnlyPodsWaitForWhoControlsThem) {
  const config::KubernetesAttachMetadata attach = {.deployment = true, .job = true};
  RoleTargets targets = Make(Role::kEndpointSlice, attach);
  targets.Replace(Resource::kEndpointSlice, {Read(Resource::kEndpointSlice, R"({
      'metadata': {'name': 'e', 'namespace': 'ns'},
      'endpoints': [{'addresses': ['1.1.1.1']}], 'ports': [{'port': 1}]})")});
  targets.Replace(Resource::kService, {});
  EXPECT_EQ("", Changes(targets));
  targets.Replace(Resource::kPod, {});
  EXPECT_EQ("endpointslice/ns/e=1", Changes(targets));

  RoleTargets pods = Make(Role::kPod, attach);
  pods.Replace(Resource::kPod, {Pod("a")});
  pods.Replace(Resource::kReplicaSet, {});
  EXPECT_EQ("", Changes(pods));
  pods.Replace(Resource::kJob, {});
  EXPECT_EQ("pod/ns/a=1", Changes(pods));
}

TEST_F(RoleTargetsTest, ANodeThatLosesItsAddressKeepsItsTarget) {
  RoleTargets targets = Make(Role::kNode);
  const auto node = [](const std::string& name, const std::string& addresses) {
    return Read(Resource::kNode, "{'metadata': {'name': '" + name +
                                     "'}, 'status': {'addresses': [" + addresses + "]}}");
  };
  const std::string address = "{'type': 'InternalIP', 'address': '10.0.0.1'}";
  targets.Replace(Resource::kNode, {node("a", address), node("b", "")});
  EXPECT_EQ("node/a=1", Changes(targets));
  targets.Put(Resource::kNode, node("a", ""));
  EXPECT_EQ("", Changes(targets));
  targets.Put(Resource::kNode, node("a", address));
  EXPECT_EQ("", Changes(targets));  // It is what it was.
  targets.Put(Resource::kNode, node("b", address));
  EXPECT_EQ("node/b=1", Changes(targets));
  targets.Put(Resource::kNode, node("a", ""));
  targets.Remove(Resource::kNode, "a");
  EXPECT_EQ("node/a=0", Changes(targets));
  targets.Put(Resource::kNode, node("c", ""));
  EXPECT_EQ("", Changes(targets));
  targets.Remove(Resource::kNode, "c");  // Of which nothing was said.
  EXPECT_EQ("", Changes(targets));
}

TEST_F(RoleTargetsTest, WarnsOfCapacityWhenItChanges) {
  RoleTargets targets = Make(Role::kEndpoints);
  const auto put = [&](const std::string& state, const std::string& ip) {
    ::testing::internal::CaptureStderr();
    targets.Put(Resource::kEndpoints,
                Read(Resource::kEndpoints,
                     "{'metadata': {'name': 'e', 'namespace': 'ns', 'labels': "
                     "{'endpoints.kubernetes.io/over-capacity': '" +
                         state + "'}}, 'subsets': [{'addresses': [{'ip': '" + ip + "'}]}]}"));
    const std::string log = ::testing::internal::GetCapturedStderr();
    return log.find("Number of endpoints") != std::string::npos;
  };
  EXPECT_TRUE(put("warning", "1.1.1.1"));
  EXPECT_FALSE(put("warning", "2.2.2.2"));
  EXPECT_TRUE(put("truncated", "2.2.2.2"));
  EXPECT_FALSE(put("truncated", "3.3.3.3"));
}

TEST_F(RoleTargetsTest, PodsOfUnknownNodesComeWithTheNode) {
  RoleTargets targets = Make(Role::kPod, {.node = true});
  targets.Replace(Resource::kPod, {Pod("a")});
  targets.Replace(Resource::kNode, {});
  EXPECT_EQ("pod/ns/a=0", Changes(targets));
  targets.Put(Resource::kNode, Read(Resource::kNode, "{'metadata': {'name': 'node'}}"));
  EXPECT_EQ("pod/ns/a=1", Changes(targets));
  targets.Remove(Resource::kNode, "node");
  EXPECT_EQ("pod/ns/a=0", Changes(targets));
}

TEST(ResourcesOfTest, OnlyWhatTheRoleLooksAt) {
  using R = std::vector<Resource>;
  const config::KubernetesAttachMetadata all = {
      .node = true, .space = true, .deployment = true, .job = true, .cronjob = true};
  const struct {
    Role role;
    R plain, attached;
  } cases[] = {
      {Role::kNode, {Resource::kNode}, {Resource::kNode}},
      {Role::kService, {Resource::kService}, {Resource::kService, Resource::kNamespace}},
      {Role::kIngress, {Resource::kIngress}, {Resource::kIngress, Resource::kNamespace}},
      {Role::kPod,
       {Resource::kPod},
       {Resource::kPod, Resource::kNamespace, Resource::kNode, Resource::kReplicaSet,
        Resource::kJob}},
      {Role::kEndpoints,
       {Resource::kEndpoints, Resource::kService, Resource::kPod},
       {Resource::kEndpoints, Resource::kService, Resource::kPod, Resource::kNamespace,
        Resource::kNode, Resource::kReplicaSet, Resource::kJob}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(config::KubernetesRoleName(c.role));
    config::KubernetesSdConfig config;
    config.role = c.role;
    EXPECT_EQ(c.plain, ResourcesOf(config));
    config.attach = all;
    EXPECT_EQ(c.attached, ResourcesOf(config));
  }
}

}  // namespace
}  // namespace narthex::scrape::kubernetes

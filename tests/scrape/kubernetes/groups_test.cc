// SPDX-License-Identifier: Apache-2.0
//
// Expected labels: those of Prometheus 3.14 for the same objects (tests/integration compares more).
#include "scrape/answers/kubernetes/groups.h"

#include "tests/scrape/kubernetes/fixture.h"

namespace narthex::scrape::kubernetes {
namespace {

constexpr const char* kPod = R"({
  'metadata': {'name': 'web-1', 'namespace': 'shop', 'uid': 'u-1', 'resourceVersion': '7',
    'labels': {'app.kubernetes.io/name': 'web'}, 'annotations': {'scrape/port': '80', 'empty': ''},
    'ownerReferences': [{'kind': 'Other', 'name': 'x'},
                        {'kind': 'ReplicaSet', 'name': 'web-5d', 'controller': true}]},
  'spec': {'nodeName': 'node-a',
    'containers': [
      {'name': 'web', 'image': 'web:1', 'ports': [
        {'name': 'http', 'containerPort': 80, 'protocol': 'TCP'},
        {'containerPort': 443, 'protocol': 'TCP'}]},
      {'name': 'side', 'image': 'side:2'}],
    'initContainers': [{'name': 'init', 'image': 'init:3', 'ports': [{'containerPort': 7}]}]},
  'status': {'podIP': '10.0.0.1', 'hostIP': '192.168.0.1', 'phase': 'Running',
    'conditions': [{'type': 'Initialized', 'status': 'True'}, {'type': 'Ready', 'status': 'False'}],
    'containerStatuses': [{'name': 'web', 'containerID': 'docker://1'}],
    'initContainerStatuses': [{'name': 'init', 'containerID': 'docker://3'}]}})";

class GroupsTest : public ::testing::Test {
 protected:
  const Object& Add(Resource resource, const std::string& text) {
    ObjectPtr object = Read(resource, text);
    ObjectPtr& known = objects[static_cast<std::size_t>(resource)][object->Key()];
    known = std::move(object);
    return *known;
  }
  config::TargetGroup Group(Resource resource, const Object& object) {
    Related related(objects, attach);
    Result<config::TargetGroup> group = MakeGroup(resource, object, related);
    used = related.used();
    EXPECT_TRUE(group) << group.error().message();
    return group ? *group : config::TargetGroup{};
  }
  std::string Error(Resource resource, const Object& object) {
    Related related(objects, attach);
    const Result<config::TargetGroup> group = MakeGroup(resource, object, related);
    return group ? "" : group.error().message();
  }

  ObjectMaps objects;
  config::KubernetesAttachMetadata attach;
  std::set<Reference> used;
};

const LabelMap kPodLabels = {{"pod_name", "web-1"},
                             {"pod_ip", "10.0.0.1"},
                             {"pod_host_ip", "192.168.0.1"},
                             {"pod_node_name", "node-a"},
                             {"pod_phase", "Running"},
                             {"pod_ready", "false"},
                             {"pod_uid", "u-1"},
                             {"pod_label_app_kubernetes_io_name", "web"},
                             {"pod_labelpresent_app_kubernetes_io_name", "true"},
                             {"pod_annotation_scrape_port", "80"},
                             {"pod_annotationpresent_scrape_port", "true"},
                             {"pod_annotationpresent_empty", "true"},
                             {"pod_controller_kind", "ReplicaSet"},
                             {"pod_controller_name", "web-5d"}};

LabelMap With(LabelMap labels, const LabelMap& more) {
  labels.insert(more.begin(), more.end());
  return labels;
}

TEST_F(GroupsTest, Pod) {
  const config::TargetGroup group = Group(Resource::kPod, Add(Resource::kPod, kPod));
  EXPECT_EQ("pod/shop/web-1", group.source);
  EXPECT_EQ(With(kPodLabels, {{"namespace", "shop"}}), Short(group.labels));
  const LabelMap web = {{"pod_container_name", "web"},
                        {"pod_container_image", "web:1"},
                        {"pod_container_init", "false"},
                        {"pod_container_id", "docker://1"},
                        {"pod_container_port_protocol", "TCP"}};
  EXPECT_EQ((std::vector<LabelMap>{
                With(web, {{"__address__", "10.0.0.1:80"},
                           {"pod_container_port_name", "http"},
                           {"pod_container_port_number", "80"}}),
                With(web, {{"__address__", "10.0.0.1:443"}, {"pod_container_port_number", "443"}}),
                {{"__address__", "10.0.0.1"},
                 {"pod_container_name", "side"},
                 {"pod_container_image", "side:2"},
                 {"pod_container_init", "false"}},
                {{"__address__", "10.0.0.1:7"},
                 {"pod_container_name", "init"},
                 {"pod_container_image", "init:3"},
                 {"pod_container_init", "true"},
                 {"pod_container_id", "docker://3"},
                 {"pod_container_port_number", "7"}}}),
            Short(group.targets));
  EXPECT_TRUE(used.empty());
}

TEST_F(GroupsTest, PodWithoutAddress) {
  const Object& pod = Add(Resource::kPod, R"({'metadata': {'name': 'a', 'namespace': 'b'},
      'spec': {'containers': [{'name': 'c'}]}, 'status': {'phase': 'Pending'}})");
  const config::TargetGroup group = Group(Resource::kPod, pod);
  EXPECT_EQ("pod/b/a", group.source);
  EXPECT_TRUE(group.targets.empty());
  EXPECT_TRUE(group.labels.empty());
}

TEST_F(GroupsTest, PodOfIpVersion6) {
  const Object& pod = Add(Resource::kPod, R"({'metadata': {'name': 'a', 'namespace': 'b'},
      'spec': {'containers': [{'name': 'c', 'ports': [{'containerPort': 80}]}, {'name': 'd'}]},
      'status': {'podIP': 'fd00::1'}})");
  const config::TargetGroup group = Group(Resource::kPod, pod);
  ASSERT_EQ(2U, group.targets.size());
  EXPECT_EQ("[fd00::1]:80", group.targets[0].Get("__address__"));
  EXPECT_EQ("fd00::1", group.targets[1].Get("__address__"));
  EXPECT_EQ("unknown", group.labels.Get("__meta_kubernetes_pod_ready"));
}

TEST_F(GroupsTest, PodWithAttachedMetadata) {
  attach = {.node = true, .space = true, .deployment = true, .job = true, .cronjob = true};
  const Object& pod = Add(Resource::kPod, kPod);
  EXPECT_TRUE(Group(Resource::kPod, pod).targets.empty());  // Its node is not among those selected.
  EXPECT_EQ((std::set<Reference>{{Resource::kNode, "node-a"}}), used);

  Add(Resource::kNode, R"({'metadata': {'name': 'node-a', 'labels': {'zone': 'z'}}})");
  Add(Resource::kNamespace, R"({'metadata': {'name': 'shop', 'labels': {'team': 't'},
      'annotations': {'a/b': 'c'}}})");
  Add(Resource::kReplicaSet, R"({'metadata': {'name': 'web-5d', 'namespace': 'shop',
      'ownerReferences': [{'kind': 'Deployment', 'name': 'web', 'controller': true}]}})");
  const LabelMap attached = {{"node_name", "node-a"},
                             {"node_label_zone", "z"},
                             {"node_labelpresent_zone", "true"},
                             {"namespace_label_team", "t"},
                             {"namespace_labelpresent_team", "true"},
                             {"namespace_annotation_a_b", "c"},
                             {"namespace_annotationpresent_a_b", "true"},
                             {"pod_deployment_name", "web"}};
  EXPECT_EQ(With(With(kPodLabels, {{"namespace", "shop"}}), attached),
            Short(Group(Resource::kPod, pod).labels));
  EXPECT_EQ((std::set<Reference>{{Resource::kNode, "node-a"},
                                 {Resource::kNamespace, "shop"},
                                 {Resource::kReplicaSet, "shop/web-5d"}}),
            used);
}

TEST_F(GroupsTest, PodOfAJob) {
  attach.cronjob = true;
  Add(Resource::kJob, R"({'metadata': {'name': 'j', 'namespace': 'b',
      'ownerReferences': [{'kind': 'CronJob', 'name': 'nightly', 'controller': true}]}})");
  const Object& pod = Add(Resource::kPod, R"({'metadata': {'name': 'a', 'namespace': 'b',
      'ownerReferences': [{'kind': 'Job', 'name': 'j', 'controller': true}]},
      'status': {'podIP': '1.1.1.1'}})");
  model::Labels labels = Group(Resource::kPod, pod).labels;
  EXPECT_EQ("nightly", labels.Get("__meta_kubernetes_pod_cronjob_name"));
  EXPECT_FALSE(labels.Has("__meta_kubernetes_pod_job_name"));
  attach = {.job = true};
  labels = Group(Resource::kPod, pod).labels;
  EXPECT_EQ("j", labels.Get("__meta_kubernetes_pod_job_name"));
  EXPECT_FALSE(labels.Has("__meta_kubernetes_pod_cronjob_name"));
}

TEST_F(GroupsTest, Node) {
  const Object& node = Add(Resource::kNode, R"({
      'metadata': {'name': 'n1', 'labels': {'a': 'b'}}, 'spec': {'providerID': 'aws:///x'},
      'status': {'conditions': [{'type': 'Ready', 'status': 'True'},
                                {'type': 'Disk.Full', 'status': 'Unknown'}],
        'addresses': [{'type': 'Hostname', 'address': 'n1'},
                      {'type': 'InternalIP', 'address': '10.0.0.1'},
                      {'type': 'InternalIP', 'address': 'fd00::1'}],
        'daemonEndpoints': {'kubeletEndpoint': {'Port': 10250}}}})");
  const config::TargetGroup group = Group(Resource::kNode, node);
  EXPECT_EQ("node/n1", group.source);
  EXPECT_EQ((LabelMap{{"node_name", "n1"},
                      {"node_provider_id", "aws:///x"},
                      {"node_label_a", "b"},
                      {"node_labelpresent_a", "true"},
                      {"node_condition_ready", "true"},
                      {"node_condition_disk_full", "unknown"}}),
            Short(group.labels));
  EXPECT_EQ((std::vector<LabelMap>{{{"__address__", "10.0.0.1:10250"},
                                    {"instance", "n1"},
                                    {"node_address_Hostname", "n1"},
                                    {"node_address_InternalIP", "10.0.0.1"}}}),
            Short(group.targets));
  EXPECT_EQ("no node address found: host address unknown",
            Error(Resource::kNode, Add(Resource::kNode, R"({'metadata': {'name': 'n2'}})")));
}

TEST_F(GroupsTest, Service) {
  const Object& service = Add(Resource::kService, R"({
      'metadata': {'name': 's', 'namespace': 'ns', 'labels': {'a': 'b'}},
      'spec': {'type': 'LoadBalancer', 'clusterIP': '10.1.1.1', 'loadBalancerIP': '9.9.9.9',
        'ports': [{'name': 'http', 'port': 80, 'protocol': 'TCP'}]}})");
  const config::TargetGroup group = Group(Resource::kService, service);
  EXPECT_EQ("svc/ns/s", group.source);
  EXPECT_EQ((LabelMap{{"namespace", "ns"},
                      {"service_name", "s"},
                      {"service_label_a", "b"},
                      {"service_labelpresent_a", "true"}}),
            Short(group.labels));
  EXPECT_EQ((std::vector<LabelMap>{{{"__address__", "s.ns.svc:80"},
                                    {"service_port_name", "http"},
                                    {"service_port_number", "80"},
                                    {"service_port_protocol", "TCP"},
                                    {"service_type", "LoadBalancer"},
                                    {"service_cluster_ip", "10.1.1.1"},
                                    {"service_loadbalancer_ip", "9.9.9.9"}}}),
            Short(group.targets));
  const Object& external = Add(Resource::kService, R"({
      'metadata': {'name': 'e', 'namespace': 'ns'}, 'spec': {'type': 'ExternalName',
        'clusterIP': '1.1.1.1', 'externalName': 'x.org', 'ports': [{'port': 1}]}})");
  EXPECT_EQ((std::vector<LabelMap>{{{"__address__", "e.ns.svc:1"},
                                    {"service_port_number", "1"},
                                    {"service_type", "ExternalName"},
                                    {"service_external_name", "x.org"}}}),
            Short(Group(Resource::kService, external).targets));
}

TEST_F(GroupsTest, Ingress) {
  const Object& ingress = Add(Resource::kIngress, R"({
      'metadata': {'name': 'i', 'namespace': 'ns'},
      'spec': {'ingressClassName': 'nginx', 'tls': [{'hosts': ['a.org', '*.b.org']}, {}],
        'rules': [{'host': 'a.org', 'http': {'paths': [{'path': '/x'}, {}]}},
                  {'host': 'c.b.org'}, {'host': 'd.c.b.org'}, {'host': 'b.org'},
                  {'http': {'paths': []}}]}})");
  const config::TargetGroup group = Group(Resource::kIngress, ingress);
  EXPECT_EQ("ingress/ns/i", group.source);
  EXPECT_EQ((LabelMap{{"namespace", "ns"}, {"ingress_name", "i"}, {"ingress_class_name", "nginx"}}),
            Short(group.labels));
  const auto target = [](const char* scheme, const char* host, const char* path) {
    return LabelMap{{"__address__", host},
                    {"ingress_scheme", scheme},
                    {"ingress_host", host},
                    {"ingress_path", path}};
  };
  EXPECT_EQ((std::vector<LabelMap>{target("https", "a.org", "/x"), target("https", "a.org", "/"),
                                   target("https", "c.b.org", "/"),
                                   target("http", "d.c.b.org", "/"), target("http", "b.org", "/")}),
            Short(group.targets));
}

TEST_F(GroupsTest, IngressHostsUnderAStar) {
  const Object& ingress = Add(Resource::kIngress, R"({
      'metadata': {'name': 'i', 'namespace': 'ns'},
      'spec': {'tls': [{'hosts': ['*.a.org', 'b.org', '*']}], 'rules': [{'host': 'x.a.org'},
        {'host': 'x.y.a.org'}, {'host': 'a.org'}, {'host': 'b.org'}, {'host': 'plain'},
        {'host': '*.a.org'}]}})");
  std::string schemes;
  for (const LabelMap& target : Short(Group(Resource::kIngress, ingress).targets)) {
    schemes += target.at("ingress_scheme") + " ";
  }
  EXPECT_EQ("https http http https https https ", schemes);
}

/// The text n times, with commas between.
std::string Times(std::size_t n, const std::string& text) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) all += (i == 0 ? "" : ",") + text;
  return all;
}

TEST_F(GroupsTest, MoreTargetsThanAGroupMayHave) {
  const std::string addresses = Times(1001, "{'ip': '10.0.0.1'}");
  const std::string ports = Times(100, "{'port': 1}");
  EXPECT_EQ("more than 100000 targets",
            Error(Resource::kEndpoints,
                  Add(Resource::kEndpoints,
                      "{'metadata': {'name': 'e', 'namespace': 'ns'}, 'subsets': [{'addresses': [" +
                          addresses + "], 'ports': [" + ports + "]}]}")));
  EXPECT_EQ(
      "more than 100000 targets",
      Error(Resource::kEndpointSlice,
            Add(Resource::kEndpointSlice,
                "{'metadata': {'name': 'e', 'namespace': 'ns'}, 'endpoints': [" +
                    Times(1001, "{'addresses': ['10.0.0.1']}") + "], 'ports': [" + ports + "]}")));
}

TEST_F(GroupsTest, MoreLabelsThanAGroupMayHave) {
  Add(Resource::kPod, "{'metadata': {'name': 'p', 'namespace': 'ns', 'annotations': {'a': '" +
                          std::string(1 << 20, 'x') + "'}}}");
  EXPECT_EQ("more than 134217728 bytes of labels",
            Error(Resource::kEndpoints,
                  Add(Resource::kEndpoints,
                      "{'metadata': {'name': 'e', 'namespace': 'ns'}, 'subsets': [{'addresses': ["
                      "{'ip': '1.1.1.1', 'targetRef': {'kind': 'Pod', 'namespace': 'ns', 'name': "
                      "'p'}}], 'ports': [" +
                          Times(128, "{'port': 1}") + "]}]}")));
}

TEST_F(GroupsTest, Endpoints) {
  attach.node = true;
  Add(Resource::kPod, kPod);
  Add(Resource::kNode, R"({'metadata': {'name': 'node-b', 'labels': {'z': '1'}}})");
  Add(Resource::kService, R"({'metadata': {'name': 'web', 'namespace': 'shop',
      'labels': {'s': 't'}}})");
  const Object& endpoints = Add(Resource::kEndpoints, R"({
      'metadata': {'name': 'web', 'namespace': 'shop', 'labels': {'e': 'f'}},
      'subsets': [{
        'addresses': [{'ip': '10.0.0.1', 'hostname': 'h', 'nodeName': 'node-b',
                       'targetRef': {'kind': 'Pod', 'namespace': 'shop', 'name': 'web-1'}}],
        'notReadyAddresses': [{'ip': '10.0.0.3', 'targetRef': {'kind': 'Node', 'name': 'node-b'}}],
        'ports': [{'name': 'http', 'port': 80, 'protocol': 'SCTP'}]}]})");
  const config::TargetGroup group = Group(Resource::kEndpoints, endpoints);
  EXPECT_EQ("endpoints/shop/web", group.source);
  EXPECT_EQ((LabelMap{{"namespace", "shop"},
                      {"endpoints_name", "web"},
                      {"endpoints_label_e", "f"},
                      {"endpoints_labelpresent_e", "true"},
                      {"service_name", "web"},
                      {"service_label_s", "t"},
                      {"service_labelpresent_s", "true"}}),
            Short(group.labels));
  const LabelMap node = {
      {"node_name", "node-b"}, {"node_label_z", "1"}, {"node_labelpresent_z", "true"}};
  const LabelMap web = {{"pod_container_name", "web"},
                        {"pod_container_image", "web:1"},
                        {"pod_container_init", "false"}};
  const LabelMap first = {
      {"__address__", "10.0.0.1:80"},          {"endpoint_ready", "true"},
      {"endpoint_port_name", "http"},          {"endpoint_port_protocol", "SCTP"},
      {"endpoint_node_name", "node-b"},        {"endpoint_hostname", "h"},
      {"endpoint_address_target_kind", "Pod"}, {"endpoint_address_target_name", "web-1"},
      {"pod_container_port_name", "http"},     {"pod_container_port_number", "80"},
      {"pod_container_port_protocol", "SCTP"}};
  EXPECT_EQ(
      (std::vector<LabelMap>{With(With(With(first, node), kPodLabels), web),
                             With(node, {{"__address__", "10.0.0.3:80"},
                                         {"endpoint_ready", "false"},
                                         {"endpoint_port_name", "http"},
                                         {"endpoint_port_protocol", "SCTP"},
                                         {"endpoint_address_target_kind", "Node"},
                                         {"endpoint_address_target_name", "node-b"}}),
                             // The ports of the pod that the endpoints do not have.
                             With(With(kPodLabels, web), {{"__address__", "10.0.0.1:443"},
                                                          {"pod_container_port_number", "443"},
                                                          {"pod_container_port_protocol", "TCP"}}),
                             With(kPodLabels, {{"__address__", "10.0.0.1:7"},
                                               {"pod_container_name", "init"},
                                               {"pod_container_image", "init:3"},
                                               {"pod_container_init", "true"},
                                               {"pod_container_port_number", "7"}})}),
      Short(group.targets));
  EXPECT_EQ((std::set<Reference>{{Resource::kPod, "shop/web-1"},
                                 {Resource::kService, "shop/web"},
                                 {Resource::kNode, "node-b"}}),
            used);
}

TEST_F(GroupsTest, EndpointSlice) {
  Add(Resource::kPod, kPod);
  Add(Resource::kService, R"({'metadata': {'name': 'web', 'namespace': 'shop'}})");
  const Object& slice = Add(Resource::kEndpointSlice, R"({
      'metadata': {'name': 'web-x', 'namespace': 'shop',
        'labels': {'kubernetes.io/service-name': 'web'}},
      'addressType': 'IPv4',
      'endpoints': [
        {'addresses': ['10.0.0.1'], 'conditions': {'ready': true, 'serving': false,
           'terminating': true}, 'hostname': 'h', 'nodeName': 'node-a', 'zone': 'z',
         'deprecatedTopology': {'a/b': 'c'},
         'targetRef': {'kind': 'Pod', 'namespace': 'shop', 'name': 'web-1'}},
        {'addresses': ['10.0.0.2', '10.0.0.3']}],
      'ports': [{'name': 'http', 'port': 80, 'protocol': 'SCTP', 'appProtocol': 'h2c'}]})");
  const config::TargetGroup group = Group(Resource::kEndpointSlice, slice);
  EXPECT_EQ("endpointslice/shop/web-x", group.source);
  EXPECT_EQ((LabelMap{{"namespace", "shop"},
                      {"endpointslice_name", "web-x"},
                      {"endpointslice_address_type", "IPv4"},
                      {"endpointslice_label_kubernetes_io_service_name", "web"},
                      {"endpointslice_labelpresent_kubernetes_io_service_name", "true"},
                      {"service_name", "web"}}),
            Short(group.labels));
  const LabelMap port = {{"endpointslice_port", "80"},
                         {"endpointslice_port_name", "http"},
                         {"endpointslice_port_protocol", "SCTP"},
                         {"endpointslice_port_app_protocol", "h2c"}};
  const LabelMap first = {{"__address__", "10.0.0.1:80"},
                          {"endpointslice_endpoint_conditions_ready", "true"},
                          {"endpointslice_endpoint_conditions_serving", "false"},
                          {"endpointslice_endpoint_conditions_terminating", "true"},
                          {"endpointslice_endpoint_hostname", "h"},
                          {"endpointslice_endpoint_node_name", "node-a"},
                          {"endpointslice_endpoint_zone", "z"},
                          {"endpointslice_endpoint_topology_a_b", "c"},
                          {"endpointslice_endpoint_topology_present_a_b", "true"},
                          {"endpointslice_address_target_kind", "Pod"},
                          {"endpointslice_address_target_name", "web-1"},
                          {"pod_container_name", "web"},
                          {"pod_container_image", "web:1"},
                          {"pod_container_init", "false"},
                          {"pod_container_port_name", "http"},
                          {"pod_container_port_number", "80"},
                          {"pod_container_port_protocol", "TCP"}};
  ASSERT_EQ(5U, group.targets.size());
  EXPECT_EQ(With(With(first, port), kPodLabels), Short(group.targets[0]));
  EXPECT_EQ(With(port, {{"__address__", "10.0.0.2:80"}}), Short(group.targets[1]));
  EXPECT_EQ(With(port, {{"__address__", "10.0.0.3:80"}}), Short(group.targets[2]));
  EXPECT_EQ("10.0.0.1:443", group.targets[3].Get("__address__"));
  EXPECT_EQ("10.0.0.1:7", group.targets[4].Get("__address__"));
}

TEST_F(GroupsTest, SecondFamilyOfADualStackService) {
  const Object& slice = Add(Resource::kEndpointSlice, R"({
      'metadata': {'name': 'x', 'namespace': 'shop',
        'labels': {'kubernetes.io/service-name': 'web'}},
      'addressType': 'IPv6', 'endpoints': [{'addresses': ['fd00::1']}], 'ports': [{'name': 'p'}]})");
  const struct {
    const char* spec;
    std::size_t num_targets;
  } cases[] = {
      {"{}", 1},
      {"{'ipFamilyPolicy': 'SingleStack', 'ipFamilies': ['IPv4']}", 1},
      {"{'ipFamilyPolicy': 'PreferDualStack', 'ipFamilies': []}", 1},
      {"{'ipFamilyPolicy': 'PreferDualStack', 'ipFamilies': ['IPv6', 'IPv4']}", 1},
      {"{'ipFamilyPolicy': 'PreferDualStack', 'ipFamilies': ['IPv4', 'IPv6']}", 0},
      {"{'ipFamilyPolicy': 'RequireDualStack', 'ipFamilies': ['IPv4', 'IPv6']}", 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.spec);
    Add(Resource::kService,
        "{'metadata': {'name': 'web', 'namespace': 'shop'}, 'spec': " + std::string(c.spec) + "}");
    const config::TargetGroup group = Group(Resource::kEndpointSlice, slice);
    EXPECT_EQ(c.num_targets, group.targets.size());
    if (c.num_targets > 0) {
      EXPECT_EQ("fd00::1", group.targets[0].Get("__address__"));
    }
  }
}

TEST(ReadObjectTest, WrongTypesAreErrors) {
  const struct {
    Resource resource;
    const char* text;
    const char* error;
  } cases[] = {
      {Resource::kPod, "[]", "not an object"},
      {Resource::kPod, "{}", "an object without a name"},
      {Resource::kPod, "{'metadata': []}", "object \"\": field \"metadata\" is not an object"},
      {Resource::kPod, "{'metadata': {'name': 1}}", "object \"\": field \"name\" is not a string"},
      {Resource::kPod, "{'metadata': {'name': 'a', 'labels': {'x': 1}}}",
       "object \"a\": field \"labels\" is not a map of strings"},
      {Resource::kPod,
       "{'metadata': {'name': 'a'}, 'spec': {'containers': [{'ports': "
       "[{'containerPort': 99999999999}]}]}}",
       "object \"a\": field \"containerPort\" is not a 32-bit integer"},
      {Resource::kPod, "{'metadata': {'name': 'a'}, 'spec': {'containers': {}}}",
       "object \"a\": field \"containers\" is not a list"},
      {Resource::kEndpointSlice, "{'metadata': {'name': 'a'}, 'endpoints': [1]}",
       "object \"a\": field \"endpoints\" is not a list of objects"},
      {Resource::kEndpointSlice,
       "{'metadata': {'name': 'a'}, 'endpoints': [{'conditions': {'ready': 'yes'}}]}",
       "object \"a\": field \"ready\" is not a boolean"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    std::string text = c.text;
    std::replace(text.begin(), text.end(), '\'', '"');
    const auto object = ReadObject(c.resource, boost::json::parse(text));
    ASSERT_FALSE(object);
    EXPECT_EQ(c.error, object.error().message());
  }
}

TEST(ReadObjectTest, NullIsNothing) {
  const ObjectPtr pod = Read(Resource::kPod, R"({'metadata': {'name': 'a', 'labels': null,
      'ownerReferences': [null]}, 'spec': null, 'status': {'podIP': null, 'conditions': null}})");
  EXPECT_EQ("a", pod->Key());
}

}  // namespace
}  // namespace narthex::scrape::kubernetes

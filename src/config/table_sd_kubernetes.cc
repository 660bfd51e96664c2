// SPDX-License-Identifier: Apache-2.0
//
// kubernetes_sd_configs. Source: Prometheus discovery/kubernetes.
#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "src/config/extract.h"
#include "src/config/kubernetes_selector.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/writer.h"

namespace narthex::config {

namespace {

constexpr std::string_view kRoles[] = {"node",      "pod",           "service",
                                       "endpoints", "endpointslice", "ingress"};
static_assert(std::size(kRoles) == kNumKubernetesRoles);

std::optional<KubernetesRole> RoleOf(std::string_view name) {
  const auto* found = std::find(std::begin(kRoles), std::end(kRoles), name);
  if (found == std::end(kRoles)) return std::nullopt;
  return static_cast<KubernetesRole>(found - std::begin(kRoles));
}

Status CheckRole(const Value& section) {
  const Value& role = section["role"];
  if (!role.set || RoleOf(role.text)) return {};
  return Reject(role, fmt::format("unknown Kubernetes SD role {}", go::Quote(role.text)));
}

Status CheckSelectorRole(Value& selector) { return CheckRole(selector); }

/// The roles whose objects a role looks at and a selector may name.
std::vector<std::string_view> SelectableRoles(std::string_view role) {
  if (role == "pod") return {"pod", "node"};
  if (role == "endpointslice") return {"pod", "service", "endpointslice"};
  if (role == "endpoints") return {"pod", "service", "endpoints"};
  return {role};
}

Status CheckSelectors(const Value& sd) {
  const std::string& role = sd["role"].text;
  const std::vector<std::string_view> allowed = SelectableRoles(role);
  std::vector<std::string_view> seen;
  for (const Value& selector : sd["selectors"].items) {
    // A null is an empty selector, whose role fits nothing.
    const std::string_view of = selector.IsOpen() ? selector["role"].text : std::string_view();
    if (std::find(seen.begin(), seen.end(), of) != seen.end()) {
      return Reject(selector, fmt::format("duplicated selector role: {}", of));
    }
    seen.push_back(of);
    if (std::find(allowed.begin(), allowed.end(), of) == allowed.end()) {
      return Reject(selector, fmt::format("{} role supports only {} selectors", role,
                                          fmt::join(allowed, ", ")));
    }
    if (Status status = CheckFieldSelector(selector["field"].text); !status) {
      return Reject(selector["field"], status.error().message());
    }
    if (Status status = CheckLabelSelector(selector["label"].text); !status) {
      return Reject(selector["label"], status.error().message());
    }
  }
  return {};
}

/// Whether the HTTP client's keys say something else than their defaults.
bool HasHttpSettings(const Value& sd) {
  static const Schema schema{"", HttpFields()};
  static const Type type{Kind::kStruct, "", &schema};
  Value defaults(type);
  defaults.Open();
  Value given = defaults;
  for (const Field& field : schema.fields) given[field.name] = sd[field.name];
  return WriteYaml(given, true) != WriteYaml(defaults, true);
}

Status CheckKubernetesSd(Value& sd) {
  NX_RETURN_IF_ERROR(CheckRole(sd));
  if (sd["role"].text.empty()) {
    return Reject(sd,
                  "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)");
  }
  NX_RETURN_IF_ERROR(CheckHttp(sd));
  const bool api_server = sd["api_server"].set;  // "" is one, too.
  const bool kubeconfig = !sd["kubeconfig_file"].text.empty();
  const bool own_namespace = sd["namespaces"]["own_namespace"].flag();
  if (api_server && kubeconfig) {
    return Reject(sd, "cannot use 'kubeconfig_file' and 'api_server' simultaneously");
  }
  if (!api_server && HasHttpSettings(sd)) {
    return Reject(sd, kubeconfig ? "cannot use a custom HTTP client configuration together with "
                                   "'kubeconfig_file'"
                                 : "to use custom HTTP client configuration please provide the "
                                   "'api_server' URL explicitly");
  }
  if (own_namespace && (api_server || kubeconfig)) {
    return Reject(sd, fmt::format("cannot use '{}' and 'namespaces.own_namespace' simultaneously",
                                  api_server ? "api_server" : "kubeconfig_file"));
  }
  return CheckSelectors(sd);
}

const Type& NamespacesType() {
  static const Schema schema{
      "kubernetes.plain",
      {{"own_namespace", &kBoolType, Show::kAlways}, {"names", &kStringListType, Show::kAlways}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& SelectorListType() {
  static const Schema schema{
      "kubernetes.SelectorConfig",
      {{"role", &kStringType}, {"label", &kStringType}, {"field", &kStringType}},
      CheckSelectorRole};
  static const Type selector{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]kubernetes.SelectorConfig", nullptr, &selector};
  return list;
}

const Type& AttachMetadataType() {
  static const Schema schema{"kubernetes.AttachMetadataConfig",
                             {{"node", &kBoolType, Show::kAlways},
                              {"namespace", &kBoolType, Show::kAlways},
                              {"deployment", &kBoolType, Show::kAlways},
                              {"job", &kBoolType, Show::kAlways},
                              {"cronjob", &kBoolType, Show::kAlways}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

}  // namespace

std::string_view KubernetesRoleName(KubernetesRole role) {
  return kRoles[static_cast<std::size_t>(role)];
}

const Type& KubernetesSdListType() {
  static const Schema schema{"kubernetes.plain",
                             Concat({{{"api_server", &kUrlType},
                                      {"role", &kStringType, Show::kAlways},
                                      {"kubeconfig_file", &kStringType, Show::kAlways}},
                                     HttpFields(),
                                     {{"namespaces", &NamespacesType()},
                                      {"selectors", &SelectorListType()},
                                      {"attach_metadata", &AttachMetadataType()}}}),
                             CheckKubernetesSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*kubernetes.SDConfig", nullptr, &entry};
  return list;
}

KubernetesSdConfig ExtractKubernetesSd(const Value& sd) {
  KubernetesSdConfig config;
  config.role = *RoleOf(sd["role"].text);
  config.api_server = sd["api_server"].text;
  // What client-go takes for an empty one.
  if (sd["api_server"].set && config.api_server.empty()) config.api_server = "http://localhost";
  config.kubeconfig_file = sd["kubeconfig_file"].text;
  config.http = ExtractHttp(sd);
  config.own_namespace = sd["namespaces"]["own_namespace"].flag();
  config.namespaces = Strings(sd["namespaces"]["names"]);
  for (const Value& selector : sd["selectors"].items) {
    config.selectors.push_back(
        {*RoleOf(selector["role"].text), selector["label"].text, selector["field"].text});
  }
  const Value& attach = sd["attach_metadata"];
  config.attach = {.node = attach["node"].flag(),
                   .space = attach["namespace"].flag(),
                   .deployment = attach["deployment"].flag(),
                   .job = attach["job"].flag(),
                   .cronjob = attach["cronjob"].flag()};
  return config;
}

}  // namespace narthex::config

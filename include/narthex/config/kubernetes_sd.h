// SPDX-License-Identifier: Apache-2.0
//
// kubernetes_sd_configs, and the kubeconfig files they may name.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/http_config.h"

namespace narthex::config {

enum class KubernetesRole : std::uint8_t {
  kNode,
  kPod,
  kService,
  kEndpoints,
  kEndpointSlice,
  kIngress,
};
inline constexpr std::size_t kNumKubernetesRoles = 6;
/// "node", "pod", "service", "endpoints", "endpointslice", "ingress".
std::string_view KubernetesRoleName(KubernetesRole role);

/// What the API server leaves out itself. Texts as written, checked.
struct KubernetesSelector {
  KubernetesRole role = KubernetesRole::kPod;
  std::string label, field;
};

/// Whether labels of other objects are put on targets.
struct KubernetesAttachMetadata {
  bool node = false;
  bool space = false;  // Of the namespace.
  bool deployment = false;
  bool job = false;
  bool cronjob = false;
};

struct KubernetesSdConfig {
  KubernetesRole role = KubernetesRole::kPod;
  std::string api_server;       // "" = the kubeconfig's, or that of the cluster we run in.
  std::string kubeconfig_file;  // "" = none.
  HttpConfig http;              // Counts with api_server only.
  bool own_namespace = false;
  std::vector<std::string> namespaces;  // Empty, without own_namespace: all.
  std::vector<KubernetesSelector> selectors;
  KubernetesAttachMetadata attach;
};

/// What the current context of a kubeconfig file says: where the API server is and who we are.
/// Texts of *_data are decoded; files have their paths joined with the folder given.
struct KubeConfig {
  std::string server;
  std::string proxy_url, server_name;
  bool insecure_skip_verify = false;
  std::string ca, ca_file;
  std::string cert, cert_file, key, key_file;
  std::string token, token_file;
  std::string username, password;
};

/// Reads a kubeconfig file's text. @param folder  of the file, for relative paths
/// Errors: kInvalidArgument with the name of the entry at fault; also for what Narthex can't do:
/// credentials from other programs (exec), auth providers, impersonation.
Result<KubeConfig> ParseKubeConfig(std::string_view text, std::string_view folder);

}  // namespace narthex::config

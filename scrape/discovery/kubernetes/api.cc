// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/kubernetes/api.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/core.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/scrape/client_options.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape::kubernetes {

namespace {

std::string Trim(std::string text) {
  while (!text.empty() && std::string_view(" \t\r\n").find(text.back()) != std::string_view::npos) {
    text.pop_back();
  }
  return text;
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A namespace becomes a part of a path.
Status CheckNamespace(const std::string& space) {
  std::string why;
  if (space == "." || space == "..") why = fmt::format("may not be '{}'", space);
  for (const char c : {'/', '%'}) {
    if (space.find(c) == std::string::npos) continue;
    why += fmt::format("{}may not contain '{}'", why.empty() ? "" : " ", c);
  }
  if (why.empty()) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("invalid namespace {}: [{}]", go::Quote(space), why));
}

/// Everything but letters, digits and "-._~" as %XX.
void AppendEscaped(std::string_view text, std::string& to) {
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) {
      to += c;
    } else {
      to += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

/// @param scheme  of a server that is written as a bare "host:port", as kubectl takes it, too
Status SetServer(const std::string& server, std::string_view scheme, ApiAccess& access) {
  const bool has_scheme = server.find("://") != std::string::npos;
  NX_ASSIGN_OR_RETURN(access.base,
                      net::ParseUrl(has_scheme ? server : fmt::format("{}://{}", scheme, server)));
  std::string& path = access.base.target;
  path.resize(std::min(path.find_first_of("?#"), path.size()));
  while (path.ends_with('/')) path.pop_back();
  return {};
}

/// The user and the server's certificate count with TLS only: nobody else may read them.
Status UseKubeConfig(const std::string& path, ApiAccess& access) {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path));
  auto parsed = config::ParseKubeConfig(text, FolderOf(path));
  if (!parsed) return Fail(std::move(parsed).error().Wrap("kubeconfig " + path));
  const config::KubeConfig& kube = *parsed;
  const bool tls = kube.insecure_skip_verify || !kube.ca.empty() || !kube.ca_file.empty() ||
                   !kube.cert.empty() || !kube.cert_file.empty();
  NX_RETURN_IF_ERROR(SetServer(kube.server, tls ? "https" : "http", access));
  if (!kube.proxy_url.empty()) {
    // Not in words of the URL: it may have a password, which other proxies' URLs would show in
    // each failed request.
    const auto proxy = net::ParseUrl(kube.proxy_url);
    if (!proxy || proxy->scheme != "http") {
      return Fail(Code::kInvalidArgument,
                  "kubeconfig " + path + ": proxy-url: only http proxies are supported");
    }
  }
  access.options.proxy.url = kube.proxy_url;
  if (access.base.scheme != "https") return {};
  net::HttpClientOptions& options = access.options;
  options.tls = {.ca = kube.ca,
                 .ca_file = kube.ca_file,
                 .cert = kube.cert,
                 .cert_file = kube.cert_file,
                 .key = kube.key,
                 .key_file = kube.key_file,
                 .server_name = kube.server_name,
                 .min_version = {},
                 .max_version = {},
                 .insecure_skip_verify = kube.insecure_skip_verify};
  options.basic_username = kube.username;
  options.basic_password = kube.password;
  options.authorization_credentials_file = kube.token_file;
  if (kube.token_file.empty()) options.authorization_credentials = kube.token;
  if (!kube.token_file.empty()) {
    // A file that is missing shows now; what is in it may change.
    NX_RETURN_IF_ERROR(SystemFs().ReadFile(kube.token_file));
  }
  return {};
}

Status UseServiceAccount(const config::KubernetesSdConfig& config,
                         const ClusterEnvironment& environment, ApiAccess& access) {
  if (environment.host.empty() || environment.port.empty()) {
    return Fail(Code::kInvalidArgument,
                "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and "
                "KUBERNETES_SERVICE_PORT must be defined");
  }
  const std::string token = JoinPath(environment.folder, "token");
  const std::string ca = JoinPath(environment.folder, "ca.crt");
  NX_RETURN_IF_ERROR(SystemFs().ReadFile(token));
  access.options.authorization_credentials_file = token;
  if (const auto text = SystemFs().ReadFile(ca); text) {
    access.options.tls.ca_file = ca;
  } else {
    log::Error("Can't read the cluster's root certificate",
               {{"path", ca}, {"err", text.error().message()}});
  }
  NX_RETURN_IF_ERROR(SetServer(JoinHostPort(environment.host, environment.port), "https", access));
  if (config.own_namespace) {
    auto own = SystemFs().ReadFile(JoinPath(environment.folder, "namespace"));
    if (!own) {
      return Fail(std::move(own).error().Wrap("could not determine the pod's namespace"));
    }
    std::string name = Trim(std::move(*own));
    if (name.empty()) {
      return Fail(Code::kInvalidArgument, "could not read own namespace name (empty file)");
    }
    access.namespaces.push_back(std::move(name));
  }
  log::Info("Using pod service account via in-cluster config");
  return {};
}

}  // namespace

ClusterEnvironment OwnEnvironment() {
  const auto get = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  return {.host = get("KUBERNETES_SERVICE_HOST"), .port = get("KUBERNETES_SERVICE_PORT")};
}

Result<ApiAccess> FindApi(const config::KubernetesSdConfig& config,
                          const ClusterEnvironment& environment) {
  ApiAccess access;
  access.namespaces = config.namespaces;
  if (!config.kubeconfig_file.empty()) {
    NX_RETURN_IF_ERROR(UseKubeConfig(config.kubeconfig_file, access));
  } else if (config.api_server.empty()) {
    NX_RETURN_IF_ERROR(UseServiceAccount(config, environment, access));
  } else {
    NX_ASSIGN_OR_RETURN(access.options,
                        MakeClientOptions(config.http, net::HttpClientOptions().user_agent));
    NX_RETURN_IF_ERROR(SetServer(config.api_server, "http", access));
  }
  std::vector<std::string>& spaces = access.namespaces;
  std::sort(spaces.begin(), spaces.end());
  spaces.erase(std::unique(spaces.begin(), spaces.end()), spaces.end());
  for (const std::string& space : spaces) NX_RETURN_IF_ERROR(CheckNamespace(space));
  if (spaces.empty()) spaces.emplace_back();
  return access;
}

std::string_view PluralOf(Resource resource) {
  constexpr std::string_view kNames[] = {"pods",       "services",       "nodes",
                                         "endpoints",  "endpointslices", "ingresses",
                                         "namespaces", "replicasets",    "jobs"};
  static_assert(std::size(kNames) == kNumResources);
  return kNames[static_cast<std::size_t>(resource)];
}

std::string PathOf(Resource resource, std::string_view space) {
  std::string path;
  switch (resource) {
    case Resource::kEndpointSlice:
      path = "/apis/discovery.k8s.io/v1";
      break;
    case Resource::kIngress:
      path = "/apis/networking.k8s.io/v1";
      break;
    case Resource::kReplicaSet:
      path = "/apis/apps/v1";
      break;
    case Resource::kJob:
      path = "/apis/batch/v1";
      break;
    default:
      path = "/api/v1";
  }
  if (!space.empty()) AppendEscaped(space, path.append("/namespaces/"));
  return path.append("/").append(PluralOf(resource));
}

bool IsClusterWide(Resource resource) {
  return resource == Resource::kNode || resource == Resource::kNamespace;
}

std::string QueryOf(const std::vector<std::pair<std::string, std::string>>& pairs) {
  std::string query;
  for (const auto& [name, value] : pairs) {
    if (value.empty()) continue;
    query.append(query.empty() ? "?" : "&").append(name).append("=");
    AppendEscaped(value, query);
  }
  return query;
}

}  // namespace narthex::scrape::kubernetes

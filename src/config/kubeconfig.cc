// SPDX-License-Identifier: Apache-2.0
//
// kubeconfig files: clusters, users and contexts that join one of each.
// Source: k8s.io/client-go/tools/clientcmd.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/config/kubernetes_sd.h"
#include "src/config/patterns.h"
#include "src/config/yaml/node.h"
#include "src/config/yaml/scalar.h"

namespace narthex::config {

namespace {

/// A map of the file; what is missing reads as empty. Keeps the first wrong type.
class Section {
 public:
  explicit Section(const YamlNode* node) : node_(node) {}

  bool exists() const { return node_ != nullptr; }

  const YamlNode* Member(std::string_view name) const {
    if (node_ == nullptr || node_->kind != YamlNode::Kind::kMap) return nullptr;
    for (const auto& [key, value] : node_->entries) {
      if (key->text == name && value != nullptr && !value->IsNull()) return value.get();
    }
    return nullptr;
  }

  Result<std::string> Text(std::string_view name) const {
    const YamlNode* value = Member(name);
    if (value == nullptr) return std::string();
    if (value->kind != YamlNode::Kind::kScalar) {
      return Fail(Code::kInvalidArgument, fmt::format("line {}: {} must be a text", value->line,
                                                      go::Quote(std::string(name))));
    }
    return value->text;
  }

  Result<bool> Flag(std::string_view name) const {
    const YamlNode* value = Member(name);
    if (value == nullptr) return false;
    if (value->kind != YamlNode::Kind::kScalar || !value->plain ||
        MeaningOf(value->text) != ScalarMeaning::kBool) {
      return Fail(Code::kInvalidArgument, fmt::format("line {}: {} must be true or false",
                                                      value->line, go::Quote(std::string(name))));
    }
    const std::string& text = value->text;  // "true", "Yes", "on", … or theirs.
    return std::string_view("tTyY").find(text[0]) != std::string_view::npos || text == "on" ||
           text == "On" || text == "ON";
  }

  /// The member `kind` of the element of the list `kind`s that has this name.
  Section Named(std::string_view kind, const std::string& name) const {
    const YamlNode* list = Member(std::string(kind) + "s");
    if (list == nullptr) return Section(nullptr);
    for (const YamlPtr& item : list->items) {
      const Section entry(item.get());
      const YamlNode* entry_name = entry.Member("name");
      if (entry_name != nullptr && entry_name->text == name) return Section(entry.Member(kind));
    }
    return Section(nullptr);
  }

 private:
  const YamlNode* node_;
};

tl::unexpected<Error> Invalid(std::string why) {
  return Fail(Code::kInvalidArgument, "invalid configuration: " + std::move(why));
}

Status ReadFileOrData(const Section& from, std::string_view name, std::string_view folder,
                      std::string& data, std::string& file) {
  const std::string key = fmt::format("{}-data", name);
  NX_ASSIGN_OR_RETURN(const std::string encoded, from.Text(key));
  auto decoded = DecodeBase64(encoded);
  if (!decoded) return Fail(std::move(decoded).error().Wrap(key));
  data = *std::move(decoded);
  NX_ASSIGN_OR_RETURN(file, from.Text(name));
  file = Anchored(folder, file);
  if (!data.empty()) file.clear();  // What stands in the file itself counts.
  return {};
}

Status ReadCluster(const Section& cluster, const std::string& name, std::string_view folder,
                   KubeConfig& config) {
  NX_ASSIGN_OR_RETURN(config.server, cluster.Text("server"));
  if (config.server.empty()) {
    return Invalid(fmt::format("no server found for cluster {}", go::Quote(name)));
  }
  NX_ASSIGN_OR_RETURN(config.proxy_url, cluster.Text("proxy-url"));
  NX_ASSIGN_OR_RETURN(config.server_name, cluster.Text("tls-server-name"));
  NX_ASSIGN_OR_RETURN(config.insecure_skip_verify, cluster.Flag("insecure-skip-tls-verify"));
  NX_RETURN_IF_ERROR(
      ReadFileOrData(cluster, "certificate-authority", folder, config.ca, config.ca_file));
  if (config.insecure_skip_verify && !(config.ca.empty() && config.ca_file.empty())) {
    return Invalid("specifying a root certificates file with the insecure flag is not allowed");
  }
  return {};
}

Status ReadUser(const Section& user, const std::string& name, std::string_view folder,
                KubeConfig& config) {
  for (const auto& [key, what] :
       {std::pair("exec", "credentials from another program (exec)"),
        std::pair("auth-provider", "auth providers"), std::pair("as", "impersonation (as)"),
        std::pair("as-uid", "impersonation (as-uid)"),
        std::pair("as-groups", "impersonation (as-groups)"),
        std::pair("as-user-extra", "impersonation (as-user-extra)")}) {
    if (user.Member(key) == nullptr) continue;
    return Fail(Code::kInvalidArgument,
                fmt::format("user {}: {} not supported", go::Quote(name), what));
  }
  NX_RETURN_IF_ERROR(
      ReadFileOrData(user, "client-certificate", folder, config.cert, config.cert_file));
  NX_RETURN_IF_ERROR(ReadFileOrData(user, "client-key", folder, config.key, config.key_file));
  const bool has_cert = !(config.cert.empty() && config.cert_file.empty());
  if (has_cert && config.key.empty() && config.key_file.empty()) {
    return Invalid(
        fmt::format("client-key-data or client-key must be specified for {} to use the clientCert "
                    "authentication method.",
                    name));
  }
  if (!has_cert) {
    config.key.clear();
    config.key_file.clear();
  }
  NX_ASSIGN_OR_RETURN(config.token, user.Text("token"));
  NX_ASSIGN_OR_RETURN(config.token_file, user.Text("tokenFile"));
  config.token_file = Anchored(folder, config.token_file);
  NX_ASSIGN_OR_RETURN(config.username, user.Text("username"));
  NX_ASSIGN_OR_RETURN(config.password, user.Text("password"));
  if (!config.token.empty() && !(config.username.empty() && config.password.empty())) {
    return Invalid(
        fmt::format("more than one authentication method found for {}; found [token basicAuth], "
                    "only one is allowed",
                    name));
  }
  if (!config.token_file.empty() && !config.username.empty()) {
    return Fail(Code::kInvalidArgument,
                "username/password or bearer token may be set, but not both");
  }
  return {};
}

}  // namespace

Result<KubeConfig> ParseKubeConfig(std::string_view text, std::string_view folder) {
  NX_ASSIGN_OR_RETURN(const YamlDocument document, ParseYaml(text));
  const Section root(document.root.get());
  NX_ASSIGN_OR_RETURN(const std::string context_name, root.Text("current-context"));
  // Without a context there is no cluster to take.
  if (context_name.empty()) {
    return Invalid(
        "no configuration has been provided, try setting KUBERNETES_MASTER environment variable");
  }
  const Section context = root.Named("context", context_name);
  if (!context.exists()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("context {} does not exist", go::Quote(context_name)));
  }
  KubeConfig config;
  NX_ASSIGN_OR_RETURN(const std::string user_name, context.Text("user"));
  if (!user_name.empty()) {
    const Section user = root.Named("user", user_name);
    if (!user.exists()) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("auth info {} does not exist", go::Quote(user_name)));
    }
    NX_RETURN_IF_ERROR(ReadUser(user, user_name, folder, config));
  }
  NX_ASSIGN_OR_RETURN(const std::string cluster_name, context.Text("cluster"));
  const Section cluster = root.Named("cluster", cluster_name);
  if (!cluster.exists()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("cluster {} does not exist", go::Quote(cluster_name)));
  }
  NX_RETURN_IF_ERROR(ReadCluster(cluster, cluster_name, folder, config));
  return config;
}

}  // namespace narthex::config

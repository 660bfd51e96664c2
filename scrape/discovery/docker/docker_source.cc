// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/docker/docker_source.h"

#include "scrape/answers/docker/docker_targets.h"
#include "scrape/answers/docker/swarm_targets.h"
#include "scrape/discovery/docker/docker_api.h"

namespace narthex::scrape {

namespace {

using Groups = std::vector<config::TargetGroup>;
using Document = std::unique_ptr<JsonDocument>;

/// A list that is asked for, and what it is called in an error.
Result<Document> List(DockerApi& api, std::string_view path, const std::string& query,
                      std::string_view context) {
  auto document = api.List(path, query);
  if (!document) return Fail(std::move(document).error().Wrap(context));
  return document;
}

/// Networks are asked for without filters: those of the configuration are for what is listed.
Result<LabelsById> AskForNetworks(DockerApi& api, std::string_view prefix,
                                  std::string_view context) {
  NX_ASSIGN_OR_RETURN(const Document document, List(api, "/networks", "", context));
  LabelsById labels = NetworkLabels(document->root(), prefix);
  if (auto status = document->status(); !status) {
    return Fail(std::move(status).error().Wrap(context));
  }
  return labels;
}

/// The group that was made from the documents, unless one of them was not what it should be.
Result<Groups> Checked(Result<config::TargetGroup> group, std::string_view context,
                       std::initializer_list<const JsonDocument*> documents) {
  for (const JsonDocument* document : documents) {
    if (auto status = document->status(); !status) {
      return Fail(std::move(status).error().Wrap(context));
    }
  }
  if (!group) return Fail(std::move(group).error().Wrap(context));
  Groups groups;
  groups.push_back(std::move(*group));
  return groups;
}

class DockerSource final : public RefreshSource {
 public:
  DockerSource(config::DockerSdConfig config, std::unique_ptr<DockerApi> api)
      : config_(std::move(config)), query_(FilterQuery(config_.filters)), api_(std::move(api)) {}

  Result<Groups> Refresh() override {
    constexpr std::string_view kContext = "error while listing containers";
    NX_ASSIGN_OR_RETURN(const Document containers,
                        List(*api_, "/containers/json", query_, kContext));
    NX_ASSIGN_OR_RETURN(
        const LabelsById networks,
        AskForNetworks(*api_, "__meta_docker_", "error while computing network labels"));
    return Checked(ContainerTargets(containers->root(), networks, config_), kContext,
                   {containers.get()});
  }
  void Cancel() noexcept override { api_->Cancel(); }

 private:
  const config::DockerSdConfig config_;
  const std::string query_;
  const std::unique_ptr<DockerApi> api_;
};

class DockerSwarmSource final : public RefreshSource {
 public:
  DockerSwarmSource(config::DockerSwarmSdConfig config, std::unique_ptr<DockerApi> api)
      : config_(std::move(config)), query_(FilterQuery(config_.filters)), api_(std::move(api)) {}

  Result<Groups> Refresh() override {
    if (config_.role == "services") return Services();
    if (config_.role == "tasks") return Tasks();
    constexpr std::string_view kContext = "error while listing swarm nodes";
    NX_ASSIGN_OR_RETURN(const Document nodes, List(*api_, "/nodes", query_, kContext));
    return Checked(NodeTargets(nodes->root(), config_.port), kContext, {nodes.get()});
  }
  void Cancel() noexcept override { api_->Cancel(); }

 private:
  static constexpr std::string_view kNetworks = "error while computing swarm network labels";

  Result<Groups> Services() {
    constexpr std::string_view kContext = "error while listing swarm services";
    NX_ASSIGN_OR_RETURN(const Document services, List(*api_, "/services", query_, kContext));
    NX_ASSIGN_OR_RETURN(const LabelsById networks, AskForNetworks(*api_, kSwarmPrefix, kNetworks));
    return Checked(ServiceTargets(services->root(), networks, config_.port), kContext,
                   {services.get()});
  }

  Result<Groups> Tasks() {
    constexpr std::string_view kContext = "error while listing swarm tasks";
    NX_ASSIGN_OR_RETURN(const Document tasks, List(*api_, "/tasks", query_, kContext));
    NX_ASSIGN_OR_RETURN(
        const Document services,
        List(*api_, "/services", "", "error while computing services labels and ports"));
    NX_ASSIGN_OR_RETURN(const Document nodes,
                        List(*api_, "/nodes", "", "error while computing nodes labels and ports"));
    NX_ASSIGN_OR_RETURN(const LabelsById networks, AskForNetworks(*api_, kSwarmPrefix, kNetworks));
    return Checked(
        TaskTargets(tasks->root(), services->root(), nodes->root(), networks, config_.port),
        kContext, {tasks.get(), services.get(), nodes.get()});
  }

  const config::DockerSwarmSdConfig config_;
  const std::string query_;
  const std::unique_ptr<DockerApi> api_;
};

}  // namespace

Result<std::unique_ptr<RefreshSource>> MakeDockerSource(const config::DockerSdConfig& config) {
  NX_ASSIGN_OR_RETURN(auto api,
                      DockerApi::Make(config.host, config.http,
                                      std::chrono::milliseconds(config.refresh_interval_ms)));
  return std::make_unique<DockerSource>(config, std::move(api));
}

Result<std::unique_ptr<RefreshSource>> MakeDockerSwarmSource(
    const config::DockerSwarmSdConfig& config) {
  NX_ASSIGN_OR_RETURN(auto api,
                      DockerApi::Make(config.host, config.http,
                                      std::chrono::milliseconds(config.refresh_interval_ms)));
  return std::make_unique<DockerSwarmSource>(config, std::move(api));
}

}  // namespace narthex::scrape

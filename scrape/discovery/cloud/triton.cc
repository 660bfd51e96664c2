// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/triton; the API:
// https://github.com/TritonDataCenter/triton-cmon/blob/master/docs/README.md
#include <fmt/core.h>

#include "narthex/net/url.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_triton_";

constexpr LabelRow kContainer[] = {
    {"machine_id", "vm_uuid"},     {"machine_alias", "vm_alias"},
    {"machine_brand", "vm_brand"}, {"machine_image", "vm_image_uuid"},
    {"server_id", "server_uuid"},  {"groups", "groups", LabelForm::kList}};

constexpr LabelRow kComputeNode[] = {{"machine_id", "server_uuid"},
                                     {"machine_alias", "server_hostname"}};

std::string DiscoverUrl(const config::TritonSdConfig& config, const std::string& scheme) {
  std::string url = fmt::format("{}://{}:{}/v{}{}/discover", scheme, config.endpoint, config.port,
                                config.version, config.role == "cn" ? "/gz" : "");
  std::string groups;
  for (const std::string& group : config.groups) groups += (groups.empty() ? "" : ",") + group;
  if (!config.groups.empty()) url += "?groups=" + net::EscapeQuery(groups);
  return url;
}

Result<config::TargetGroup> Machines(const JsonDocument& answer,
                                     const config::TritonSdConfig& config, std::string source) {
  const bool nodes = config.role == "cn";
  const std::span<const LabelRow> rows =
      nodes ? std::span<const LabelRow>(kComputeNode) : std::span<const LabelRow>(kContainer);
  config::TargetGroup group;
  TargetBudget budget;
  group.source = std::move(source);
  for (const JsonView& machine : answer.root()[nodes ? "cns" : "containers"].Items()) {
    LabelMap labels;
    AddLabels(machine, kPrefix, rows, labels);
    labels[kAddressLabel] =
        fmt::format("{}.{}:{}", labels[kPrefix + "machine_id"], config.dns_suffix, config.port);
    NX_RETURN_IF_ERROR(budget.Add(ToLabels(labels), group));
  }
  NX_RETURN_IF_ERROR(answer.status());
  return group;
}

}  // namespace

MadeSource MakeTritonSource(const config::TritonSdConfig& config, const std::string& scheme) {
  const std::string url = DiscoverUrl(config, scheme);
  return MakeCloudSource(config, [config, url](ApiClient& api) -> Result<config::TargetGroup> {
    auto answer = api.GetJson(url);
    if (!answer) {
      return Fail(std::move(answer).error().Wrap(
          "an error occurred when requesting targets from the discovery endpoint"));
    }
    return Machines(**answer, config, url);
  });
}

}  // namespace narthex::scrape

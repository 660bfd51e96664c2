// SPDX-License-Identifier: Apache-2.0
//
// docker_sd_configs and dockerswarm_sd_configs. Source: Prometheus discovery/moby.
#include <fmt/core.h>

#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/url_check.h"

namespace narthex::config {

namespace {

Status CheckHost(const Value& sd) {
  if (sd["host"].text.empty()) return Reject(sd, "host missing");
  if (const Status status = CheckUrl(sd["host"].text); !status) {
    return Reject(sd["host"], status.error().message());
  }
  return {};
}

Status CheckDocker(Value& sd) {
  NX_RETURN_IF_ERROR(CheckHost(sd));
  return CheckHttp(sd);
}

Status CheckSwarm(Value& sd) {
  NX_RETURN_IF_ERROR(CheckHost(sd));
  const std::string& role = sd["role"].text;
  if (role.empty()) return Reject(sd, "role missing (one of: tasks, services, nodes)");
  if (role != "services" && role != "nodes" && role != "tasks") {
    return Reject(sd["role"],
                  fmt::format("invalid role {}, expected tasks, services, or nodes", role));
  }
  return CheckHttp(sd);
}

const Type& FilterListType() {
  static const Schema schema{
      "moby.Filter",
      {{"name", &kStringType, Show::kAlways}, {"values", &kStringListType, Show::kAlways}}};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]moby.Filter", nullptr, &entry};
  return list;
}

}  // namespace

std::vector<SdFilter> ExtractFilters(const Value& list) {
  std::vector<SdFilter> filters;
  for (const Value& item : list.items) {
    if (item.IsOpen()) filters.push_back({item["name"].text, Strings(item["values"])});
  }
  return filters;
}

const Type& DockerSdListType() {
  static const Schema schema{
      "moby.plain",
      Concat({HttpFields(),
              {{"host", &kStringType, Show::kAlways},
               {"port", &kIntType, Show::kAlways, "80"},
               {"filters", &FilterListType(), Show::kAlways},
               {"host_networking_host", &kStringType, Show::kAlways, "localhost"},
               {"refresh_interval", &kDurationType, Show::kAlways, "1m"},
               {"match_first_network", &kBoolType, Show::kAlways, "true"}}}),
      CheckDocker};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*moby.DockerSDConfig", nullptr, &entry};
  return list;
}

DockerSdConfig ExtractDockerSd(const Value& sd) {
  return {.host = sd["host"].text,
          .port = sd["port"].number,
          .filters = ExtractFilters(sd["filters"]),
          .host_networking_host = sd["host_networking_host"].text,
          .match_first_network = sd["match_first_network"].flag(),
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

const Type& DockerSwarmSdListType() {
  static const Schema schema{"moby.plain",
                             Concat({HttpFields(),
                                     {{"host", &kStringType, Show::kAlways},
                                      {"role", &kStringType, Show::kAlways},
                                      {"port", &kIntType, Show::kAlways, "80"},
                                      {"filters", &FilterListType(), Show::kAlways},
                                      {"refresh_interval", &kDurationType, Show::kAlways, "1m"}}}),
                             CheckSwarm};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*moby.DockerSwarmSDConfig", nullptr, &entry};
  return list;
}

DockerSwarmSdConfig ExtractDockerSwarmSd(const Value& sd) {
  return {.host = sd["host"].text,
          .role = sd["role"].text,
          .port = sd["port"].number,
          .filters = ExtractFilters(sd["filters"]),
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
//
// All mechanisms of discovery that Prometheus has, and which of them are here.
// Source: Prometheus discovery/registry.go, discovery/install.
#include <algorithm>
#include <variant>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/target_groups.h"
#include "src/config/yaml/writer.h"

namespace narthex::config {

namespace {

struct Mechanism {
  std::string_view name;
  const Type& (*list)() = nullptr;  // Null = known to Prometheus, not available here yet.
  DiscoverySettings (*extract)(const Value& entry) = nullptr;
  std::string section = {};
};

/// Makes a pointer to any of the Extract functions fit.
template <auto Extract>
DiscoverySettings As(const Value& entry) {
  return Extract(entry);
}

/// Sorted by name, as Prometheus reads and prints them.
std::vector<Mechanism>& Mechanisms() {
  static std::vector<Mechanism> mechanisms = [] {
    // clang-format off: one per line.
    std::vector<Mechanism> all = {
        {"aws", AwsSdListType, As<ExtractAwsSd>},
        {"azure", AzureSdListType, As<ExtractAzureSd>},
        {"consul", ConsulSdListType, As<ExtractConsulSd>},
        {"digitalocean", DigitalOceanSdListType, As<ExtractDigitalOceanSd>},
        {"dns", DnsSdListType, As<ExtractDnsSd>},
        {"docker", DockerSdListType, As<ExtractDockerSd>},
        {"dockerswarm", DockerSwarmSdListType, As<ExtractDockerSwarmSd>},
        {"ec2", Ec2SdListType, As<ExtractEc2Sd>},
        {"ecs"},
        {"elasticache"},
        {"eureka", EurekaSdListType, As<ExtractEurekaSd>},
        {"file", FileSdListType, As<ExtractFileSd>},
        {"gce", GceSdListType, As<ExtractGceSd>},
        {"hetzner", HetznerSdListType, As<ExtractHetznerSd>},
        {"http", HttpSdListType, As<ExtractHttpSd>},
        {"ionos", IonosSdListType, As<ExtractIonosSd>},
        {"kubernetes", KubernetesSdListType, As<ExtractKubernetesSd>},
        {"kuma", KumaSdListType, As<ExtractKumaSd>},
        {"lightsail", LightsailSdListType, As<ExtractLightsailSd>},
        {"linode", LinodeSdListType, As<ExtractLinodeSd>},
        {"marathon", MarathonSdListType, As<ExtractMarathonSd>},
        {"msk", MskSdListType, As<ExtractMskSd>},
        {"nerve"},
        {"nomad", NomadSdListType, As<ExtractNomadSd>},
        {"oci"},
        {"openstack", OpenstackSdListType, As<ExtractOpenstackSd>},
        {"outscale"},
        {"ovhcloud", OvhcloudSdListType, As<ExtractOvhcloudSd>},
        {"puppetdb", PuppetdbSdListType, As<ExtractPuppetdbSd>},
        {"rds"},
        {"scaleway", ScalewaySdListType, As<ExtractScalewaySd>},
        {"serverset"},
        {"stackit"},
        {"triton", TritonSdListType, As<ExtractTritonSd>},
        {"uyuni", UyuniSdListType, As<ExtractUyuniSd>},
        {"vultr", VultrSdListType, As<ExtractVultrSd>},
    };
    // clang-format on
    for (Mechanism& mechanism : all)
      mechanism.section = fmt::format("{}_sd_configs", mechanism.name);
    return all;
  }();
  return mechanisms;
}

Status CheckNotEmpty(const Value& section, std::string_view name) {
  return CheckNoNull(section[name], fmt::format("empty or null section in {}", name));
}

/// What asks without a pause asks for trouble; Prometheus ends with a panic.
Status CheckIntervals(const Value& entries, std::string_view section) {
  if (section == "aws_sd_configs") return {};  // Whose 0 stands for the default.
  for (const Value& entry : entries.items) {
    if (!entry.Has("refresh_interval")) continue;
    const Value& interval = entry["refresh_interval"];
    if (interval.number > 0) continue;
    return Reject(interval, fmt::format("refresh_interval of {} must be longer than 0s", section));
  }
  return {};
}

/// A century: what is added to a time in nanoseconds must not overflow.
constexpr model::DurationMs kMaxIntervalMs = model::DurationMs{100 * 365} * 86'400'000;

void ClampIntervals(DiscoverySettings& settings) {
  std::visit(
      [](auto& sd) {
        if constexpr (requires { sd.refresh_interval_ms; }) {
          sd.refresh_interval_ms = std::min(sd.refresh_interval_ms, kMaxIntervalMs);
        }
        if constexpr (requires { sd.fetch_timeout_ms; }) {
          sd.fetch_timeout_ms = std::min(sd.fetch_timeout_ms, kMaxIntervalMs);
        }
      },
      settings);
}

}  // namespace

std::vector<Field> DiscoveryFields() {
  std::vector<Field> fields;
  for (const Mechanism& mechanism : Mechanisms()) {
    if (mechanism.list != nullptr) {
      fields.push_back({mechanism.section, &mechanism.list()});
    } else {
      fields.push_back({mechanism.section, &kMissingType, Show::kNever});
    }
  }
  fields.push_back({"static_configs", &TargetGroupList()});
  std::sort(fields.begin(), fields.end(),
            [](const Field& a, const Field& b) { return a.name < b.name; });
  return fields;
}

Status CheckDiscovery(const Value& section) {
  for (const Mechanism& mechanism : Mechanisms()) {
    if (mechanism.list == nullptr) continue;
    NX_RETURN_IF_ERROR(CheckNotEmpty(section, mechanism.section));
    NX_RETURN_IF_ERROR(CheckIntervals(section[mechanism.section], mechanism.section));
  }
  NX_RETURN_IF_ERROR(CheckNotEmpty(section, "static_configs"));
  // A URL where an address belongs is a frequent mistake; with relabelling it may be on purpose.
  if (!section["relabel_configs"].items.empty()) return {};
  for (const Value& group : section["static_configs"].items) {
    for (const Value& target : group["targets"].items) {
      if (target.text.find('/') != std::string::npos) {
        return Reject(target, fmt::format("{} is not a valid hostname", go::Quote(target.text)));
      }
    }
  }
  return {};
}

std::vector<std::string_view> DiscoveryMechanisms() {
  std::vector<std::string_view> names = {"static"};
  for (const Mechanism& mechanism : Mechanisms()) {
    if (mechanism.list != nullptr) names.push_back(mechanism.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<DiscoveryConfig> ExtractDiscoveries(const Value& section) {
  std::vector<DiscoveryConfig> configs;
  for (const Mechanism& mechanism : Mechanisms()) {
    if (mechanism.list == nullptr) continue;
    for (const Value& entry : section[mechanism.section].items) {
      configs.push_back({.mechanism = std::string(mechanism.name),
                         .key = fmt::format("{}\n{}", mechanism.name, WriteYaml(entry, true)),
                         .settings = mechanism.extract(entry)});
      ClampIntervals(configs.back().settings);
    }
  }
  return configs;
}

}  // namespace narthex::config

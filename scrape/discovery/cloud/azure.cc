// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/azure; the API: https://learn.microsoft.com/rest/api/compute and
// https://learn.microsoft.com/rest/api/virtualnetwork
#include <map>
#include <optional>

#include <fmt/core.h>

#include "narthex/base/hash.h"
#include "narthex/base/log.h"
#include "narthex/net/url.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/azure_tokens.h"
#include "scrape/discovery/cloud/cloud_metrics.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_azure_";

constexpr std::string_view kComputeVersion = "api-version=2024-07-01";
constexpr std::string_view kNetworkVersion = "api-version=2023-05-01";
constexpr std::string_view kScaleSetNetworkVersion = "api-version=2018-10-01";

constexpr LabelRow kMachine[] = {{"machine_id", "id"},
                                 {"machine_name", "name"},
                                 {"machine_location", "location"},
                                 {"machine_computer_name", "properties.osProfile.computerName"},
                                 {"machine_os_type", "properties.storageProfile.osDisk.osType"},
                                 {"machine_size", "properties.hardwareProfile.vmSize"}};

/// The services of one of Azure's clouds.
struct Cloud {
  std::string login, api, audience;
};

Result<Cloud> CloudOf(const std::string& environment) {
  std::string name = environment;
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  if (name == "AZURECLOUD" || name == "AZUREPUBLICCLOUD" || name == "AZUREGERMANCLOUD") {
    return Cloud{"https://login.microsoftonline.com", "https://management.azure.com",
                 "https://management.core.windows.net/"};
  }
  if (name == "AZURECHINACLOUD") {
    return Cloud{"https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn",
                 "https://management.core.chinacloudapi.cn"};
  }
  if (name == "AZUREUSGOVERNMENT" || name == "AZUREUSGOVERNMENTCLOUD") {
    return Cloud{"https://login.microsoftonline.us", "https://management.usgovcloudapi.net",
                 "https://management.core.usgovcloudapi.net"};
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("there is no cloud configuration matching the name \"{}\"", name));
}

/// The part of an id "/subscriptions/S/resourceGroups/G/…" behind "resourceGroups", in any case.
/// Errors: an id without one.
Result<std::string> ResourceGroupOf(const std::string& id) {
  std::string lower = id;
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  constexpr std::string_view kMark = "/resourcegroups/";
  const std::size_t at = lower.find(kMark);
  if (at == std::string::npos) {
    return Fail(Code::kInvalidArgument, fmt::format("invalid ID '{}'", ShortText(id)));
  }
  const std::size_t from = at + kMark.size();
  return id.substr(from, id.find('/', from) - from);
}

std::string LastPart(const std::string& id) { return id.substr(id.rfind('/') + 1); }

/// A machine alone, or of a scale set.
struct Machine {
  JsonView json;
  std::string scale_set;  // Its name; "" = alone.
};

/// What is of use of a network interface.
struct Interface {
  bool has_properties = false;
  bool has_primary = false;  // Says whether it is the primary one.
  bool primary = false;
  bool has_addresses = false;  // The next two are those of the first.
  std::string public_ip{};
  std::optional<std::string> private_ip{};
};

/// Errors: an answer of another form.
Result<Interface> ReadInterface(const std::string& json) {
  NX_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(json));
  const JsonView properties = document->root()["properties"];
  Interface interface;
  interface.has_properties = properties.present();
  interface.has_primary = properties["primary"].present();
  interface.primary = properties["primary"].Flag();
  const std::vector<JsonView> addresses = properties["ipConfigurations"].Items();
  interface.has_addresses = !addresses.empty();
  if (interface.has_addresses) {
    const JsonView first = addresses[0]["properties"];
    interface.public_ip = first.At("publicIPAddress.properties.ipAddress").Text();
    const JsonView own = first["privateIPAddress"];
    if (own.present()) interface.private_ip = own.Text();
  }
  NX_RETURN_IF_ERROR(document->status());
  return interface;
}

/// What is known of network interfaces, by their ids. Each of them is a request of its own, and
/// Azure allows only so many; they are asked for again after ten refreshes or some more.
class InterfaceCache {
 public:
  InterfaceCache(Clock& clock, std::int64_t refresh_interval_ms, metrics::Counter& hits)
      : clock_(clock), interval_ms_(std::max<std::int64_t>(refresh_interval_ms, 1)), hits_(hits) {}

  std::optional<Interface> Get(const std::string& id) {
    const auto found = known_.find(id);
    if (found == known_.end() || clock_.NowMs() >= found->second.expires_ms) return std::nullopt;
    hits_.Add();
    return found->second.interface;
  }
  void Put(const std::string& id, const Interface& interface) {
    const std::int64_t now = clock_.NowMs();
    std::erase_if(known_, [&](const auto& entry) { return now >= entry.second.expires_ms; });
    if (known_.size() >= kMaxEntries) return;
    // Not all at the same time.
    const auto more =
        static_cast<std::int64_t>(Hash64(id) % static_cast<std::uint64_t>(3 * interval_ms_));
    known_[id] = {interface, now + 10 * interval_ms_ + more};
  }

 private:
  static constexpr std::size_t kMaxEntries = 5000;
  struct Entry {
    Interface interface {};
    std::int64_t expires_ms = 0;
  };

  Clock& clock_;
  const std::int64_t interval_ms_;
  metrics::Counter& hits_;
  std::map<std::string, Entry> known_;
};

/// One refresh.
class Azure {
 public:
  Azure(ApiClient& api, const config::AzureSdConfig& config, InterfaceCache& interfaces,
        const std::string& url, const std::string& authorization)
      : api_(api),
        config_(config),
        interfaces_(interfaces),
        subscription_(fmt::format("{}/subscriptions/{}", url, config.subscription_id)),
        headers_{{"Authorization", authorization}} {}

  Result<config::TargetGroup> Targets();

 private:
  /// A list with `nextLink` between its pages.
  Result<Pages> List(const std::string& url) {
    return FetchPages(api_, url, headers_,
                      [](const Page& page) { return page["nextLink"].Text(); });
  }
  std::string ComputeUrl(std::string_view kind) const {
    const std::string group =
        config_.resource_group.empty() ? "" : "/resourceGroups/" + config_.resource_group;
    return fmt::format("{}{}/providers/Microsoft.Compute/{}?{}", subscription_, group, kind,
                       kComputeVersion);
  }
  Result<std::string> NetworkInterfaceUrl(const std::string& id, const Machine& machine) const;
  /// None for one that does not exist.
  Result<std::optional<Interface>> NetworkInterface(const std::string& id, const Machine& machine);
  Status Add(const Machine& machine, config::TargetGroup& group);
  /// Fills in the addresses of the primary interface. @return false for a machine without any
  Result<bool> AddAddresses(const Machine& machine, LabelMap& labels);

  ApiClient& api_;
  const config::AzureSdConfig& config_;
  InterfaceCache& interfaces_;
  const std::string subscription_;
  const net::Headers headers_;
  TargetBudget budget_;
};

Result<config::TargetGroup> Azure::Targets() {
  const auto explain = [](Error why, const char* what) {
    return Fail(std::move(why).Wrap(fmt::format("could not get virtual machine{}", what)));
  };
  auto machines = List(ComputeUrl("virtualMachines"));
  if (!machines) return explain(std::move(machines).error(), "s");
  auto sets = List(ComputeUrl("virtualMachineScaleSets"));
  if (!sets) return explain(std::move(sets).error(), " scale sets");

  std::vector<Machine> all;
  for (const JsonView& machine : machines->Items("value")) all.push_back({machine, ""});
  std::vector<Pages> of_sets;  // The machines' views are of these.
  for (const JsonView& set : sets->Items("value")) {
    const std::string name = set["name"].Text();
    NX_ASSIGN_OR_RETURN(const std::string group, ResourceGroupOf(set["id"].Text()));
    auto pages =
        List(fmt::format("{}/resourceGroups/{}/providers/Microsoft.Compute/"
                         "virtualMachineScaleSets/{}/virtualMachines?{}",
                         subscription_, group, name, kComputeVersion));
    if (!pages) return explain(std::move(pages).error(), " scale set vms");
    for (const JsonView& machine : pages->Items("value")) all.push_back({machine, name});
    of_sets.push_back(std::move(*pages));
  }

  config::TargetGroup group;
  for (const Machine& machine : all) {
    if (auto status = Add(machine, group); !status) {
      return Fail(std::move(status).error().Wrap("unable to complete Azure service discovery"));
    }
  }
  for (const Pages& pages : of_sets) NX_RETURN_IF_ERROR(pages.status());
  return Checked(std::move(group), {&*machines, &*sets});
}

Result<std::string> Azure::NetworkInterfaceUrl(const std::string& id,
                                               const Machine& machine) const {
  NX_ASSIGN_OR_RETURN(const std::string group, ResourceGroupOf(id));
  constexpr std::string_view kExpand = "%24expand=IPConfigurations%2FPublicIPAddress";
  if (machine.scale_set.empty()) {
    return fmt::format(
        "{}/resourceGroups/{}/providers/Microsoft.Network/networkInterfaces/{}?{}&{}",
        subscription_, group, LastPart(id), kExpand, kNetworkVersion);
  }
  return fmt::format(
      "{}/resourceGroups/{}/providers/microsoft.Compute/virtualMachineScaleSets/{}/virtualMachines/"
      "{}/networkInterfaces/{}?{}&{}",
      subscription_, group, machine.scale_set, machine.json["instanceId"].Text(), LastPart(id),
      kExpand, kScaleSetNetworkVersion);
}

Result<std::optional<Interface>> Azure::NetworkInterface(const std::string& id,
                                                         const Machine& machine) {
  if (const auto known = interfaces_.Get(id)) return known;
  NX_ASSIGN_OR_RETURN(const std::string url, NetworkInterfaceUrl(id, machine));
  NX_ASSIGN_OR_RETURN(const ApiAnswer answer, api_.Get(url, headers_));
  if (answer.response.status == 404) {
    log::Warn("Network interface does not exist", {{"name", id}});
    return std::optional<Interface>();
  }
  if (answer.response.status != 200) return Fail(UnexpectedStatus("Get " + UrlText(url), answer));
  auto interface = ReadInterface(answer.body);
  if (!interface) return Fail(std::move(interface).error().Wrap("Get " + UrlText(url)));
  interfaces_.Put(id, *interface);
  return std::optional<Interface>(std::move(*interface));
}

Result<bool> Azure::AddAddresses(const Machine& machine, LabelMap& labels) {
  const JsonView list = machine.json.At("properties.networkProfile.networkInterfaces");
  for (const JsonView& item : list.Items()) {
    NX_ASSIGN_OR_RETURN(const auto interface, NetworkInterface(item["id"].Text(), machine));
    if (!interface) return false;
    if (!interface->has_properties) continue;
    // Nobody says outright that a machine has been deallocated.
    if (!interface->has_primary) return false;
    if (!interface->primary || !interface->has_addresses) continue;
    if (!interface->private_ip) {
      return Fail(Code::kUnavailable, fmt::format("unable to find a private IP for VM {}",
                                                  ShortText(machine.json["name"].Text())));
    }
    labels[kPrefix + "machine_public_ip"] = interface->public_ip;
    labels[kPrefix + "machine_private_ip"] = *interface->private_ip;
    labels[kAddressLabel] = JoinHostPort(*interface->private_ip, config_.port);
    return true;
  }
  return false;
}

Status Azure::Add(const Machine& machine, config::TargetGroup& group) {
  LabelMap labels;
  AddLabels(machine.json, kPrefix, kMachine, labels);
  NX_ASSIGN_OR_RETURN(labels[kPrefix + "machine_resource_group"],
                      ResourceGroupOf(machine.json["id"].Text()));
  labels[kPrefix + "subscription_id"] = config_.subscription_id;
  labels[kPrefix + "tenant_id"] = config_.tenant_id;
  labels[kPrefix + "machine_scale_set"] = machine.scale_set;
  for (const auto& [key, value] : machine.json["tags"].TextMembers()) {
    labels[kPrefix + "machine_tag_" + SanitizeLabelName(key)] = value;
  }
  NX_ASSIGN_OR_RETURN(const bool found, AddAddresses(machine, labels));
  if (!found) return {};
  return budget_.Add(ToLabels(labels), group);
}

}  // namespace

MadeSource MakeAzureSource(const config::AzureSdConfig& config, metrics::Registry& registry,
                           Clock& clock, const net::Environment& environment,
                           const std::string& api, const std::string& login) {
  // What is wrong with these is an error of each refresh, not of the configuration.
  const auto cloud_of = [config, api, login]() -> Result<Cloud> {
    NX_ASSIGN_OR_RETURN(Cloud cloud, CloudOf(config.environment));
    if (!api.empty()) cloud.api = api;
    if (!login.empty()) cloud.login = login;
    return cloud;
  };
  const auto make_request = [config, cloud_of, environment,
                             &clock]() -> Result<net::MakeTokenRequest> {
    NX_ASSIGN_OR_RETURN(const Cloud cloud, cloud_of());
    return AzureTokens(config, cloud.login, cloud.audience, environment, clock);
  };
  const auto token = std::make_shared<net::BearerTokens>(
      [make_request]() -> Result<net::ClientRequest> {
        const auto make = make_request();
        if (!make) return Fail(Error(make.error()).Wrap("could not create Azure client"));
        return (*make)();
      },
      clock);
  metrics::Counter& failures = AzureFailures(registry);
  const auto interfaces =
      std::make_shared<InterfaceCache>(clock, config.refresh_interval_ms, AzureCacheHits(registry));
  return MakeCloudSource(
      config,
      [config, token, interfaces, cloud_of,
       &failures](ApiClient& client) -> Result<config::TargetGroup> {
        const auto targets = [&]() -> Result<config::TargetGroup> {
          NX_ASSIGN_OR_RETURN(const std::string bearer, token->Token());
          NX_ASSIGN_OR_RETURN(const Cloud cloud, cloud_of());
          return Azure(client, config, *interfaces, cloud.api, "Bearer " + bearer).Targets();
        };
        auto group = targets();
        if (!group) failures.Add();
        return group;
      },
      token);
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/openstack; the APIs: https://docs.openstack.org/api-ref/compute,
// https://docs.openstack.org/api-ref/network/v2 and
// https://docs.openstack.org/api-ref/load-balancer
#include <map>
#include <optional>

#include <fmt/core.h>

#include "narthex/base/log.h"
#include "scrape/answers/naming.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/openstack_session.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

const std::string kPrefix = "__meta_openstack_";

constexpr LabelRow kInstance[] = {{"instance_id", "id"},
                                  {"instance_status", "status"},
                                  {"instance_name", "name"},
                                  {"project_id", "tenant_id"},
                                  {"user_id", "user_id"}};

constexpr LabelRow kHypervisor[] = {{"hypervisor_hostname", "hypervisor_hostname"},
                                    {"hypervisor_host_ip", "host_ip"},
                                    {"hypervisor_status", "status"},
                                    {"hypervisor_state", "state"},
                                    {"hypervisor_type", "hypervisor_type"}};

constexpr LabelRow kLoadBalancer[] = {{"loadbalancer_id", "id"},
                                      {"loadbalancer_name", "name"},
                                      {"loadbalancer_operating_status", "operating_status"},
                                      {"loadbalancer_provisioning_status", "provisioning_status"},
                                      {"loadbalancer_availability_zone", "availability_zone"},
                                      {"loadbalancer_vip", "vip_address"},
                                      {"loadbalancer_provider", "provider"},
                                      {"project_id", "project_id"}};

/// Addresses that a network's router translates into others.
struct FloatingIps {
  /// By the device and its own address.
  std::map<std::pair<std::string, std::string>, std::string> by_address;
  std::set<std::string> all;
};

/// The text of a member of any type; nullopt when it is none.
std::optional<std::string> TextOf(const JsonView& value) {
  if (!value.IsText()) return std::nullopt;
  return value.Text();
}

/// One refresh.
class Openstack {
 public:
  Openstack(ApiClient& api, const config::OpenstackSdConfig& config,
            const OpenstackSession& session)
      : api_(api), config_(config), session_(session) {
    group_.source = "OS_" + config.region;
  }

  Result<config::TargetGroup> Instances();
  Result<config::TargetGroup> Hypervisors();
  Result<config::TargetGroup> LoadBalancers();

 private:
  /// @param what  "compute": of messages
  Result<std::string> Service(std::string_view type, std::string_view what) const;
  /// Where the network service has its resources.
  Result<std::string> Network() const;
  /// All pages of a list; the next one is in "<list>_links".
  Result<Pages> List(const std::string& url, std::string_view list, std::string_view what);
  Result<FloatingIps> ListFloatingIps(const std::string& network);
  Status AddInstance(const JsonView& server, const FloatingIps& floating);
  Status AddAddresses(const JsonView& server, const LabelMap& labels, const FloatingIps& floating);

  ApiClient& api_;
  const config::OpenstackSdConfig& config_;
  const OpenstackSession& session_;
  TargetBudget budget_;
  config::TargetGroup group_;
};

Result<std::string> Openstack::Service(std::string_view type, std::string_view what) const {
  auto url = session_.Endpoint(type, {config_.region, config_.availability});
  if (url) return url;
  return Fail(
      std::move(url).error().Wrap(fmt::format("could not create OpenStack {} session", what)));
}

Result<std::string> Openstack::Network() const {
  NX_ASSIGN_OR_RETURN(const std::string url, Service("network", "network"));
  return url + "v2.0/";
}

Result<Pages> Openstack::List(const std::string& url, std::string_view list,
                              std::string_view what) {
  auto pages = FetchPages(api_, url, session_.headers(), [list](const Page& page) {
    std::string next;
    if (page[list].Items().empty()) return next;
    for (const JsonView& link : page[fmt::format("{}_links", list)].Items()) {
      if (link["rel"].Text() == "next") next = link["href"].Text();
    }
    return next;
  });
  if (pages) return pages;
  return Fail(std::move(pages).error().Wrap(fmt::format("failed to list {}", what)));
}

Result<FloatingIps> Openstack::ListFloatingIps(const std::string& network) {
  NX_ASSIGN_OR_RETURN(const Pages ports, List(network + "ports", "ports", "all ports"));
  NX_ASSIGN_OR_RETURN(const Pages ips,
                      List(network + "floatingips", "floatingips", "floating IPs"));
  std::map<std::string, std::string> device_by_port;
  for (const JsonView& port : ports.Items("ports")) {
    device_by_port[port["id"].Text()] = port["device_id"].Text();
  }
  FloatingIps found;
  for (const JsonView& ip : ips.Items("floatingips")) {
    const std::string port = ip["port_id"].Text();
    const std::string own = ip["fixed_ip_address"].Text();
    if (port.empty() || own.empty()) continue;  // Nobody has it at present.
    const auto device = device_by_port.find(port);
    if (device == device_by_port.end()) {
      log::Warn("Floating IP PortID not found in portList", {{"PortID", port}});
      continue;
    }
    const std::string address = ip["floating_ip_address"].Text();
    found.by_address[{device->second, own}] = address;
    found.all.insert(address);
  }
  NX_RETURN_IF_ERROR(ports.status());
  NX_RETURN_IF_ERROR(ips.status());
  return found;
}

Status Openstack::AddAddresses(const JsonView& server, const LabelMap& labels,
                               const FloatingIps& floating) {
  const std::string id = server["id"].Text();
  for (const auto& [pool, addresses] : server["addresses"].Members()) {
    if (!addresses.IsList()) continue;
    for (const JsonView& item : addresses.Items()) {
      if (!item.IsObject()) continue;
      const auto address = TextOf(item["addr"]);
      if (!address || floating.all.contains(*address)) continue;
      LabelMap all = labels;
      all[kPrefix + "address_pool"] = pool;
      all[kPrefix + "private_ip"] = *address;
      if (const auto found = floating.by_address.find({id, *address});
          found != floating.by_address.end()) {
        all[kPrefix + "public_ip"] = found->second;
      }
      all[kAddressLabel] = JoinHostPort(*address, config_.port);
      NX_RETURN_IF_ERROR(budget_.Add(ToLabels(all), group_));
    }
  }
  return {};
}

Status Openstack::AddInstance(const JsonView& server, const FloatingIps& floating) {
  LabelMap labels;
  AddLabels(server, kPrefix, kInstance, labels);
  const JsonView flavor = server["flavor"];
  auto name = TextOf(flavor["original_name"]);  // From version 2.47 of the API on, without an id.
  if (!name) name = TextOf(flavor["id"]);
  if (!name) {
    log::Warn("A server has neither a name nor an id of its flavor",
              {{"instance", server["id"].Text()}});
    return {};
  }
  labels[kPrefix + "instance_flavor"] = *name;
  if (const JsonView image = server["image"]; image.IsObject()) {  // Else it is "".
    labels[kPrefix + "instance_image"] = TextOf(image["id"]).value_or("");
  }
  for (const auto& [key, value] : server["metadata"].TextMembers()) {
    labels[kPrefix + "tag_" + SanitizeLabelName(key)] = value;
  }
  return AddAddresses(server, labels, floating);
}

Result<config::TargetGroup> Openstack::Instances() {
  NX_ASSIGN_OR_RETURN(const std::string compute, Service("compute", "compute"));
  NX_ASSIGN_OR_RETURN(const std::string network, Network());
  NX_ASSIGN_OR_RETURN(const FloatingIps floating, ListFloatingIps(network));
  const std::string query = config_.all_tenants ? "?all_tenants=true" : "";
  NX_ASSIGN_OR_RETURN(const Pages servers,
                      List(compute + "servers/detail" + query, "servers", "instances"));
  for (const JsonView& server : servers.Items("servers")) {
    NX_RETURN_IF_ERROR(AddInstance(server, floating));
  }
  return Checked(std::move(group_), {&servers});
}

Result<config::TargetGroup> Openstack::Hypervisors() {
  NX_ASSIGN_OR_RETURN(const std::string compute, Service("compute", "compute"));
  NX_ASSIGN_OR_RETURN(const Pages pages,
                      List(compute + "os-hypervisors/detail", "hypervisors", "hypervisors"));
  for (const JsonView& hypervisor : pages.Items("hypervisors")) {
    LabelMap labels;
    AddLabels(hypervisor, kPrefix, kHypervisor, labels);
    const JsonView id = hypervisor["id"];  // A number before version 2.53 of the API.
    labels[kPrefix + "hypervisor_id"] = id.IsText() ? id.Text() : std::to_string(id.Int());
    labels[kAddressLabel] = JoinHostPort(hypervisor["host_ip"].Text(), config_.port);
    NX_RETURN_IF_ERROR(budget_.Add(ToLabels(labels), group_));
  }
  return Checked(std::move(group_), {&pages});
}

/// The port at which each load balancer says how it is, by its id: that of its first listener which
/// speaks the protocol for it.
std::map<std::string, std::int64_t> MetricsPorts(const Pages& listeners) {
  std::map<std::string, std::int64_t> ports;
  for (const JsonView& listener : listeners.Items("listeners")) {
    if (listener["protocol"].Text() != "PROMETHEUS") continue;
    for (const JsonView& balancer : listener["loadbalancers"].Items()) {
      ports.emplace(balancer["id"].Text(), listener["protocol_port"].Int());
    }
  }
  return ports;
}

Result<config::TargetGroup> Openstack::LoadBalancers() {
  NX_ASSIGN_OR_RETURN(std::string service, Service("load-balancer", "load balancer"));
  NX_ASSIGN_OR_RETURN(const std::string network, Network());
  // Some catalogues name the version as well.
  constexpr std::string_view kVersion = "v2.0/";
  for (std::size_t at = 0; (at = service.find(kVersion)) != std::string::npos;) {
    service.erase(at, kVersion.size());
  }
  service += std::string(kVersion) + "lbaas/";
  NX_ASSIGN_OR_RETURN(const Pages balancers,
                      List(service + "loadbalancers", "loadbalancers", "load balancers"));
  NX_ASSIGN_OR_RETURN(const Pages listeners,
                      List(service + "listeners", "listeners", "all listeners"));
  NX_ASSIGN_OR_RETURN(const Pages ips,
                      List(network + "floatingips", "floatingips", "floating IPs"));
  const std::map<std::string, std::int64_t> metrics_ports = MetricsPorts(listeners);
  std::map<std::string, std::string> floating_by_port;
  for (const JsonView& ip : ips.Items("floatingips")) {
    const std::string port = ip["port_id"].Text();
    if (!port.empty()) floating_by_port[port] = ip["floating_ip_address"].Text();
  }
  for (const JsonView& balancer : balancers.Items("loadbalancers")) {
    const auto port = metrics_ports.find(balancer["id"].Text());
    if (port == metrics_ports.end()) continue;
    LabelMap labels;
    AddLabels(balancer, kPrefix, kLoadBalancer, labels);
    std::string tags;
    for (const std::string& tag : balancer["tags"].Texts()) tags += (tags.empty() ? "" : ",") + tag;
    labels[kPrefix + "loadbalancer_tags"] = tags;
    if (const auto ip = floating_by_port.find(balancer["vip_port_id"].Text());
        ip != floating_by_port.end()) {
      labels[kPrefix + "loadbalancer_floating_ip"] = ip->second;
    }
    labels[kAddressLabel] = JoinHostPort(balancer["vip_address"].Text(), port->second);
    NX_RETURN_IF_ERROR(budget_.Add(ToLabels(labels), group_));
  }
  return Checked(std::move(group_), {&balancers, &listeners, &ips});
}

}  // namespace

MadeSource MakeOpenstackSource(const config::OpenstackSdConfig& config,
                               const net::Environment& environment) {
  NX_ASSIGN_OR_RETURN(const OpenstackLogin login, OpenstackLoginOf(config, environment));
  return MakeCloudSource(config, [config, login](ApiClient& api) -> Result<config::TargetGroup> {
    auto session = OpenstackSession::Open(api, login);
    if (!session) {
      return Fail(std::move(session).error().Wrap("could not authenticate to OpenStack"));
    }
    Openstack openstack(api, config, *session);
    if (config.role == "hypervisor") return openstack.Hypervisors();
    if (config.role == "loadbalancer") return openstack.LoadBalancers();
    return openstack.Instances();
  });
}

}  // namespace narthex::scrape

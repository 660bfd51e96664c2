// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/dns_source.h"

#include "narthex/base/log.h"
#include "scrape/answers/naming.h"

namespace narthex::scrape {

namespace {

metrics::Counter& Lookups(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_dns_lookups_total", "The number of DNS-SD lookups.");
}

metrics::Counter& Failures(metrics::Registry& registry) {
  return registry.AddCounter("prometheus_sd_dns_lookup_failures_total",
                             "The number of DNS-SD lookup failures.");
}

std::uint16_t RecordType(config::DnsRecordType type) {
  switch (type) {
    case config::DnsRecordType::kA:
      return kDnsA;
    case config::DnsRecordType::kAaaa:
      return kDnsAaaa;
    case config::DnsRecordType::kSrv:
      return kDnsSrv;
    case config::DnsRecordType::kMx:
      return kDnsMx;
    case config::DnsRecordType::kNs:
      return kDnsNs;
  }
  return kDnsSrv;
}

/// The label that has a record's name as it was sent; "" for addresses.
std::string_view NameLabel(std::uint16_t type) {
  switch (type) {
    case kDnsSrv:
      return "__meta_dns_srv_record_target";
    case kDnsMx:
      return "__meta_dns_mx_record_target";
    case kDnsNs:
      return "__meta_dns_ns_record_target";
    default:
      return "";
  }
}

std::string_view WithoutDots(std::string_view name) {
  while (name.ends_with('.')) name.remove_suffix(1);
  return name;
}

}  // namespace

std::unique_ptr<Discoverer> DnsSource::Make(const config::DnsSdConfig& config,
                                            const DiscoveryContext& context) {
  return std::make_unique<RefreshDiscoverer>(
      "dns", config.refresh_interval_ms,
      std::make_unique<DnsSource>(config, DnsResolver::Options(), context.registry), context);
}

void DnsSource::AddMetrics(metrics::Registry& registry) {
  Lookups(registry);
  Failures(registry);
}

DnsSource::DnsSource(config::DnsSdConfig config, DnsResolver::Options options,
                     metrics::Registry& registry)
    : config_(std::move(config)),
      resolver_(std::move(options)),
      lookups_(Lookups(registry)),
      failures_(Failures(registry)) {}

Result<std::vector<config::TargetGroup>> DnsSource::Refresh() {
  const auto answers = resolver_.LookUp(config_.names, RecordType(config_.type));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::string& name = config_.names[i];
    lookups_.Add();
    if (answers[i]) {
      groups_[name] = GroupOf(name, *answers[i]);
      errors_.erase(name);
      continue;
    }
    if (answers[i].error().code() == Code::kCancelled) return Fail(answers[i].error());
    failures_.Add();
    const std::string& error = answers[i].error().message();
    if (std::exchange(errors_[name], error) == error) continue;
    log::Error("Error refreshing DNS targets", {{"discovery", "dns"}, {"err", error}});
  }
  std::vector<config::TargetGroup> groups;
  for (const auto& [name, group] : groups_) groups.push_back(group);
  return groups;
}

config::TargetGroup DnsSource::GroupOf(const std::string& name,
                                       const std::vector<DnsRecord>& records) const {
  config::TargetGroup group;
  group.source = name;
  for (const DnsRecord& record : records) {
    if (record.type == kDnsCname) continue;  // Comes along with the addresses it leads to.
    const std::string_view name_label = NameLabel(record.type);
    if (name_label.empty() && record.type != kDnsA && record.type != kDnsAaaa) {
      log::Warn("Invalid record", {{"discovery", "dns"}, {"name", name}, {"type", record.type}});
      continue;
    }
    const bool is_srv = record.type == kDnsSrv;
    model::LabelsBuilder labels;
    labels.Set("__meta_dns_name", name);
    if (name_label.empty()) {
      labels.Set("__address__", JoinHostPort(record.text, config_.port));
    } else {
      labels.Set(name_label, record.text);
      labels.Set("__address__",
                 JoinHostPort(WithoutDots(record.text), is_srv ? record.port : config_.port));
    }
    if (is_srv) labels.Set("__meta_dns_srv_record_port", std::to_string(record.port));
    group.targets.push_back(labels.Build());
  }
  return group;
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// dns_sd_configs: the records of names, asked for now and then. Source: Prometheus discovery/dns.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "narthex/base/metrics.h"
#include "narthex/config/dns_sd.h"
#include "scrape/discovery/discovery_context.h"
#include "scrape/discovery/dns_resolver.h"
#include "scrape/discovery/refresh_discoverer.h"

namespace narthex::scrape {

class DnsSource final : public RefreshSource {
 public:
  static std::unique_ptr<Discoverer> Make(const config::DnsSdConfig& config,
                                          const DiscoveryContext& context);
  static void AddMetrics(metrics::Registry& registry);

  DnsSource(config::DnsSdConfig config, DnsResolver::Options options, metrics::Registry& registry);

  /// One group per name. A name that nobody could resolve keeps the targets that it had; this
  /// never fails as a whole.
  Result<std::vector<config::TargetGroup>> Refresh() override;
  void Cancel() noexcept override { resolver_.Cancel(); }

 private:
  config::TargetGroup GroupOf(const std::string& name, const std::vector<DnsRecord>& records) const;

  const config::DnsSdConfig config_;
  DnsResolver resolver_;
  metrics::Counter& lookups_;
  metrics::Counter& failures_;
  std::map<std::string, config::TargetGroup> groups_;  // By name.
  std::map<std::string, std::string> errors_;          // By name: logged once, until it changes.
};

}  // namespace narthex::scrape

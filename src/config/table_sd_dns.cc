// SPDX-License-Identifier: Apache-2.0
//
// dns_sd_configs. Source: Prometheus discovery/dns.
#include <optional>

#include <fmt/core.h>

#include "src/config/extract.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

/// In capitals or not.
std::optional<DnsRecordType> RecordType(std::string name) {
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  constexpr std::pair<std::string_view, DnsRecordType> kTypes[] = {{"A", DnsRecordType::kA},
                                                                   {"AAAA", DnsRecordType::kAaaa},
                                                                   {"SRV", DnsRecordType::kSrv},
                                                                   {"MX", DnsRecordType::kMx},
                                                                   {"NS", DnsRecordType::kNs}};
  for (const auto& [text, type] : kTypes) {
    if (text == name) return type;
  }
  return std::nullopt;
}

Status CheckDnsSd(Value& sd) {
  if (sd["names"].items.empty()) {
    return Reject(sd, "DNS-SD config must contain at least one SRV record name");
  }
  const auto type = RecordType(sd["type"].text);
  if (!type) {
    return Reject(sd["type"], fmt::format("invalid DNS-SD records type {}", sd["type"].text));
  }
  if (*type != DnsRecordType::kSrv && sd["port"].number == 0) {
    return Reject(sd, "a port is required in DNS-SD configs for all record types except SRV");
  }
  return {};
}

}  // namespace

const Type& DnsSdListType() {
  static const Schema schema{"dns.plain",
                             {{"names", &kStringListType, Show::kAlways},
                              {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "30s"},
                              {"type", &kStringType, Show::kAlways, "SRV"},
                              {"port", &kIntType, Show::kAlways}},
                             CheckDnsSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*dns.SDConfig", nullptr, &entry};
  return list;
}

DnsSdConfig ExtractDnsSd(const Value& sd) {
  return {.names = Strings(sd["names"]),
          .type = RecordType(sd["type"].text).value_or(DnsRecordType::kSrv),
          .port = sd["port"].number,
          .refresh_interval_ms = sd["refresh_interval"].number};
}

}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
//
// triton_sd_configs. Source: Prometheus discovery/triton.
#include <fmt/core.h>

#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

Status CheckTriton(Value& sd) {
  const auto reject = [](const Value& where, std::string_view what) {
    return Reject(where, fmt::format("triton SD configuration requires {}", what));
  };
  if (const Value& role = sd["role"]; role.text != "container" && role.text != "cn") {
    return reject(role, "role to be 'container' or 'cn'");
  }
  if (sd["account"].text.empty()) return reject(sd, "an account");
  if (sd["dns_suffix"].text.empty()) return reject(sd, "a dns_suffix");
  if (sd["endpoint"].text.empty()) return reject(sd, "an endpoint");
  if (const Value& interval = sd["refresh_interval"]; interval.number <= 0) {
    return reject(interval, "RefreshInterval to be a positive integer");
  }
  return {};
}

}  // namespace

const Type& TritonSdListType() {
  static const Schema schema{"triton.plain",
                             {{"account", &kStringType, Show::kAlways},
                              {"role", &kStringType, Show::kAlways, "container"},
                              {"dns_suffix", &kStringType, Show::kAlways},
                              {"endpoint", &kStringType, Show::kAlways},
                              {"groups", &kStringListType},
                              {"port", &kIntType, Show::kAlways, "9163"},
                              {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"},
                              {"tls_config", &TlsType()},
                              {"version", &kIntType, Show::kAlways, "1"}},
                             CheckTriton};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*triton.SDConfig", nullptr, &entry};
  return list;
}

TritonSdConfig ExtractTritonSd(const Value& sd) {
  TritonSdConfig config;
  config.port = sd["port"].number;
  config.refresh_interval_ms = sd["refresh_interval"].number;
  config.http.tls = ExtractTls(sd["tls_config"]);
  config.role = sd["role"].text;
  config.account = sd["account"].text;
  config.dns_suffix = sd["dns_suffix"].text;
  config.endpoint = sd["endpoint"].text;
  config.groups = Strings(sd["groups"]);
  config.version = sd["version"].number;
  return config;
}

}  // namespace narthex::config

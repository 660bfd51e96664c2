// SPDX-License-Identifier: Apache-2.0
//
// uyuni_sd_configs. Source: Prometheus discovery/uyuni.
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/url_check.h"

namespace narthex::config {

namespace {

Status CheckUyuni(Value& sd) {
  if (sd["server"].text.empty()) return Reject(sd, "Uyuni SD configuration requires server host");
  if (const Status status = CheckUrl(sd["server"].text); !status) {
    return Reject(sd["server"], "Uyuni Server URL is not valid: " + status.error().message());
  }
  if (sd["username"].text.empty()) return Reject(sd, "Uyuni SD configuration requires a username");
  if (sd["password"].text.empty()) return Reject(sd, "Uyuni SD configuration requires a password");
  return CheckHttp(sd);
}

}  // namespace

const Type& UyuniSdListType() {
  static const Schema schema{
      "uyuni.plain",
      Concat({{{"server", &kStringType, Show::kAlways},
               {"username", &kStringType, Show::kAlways},
               {"password", &kSecretType, Show::kAlways}},
              HttpFields(),
              {{"entitlement", &kStringType, Show::kUnlessEmpty, "monitoring_entitled"},
               {"separator", &kStringType, Show::kUnlessEmpty, ","},
               {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"}}}),
      CheckUyuni};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*uyuni.SDConfig", nullptr, &entry};
  return list;
}

UyuniSdConfig ExtractUyuniSd(const Value& sd) {
  UyuniSdConfig config;
  config.refresh_interval_ms = sd["refresh_interval"].number;
  config.http = ExtractHttp(sd);
  config.server = sd["server"].text;
  config.username = sd["username"].text;
  config.password = sd["password"].text;
  config.entitlement = sd["entitlement"].text;
  config.separator = sd["separator"].text;
  return config;
}

}  // namespace narthex::config

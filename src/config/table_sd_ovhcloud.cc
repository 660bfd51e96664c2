// SPDX-License-Identifier: Apache-2.0
//
// ovhcloud_sd_configs. Source: Prometheus discovery/ovhcloud.
#include <fmt/core.h>

#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

Status CheckOvhcloud(Value& sd) {
  constexpr std::pair<std::string_view, std::string_view> kRequired[] = {
      {"endpoint", "endpoint"},
      {"application_key", "application key"},
      {"application_secret", "application secret"},
      {"consumer_key", "consumer key"}};
  for (const auto& [field, name] : kRequired) {
    if (sd[field].text.empty()) return Reject(sd, fmt::format("{} can not be empty", name));
  }
  const std::string& service = sd["service"].text;
  if (service != "dedicated_server" && service != "vps") {
    return Reject(sd["service"].set ? sd["service"] : sd,
                  fmt::format("unknown service: {}", service));
  }
  return {};
}

}  // namespace

const Type& OvhcloudSdListType() {
  static const Schema schema{"ovhcloud.plain",
                             {{"endpoint", &kStringType, Show::kAlways, "ovh-eu"},
                              {"application_key", &kStringType, Show::kAlways},
                              {"application_secret", &kSecretType, Show::kAlways},
                              {"consumer_key", &kSecretType, Show::kAlways},
                              {"refresh_interval", &kDurationType, Show::kAlways, "1m"},
                              {"service", &kStringType, Show::kAlways}},
                             CheckOvhcloud};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*ovhcloud.SDConfig", nullptr, &entry};
  return list;
}

OvhcloudSdConfig ExtractOvhcloudSd(const Value& sd) {
  OvhcloudSdConfig config;
  config.refresh_interval_ms = sd["refresh_interval"].number;
  config.http.proxy.from_environment = true;  // As Go's client does where nothing can be set.
  config.endpoint = sd["endpoint"].text;
  config.application_key = sd["application_key"].text;
  config.application_secret = sd["application_secret"].text;
  config.consumer_key = sd["consumer_key"].text;
  config.service = sd["service"].text;
  return config;
}

}  // namespace narthex::config

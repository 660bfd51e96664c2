// SPDX-License-Identifier: Apache-2.0
//
// consul_sd_configs. Source: Prometheus discovery/consul.
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

Status CheckConsulSd(Value& sd) {
  if (IsBlank(sd["server"].text)) {
    return Reject(sd, "consul SD configuration requires a server address");
  }
  if (!sd["username"].text.empty() || !sd["password"].text.empty()) {
    Value& basic = sd["basic_auth"];
    if (basic.set) {
      return Reject(sd,
                    "at most one of consul SD configuration username and password and basic auth "
                    "can be configured");
    }
    basic.Open();
    basic.set = true;
    basic["username"].text = sd["username"].text;
    basic["password"].text = sd["password"].text;
  }
  if (!sd["token"].text.empty() && (sd["authorization"].set || sd["oauth2"].set)) {
    return Reject(sd, "at most one of consul SD token, authorization, or oauth2 can be configured");
  }
  return CheckHttp(sd);
}

}  // namespace

const Type& ConsulSdListType() {
  static const Schema schema{
      "consul.plain",
      Concat({{{"server", &kStringType, Show::kUnlessEmpty, "localhost:8500"},
               {"path_prefix", &kStringType},
               {"token", &kSecretType},
               {"datacenter", &kStringType},
               {"namespace", &kStringType},
               {"partition", &kStringType},
               {"tag_separator", &kStringType, Show::kUnlessEmpty, ","},
               {"scheme", &kStringType, Show::kUnlessEmpty, "http"},
               {"username", &kStringType},
               {"password", &kSecretType},
               {"allow_stale", &kBoolType, Show::kAlways, "true"},
               {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "30s"},
               {"services", &kStringListType},
               {"tags", &kStringListType},
               {"node_meta", &kStringMapType},
               {"filter", &kStringType},
               {"health_filter", &kStringType}},
              HttpFields()}),
      CheckConsulSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*consul.SDConfig", nullptr, &entry};
  return list;
}

ConsulSdConfig ExtractConsulSd(const Value& sd) {
  ConsulSdConfig config;
  config.server = sd["server"].text;
  config.path_prefix = sd["path_prefix"].text;
  config.scheme = sd["scheme"].text;
  config.token = sd["token"].text;
  config.datacenter = sd["datacenter"].text;
  config.name_space = sd["namespace"].text;
  config.partition = sd["partition"].text;
  config.tag_separator = sd["tag_separator"].text;
  config.allow_stale = sd["allow_stale"].flag();
  config.refresh_interval_ms = sd["refresh_interval"].number;
  config.services = Strings(sd["services"]);
  config.tags = Strings(sd["tags"]);
  const Value& meta = sd["node_meta"];
  for (std::size_t i = 0; i < meta.keys.size(); ++i) {
    config.node_meta.emplace_back(meta.keys[i], meta.items[i].text);
  }
  config.filter = sd["filter"].text;
  config.health_filter = sd["health_filter"].text;
  config.http = ExtractHttp(sd);
  return config;
}

}  // namespace narthex::config

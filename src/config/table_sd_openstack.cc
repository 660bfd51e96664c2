// SPDX-License-Identifier: Apache-2.0
//
// openstack_sd_configs. Source: Prometheus discovery/openstack.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

Status CheckOpenstack(Value& sd) {
  const std::string& role = sd["role"].text;
  const std::string& availability = sd["availability"].text;
  const bool known = role == "hypervisor" || role == "instance" || role == "loadbalancer";
  if (sd["role"].set && !known) {
    return Reject(sd["role"], fmt::format("unknown OpenStack SD role {}", go::Quote(role)));
  }
  if (availability != "public" && availability != "internal" && availability != "admin") {
    return Reject(sd["availability"],
                  fmt::format("unknown availability {}, must be one of admin, internal or public",
                              availability));
  }
  if (role.empty()) {
    return Reject(sd, "role missing (one of: instance, hypervisor, loadbalancer)");
  }
  if (sd["region"].text.empty()) {
    return Reject(sd, "openstack SD configuration requires a region");
  }
  return {};
}

}  // namespace

const Type& OpenstackSdListType() {
  static const Schema schema{"openstack.plain",
                             {{"identity_endpoint", &kStringType, Show::kAlways},
                              {"username", &kStringType, Show::kAlways},
                              {"userid", &kStringType, Show::kAlways},
                              {"password", &kSecretType, Show::kAlways},
                              {"project_name", &kStringType, Show::kAlways},
                              {"project_id", &kStringType, Show::kAlways},
                              {"domain_name", &kStringType, Show::kAlways},
                              {"domain_id", &kStringType, Show::kAlways},
                              {"application_credential_name", &kStringType, Show::kAlways},
                              {"application_credential_id", &kStringType, Show::kAlways},
                              {"application_credential_secret", &kSecretType, Show::kAlways},
                              {"role", &kStringType, Show::kAlways},
                              {"region", &kStringType, Show::kAlways},
                              {"refresh_interval", &kDurationType, Show::kAlways, "1m"},
                              {"port", &kIntType, Show::kAlways, "80"},
                              {"all_tenants", &kBoolType},
                              {"tls_config", &TlsType()},
                              {"availability", &kStringType, Show::kUnlessEmpty, "public"}},
                             CheckOpenstack};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*openstack.SDConfig", nullptr, &entry};
  return list;
}

OpenstackSdConfig ExtractOpenstackSd(const Value& sd) {
  OpenstackSdConfig config;
  config.port = sd["port"].number;
  config.refresh_interval_ms = sd["refresh_interval"].number;
  config.http.tls = ExtractTls(sd["tls_config"]);
  config.identity_endpoint = sd["identity_endpoint"].text;
  config.username = sd["username"].text;
  config.user_id = sd["userid"].text;
  config.password = sd["password"].text;
  config.project_name = sd["project_name"].text;
  config.project_id = sd["project_id"].text;
  config.domain_name = sd["domain_name"].text;
  config.domain_id = sd["domain_id"].text;
  config.application_credential_name = sd["application_credential_name"].text;
  config.application_credential_id = sd["application_credential_id"].text;
  config.application_credential_secret = sd["application_credential_secret"].text;
  config.role = sd["role"].text;
  config.region = sd["region"].text;
  config.availability = sd["availability"].text;
  config.all_tenants = sd["all_tenants"].flag();
  return config;
}

}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
//
// Discoveries of cloud providers that are asked for a list now and then.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

/// What all of them have.
struct CloudSdBase {
  std::int64_t port = 80;
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

struct AzureSdConfig : CloudSdBase {
  std::string environment = "AzurePublicCloud";
  std::string subscription_id, tenant_id, client_id, client_secret, resource_group;
  std::string authentication_method = "OAuth";
};

struct DigitalOceanSdConfig : CloudSdBase {
  std::string role = "droplets";  // Or "databases".
};

struct GceSdConfig : CloudSdBase {  // `http` is not its: Google's own rules count.
  std::string project, zone, filter;
  std::string tag_separator = ",";
};

struct HetznerSdConfig : CloudSdBase {
  std::string role;  // "hcloud", "robot".
  std::string label_selector;
};

struct IonosSdConfig : CloudSdBase {
  std::string datacenter_id;
};

struct LinodeSdConfig : CloudSdBase {
  std::string region;
  std::string tag_separator = ",";
};

struct OpenstackSdConfig : CloudSdBase {  // Of `http` the TLS settings only.
  /// "" = everything that says who asks is in the environment, the others below are not looked at.
  std::string identity_endpoint;
  std::string username, user_id, password, project_name, project_id, domain_name, domain_id;
  std::string application_credential_name, application_credential_id, application_credential_secret;
  std::string role;  // "instance", "hypervisor", "loadbalancer".
  std::string region;
  std::string availability = "public";  // Or "internal", "admin".
  bool all_tenants = false;
};

struct OvhcloudSdConfig : CloudSdBase {  // Neither `port` nor `http` are its.
  std::string endpoint = "ovh-eu";       // A name, or a URL.
  std::string application_key, application_secret, consumer_key;
  std::string service;  // "vps", "dedicated_server".
};

struct ScalewaySdConfig : CloudSdBase {
  std::string role;  // "instance", "baremetal".
  std::string project_id, zone, api_url, access_key, secret_key, secret_key_file, name_filter;
  std::vector<std::string> tags_filter;
};

struct TritonSdConfig : CloudSdBase {  // Of `http` the TLS settings only.
  std::string role = "container";      // Or "cn".
  std::string account, dns_suffix, endpoint;
  std::vector<std::string> groups;
  std::int64_t version = 1;
};

struct UyuniSdConfig : CloudSdBase {  // `port` is not its: each target has its own.
  std::string server, username, password;
  std::string entitlement = "monitoring_entitled";
  std::string separator = ",";
};

struct VultrSdConfig : CloudSdBase {};

}  // namespace narthex::config

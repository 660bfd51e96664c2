// SPDX-License-Identifier: Apache-2.0
//
// ec2_sd_configs, lightsail_sd_configs and msk_sd_configs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narthex/config/docker_sd.h"
#include "narthex/config/http_config.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

/// Where AWS is asked, and as whom. Empty = from where AWS's own programs take it.
struct AwsAccess {
  std::string endpoint, region;
  std::string access_key, secret_key, profile, role_arn, external_id;
};

struct Ec2SdConfig {
  AwsAccess access;
  std::int64_t port = 80;
  std::vector<SdFilter> filters;
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

struct LightsailSdConfig {
  AwsAccess access;
  std::int64_t port = 80;
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

struct MskSdConfig {
  AwsAccess access;
  std::int64_t port = 80;
  std::vector<std::string> clusters;  // Their ARNs. None = all that are provisioned.
  model::DurationMs refresh_interval_ms = 60'000;
  HttpConfig http;
};

}  // namespace narthex::config

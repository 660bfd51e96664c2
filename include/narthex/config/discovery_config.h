// SPDX-License-Identifier: Apache-2.0
//
// Where targets come from: one entry of any *_sd_configs. Each mechanism has a header of its own.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "narthex/config/aws_sd.h"
#include "narthex/config/cloud_sd.h"
#include "narthex/config/consul_sd.h"
#include "narthex/config/dns_sd.h"
#include "narthex/config/docker_sd.h"
#include "narthex/config/eureka_sd.h"
#include "narthex/config/file_sd.h"
#include "narthex/config/http_sd.h"
#include "narthex/config/kubernetes_sd.h"
#include "narthex/config/kuma_sd.h"
#include "narthex/config/marathon_sd.h"
#include "narthex/config/nomad_sd.h"
#include "narthex/config/puppetdb_sd.h"
#include "narthex/config/target_group.h"

namespace narthex::config {

using DiscoverySettings =
    std::variant<FileSdConfig, HttpSdConfig, DnsSdConfig, ConsulSdConfig, NomadSdConfig,
                 EurekaSdConfig, MarathonSdConfig, PuppetdbSdConfig, KumaSdConfig,
                 KubernetesSdConfig, DockerSdConfig, DockerSwarmSdConfig, Ec2SdConfig,
                 LightsailSdConfig, AzureSdConfig, DigitalOceanSdConfig, GceSdConfig,
                 HetznerSdConfig, IonosSdConfig, LinodeSdConfig, MskSdConfig, OpenstackSdConfig,
                 OvhcloudSdConfig, ScalewaySdConfig, TritonSdConfig, UyuniSdConfig, VultrSdConfig>;

struct DiscoveryConfig {
  std::string mechanism;  // "http": the name of its *_sd_configs, and a label of metrics.
  /// Equal exactly for equal settings of one mechanism. Has secrets in clear: never shown.
  std::string key;
  DiscoverySettings settings;
};

/// The mechanisms that can be configured, sorted: "azure", …, "static".
std::vector<std::string_view> DiscoveryMechanisms();

}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
//
// The *_sd_configs: a table of keys and a way to the plain struct for each mechanism. Files are
// named table_sd_<mechanism>.cc; table_discovery.cc lists them all.
#pragma once

#include "narthex/config/discovery_config.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {

const Type& AwsSdListType();
/// Those of the section that its role is the name of.
DiscoverySettings ExtractAwsSd(const Value& sd);

const Type& AzureSdListType();
AzureSdConfig ExtractAzureSd(const Value& sd);

const Type& ConsulSdListType();
ConsulSdConfig ExtractConsulSd(const Value& sd);

const Type& DigitalOceanSdListType();
DigitalOceanSdConfig ExtractDigitalOceanSd(const Value& sd);

const Type& DnsSdListType();
DnsSdConfig ExtractDnsSd(const Value& sd);

const Type& DockerSdListType();
DockerSdConfig ExtractDockerSd(const Value& sd);

const Type& DockerSwarmSdListType();
DockerSwarmSdConfig ExtractDockerSwarmSd(const Value& sd);
std::vector<SdFilter> ExtractFilters(const Value& list);

const Type& Ec2SdListType();
Ec2SdConfig ExtractEc2Sd(const Value& sd);

const Type& EurekaSdListType();
EurekaSdConfig ExtractEurekaSd(const Value& sd);

const Type& FileSdListType();
FileSdConfig ExtractFileSd(const Value& sd);

const Type& GceSdListType();
GceSdConfig ExtractGceSd(const Value& sd);

const Type& HetznerSdListType();
HetznerSdConfig ExtractHetznerSd(const Value& sd);

const Type& HttpSdListType();
HttpSdConfig ExtractHttpSd(const Value& sd);

/// Of a discovery that has a `url`: there, http or https, with a host.
Status CheckHttpUrl(const Value& sd);

const Type& IonosSdListType();
IonosSdConfig ExtractIonosSd(const Value& sd);

const Type& KubernetesSdListType();
KubernetesSdConfig ExtractKubernetesSd(const Value& sd);

const Type& KumaSdListType();
KumaSdConfig ExtractKumaSd(const Value& sd);

const Type& LightsailSdListType();
LightsailSdConfig ExtractLightsailSd(const Value& sd);

const Type& LinodeSdListType();
LinodeSdConfig ExtractLinodeSd(const Value& sd);

const Type& MarathonSdListType();
MarathonSdConfig ExtractMarathonSd(const Value& sd);

const Type& MskSdListType();
MskSdConfig ExtractMskSd(const Value& sd);

const Type& NomadSdListType();
NomadSdConfig ExtractNomadSd(const Value& sd);

const Type& OpenstackSdListType();
OpenstackSdConfig ExtractOpenstackSd(const Value& sd);

const Type& OvhcloudSdListType();
OvhcloudSdConfig ExtractOvhcloudSd(const Value& sd);

const Type& PuppetdbSdListType();
PuppetdbSdConfig ExtractPuppetdbSd(const Value& sd);

const Type& ScalewaySdListType();
ScalewaySdConfig ExtractScalewaySd(const Value& sd);

const Type& TritonSdListType();
TritonSdConfig ExtractTritonSd(const Value& sd);

const Type& UyuniSdListType();
UyuniSdConfig ExtractUyuniSd(const Value& sd);

const Type& VultrSdListType();
VultrSdConfig ExtractVultrSd(const Value& sd);

}  // namespace narthex::config

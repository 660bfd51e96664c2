// SPDX-License-Identifier: Apache-2.0
//
// Discoveries of cloud providers that are asked for a list now and then.
#pragma once

namespace narthex::config {

struct AzureSdConfig {};

struct DigitalOceanSdConfig {};

struct GceSdConfig {};

struct HetznerSdConfig {};

struct IonosSdConfig {};

struct LinodeSdConfig {};

struct ScalewaySdConfig {};

struct VultrSdConfig {};

}  // namespace narthex::config

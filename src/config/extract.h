// SPDX-License-Identifier: Apache-2.0
//
// From checked value trees to the plain structs of the doors.
#pragma once

#include <vector>

#include "narthex/config/config.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {

GlobalConfig ExtractGlobal(const Value& global);
StorageConfig ExtractStorage(const Value& storage);
Result<ScrapeConfig> ExtractScrapeConfig(const Value& job);
Result<AlertingConfig> ExtractAlerting(const Value& alerting, bool legacy_names);
Result<std::vector<RemoteWriteConfig>> ExtractRemoteWrite(const Value& list, bool legacy_names);
std::vector<RemoteReadConfig> ExtractRemoteRead(const Value& list);
OtlpConfig ExtractOtlp(const Value& otlp);
/// All *_sd_configs of a section.
std::vector<DiscoveryConfig> ExtractDiscoveries(const Value& section);

/// Parts of sections.
Sigv4Config ExtractSigv4(const Value& sigv4);
Result<std::vector<model::RelabelConfig>> ExtractRelabel(const Value& list, bool legacy_names);
TlsConfig ExtractTls(const Value& tls);
/// Of a section that has HttpFields().
HttpConfig ExtractHttp(const Value& section);

}  // namespace narthex::config

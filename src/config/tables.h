// SPDX-License-Identifier: Apache-2.0
//
// The tables of all sections. Field order is Prometheus's, because it is the order of printing.
#pragma once

#include <vector>

#include "src/config/yaml/schema.h"

namespace narthex::config {

const Type& ConfigType();            // The whole file.
const Type& ScrapeConfigFileType();  // A file named by scrape_config_files.

const Type& RelabelListType();
const Type& TlsType();
const Type& AlertingType();
const Type& RemoteWriteListType();
const Type& RemoteReadListType();
const Type& StorageType();
const Type& TracingType();
const Type& OtlpType();
const Type& GlobalType();
const Type& RuntimeType();
const Type& ScrapeListType();

/// The HTTP client's keys, which stand among a section's own. `http2` is their enable_http2
/// default.
std::vector<Field> HttpFields(std::string_view http2 = "true");
/// static_configs and all *_sd_configs, sorted by name. table_discovery.cc has the list.
std::vector<Field> DiscoveryFields();

/// Checks of several sections; `section` is a struct that has those fields.
Status CheckHttp(Value& section);
Status CheckHeaders(const Value& headers);
Status CheckTracingHeaders(const Value& headers);
Status CheckDiscovery(const Value& section);
/// Fills the list with the protocols that are asked for by default.
void SetDefaultProtocols(Value& list, bool proto_first);
/// Not empty, nothing twice, all known.
Status CheckProtocols(const Value& list);
Status CheckRelabel(const Value& list, bool legacy_names);

/// Fills what a job takes from `global` and checks the result (Prometheus's ScrapeConfig.Validate).
Status FinishScrapeConfig(Value& job, const Value& global);

}  // namespace narthex::config

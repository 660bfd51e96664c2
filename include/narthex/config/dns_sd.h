// SPDX-License-Identifier: Apache-2.0
//
// dns_sd_configs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "narthex/model/timestamp.h"

namespace narthex::config {

enum class DnsRecordType : std::uint8_t { kA, kAaaa, kSrv, kMx, kNs };

struct DnsSdConfig {
  std::vector<std::string> names;
  DnsRecordType type = DnsRecordType::kSrv;
  std::int64_t port = 0;  // Of all targets but those of SRV records, which bring their own.
  model::DurationMs refresh_interval_ms = 30'000;
};

}  // namespace narthex::config

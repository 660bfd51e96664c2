// SPDX-License-Identifier: Apache-2.0
//
// Makes the metrics of a log, under Prometheus's names.
#pragma once

#include <string>

#include "narthex/base/metrics.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::wal {

/// All but bytes_saved, which not every log has.
/// @param prefix  "prometheus_tsdb_wal_" or that of another log
WalMetrics MakeWalMetrics(metrics::Registry& registry, const std::string& prefix);

metrics::Counter& AddBytesSaved(metrics::Registry& registry, WalCompression compression);

}  // namespace narthex::tsdb::wal

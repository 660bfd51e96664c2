// SPDX-License-Identifier: Apache-2.0
//
// Stores what a remote write request brings.
// Source: Prometheus storage/remote writeHandler; the specifications of remote write 1.0 and 2.0.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "narthex/base/metrics.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/appender.h"
#include "web/api/write_cache.h"

namespace narthex::web {

struct WriteAnswer {
  int status = 204;
  std::string error;       // When status is not 204.
  bool has_stats = false;  // Version 2, once the message could be read.
  std::size_t samples = 0, histograms = 0, exemplars = 0;  // Written.
};

struct WriteOptions {
  bool append_metadata = false;
  bool start_zeros = false;  // A zero where a sample says that its series began.
  bool type_and_unit_labels = false;
};

struct WriteTarget {
  storage::Appendable& storage;
  WriteCache& cache;
  model::TimestampMs max_time;       // Samples after it are refused.
  metrics::Counter& invalid_labels;  // Samples dropped for their labels.
  WriteOptions options;
};

/// @param body  decompressed
/// Version 1: the request is stored whole, but for series with bad labels, or not at all.
WriteAnswer StoreV1(std::string_view body, const WriteTarget& target);
/// Version 2: what is good is stored, the answer lists the rest; nothing is when storage fails.
WriteAnswer StoreV2(std::string_view body, const WriteTarget& target);

}  // namespace narthex::web

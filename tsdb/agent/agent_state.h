// SPDX-License-Identifier: Apache-2.0
//
// What the agent's storage consists of, shared by what writes, replays and truncates it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "narthex/tsdb/agent_db.h"
#include "tsdb/agent/agent_index.h"
#include "tsdb/agent/agent_metrics.h"
#include "tsdb/agent/newest_exemplars.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb {

/// A series that is gone from memory, but whose record the log still needs.
struct DeletedSeries {
  int last_segment = 0;  // Behind it the log has no samples under this number.
  model::Labels labels;  // Empty unless checkpoints are made from memory.
};
using DeletedSeriesMap = absl::flat_hash_map<wal::WalRef, DeletedSeries>;

/// Up to this segment nothing of the log is newer than the time.
struct SegmentAge {
  int segment = 0;
  model::TimestampMs newest = 0;
};

/// What a replay finds beside the series.
struct ReplayedLog {
  DeletedSeriesMap deleted;          // The numbers that a series has beside its first one.
  std::vector<SegmentAge> segments;  // Rising.
};

struct AgentState {
  AgentState(Fs& file_system, std::string wal_folder, const AgentOptions& agent_options,
             metrics::Registry& registry)
      : fs(file_system),
        wal_dir(std::move(wal_folder)),
        options(agent_options),
        wal_options{agent_options.wal_segment_bytes, agent_options.wal_compression},
        metrics(registry, agent_options.wal_compression) {}

  Fs& fs;
  const std::string wal_dir;
  const AgentOptions options;
  const wal::WalOptions wal_options;
  AgentMetrics metrics;
  AgentIndex index;
  NewestExemplars exemplars;
  std::atomic<model::TimestampMs> max_time{0};  // Of what was committed since the start.
  std::atomic<bool> stopping{false};            // A truncation that is under way is to end.
  std::unique_ptr<wal::Wal> wal;                // From the end of the replay on.
};

}  // namespace narthex::tsdb

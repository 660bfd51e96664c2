// SPDX-License-Identifier: Apache-2.0
//
// What the API wants to know about the server and what it may ask of it. Implemented by src/server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/labels.h"
#include "narthex/model/matcher.h"
#include "narthex/model/timestamp.h"

namespace narthex::web {

struct RuntimeInfo {
  std::int64_t start_time_ns = 0;  // Unix time, as all times here.
  std::string cwd;
  std::string hostname;
  bool reload_config_success = true;
  std::int64_t last_config_time_ns = 0;  // Of the last good load; 0 = never.
  std::int64_t corruption_count = 0;
  std::int64_t num_threads = 0;           // Shown as goroutineCount.
  std::int64_t max_threads = 0;           // GOMAXPROCS.
  std::int64_t memory_limit = INT64_MAX;  // GOMEMLIMIT.
  std::string storage_retention;          // "15d", "15d or 512MiB".
};

/// `version` is the Prometheus version we behave as: clients choose features by it.
struct BuildInfo {
  std::string version = "3.14.0";
  std::string revision;
  std::string branch;
  std::string build_user;
  std::string build_date;
  std::string go_version;
};

struct TsdbStatus {
  std::uint64_t num_series = 0;
  std::uint64_t num_label_pairs = 0;
  std::uint64_t chunk_count = 0;
  model::TimestampMs min_time = 0;
  model::TimestampMs max_time = 0;
  using TopList = std::vector<std::pair<std::string, std::uint64_t>>;  // By falling number.
  TopList series_by_metric_name, values_by_label_name, bytes_by_label_name, series_by_label_pair;
};

struct WalReplayStatus {
  int min = 0, max = 0, current = 0;  // Segment numbers.
};

struct Notification {
  std::string text;
  std::int64_t date_ns = 0;
  bool active = true;
};

enum class ServerState : std::uint8_t { kStarting, kReady, kStopping };

/// Thread safety: any thread.
class StatusSource {
 public:
  virtual ~StatusSource() = default;

  virtual ServerState State() const = 0;
  /// Begins a request that uses the parts of the server, so that these live until its Leave.
  /// @return false, with nothing begun, unless the server is ready
  virtual bool Enter() const { return State() == ServerState::kReady; }
  virtual void Leave() const {}
  /// The loaded configuration with secrets masked.
  virtual std::string ConfigYaml() const = 0;
  /// Every flag and its effective value, sorted by name.
  virtual std::vector<std::pair<std::string, std::string>> Flags() const = 0;
  virtual RuntimeInfo Runtime() const = 0;
  virtual BuildInfo Build() const = 0;
  virtual Result<TsdbStatus> Tsdb(std::size_t limit) const = 0;
  /// The meta.json of each block, by rising time.
  virtual std::vector<std::string> BlockMetas() const = 0;
  virtual WalReplayStatus WalReplay() const = 0;
  virtual std::vector<Notification> Notifications() const { return {}; }
  /// Category -> feature -> on.
  virtual std::map<std::string, std::map<std::string, bool>> Features() const { return {}; }
  virtual model::Labels ExternalLabels() const { return {}; }
};

/// Thread safety: any thread.
class Lifecycle {
 public:
  virtual ~Lifecycle() = default;
  /// Loads the configuration again and waits. Errors: its reason, without "failed to reload".
  virtual Status Reload() = 0;
  /// Begins to stop the server. @return false when that was under way already
  virtual bool Quit() = 0;
};

/// What /api/v1/admin/tsdb does. Thread safety: any thread.
class TsdbAdmin {
 public:
  virtual ~TsdbAdmin() = default;
  virtual Status DeleteSeries(model::TimestampMs mint, model::TimestampMs maxt,
                              std::span<const model::Matcher> matchers) = 0;
  virtual Status CleanTombstones() = 0;
  /// Writes a snapshot below <data>/snapshots and gives its name.
  virtual Result<std::string> Snapshot(bool with_head) = 0;
};

/// Thread safety: any thread.
class ExemplarSource {
 public:
  virtual ~ExemplarSource() = default;
  /// Calls `visit` for the series that match one of the matcher sets and have exemplars in
  /// [mint, maxt]; series sorted by labels, exemplars ascending in time.
  virtual Status SelectExemplars(
      model::TimestampMs mint, model::TimestampMs maxt,
      std::span<const std::vector<model::Matcher>> matcher_sets,
      const std::function<void(const model::Labels& series, std::span<const model::Exemplar>)>&
          visit) const = 0;
};

}  // namespace narthex::web

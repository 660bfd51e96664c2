// SPDX-License-Identifier: Apache-2.0
//
// What short-lived jobs push, kept as the Pushgateway keeps it: in groups, until it is replaced or
// deleted. It reaches storage as everything else does, by being scraped (see push_routes.cc).
// Source: https://github.com/prometheus/pushgateway
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "narthex/base/metrics.h"
#include "narthex/base/mutex.h"
#include "narthex/base/result.h"
#include "narthex/proto/metric_family.h"

namespace narthex {
class Clock;
class Fs;
}  // namespace narthex

namespace narthex::web {

class FamilyIndex;

struct PushOptions {
  std::string persistence_file;  // "" = in memory only.
  std::int64_t persistence_interval_ms = 300'000;
  bool utf8_names = false;
  std::size_t max_bytes = std::size_t{256} << 20;  // Of all groups; more is refused.
};

/// Grouping labels by name, "job" among them.
using GroupingLabels = std::map<std::string, std::string>;

/// One version of a group; replaced whole.
struct PushGroup {
  struct Family {
    std::int64_t pushed_ns = 0;  // Unix time.
    std::shared_ptr<const proto::MetricFamily> family;
    std::size_t held_bytes = 0;
  };
  GroupingLabels labels;
  std::map<std::string, Family> families;
  std::size_t held_bytes = 0;
};

enum class PushMode : std::uint8_t {
  kReplaceGroup,  // PUT
  kReplaceNames,  // POST
};

/// Thread safety: any thread.
class PushGateway final {
 public:
  /// @param fs, clock, registry  not owned; outlive this object
  PushGateway(PushOptions options, Fs& fs, Clock& clock, metrics::Registry& registry);
  ~PushGateway();  // Calls Stop().
  PushGateway(const PushGateway&) = delete;
  PushGateway& operator=(const PushGateway&) = delete;

  /// Loads the file, if there is one, and starts the thread that writes it. A file that can't be
  /// read is moved aside. Errors: kIo, when a file is there and can be neither read nor moved.
  Status Start();
  /// Writes the file a last time if anything has changed. Idempotent.
  void Stop();

  /// Errors: kInvalidArgument with what is wrong with the metrics, which also sets the group's
  /// time of failure; kResourceExhausted when there is no room.
  Status Push(const GroupingLabels& labels, proto::FamiliesByName families, PushMode mode);
  /// A group that is not there is fine.
  void Delete(const GroupingLabels& labels);
  void Wipe();

  /// The groups at this moment, in order of their labels.
  std::vector<std::shared_ptr<const PushGroup>> Groups() const;
  const PushOptions& options() const { return options_; }

 private:
  using GroupPtr = std::shared_ptr<const PushGroup>;

  Status Load();
  void Run(std::int64_t begin_ns);
  Status Write();
  Status Apply(const GroupingLabels& labels, proto::FamiliesByName families, PushMode mode,
               std::int64_t now_ns) NX_REQUIRES(mutex_);
  /// Puts a version of a group into the place of the one before, if it goes with the others.
  Status Exchange(const std::string& key, std::shared_ptr<PushGroup> next) NX_REQUIRES(mutex_);
  void NoteFailure(const GroupingLabels& labels, std::int64_t now_ns) NX_REQUIRES(mutex_);
  Status NoRoom() const;
  void NoteChange() NX_REQUIRES(mutex_);

  const PushOptions options_;
  Fs& fs_;
  Clock& clock_;
  metrics::Counter& pushes_;
  metrics::Counter& inconsistent_;
  metrics::Counter& no_room_;
  metrics::Gauge& num_groups_;
  metrics::Gauge& bytes_;
  metrics::Counter& failures_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, GroupPtr> groups_ NX_GUARDED_BY(mutex_);  // By GroupKey.
  std::unique_ptr<FamilyIndex> index_ NX_GUARDED_BY(mutex_);
  std::size_t held_bytes_ NX_GUARDED_BY(mutex_) = 0;
  bool dirty_ NX_GUARDED_BY(mutex_) = false;  // Something is not in the file yet.
  bool stopping_ NX_GUARDED_BY(mutex_) = false;
  std::thread writer_;
};

}  // namespace narthex::web

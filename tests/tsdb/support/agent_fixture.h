// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/model/labels.h"
#include "narthex/tsdb/agent_db.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::testing {

/// What remote write would find in a log: the newest checkpoint and the segments behind it.
struct LogContent {
  std::map<wal::WalRef, std::string> series;  // Labels by number.
  SeriesData in_checkpoint;                   // Samples there, which are not sent.
  SeriesData floats;                          // Of the segments, as all that follows.
  std::map<std::string, std::vector<std::pair<model::TimestampMs, double>>> histograms;  // Counts.
  std::map<std::string, std::vector<model::TimestampMs>> starts;  // Of the floats, where not 0.
  std::map<std::string, std::size_t> exemplars;
  std::set<wal::WalRef> unknown;  // That samples are for, but no series record came before them.
};
LogContent ReadLog(Fs& fs, const std::string& wal_dir);

/// An agent's storage in a folder of its own, which can be closed, killed and opened again.
class AgentFixture {
 public:
  using Sample = DbFixture::Sample;

  explicit AgentFixture(AgentOptions options = {}, Fs& fs = SystemFs());

  /// Commits the samples together; every one must be taken.
  void Append(const std::vector<Sample>& samples);
  /// What one sample by itself is answered.
  storage::AppendError TryAppend(const model::Labels& labels, model::TimestampMs t, double v = 1);

  void Reopen();
  /// As a kill would: the folder is copied as it is and opened from there.
  void Kill();
  void Open();
  void Close() { db_.reset(); }

  AgentDb* operator->() { return db_.get(); }
  /// From now on truncations are told that remote write has come so far.
  void Sent(SendingProgress progress) { sent_ = progress; }
  LogContent Log() { return ReadLog(SystemFs(), wal_dir()); }
  /// Numbers of the segments, and of the checkpoints.
  std::vector<int> Segments();
  std::vector<int> Checkpoints();
  /// The value of a metric by the start of its line; -1 when there is none.
  double Metric(const std::string& line);

  const std::string& dir() const { return dir_; }
  std::string wal_dir() const { return dir_ + "/wal"; }
  narthex::testing::FakeClock& clock() { return clock_; }

 private:
  const AgentOptions options_;
  Fs& fs_;
  narthex::testing::FakeClock clock_;
  SendingProgress sent_;
  narthex::testing::TempDir root_;
  std::string dir_;
  int copies_ = 0;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<AgentDb> db_;
};

}  // namespace narthex::tsdb::testing

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/model/labels.h"
#include "narthex/tsdb/db.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

namespace narthex::tsdb::testing {

/// A sample that compares by bits, so that NaN equals itself.
struct BitSample {
  model::TimestampMs t = 0;
  double v = 0;
  bool operator==(const BitSample& other) const;
};
void PrintTo(const BitSample& sample, std::ostream* out);

/// Samples by the text of the labels.
using SeriesData = std::map<std::string, std::vector<BitSample>>;

SeriesData ReadAll(const storage::Querier& querier, model::TimestampMs mint = model::kMinTime,
                   model::TimestampMs maxt = model::kMaxTime);

/// A database in a folder of its own, which can be closed, killed and opened again.
class DbFixture {
 public:
  struct Sample {
    model::Labels labels;
    model::TimestampMs t;
    double v;
  };

  explicit DbFixture(tsdb::DbOptions options = {}, Fs& fs = SystemFs());

  /// Commits the samples together; every one must be taken.
  void Append(const std::vector<Sample>& samples);
  SeriesData ReadAll(model::TimestampMs mint = model::kMinTime,
                     model::TimestampMs maxt = model::kMaxTime);

  /// Close, then Open.
  void Reopen();
  /// As a kill would: the folder is copied as it is and opened from there.
  void Kill();
  /// Goes on with a copy of another folder.
  void Adopt(const std::string& dir);
  void Open();
  void Close() { db_.reset(); }

  tsdb::Db* operator->() { return db_.get(); }
  tsdb::Db* get() { return db_.get(); }
  const std::string& dir() const { return dir_; }
  narthex::testing::FakeClock& clock() { return clock_; }
  metrics::Registry& registry() { return *registry_; }

 private:
  const tsdb::DbOptions options_;
  Fs& fs_;
  narthex::testing::FakeClock clock_;
  narthex::testing::TempDir root_;
  std::string dir_;
  int copies_ = 0;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<tsdb::Db> db_;
};

/// The value of a metric by the start of its line; -1 when there is none.
double MetricOf(DbFixture& db, const std::string& line);

}  // namespace narthex::tsdb::testing

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "narthex/base/metrics.h"
#include "tests/support/fault_fs.h"
#include "tsdb/head/head.h"

namespace narthex::tsdb::testing {

/// Names the first line that differs; the texts are long.
void ExpectSame(std::string_view got, std::string_view want);

/// A head in a folder, with what it did to the files.
class TestHead {
 public:
  static constexpr model::TimestampMs kStart = 1'700'000'000'000;

  /// @param with_late  an out-of-order window with small chunks, and metadata in the WAL
  explicit TestHead(std::string dir, bool with_late = false);

  void Open();
  void Close();

  /// One scrape: counters, gauges, one series that lives only now, histograms, exemplars; with a
  /// window late samples of all kinds, and where it is kept metadata.
  void Scrape(int i);
  void Scrapes(int from, int to) {
    for (int i = from; i < to; ++i) Scrape(i);
  }

  /// Everything that can be asked for, as text.
  std::string Describe();
  /// What a replay of the same folder gives.
  std::string DescribeReplayed();

  double errors() const;
  bool replayed() const { return replayed_; }
  std::string snapshot_path() const;
  const std::string& dir() const { return dir_; }
  HeadOptions& options() { return options_; }
  model::TimestampMs& covered_until() { return covered_until_; }
  int& fail_read_at() { return fail_read_at_; }
  narthex::testing::FaultFs& fs() { return fs_; }
  Head& head() { return *head_; }

 private:
  std::string DescribeSeries();
  std::string DescribeNames();
  std::string DescribeMetadata();
  void AppendLate(storage::Appender& appender, int i);

  std::string dir_;
  HeadOptions options_;
  narthex::testing::FaultFs fs_;
  model::TimestampMs covered_until_ = model::kMinTime;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Head> head_;
  bool replayed_ = false;
  int fail_read_at_ = -1;
};

}  // namespace narthex::tsdb::testing

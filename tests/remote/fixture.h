// SPDX-License-Identifier: Apache-2.0
//
// A database whose log is sent to receivers.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/config/config.h"
#include "narthex/remote/write_storage.h"
#include "narthex/storage/appender.h"
#include "narthex/tsdb/db.h"
#include "tests/remote/receiver.h"
#include "tests/support/fault_fs.h"
#include "tests/support/temp_dir.h"

namespace narthex::remote::testing {

constexpr model::TimestampMs kStart = 1'700'000'000'000;

struct Appended {
  model::Labels labels;
  model::TimestampMs t;
  double value;
};

/// Metric families that never change.
class FixedMetadata final : public MetadataSource {
 public:
  void Visit(const std::function<void(std::string_view, model::MetricType, std::string_view,
                                      std::string_view)>& visit) const override {
    visit("up", model::MetricType::kGauge, "Help of up.", "");
    visit("requests", model::MetricType::kCounter, "Requests.", "seconds");
    visit("up", model::MetricType::kGauge, "Help of up.", "");
  }
};

class RemoteWriteTest : public ::testing::Test {
 protected:
  RemoteWriteTest() : dir_(root_.path() + "/data") {}
  void SetUp() override { OpenDb(); }
  ~RemoteWriteTest() override {
    storage_ = nullptr;
    db_ = nullptr;
  }

  virtual tsdb::DbOptions DbOptions() const {
    tsdb::DbOptions options;
    options.max_exemplars = 1000;
    options.metadata_wal_records = true;
    options.wal_sync_interval_ms = 0;
    return options;
  }

  void OpenDb() {
    db_ = nullptr;
    db_registry_ = std::make_unique<metrics::Registry>();
    auto db = tsdb::Db::Open(dir_, DbOptions(), SystemFs(), SystemClock(), *db_registry_);
    ASSERT_TRUE(db) << db.error().message();
    db_ = std::move(*db);
  }
  /// As a kill: everything goes on with a copy of the folder.
  void Kill() {
    const std::string copy = fmt::format("{}/data{}", root_.path(), ++copies_);
    std::filesystem::copy(dir_, copy, std::filesystem::copy_options::recursive);
    storage_ = nullptr;
    db_ = nullptr;
    dir_ = copy;
    OpenDb();
  }

  /// The section's one entry, with batches that go soon.
  static std::string Section(const std::string& url, const std::string& more = {},
                             const std::string& queue = {}) {
    return fmt::format(
        "remote_write: [{{url: \"{}\", queue_config: {{batch_send_deadline: 20ms, min_backoff: "
        "1ms, max_backoff: 5ms{}}}{}}}]\n",
        url, queue, more);
  }
  void Apply(const std::string& yaml) {
    auto config = config::LoadText(yaml, "x");
    ASSERT_TRUE(config) << config.error().message();
    const Status status = storage_->ApplyConfig(**config);
    ASSERT_TRUE(status) << status.error().message();
  }
  void Start(const std::string& yaml, WriteStorageOptions options = {}) {
    storage_ = nullptr;
    options.data_dir = dir_;
    options.flush_deadline_ms = flush_deadline_ms_;
    options.client_options = [](const config::HttpConfig&) -> Result<net::HttpClientOptions> {
      return net::HttpClientOptions();
    };
    storage_ = std::make_unique<WriteStorage>(std::move(options), *clock_, registry_);
    WalSource source{
        .dir = dir_ + "/wal", .progress = db_->wal_progress(), .totals = {}, .history = db_.get()};
    storage_->Start(std::move(source));
    Apply(yaml);
  }

  void Append(const std::vector<Appended>& samples) {
    const auto appender = db_->NewAppender();
    for (const Appended& sample : samples) {
      storage::SeriesRef ref{0};
      ASSERT_EQ(appender->Append(ref, sample.labels, sample.t, sample.value),
                storage::AppendError::kNone);
    }
    ASSERT_TRUE(appender->Commit());
  }
  /// Samples of `series` series, at `count` times a second apart from `from` on.
  void AppendMany(int series, int from, int count) {
    for (int i = from; i < from + count; ++i) {
      std::vector<Appended> samples;
      for (int s = 0; s < series; ++s) {
        samples.push_back({Series(s), kStart + i * 1000, static_cast<double>(i)});
      }
      Append(samples);
    }
  }
  static model::Labels Series(int number) {
    return {{"__name__", "m"}, {"n", std::to_string(number)}};
  }
  /// What AppendMany appended.
  static Points Many(int series, int from, int count) {
    Points points;
    for (int s = 0; s < series; ++s) {
      auto& all = points[Series(s).ToString()];
      for (int i = from; i < from + count; ++i) all.push_back(At(kStart + i * 1000, i));
    }
    return points;
  }

  /// The value of the first line of that name whose labels contain both; -1 when there is none.
  double Metric(const std::string& name, const std::string& label = "",
                const std::string& and_label = "") const {
    std::string text;
    registry_.WriteText(text);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      if (!line.starts_with("prometheus_remote_storage_" + name + "{")) continue;
      if (line.find(label) == std::string::npos) continue;
      if (line.find(and_label) == std::string::npos) continue;
      return std::stod(line.substr(line.rfind(' ') + 1));
    }
    return -1;
  }

  narthex::testing::TempDir root_;
  std::string dir_;
  int copies_ = 0;
  std::unique_ptr<metrics::Registry> db_registry_;
  std::unique_ptr<tsdb::Db> db_;
  metrics::Registry registry_;
  model::DurationMs flush_deadline_ms_ = 10'000;
  Clock* clock_ = &SystemClock();  // Of the sender.
  FixedMetadata metadata_;
  std::unique_ptr<WriteStorage> storage_;
};

}  // namespace narthex::remote::testing

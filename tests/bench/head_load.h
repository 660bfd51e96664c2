// SPDX-License-Identifier: Apache-2.0
//
// A storage that is filled as scrapes would fill it, for the benchmarks.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "narthex/base/allocator.h"
#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/model/labels.h"
#include "narthex/tsdb/db.h"
#include "tests/support/temp_dir.h"

namespace narthex::tsdb {

inline constexpr std::size_t kSeriesPerTarget = 1000;
inline constexpr model::TimestampMs kStart = 1'700'000'000'000;

/// Resident memory; without file pages, which the kernel takes back when it needs them, on request.
inline std::size_t RssBytes(bool anonymous_only = false) {
  std::size_t pages = 0;
  std::size_t resident = 0;
  std::size_t shared = 0;
  std::ifstream("/proc/self/statm") >> pages >> resident >> shared;
  if (anonymous_only) resident -= shared;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// A target as a node exporter would be: 50 metrics of 20 series, seven labels each.
inline std::vector<model::Labels> TargetLabels(std::size_t target) {
  std::vector<model::Labels> all;
  for (std::size_t i = 0; i < kSeriesPerTarget; ++i) {
    all.push_back({{"__name__", fmt::format("bench_metric_{:02}_total", i / 20)},
                   {"code", i % 2 == 0 ? "200" : "500"},
                   {"handler", fmt::format("/api/v1/endpoint/{}", i % 20)},
                   {"instance", fmt::format("10.0.{}.{}:9100", target / 250, target % 250)},
                   {"job", "bench"},
                   {"method", i % 3 == 0 ? "GET" : "POST"},
                   {"zone", fmt::format("zone-{}", target % 3)}});
  }
  return all;
}

// Counters of several rates, gauges, and constants.
inline double ValueAt(std::size_t series, std::size_t scrape) {
  switch (series % 4) {
    case 0:
      return static_cast<double>(scrape * (series % 97));
    case 1:
      return 1.0;
    case 2:
      return static_cast<double>((scrape * 2654435761U + series) % 1000) / 10;
    default:
      return static_cast<double>(scrape * 15 + series) * 1.5;
  }
}

/// @tparam Store  Db or AgentDb
template <typename Store, typename Options>
class LoadOf {
 public:
  explicit LoadOf(std::size_t num_targets) : refs_(num_targets), values_(kSeriesPerTarget) {
    log::Configure(log::Level::kError, log::Format::kLogfmt);
    TuneAllocator();  // As the server does.
    Open();
  }

  void Close() { db_.reset(); }

  // As after a kill: nothing but Prometheus's files.
  void OpenByReplay() {
    Close();
    std::filesystem::remove(dir_.path() + "/data/head_snapshot");
    Open();
  }

  void Open() {
    db_.reset();
    registry_ = std::make_unique<metrics::Registry>();
    db_ = Store::Open(dir_.path() + "/data", Options{}, SystemFs(), SystemClock(), *registry_)
              .value();
  }

  void Create(std::size_t target, std::size_t scrape) {
    const auto labels = TargetLabels(target);
    auto appender = db_->NewAppender();
    refs_[target].resize(labels.size());
    for (std::size_t i = 0; i < labels.size(); ++i) {
      refs_[target][i] = storage::SeriesRef{0};
      (void)appender->Append(refs_[target][i], labels[i], TimeOf(scrape), ValueAt(i, scrape));
    }
    (void)appender->Commit();
  }

  void Scrape(std::size_t target, std::size_t scrape) {
    for (std::size_t i = 0; i < kSeriesPerTarget; ++i) values_[i] = ValueAt(i, scrape);
    outcomes_.resize(kSeriesPerTarget);
    auto appender = db_->NewAppender();
    appender->AppendColumn(refs_[target], TimeOf(scrape), values_, outcomes_);
    (void)appender->Commit();
  }

  std::size_t num_targets() const { return refs_.size(); }
  Store& db() { return *db_; }

 private:
  static model::TimestampMs TimeOf(std::size_t scrape) {
    return kStart + static_cast<model::TimestampMs>(scrape) * 15'000;
  }

  testing::TempDir dir_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<Store> db_;
  std::vector<std::vector<storage::SeriesRef>> refs_;
  std::vector<double> values_;
  std::vector<storage::AppendError> outcomes_;
};

using Load = LoadOf<Db, DbOptions>;

/// The largest RSS since the start, or since ForgetPeakRss.
inline std::size_t PeakRssBytes() {
  std::ifstream status("/proc/self/status");
  std::string word;
  std::size_t kib = 0;
  while (status >> word) {
    if (word == "VmHWM:") status >> kib;
  }
  return kib * 1024;
}

inline void ForgetPeakRss() { std::ofstream("/proc/self/clear_refs") << "5"; }

}  // namespace narthex::tsdb

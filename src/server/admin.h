// SPDX-License-Identifier: Apache-2.0
//
// What the API asks of the database beside samples. All of it is kUnavailable before there is one.
#pragma once

#include <atomic>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/tsdb/db.h"
#include "narthex/web/status.h"

namespace narthex::server {

/// Thread safety: any thread.
class StorageAdmin final : public web::TsdbAdmin {
 public:
  /// @param storage_path  the database's folder; snapshots go below it
  StorageAdmin(std::string storage_path, Clock& clock)
      : storage_path_(std::move(storage_path)), clock_(clock) {}
  /// @param db  not owned; outlives every use of this object
  void SetDb(tsdb::Db* db) { db_.store(db); }

  Status DeleteSeries(model::TimestampMs mint, model::TimestampMs maxt,
                      std::span<const model::Matcher> matchers) override;
  Status CleanTombstones() override;
  Result<std::string> Snapshot(bool with_head) override;

 private:
  const std::string storage_path_;
  Clock& clock_;
  std::atomic<tsdb::Db*> db_{nullptr};
};

/// Thread safety: any thread.
class StoredExemplars final : public web::ExemplarSource {
 public:
  /// @param db  as above
  void SetDb(tsdb::Db* db) { db_.store(db); }

  Status SelectExemplars(
      model::TimestampMs mint, model::TimestampMs maxt,
      std::span<const std::vector<model::Matcher>> matcher_sets,
      const std::function<void(const model::Labels& series, std::span<const model::Exemplar>)>&
          visit) const override;

 private:
  std::atomic<tsdb::Db*> db_{nullptr};
};

}  // namespace narthex::server

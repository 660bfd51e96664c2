// SPDX-License-Identifier: Apache-2.0
//
// Lets the HTTP server and the scrape manager be wired up before the database has been replayed.
#pragma once

#include <atomic>
#include <memory>

#include "narthex/base/check.h"
#include "narthex/base/clock.h"
#include "narthex/storage/appender.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/querier.h"
#include "narthex/tsdb/db.h"

namespace narthex::server {

/// Passes queries to the database once there is one; kUnavailable before. Appenders may only be
/// asked for when there is one. Thread safety: any thread.
class ReadyStorage final : public storage::Queryable,
                           public storage::ChunkQueryable,
                           public storage::Appendable {
 public:
  /// @param db  not owned; outlives every use of this object
  void SetDb(tsdb::Db* db) { db_.store(db); }

  /// From when on the database is taken to have everything: the start of the first block, or now
  /// when there is none, and some time to come into being. Source: Prometheus
  /// readyStorage.StartTime.
  model::TimestampMs StartTime(const Clock& clock, model::DurationMs margin) const {
    const tsdb::Db* db = db_.load();
    if (db == nullptr) return model::kMaxTime;
    return model::Plus(db->first_block_time().value_or(clock.NowMs() / 1000 * 1000), margin);
  }

  std::unique_ptr<storage::Appender> NewAppender() override {
    tsdb::Db* db = db_.load();
    NX_CHECK(db != nullptr, "appender wanted before the database is open");
    return db->NewAppender();
  }

  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs mint,
                                                       model::TimestampMs maxt) override {
    tsdb::Db* db = db_.load();
    if (db == nullptr) return Fail(Code::kUnavailable, "TSDB not ready");
    return db->NewQuerier(mint, maxt);
  }

  Result<std::unique_ptr<storage::ChunkSeriesSet>> SelectChunks(
      model::TimestampMs mint, model::TimestampMs maxt, std::span<const model::Matcher> matchers,
      const storage::SelectHints& hints, std::stop_token stop) override {
    tsdb::Db* db = db_.load();
    if (db == nullptr) return Fail(Code::kUnavailable, "TSDB not ready");
    return db->SelectChunks(mint, maxt, matchers, hints, std::move(stop));
  }

 private:
  std::atomic<tsdb::Db*> db_{nullptr};
};

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
//
// The agent's storage as the rest of the program sees it: it can be wired up before it is open, and
// takes samples, but can't be asked for any.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <stop_token>

#include "narthex/base/check.h"
#include "narthex/storage/appender.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/querier.h"
#include "narthex/tsdb/agent_db.h"

namespace narthex::server {

/// Appenders may only be asked for when there is a database. Every query is kExecution, in
/// Prometheus's words. Thread safety: any thread.
class AgentStorage final : public storage::Queryable,
                           public storage::ChunkQueryable,
                           public storage::Appendable {
 public:
  /// @param db  not owned; outlives every use of this object
  void SetDb(tsdb::AgentDb* db) { db_.store(db); }

  std::unique_ptr<storage::Appender> NewAppender() override {
    tsdb::AgentDb* db = db_.load();
    NX_CHECK(db != nullptr, "appender wanted before the database is open");
    return db->NewAppender();
  }

  Result<std::unique_ptr<storage::Querier>> NewQuerier(model::TimestampMs,
                                                       model::TimestampMs) override {
    return Unsupported();
  }
  Result<std::unique_ptr<storage::ChunkSeriesSet>> SelectChunks(model::TimestampMs,
                                                                model::TimestampMs,
                                                                std::span<const model::Matcher>,
                                                                const storage::SelectHints&,
                                                                std::stop_token) override {
    return Unsupported();
  }

 private:
  static tl::unexpected<Error> Unsupported() {
    return Fail(Code::kExecution, "unsupported operation with WAL-only storage");
  }

  std::atomic<tsdb::AgentDb*> db_{nullptr};
};

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
#include "src/server/admin.h"

#include <ctime>
#include <random>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace narthex::server {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;

Result<tsdb::Db*> Ready(const std::atomic<tsdb::Db*>& db) {
  tsdb::Db* const ready = db.load();
  if (ready == nullptr) return Fail(Code::kUnavailable, "TSDB not ready");
  return ready;
}

/// "20260102T150405Z-0123456789abcdef": when, and something that no other snapshot has.
std::string SnapshotName(std::int64_t now_ms) {
  std::random_device random;
  const std::uint64_t number = (std::uint64_t{random()} << 32 | random()) & INT64_MAX;
  const std::time_t seconds = now_ms / kMsPerSecond;
  return fmt::format("{:%Y%m%dT%H%M%SZ}-{:016x}", fmt::gmtime(seconds), number);
}

}  // namespace

Status StorageAdmin::DeleteSeries(model::TimestampMs mint, model::TimestampMs maxt,
                                  std::span<const model::Matcher> matchers) {
  NX_ASSIGN_OR_RETURN(tsdb::Db* const db, Ready(db_));
  return db->DeleteSeries(mint, maxt, matchers);
}

Status StorageAdmin::CleanTombstones() {
  NX_ASSIGN_OR_RETURN(tsdb::Db* const db, Ready(db_));
  return db->CleanTombstones();
}

Result<std::string> StorageAdmin::Snapshot(bool with_head) {
  NX_ASSIGN_OR_RETURN(tsdb::Db* const db, Ready(db_));
  const std::string name = SnapshotName(clock_.NowMs());
  const std::string folder = JoinPath(JoinPath(storage_path_, "snapshots"), name);
  NX_RETURN_IF_ERROR(db->Snapshot(folder, with_head));
  return name;
}

Status StoredExemplars::SelectExemplars(
    model::TimestampMs mint, model::TimestampMs maxt,
    std::span<const std::vector<model::Matcher>> matcher_sets,
    const std::function<void(const model::Labels& series, std::span<const model::Exemplar>)>& visit)
    const {
  NX_ASSIGN_OR_RETURN(const tsdb::Db* const db, Ready(db_));
  return db->SelectExemplars(mint, maxt, matcher_sets, visit);
}

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
#include "src/server/remote.h"

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"
#include "narthex/scrape/client_options.h"
#include "narthex/tsdb/agent_db.h"
#include "narthex/tsdb/db.h"
#include "src/server/flags.h"

namespace narthex::server {
namespace {

remote::AppendTotals TotalsOf(const tsdb::AppendedTotals& totals) {
  return {totals.float_samples, totals.histogram_samples, totals.exemplars, totals.max_time};
}

}  // namespace

void ScrapedMetadata::Visit(
    const std::function<void(std::string_view family, model::MetricType type, std::string_view help,
                             std::string_view unit)>& visit) const {
  manager_.VisitMetadata({}, [&](const model::Labels&, const scrape::TargetMetadata& metadata) {
    visit(metadata.metric, metadata.type, metadata.help, metadata.unit);
    return true;
  });
}

remote::WriteStorageOptions MakeRemoteWriteOptions(const ServerFlags& flags,
                                                   const remote::MetadataSource& metadata) {
  remote::WriteStorageOptions options;
  options.data_dir = flags.storage_path;
  options.flush_deadline_ms = flags.remote_flush_deadline_ms;
  options.client_options = [](const config::HttpConfig& http) {
    return scrape::MakeClientOptions(http, scrape::ScrapeOptions().user_agent);
  };
  options.metadata = &metadata;
  options.type_and_unit_labels = flags.features.promql.type_and_unit_labels;
  return options;
}

remote::WalSource WalOf(tsdb::Db& db, const std::string& data_dir) {
  return {.dir = JoinPath(data_dir, "wal"),
          .progress = db.wal_progress(),
          .totals = [&db] { return TotalsOf(db.Appended()); },
          .history = &db,
          .oldest = [&db] { return db.min_time(); }};
}

remote::WalSource WalOf(tsdb::AgentDb& db) {
  return {.dir = db.wal_dir(), .progress = db.wal_progress(), .totals = [&db] {
            return TotalsOf(db.Appended());
          }};
}

void AddRemoteMemory(const remote::WriteStorage& storage, metrics::Registry& registry) {
  registry.AddGaugeList("narthex_memory_bytes", "Bytes that each part of the server holds.", "part",
                        [&storage] {
                          return metrics::GaugeList{
                              {"remote/write_queues", static_cast<double>(storage.held_bytes())}};
                        });
}

}  // namespace narthex::server

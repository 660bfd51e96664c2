// SPDX-License-Identifier: Apache-2.0
#include "src/server/remote.h"

#include "narthex/base/fs.h"
#include "narthex/base/metrics.h"

namespace narthex::server {

void ScrapedMetadata::Visit(
    const std::function<void(std::string_view family, model::MetricType type, std::string_view help,
                             std::string_view unit)>& visit) const {
  manager_.VisitMetadata({}, [&](const model::Labels&, const scrape::TargetMetadata& metadata) {
    visit(metadata.metric, metadata.type, metadata.help, metadata.unit);
    return true;
  });
}

remote::WalSource WalOf(tsdb::Db& db, const std::string& data_dir) {
  return {.dir = JoinPath(data_dir, "wal"),
          .progress = db.wal_progress(),
          .totals =
              [&db] {
                const tsdb::AppendedTotals totals = db.Appended();
                return remote::AppendTotals{totals.float_samples, totals.histogram_samples,
                                            totals.exemplars, totals.max_time};
              },
          .history = &db};
}

void AddRemoteMemory(const remote::WriteStorage& storage, metrics::Registry& registry) {
  registry.AddGaugeList("narthex_memory_bytes", "Bytes that each part of the server holds.", "part",
                        [&storage] {
                          return metrics::GaugeList{
                              {"remote/write_queues", static_cast<double>(storage.held_bytes())}};
                        });
}

}  // namespace narthex::server

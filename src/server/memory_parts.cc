// SPDX-License-Identifier: Apache-2.0
#include "src/server/memory_parts.h"

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "narthex/alerting/notifier.h"
#include "narthex/base/metrics.h"
#include "narthex/base/process_memory.h"
#include "narthex/remote/read_storage.h"
#include "narthex/scrape/scrape_manager.h"
#include "narthex/tsdb/agent_db.h"
#include "narthex/tsdb/db.h"

namespace narthex::server {
namespace {

using Parts = std::vector<std::pair<std::string, std::uint64_t>>;

void Add(std::function<Parts()> parts, metrics::Registry& registry) {
  registry.AddGaugeList("narthex_memory_bytes", "Bytes that each part of the server holds.", "part",
                        [parts = std::move(parts)] {
                          metrics::GaugeList gauges;
                          for (auto& [part, bytes] : parts()) {
                            gauges.emplace_back(std::move(part), static_cast<double>(bytes));
                          }
                          return gauges;
                        });
}

// What every mode has.
void AddCommon(const scrape::ScrapeManager& scrape, std::uint64_t at_start,
               metrics::Registry& registry) {
  Add([&scrape] { return scrape.Memory(); }, registry);
  Add(
      [at_start] {
        return Parts{{"process/files", ReadResidentBytes().files}, {"process/start", at_start}};
      },
      registry);
}

}  // namespace

void AddMemoryMetrics(const tsdb::Db& db, const scrape::ScrapeManager& scrape,
                      const alerting::Notifier& notifier, const remote::ReadStorage& remote_read,
                      std::uint64_t at_start, metrics::Registry& registry) {
  Add([&db] { return db.Memory().parts; }, registry);
  Add([&notifier] { return Parts{{"alerting/notifications", notifier.held_bytes()}}; }, registry);
  Add(
      [&remote_read] {
        return Parts{{"remote/read_answers", remote_read.held_bytes()}};
      },
      registry);
  AddCommon(scrape, at_start, registry);
}

void AddMemoryMetrics(const tsdb::AgentDb& db, const scrape::ScrapeManager& scrape,
                      std::uint64_t at_start, metrics::Registry& registry) {
  Add([&db] { return db.Memory().parts; }, registry);
  AddCommon(scrape, at_start, registry);
}

}  // namespace narthex::server

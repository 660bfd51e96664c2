// SPDX-License-Identifier: Apache-2.0
#include "src/server/memory_parts.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "narthex/alerting/notifier.h"
#include "narthex/base/metrics.h"
#include "narthex/base/process_memory.h"
#include "narthex/scrape/scrape_manager.h"
#include "narthex/tsdb/db.h"

namespace narthex::server {
namespace {

using Parts = std::vector<std::pair<std::string, std::uint64_t>>;

// @param list  gives the same parts in the same order each time
template <typename List>
void Add(const List& list, metrics::Registry& registry) {
  const Parts parts = list();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    registry.AddGaugeFn("narthex_memory_bytes", "Bytes that each part of the server holds.",
                        [list, i] { return static_cast<double>(list()[i].second); },
                        {{"part", parts[i].first}});
  }
}

}  // namespace

void AddMemoryMetrics(const tsdb::Db& db, const scrape::ScrapeManager& scrape,
                      const alerting::Notifier& notifier, std::uint64_t at_start,
                      metrics::Registry& registry) {
  Add([&db] { return db.Memory().parts; }, registry);
  Add([&scrape] { return scrape.Memory(); }, registry);
  Add([&notifier] { return Parts{{"alerting/notifications", notifier.held_bytes()}}; }, registry);
  Add(
      [at_start] {
        return Parts{{"process/files", ReadResidentBytes().files}, {"process/start", at_start}};
      },
      registry);
}

}  // namespace narthex::server

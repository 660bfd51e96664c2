// SPDX-License-Identifier: Apache-2.0
//
// The ledger of the whole server: every part with the bytes of memory that it holds.
#pragma once

#include <cstdint>

namespace narthex {
namespace alerting {
class Notifier;
}
namespace metrics {
class Registry;
}
namespace remote {
class ReadStorage;
}
namespace scrape {
class ScrapeManager;
}
namespace tsdb {
class AgentDb;
class Db;
}  // namespace tsdb
}  // namespace narthex

namespace narthex::server {

/// Adds narthex_memory_bytes{part="…"}, whose parts look at counters and at containers, but at no
/// series. The parts outlive the registry's use.
/// @param at_start  anonymous memory that the process had before it held anything
void AddMemoryMetrics(const tsdb::Db& db, const scrape::ScrapeManager& scrape,
                      const alerting::Notifier& notifier, const remote::ReadStorage& remote_read,
                      std::uint64_t at_start, metrics::Registry& registry);
/// The same of an agent.
void AddMemoryMetrics(const tsdb::AgentDb& db, const scrape::ScrapeManager& scrape,
                      std::uint64_t at_start, metrics::Registry& registry);

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
//
// Metrics of the database that are asked for when printed.
#include "tsdb/db/db_impl.h"

namespace narthex::tsdb {

void Db::Impl::AddMetricFunctions() {
  registry.AddGaugeFn("prometheus_tsdb_blocks_loaded", "Number of currently loaded data blocks",
                      [this] { return static_cast<double>(blocks()->size()); });
  registry.AddGaugeFn(
      "prometheus_tsdb_storage_blocks_bytes",
      "The number of bytes that are currently used for local storage by all blocks.",
      [this] { return static_cast<double>(BlockBytes()); });
  registry.AddGaugeFn("prometheus_tsdb_symbol_table_size_bytes",
                      "Size of symbol table in memory for loaded blocks", [this] {
                        std::uint64_t bytes = 0;
                        const auto list = blocks();
                        for (const auto& block : *list) bytes += block->memory_bytes();
                        return static_cast<double>(bytes);
                      });
  registry.AddGaugeFn("prometheus_tsdb_lowest_timestamp",
                      "Lowest timestamp value stored in the database. The unit is decided by the "
                      "library consumer.",
                      [this] { return static_cast<double>(LowestTime()); });
  registry.AddGaugeFn("prometheus_tsdb_lowest_timestamp_seconds",
                      "Lowest timestamp value stored in the database.",
                      [this] { return static_cast<double>(LowestTime()) / 1000; });
  registry.AddGaugeFn("prometheus_tsdb_retention_limit_bytes",
                      "Max number of bytes to be retained in the tsdb blocks, configured 0 means "
                      "disabled",
                      [this] { return static_cast<double>(retention().bytes); });
  registry.AddGaugeFn("prometheus_tsdb_retention_limit_percentage",
                      "Max percentage of total storage space to be retained in the tsdb blocks, "
                      "configured 0 means disabled",
                      [this] { return retention().percentage; });
  registry.AddGaugeFn("prometheus_tsdb_retention_limit_seconds",
                      "How long to retain samples in storage.",
                      [this] { return static_cast<double>(retention().time_ms) / 1000; });
}

void Db::Impl::RemoveMetricFunctions() {
  for (const char* name :
       {"prometheus_tsdb_blocks_loaded", "prometheus_tsdb_storage_blocks_bytes",
        "prometheus_tsdb_symbol_table_size_bytes", "prometheus_tsdb_lowest_timestamp",
        "prometheus_tsdb_lowest_timestamp_seconds", "prometheus_tsdb_retention_limit_bytes",
        "prometheus_tsdb_retention_limit_percentage", "prometheus_tsdb_retention_limit_seconds"}) {
    registry.Remove(name, {});
  }
}

}  // namespace narthex::tsdb

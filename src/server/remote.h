// SPDX-License-Identifier: Apache-2.0
//
// What connects remote write with the database and with scraping.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "narthex/remote/write_storage.h"
#include "narthex/scrape/scrape_manager.h"

namespace narthex::tsdb {
class AgentDb;
class Db;
}  // namespace narthex::tsdb

namespace narthex::server {

struct ServerFlags;

/// Thread safety: any thread.
class ScrapedMetadata final : public remote::MetadataSource {
 public:
  explicit ScrapedMetadata(const scrape::ScrapeManager& manager) : manager_(manager) {}
  void Visit(const std::function<void(std::string_view family, model::MetricType type,
                                      std::string_view help, std::string_view unit)>& visit)
      const override;

 private:
  const scrape::ScrapeManager& manager_;
};

/// @param metadata  outlives the use of what is returned
remote::WriteStorageOptions MakeRemoteWriteOptions(const ServerFlags& flags,
                                                   const remote::MetadataSource& metadata);

/// @param db  outlives the use of what is returned
remote::WalSource WalOf(tsdb::Db& db, const std::string& data_dir);
remote::WalSource WalOf(tsdb::AgentDb& db);

/// Adds the part of the ledger. @param storage  outlives the registry's use
void AddRemoteMemory(const remote::WriteStorage& storage, metrics::Registry& registry);

}  // namespace narthex::server

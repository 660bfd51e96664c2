// SPDX-License-Identifier: Apache-2.0
#include "src/server/scrape_options.h"

#include "src/server/flags.h"

namespace narthex::server {

scrape::ScrapeOptions MakeScrapeOptions(const ServerFlags& flags) {
  const EnabledFeatures& features = flags.features;
  scrape::ScrapeOptions options;
  options.adjust_timestamps = flags.adjust_timestamps;
  options.timestamp_tolerance_ms = flags.timestamp_tolerance_ms;
  options.discovery_reload_interval_ms = flags.discovery_reload_interval_ms;
  options.extra_scrape_metrics = features.extra_scrape_metrics;
  options.start_zeros = features.start_zeros;
  options.start_synthesis = features.start_synthesis;
  if (flags.agent) {
    // As Prometheus: an agent's log has no metadata, and takes exemplars without the feature.
    options.exemplars = true;
    options.start_times = features.start_times;
    return options;
  }
  options.append_metadata = features.metadata_wal_records;
  options.exemplars = features.exemplar_storage;
  // As Prometheus: where zeros are wanted, chunks that have room get the start times too.
  options.start_times = features.start_times || (features.start_zeros && features.xor2_encoding);
  return options;
}

}  // namespace narthex::server

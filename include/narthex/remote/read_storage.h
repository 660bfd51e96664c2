// SPDX-License-Identifier: Apache-2.0
//
// Reads from the servers that the section remote_read names, as storages beside our own.
// Source: https://prometheus.io/docs/prometheus/latest/querying/remote_read_api/ and Prometheus
// storage/remote (client, read).
//
//   ReadStorage remote(SystemClock(), registry, options);
//   NX_ASSIGN_OR_RETURN(auto endpoints, remote.Apply(config));
//   fanout.SetSecondaries(std::move(endpoints));
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"

namespace narthex {
class Clock;
namespace config {
struct Config;
struct HttpConfig;
}  // namespace config
namespace metrics {
class Registry;
}
namespace net {
struct HttpClientOptions;
}
namespace storage {
class Queryable;
}
}  // namespace narthex

namespace narthex::remote {

struct ReadStorageOptions {
  /// How the HTTP client is made for a section. Errors: refuse the configuration.
  std::function<Result<net::HttpClientOptions>(const config::HttpConfig&)> client_options = {};
  /// From when on our own storage has everything. A section without read_recent is asked for what
  /// is older.
  std::function<model::TimestampMs()> local_start = {};
  std::size_t max_answer_bytes = std::size_t{1} << 30;  // Memory of one answer …
  std::size_t max_total_bytes = std::size_t{2} << 30;   // … and of all that are held.
};

/// Each section becomes a queryable. Its Select asks the server, and holds the answer in memory:
/// chunks as they came, or samples. Errors of Select begin with "remote_read: "; kCancelled when it
/// was told to stop. Label names and values are not known to it ("not implemented"), as in
/// Prometheus. NewQuerier gives null for ranges in which the server is not to be asked.
/// Thread safety: any thread, but Apply one at a time.
class ReadStorage final {
 public:
  using Queryables = std::vector<std::shared_ptr<storage::Queryable>>;

  /// The references are not owned; they outlive this and all queryables.
  ReadStorage(Clock& clock, metrics::Registry& registry, ReadStorageOptions options);
  ~ReadStorage();
  ReadStorage(const ReadStorage&) = delete;
  ReadStorage& operator=(const ReadStorage&) = delete;

  /// Whether Apply would take the configuration. Errors: as there.
  Status Check(const config::Config& config) const;

  /// The queryables of the sections, in their order. A server whose section has not changed keeps
  /// its connections. Errors: kInvalidArgument for two equal sections; those of `client_options`.
  Result<Queryables> Apply(const config::Config& config);

  /// Memory of the answers that are held.
  std::size_t held_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
//
// The HTTP API of Prometheus, its management endpoints and the pages of the browser UI.
// Source: https://prometheus.io/docs/prometheus/latest/querying/api/
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/web/consoles.h"
#include "narthex/web/rules.h"
#include "narthex/web/status.h"
#include "narthex/web/targets.h"

namespace narthex {
class Clock;
namespace metrics {
class Registry;
}
namespace net {
class Router;
}
namespace promql {
class Engine;
}
namespace storage {
class Appendable;
class ChunkQueryable;
class Queryable;
struct EncodedChunk;
struct TypedSamples;
}  // namespace storage
}  // namespace narthex

namespace narthex::web {

class OtlpReceiver;
class PushGateway;

struct ApiOptions {
  /// Endpoints that need a database or rules answer "unavailable with Prometheus Agent", and the
  /// pages are those of an agent.
  bool agent_mode = false;
  bool enable_lifecycle = false;
  bool enable_admin_api = false;
  std::string cors_origin = ".*";               // Anchored regular expression.
  std::string external_url;                     // "http://host:9090/path", without trailing slash.
  std::string route_prefix = "/";               // "/" or "/path" without trailing slash.
  std::string listen_address = "0.0.0.0:9090";  // The first one; its port serves globalUrl.
  // Of the pages; they have a name of their own while it is this one.
  std::string page_title = "Prometheus Time Series Collection and Processing Server";
  std::string console_templates = "consoles";           // Folder of what /consoles/ shows.
  std::string console_libraries = "console_libraries";  // Folder of the *.lib for them.
  std::string user_assets;                              // Folder of what /user/ shows; "" = none.
  model::DurationMs lookback_delta_ms = 300'000;
  model::DurationMs query_timeout_ms = 120'000;
  int max_notification_subscribers = 16;  // Clients of /api/v1/notifications/live.
  bool per_step_stats = false;            // Feature promql-per-step-stats.
  /// A range of series that takes more memory is evaluated again as it is sent; 0 = never.
  std::size_t stream_above_bytes = 16 << 20;

  bool enable_search = false;             // Feature search-api.
  std::size_t max_search_limit = 10'000;  // Results of a search; 0 = any number.

  bool enable_remote_write_receiver = false;
  /// Protobuf messages that /api/v1/write takes.
  std::vector<std::string> accepted_write_messages = {"prometheus.WriteRequest",
                                                      "io.prometheus.write.v2.Request"};
  bool append_metadata = false;  // Feature metadata-wal-records.
  bool start_zeros = false;      // Feature created-timestamp-zero-ingestion.
  bool type_and_unit_labels = false;
  bool enable_influx_receiver = false;
  std::size_t influx_max_series = 1'000'000;          // That the receiver may have at a time.
  std::size_t remote_read_sample_limit = 50'000'000;  // 0 = none.
  std::size_t remote_read_concurrent_limit = 10;      // 0 = none.
  std::size_t remote_read_max_bytes_in_frame = 1 << 20;
  std::size_t remote_read_max_answer_bytes = 1 << 30;  // Of samples, which are held until sent.
};

/// References must outlive the router; pointers may be null where the server has no such part.
/// Until status.State() is kReady, of all these only status, clock and registry are called.
struct ApiDependencies {
  promql::Engine* engine = nullptr;  // Null with agent_mode alone, where nothing is asked of it.
  storage::Queryable& queryable;
  metrics::Registry& registry;
  Clock& clock;
  const StatusSource& status;
  const TargetRetriever* targets = nullptr;
  const RulesRetriever* rules = nullptr;
  const AlertmanagerRetriever* alertmanagers = nullptr;
  Lifecycle* lifecycle = nullptr;
  TsdbAdmin* admin = nullptr;
  const ExemplarSource* exemplars = nullptr;
  const ConsoleRenderer* consoles = nullptr;
  storage::Queryable* own_queryable = nullptr;  // For federation: without remote_read. Null = the
                                                // other one.
  storage::Appendable* appendable = nullptr;    // For remote write, line protocol.
  OtlpReceiver* otlp = nullptr;
  PushGateway* push = nullptr;  // Null = its paths are not served.
  // For remote read: encoded chunks, and what decodes one (appending to the samples).
  storage::ChunkQueryable* chunks = nullptr;
  std::function<Status(const storage::EncodedChunk&, storage::TypedSamples&)> decode_chunk = {};
  ApiOptions options;
};

/// Adds all routes. Copies the dependencies (references stay references).
/// Errors: kInvalidArgument for a bad cors_origin.
Status RegisterApi(net::Router& router, const ApiDependencies& dependencies);

}  // namespace narthex::web

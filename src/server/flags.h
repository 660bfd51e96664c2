// SPDX-License-Identifier: Apache-2.0
//
// The command line of the server: Prometheus's flags by their names, defaults and rules.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "narthex/base/log.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/engine.h"
#include "narthex/tsdb/agent_db.h"
#include "narthex/tsdb/db.h"
#include "src/server/features.h"

namespace narthex::server {

/// Where a flag's text came from and what it says; the typed members are what the server runs on.
struct ServerFlags {
  std::string config_file;
  model::DurationMs auto_reload_interval_ms = 0;  // 0 = only when asked.
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kLogfmt;

  std::vector<std::string> listen_addresses;
  bool systemd_socket = false;      // Listen on inherited sockets instead, …
  std::vector<int> listen_sockets;  // … which are these (socket_activation.h).
  std::string web_config_file;      // "" = plain HTTP, open to everybody.
  bool external_url_given = false;
  std::string external_url;  // "http://host:9090" or with a path; no slash at the end.
  std::string route_prefix;  // "/" or "/path".
  std::string page_title;
  std::string console_templates;
  std::string console_libraries;
  std::string user_assets;
  std::string cors_origin;
  bool enable_lifecycle = false;
  bool enable_admin_api = false;
  bool enable_remote_write_receiver = false;
  std::vector<std::string> accepted_write_messages;
  bool enable_otlp_receiver = false;
  bool enable_push_gateway = false;
  std::string push_persistence_file;
  model::DurationMs push_persistence_interval_ms = 0;
  bool push_utf8_names = false;
  bool enable_influx_receiver = false;
  std::size_t influx_max_series = 0;
  model::DurationMs read_timeout_ms = 0;
  std::size_t max_connections = 0;
  std::size_t max_search_limit = 0;  // 0 = none.
  int max_notification_subscribers = 0;

  bool agent = false;        // Run as an agent: then agent_db counts, and not db.
  std::string storage_path;  // Of either.
  tsdb::DbOptions db;  // Retention as the flags say it; the configuration file may override it.
  tsdb::AgentOptions agent_db;

  std::size_t remote_read_sample_limit = 0;  // 0 = none, as of the next.
  std::size_t remote_read_concurrent_limit = 0;
  std::size_t remote_read_max_bytes_in_frame = 0;

  model::DurationMs remote_flush_deadline_ms = 0;

  promql::EngineOptions engine;

  model::DurationMs for_outage_tolerance_ms = 0;
  model::DurationMs for_grace_period_ms = 0;
  model::DurationMs resend_delay_ms = 0;
  std::size_t max_concurrent_rules = 0;  // 0 = the feature is off.
  std::size_t notification_queue_capacity = 0;
  std::size_t notification_batch_size = 0;
  bool drain_notifications = true;

  bool adjust_timestamps = true;
  std::int64_t timestamp_tolerance_ms = 2;
  model::DurationMs discovery_reload_interval_ms = 5'000;

  EnabledFeatures features;
  std::vector<std::string> warnings;  // For the log: what was asked for and has no effect, …
  std::vector<std::string> notes;     // … and what was asked for and is there anyway.

  /// Every flag with its effective value, sorted by name (/api/v1/status/flags).
  std::vector<std::pair<std::string, std::string>> effective;
};

/// What to do after parsing: run, or print a text and end.
struct ParsedCommandLine {
  bool run = false;
  ServerFlags flags;     // When run.
  std::string text_out;  // For stdout …
  std::string text_err;  // … and stderr, …
  int exit_code = 0;     // … then exit with this.
};

/// @param arguments  without the program's name; "@file" is replaced by that file's lines
ParsedCommandLine ParseCommandLine(std::vector<std::string> arguments);

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
#include "src/server/http_front.h"

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "narthex/web/access.h"
#include "src/server/flags.h"
#include "src/server/frame.h"

namespace narthex::server {
namespace {

net::ServerOptions MakeListenOptions(Frame& frame) {
  const ServerFlags& flags = frame.flags;
  net::ServerOptions options;
  options.access = frame.access;
  options.accepted = &frame.registry.AddCounter(
      "net_conntrack_listener_conn_accepted_total",
      "Total number of connections opened to the listener of a given name.",
      {{"listener_name", "http"}});
  options.closed = &frame.registry.AddCounter(
      "net_conntrack_listener_conn_closed_total",
      "Total number of connections closed that were made to the listener of a given name.",
      {{"listener_name", "http"}});
  options.listen_addresses = flags.listen_addresses;
  options.listen_sockets = flags.listen_sockets;
  options.max_connections = flags.max_connections;
  options.read_timeout_ms = flags.read_timeout_ms;
  return options;
}

bool UsesTls(const Frame& frame) { return frame.access != nullptr && frame.access->uses_tls(); }

}  // namespace

web::ApiOptions MakeApiOptions(const ServerFlags& flags) {
  web::ApiOptions options;
  options.agent_mode = flags.agent;
  options.enable_lifecycle = flags.enable_lifecycle;
  options.enable_admin_api = flags.enable_admin_api;
  options.cors_origin = flags.cors_origin;
  options.external_url = flags.external_url;
  options.route_prefix = flags.route_prefix;
  options.listen_address = flags.listen_addresses.front();
  options.page_title = flags.page_title;
  options.console_templates = flags.console_templates;
  options.console_libraries = flags.console_libraries;
  options.user_assets = flags.user_assets;
  options.max_notification_subscribers = flags.max_notification_subscribers;
  options.enable_search = flags.features.search_api;
  options.max_search_limit = flags.max_search_limit;
  options.lookback_delta_ms = flags.engine.lookback_delta_ms;
  options.query_timeout_ms = flags.engine.timeout_ms;
  options.per_step_stats = flags.features.promql.per_step_stats;
  options.enable_remote_write_receiver = flags.enable_remote_write_receiver;
  options.accepted_write_messages = flags.accepted_write_messages;
  options.append_metadata = flags.features.metadata_wal_records;
  options.start_zeros = flags.features.start_zeros;
  options.type_and_unit_labels = flags.features.promql.type_and_unit_labels;
  options.enable_influx_receiver = flags.enable_influx_receiver;
  options.influx_max_series = flags.influx_max_series;
  options.remote_read_sample_limit = flags.remote_read_sample_limit;
  options.remote_read_concurrent_limit = flags.remote_read_concurrent_limit;
  options.remote_read_max_bytes_in_frame = flags.remote_read_max_bytes_in_frame;
  return options;
}

HttpFront::HttpFront(Frame& frame)
    : frame_(frame),
      // One for each connection, because queries that wait and clients that read slowly keep
      // theirs: health checks must be answered all the same. Unused ones are never started.
      workers_("http", static_cast<std::size_t>(frame.flags.max_connections)),
      // One loop keeps up with all requests: what takes long leaves it. But not with handshakes,
      // each of which takes a millisecond with a key of RSA.
      io_("http-io", UsesTls(frame) ? NumCores() : 1) {}

Status HttpFront::Start(const web::ApiDependencies& dependencies) {
  NX_RETURN_IF_ERROR(web::RegisterApi(router_, dependencies));
  http_ = std::make_unique<net::HttpServer>(MakeListenOptions(frame_), io_, workers_, router_);
  io_.Start();
  NX_RETURN_IF_ERROR(http_->Start());
  LogListeners();
  return {};
}

void HttpFront::LogListeners() const {
  std::vector<std::string> addresses = frame_.flags.listen_addresses;
  if (!frame_.flags.listen_sockets.empty()) {
    log::Info("Listening on systemd activated listeners instead of port listeners.");
    addresses.clear();
    for (const std::uint16_t port : http_->ports()) addresses.push_back(fmt::format(":{}", port));
  }
  for (const std::string& address : addresses) {
    log::Info("Listening on", {{"address", address}});
    log::Info(UsesTls(frame_) ? "TLS is enabled." : "TLS is disabled.",
              {{"http2", false}, {"address", address}});
  }
}

void HttpFront::EndRequests() {
  constexpr std::int64_t kGraceMs = 5'000;
  constexpr std::int64_t kPatienceMs = 2'000;
  constexpr std::int64_t kWarningMs = 60'000;
  ServerStatus& status = frame_.status;
  if (http_ == nullptr || status.WaitForRequests(kGraceMs)) return;
  http_->CancelRequests();
  if (status.WaitForRequests(kPatienceMs)) return;
  http_->CutRequests();
  while (!status.WaitForRequests(kWarningMs)) log::Warn("An HTTP handler does not end");
}

void HttpFront::Stop() {
  if (http_) {
    http_->CancelRequests();  // Of those that go on until somebody says so: live notifications.
    http_->Stop();
  }
  io_.Stop();
  workers_.Stop();
}

}  // namespace narthex::server

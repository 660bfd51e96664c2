// SPDX-License-Identifier: Apache-2.0
#include "src/server/server.h"

#include <algorithm>
#include <memory>
#include <thread>

#include <fmt/format.h>

#include "narthex/alerting/notifier.h"
#include "narthex/alerting/rule_manager.h"
#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/base/process_memory.h"
#include "narthex/base/thread_pool.h"
#include "narthex/net/http_server.h"
#include "narthex/net/io_pool.h"
#include "narthex/promql/engine.h"
#include "narthex/scrape/client_options.h"
#include "narthex/scrape/peer_discovery.h"
#include "narthex/scrape/scrape_manager.h"
#include "narthex/tsdb/chunk_decoder.h"
#include "narthex/tsdb/db.h"
#include "narthex/web/access.h"
#include "narthex/web/api.h"
#include "src/server/admin.h"
#include "src/server/configuration.h"
#include "src/server/memory_parts.h"
#include "src/server/ready_storage.h"
#include "src/server/retention.h"
#include "src/server/retrievers.h"
#include "src/server/signals.h"
#include "src/server/version.h"

namespace narthex::server {
namespace {

std::size_t NumCores() { return std::max(1U, std::thread::hardware_concurrency()); }

class LifecycleControl final : public web::Lifecycle {
 public:
  LifecycleControl(Configuration& configuration, SignalQueue& signals)
      : configuration_(configuration), signals_(signals) {}
  Status Reload() override { return configuration_.Reload(); }
  bool Quit() override { return signals_.RequestStop(); }

 private:
  Configuration& configuration_;
  SignalQueue& signals_;
};

web::ApiOptions MakeApiOptions(const ServerFlags& flags) {
  web::ApiOptions options;
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
  options.lookback_delta_ms = flags.engine.lookback_delta_ms;
  options.query_timeout_ms = flags.engine.timeout_ms;
  options.per_step_stats = flags.features.promql.per_step_stats;
  options.enable_search = flags.features.search_api;
  options.max_search_limit = flags.max_search_limit;
  options.enable_remote_write_receiver = flags.enable_remote_write_receiver;
  options.accepted_write_messages = flags.accepted_write_messages;
  options.append_metadata = flags.features.metadata_wal_records;
  options.start_zeros = flags.features.start_zeros;
  options.type_and_unit_labels = flags.features.promql.type_and_unit_labels;
  options.remote_read_sample_limit = flags.remote_read_sample_limit;
  options.remote_read_concurrent_limit = flags.remote_read_concurrent_limit;
  options.remote_read_max_bytes_in_frame = flags.remote_read_max_bytes_in_frame;
  return options;
}

net::ServerOptions MakeListenOptions(const ServerFlags& flags, net::AccessRules* access) {
  net::ServerOptions options;
  options.access = access;
  options.listen_addresses = flags.listen_addresses;
  options.max_connections = flags.max_connections;
  options.read_timeout_ms = flags.read_timeout_ms;
  return options;
}

/// Links to the server that it makes up itself must lead to it.
void UseHttps(std::string& url) {
  constexpr std::string_view kPlain = "http://";
  if (url.starts_with(kPlain)) url.replace(0, kPlain.size(), "https://");
}

scrape::ScrapeOptions MakeScrapeOptions(const ServerFlags& flags) {
  scrape::ScrapeOptions options;
  options.adjust_timestamps = flags.adjust_timestamps;
  options.timestamp_tolerance_ms = flags.timestamp_tolerance_ms;
  options.discovery_reload_interval_ms = flags.discovery_reload_interval_ms;
  options.extra_scrape_metrics = flags.features.extra_scrape_metrics;
  options.append_metadata = flags.features.metadata_wal_records;
  options.start_zeros = flags.features.start_zeros;
  options.start_synthesis = flags.features.start_synthesis;
  options.exemplars = flags.features.exemplar_storage;
  // As Prometheus: where zeros are wanted, chunks that have room get the start times too.
  options.start_times =
      flags.features.start_times || (flags.features.start_zeros && flags.features.xor2_encoding);
  return options;
}

/// The file wins over the feature, which is the default.
tsdb::FloatEncoding FloatEncodingOf(const EnabledFeatures& features,
                                    const config::StorageConfig& storage) {
  const std::string& name = storage.float_chunk_encoding;
  const bool xor2 = name.empty() ? features.xor2_encoding : name == "xor2";
  return xor2 ? tsdb::FloatEncoding::kXor2 : tsdb::FloatEncoding::kXor;
}

alerting::NotifierOptions MakeNotifierOptions(const ServerFlags& flags) {
  alerting::NotifierOptions options;
  options.queue_capacity = flags.notification_queue_capacity;
  options.batch_size = flags.notification_batch_size;
  options.drain_on_stop = flags.drain_notifications;
  options.client_options = [](const config::HttpConfig& http) {
    return scrape::MakeClientOptions(http, scrape::ScrapeOptions().user_agent);
  };
  return options;
}

alerting::RuleManagerOptions MakeRuleOptions(const ServerFlags& flags,
                                             alerting::Notifier& notifier) {
  alerting::RuleManagerOptions options;
  options.resend_delay_ms = flags.resend_delay_ms;
  options.max_concurrent_rules = flags.max_concurrent_rules;
  options.notify = [&notifier](std::vector<alerting::Notification> alerts) {
    notifier.Send(std::move(alerts));
  };
  options.features = flags.features.promql;
  options.external_url = flags.external_url;
  options.for_outage_tolerance_ms = flags.for_outage_tolerance_ms;
  options.for_grace_period_ms = flags.for_grace_period_ms;
  return options;
}

/// The parts in the order they are built; destroyed in reverse.
class Server final {
 public:
  /// @param access  null = open to everybody; not owned, as flags
  Server(const ServerFlags& flags, web::WebAccess* access);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Builds up to the point where everything runs. Errors: what a part said.
  Status Start();
  /// Serves until a stop is asked for.
  void Run();
  /// Ends the parts: first what asks, then what produces samples, last what stores them.
  void Stop();

 private:
  void AddServerMetrics();
  void AddAppliers();
  Status StartHttp();
  Status OpenStorage();

  const ServerFlags& flags_;
  web::WebAccess* const access_;
  SignalQueue signals_;  // First: threads made later inherit its signal mask.
  const std::uint64_t memory_at_start_ = ReadResidentBytes().anonymous;
  metrics::Registry registry_;
  Configuration configuration_;
  ServerStatus status_;
  LifecycleControl lifecycle_;
  std::unique_ptr<tsdb::Db> db_;  // Outlives all that may still read or write at the end.
  ReadyStorage storage_;
  StorageAdmin admin_;
  StoredExemplars exemplars_;
  ThreadPool query_workers_;
  promql::Engine engine_;
  net::IoPool scrape_io_;
  scrape::ScrapeManager scrape_;
  ScrapeTargets targets_;
  alerting::Notifier notifier_;  // Before what gives it targets and alerts.
  scrape::PeerDiscovery alertmanagers_;
  NotifiedAlertmanagers notified_;
  alerting::RuleManager rules_;
  AlertingRules rule_groups_;
  Consoles consoles_;
  ThreadPool http_workers_;
  net::IoPool http_io_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
};

Server::Server(const ServerFlags& flags, web::WebAccess* access)
    : flags_(flags),
      access_(access),
      configuration_(
          flags.config_file,
          {.default_retention_ms = flags.db.retention_ms,
           .default_retention_bytes = static_cast<std::int64_t>(flags.db.retention_bytes)},
          SystemClock(), registry_),
      status_(flags, configuration_, SystemClock()),
      lifecycle_(configuration_, signals_),
      admin_(flags.storage_path, SystemClock()),
      query_workers_("query", NumCores()),
      engine_(flags.engine, &query_workers_, SystemClock(), registry_),
      scrape_io_("scrape", NumCores()),
      scrape_(scrape_io_, storage_, SystemClock(), registry_, MakeScrapeOptions(flags)),
      targets_(scrape_),
      notifier_(SystemClock(), registry_, MakeNotifierOptions(flags)),
      alertmanagers_(registry_, SystemClock(),
                     [this](const std::string& set, const std::vector<config::TargetGroup>& found) {
                       notifier_.SetTargets(set, found);
                     }),
      notified_(notifier_),
      rules_(engine_, storage_, storage_, SystemClock(), registry_,
             MakeRuleOptions(flags, notifier_)),
      rule_groups_(rules_),
      consoles_(engine_, storage_, SystemClock(), status_, flags.external_url),
      // One for each connection, because queries that wait and clients that read slowly keep
      // theirs: health checks must be answered all the same. Unused ones are never started.
      http_workers_("http", static_cast<std::size_t>(flags.max_connections)),
      // One keeps up with all requests, as the workers answer them; but not with handshakes, each
      // of which takes a millisecond with a key of RSA.
      http_io_("http-io", access != nullptr && access->uses_tls() ? NumCores() : 1) {
  AddServerMetrics();
  AddAppliers();
}

void Server::AddServerMetrics() {
  metrics::AddProcessMetrics(registry_);
  if (access_ != nullptr) access_->AddMetrics(registry_);
  const web::BuildInfo build = BuildInformation();
  registry_
      .AddGauge("prometheus_build_info",
                "A metric with a constant '1' value that names the version this server behaves as.",
                {{"branch", build.branch},
                 {"goversion", build.go_version},
                 {"revision", build.revision},
                 {"version", build.version}})
      .Set(1);
  registry_.AddGaugeFn("prometheus_ready",
                       "Whether Prometheus startup was fully completed and the server is ready for "
                       "normal operation.",
                       [this] { return status_.State() == web::ServerState::kReady ? 1.0 : 0.0; });
}

void Server::AddAppliers() {
  // First, because they can refuse: that must leave everything as it was.
  configuration_.AddApplier("chunk_encoding", [this](const auto& config) {
    return db_->CheckFloatEncoding(FloatEncodingOf(flags_.features, config->storage));
  });
  configuration_.AddApplier("alerting",
                            [this](const auto& config) { return notifier_.Check(*config); });
  configuration_.AddApplier("rules", [this](const auto& config) { return rules_.Update(*config); });
  configuration_.AddApplier("storage", [this](const auto& config) -> Status {
    NX_RETURN_IF_ERROR(db_->SetFloatEncoding(FloatEncodingOf(flags_.features, config->storage)));
    const Retention retention = EffectiveRetention(flags_.db, config->storage);
    db_->SetRetention(retention.time_ms, retention.bytes, retention.percentage);
    db_->SetOutOfOrderWindow(config->storage.out_of_order_window_ms);
    db_->SetStaleSeriesCompaction(config->storage.stale_series_compaction_threshold);
    return Status();
  });
  configuration_.AddApplier("query_engine", [this](const auto& config) {
    engine_.SetDefaultSubqueryStep(config->global.evaluation_interval_ms);
    return Status();
  });
  configuration_.AddApplier("scrape",
                            [this](const auto& config) { return scrape_.ApplyConfig(config); });
  configuration_.AddApplier("notify", [this](const auto& config) -> Status {
    NX_RETURN_IF_ERROR(notifier_.ApplyConfig(*config));
    alertmanagers_.Apply(config->alerting, alerting::AlertmanagerSetName);
    return {};
  });
}

Status Server::StartHttp() {
  NX_RETURN_IF_ERROR(web::RegisterApi(router_, {.engine = engine_,
                                                .queryable = storage_,
                                                .registry = registry_,
                                                .clock = SystemClock(),
                                                .status = status_,
                                                .targets = &targets_,
                                                .rules = &rule_groups_,
                                                .alertmanagers = &notified_,
                                                .lifecycle = &lifecycle_,
                                                .admin = &admin_,
                                                .exemplars = &exemplars_,
                                                .consoles = &consoles_,
                                                .appendable = &storage_,
                                                .chunks = &storage_,
                                                .decode_chunk = tsdb::DecodeChunk,
                                                .options = MakeApiOptions(flags_)}));
  http_ = std::make_unique<net::HttpServer>(MakeListenOptions(flags_, access_), http_io_,
                                            http_workers_, router_);
  http_io_.Start();
  NX_RETURN_IF_ERROR(http_->Start());
  for (const std::string& address : flags_.listen_addresses) {
    log::Info("Listening on", {{"address", address}});
    log::Info(access_ != nullptr && access_->uses_tls() ? "TLS is enabled." : "TLS is disabled.",
              {{"http2", false}, {"address", address}});
  }
  return {};
}

Status Server::OpenStorage() {
  const std::int64_t begin = SystemClock().MonotonicNs();
  log::Info("Starting TSDB ...");
  // Before the first block is looked at: what the file keeps longer must not be deleted.
  tsdb::DbOptions options = flags_.db;
  const Retention retention = EffectiveRetention(flags_.db, configuration_.current()->storage);
  options.retention_ms = retention.time_ms;
  options.retention_bytes = retention.bytes;
  options.retention_percentage = retention.percentage;
  options.max_block_duration_ms = MaxBlockDuration(flags_.db, retention);
  status_.SetMaxBlockDuration(options.max_block_duration_ms);
  NX_RETURN_IF_ERROR(CheckRetention(retention, SystemFs(), flags_.storage_path));
  options.float_encoding = FloatEncodingOf(flags_.features, configuration_.current()->storage);
  options.program_version = BuildInformation().revision;
  options.out_of_order_window_ms = configuration_.current()->storage.out_of_order_window_ms;
  options.stale_series_compaction_threshold =
      configuration_.current()->storage.stale_series_compaction_threshold;
  auto db = tsdb::Db::Open(flags_.storage_path, options, SystemFs(), SystemClock(), registry_);
  if (!db) return Fail(std::move(db).error().Wrap("opening storage failed"));
  db_ = std::move(*db);
  db_->StartBackground();
  AddMemoryMetrics(*db_, scrape_, notifier_, memory_at_start_, registry_);
  status_.SetDb(db_.get());
  storage_.SetDb(db_.get());
  admin_.SetDb(db_.get());
  exemplars_.SetDb(db_.get());
  log::Info("TSDB started",
            {{"duration", go::FormatDuration(SystemClock().MonotonicNs() - begin)}});
  return {};
}

Status Server::Start() {
  if (flags_.auto_reload_interval_ms > 0) {
    configuration_.WatchFiles();
    log::Info("Automatic configuration file reloading enabled",
              {{"interval", model::FormatDuration(flags_.auto_reload_interval_ms)}});
  }
  if (Status status = configuration_.Load(); !status) {
    return Fail(std::move(status).error().Wrap(
        fmt::format("Error loading config (--config.file={})", flags_.config_file)));
  }
  NX_RETURN_IF_ERROR(StartHttp());
  NX_RETURN_IF_ERROR(OpenStorage());
  scrape_io_.Start();
  NX_RETURN_IF_ERROR(configuration_.ApplyLoaded());
  rules_.Start();
  status_.SetState(web::ServerState::kReady);
  log::Info("Server is ready to receive web requests.");
  return {};
}

void Server::Run() {
  for (Wake wake = Wake::kReload; wake != Wake::kStop;) {
    wake = signals_.Wait(flags_.auto_reload_interval_ms);
    // The outcome is logged and in a metric.
    if (wake == Wake::kReload) (void)configuration_.Reload();
    if (wake == Wake::kTimeout) configuration_.ReloadIfChanged();
  }
  log::Info("Received an OS signal or quit request, exiting gracefully...");
}

void Server::Stop() {
  status_.SetState(web::ServerState::kStopping);
  if (http_) http_->Stop();
  http_io_.Stop();
  http_workers_.Stop();
  rules_.Stop();
  alertmanagers_.Stop();
  scrape_.Stop();
  scrape_io_.Stop();
  query_workers_.Stop();
  status_.SetDb(nullptr);
  if (db_) {
    if (const Status status = db_->Close(); !status) {
      log::Error("Closing the TSDB failed", {{"err", status.error().message()}});
    }
  }
  // Last, when everything is on disk: it may wait long for a slow Alertmanager.
  notifier_.Stop();
}

}  // namespace

int RunServer(ServerFlags flags) {
  log::Configure(flags.log_level, flags.log_format);
  for (const std::string& warning : flags.warnings) log::Warn(warning);
  for (const std::string& note : flags.notes) log::Info(note);
  const web::BuildInfo build = BuildInformation();
  log::Info("Starting Narthex", {{"version", build.revision}, {"prometheus", build.version}});
  std::unique_ptr<web::WebAccess> access;
  if (!flags.web_config_file.empty()) {
    auto opened = web::WebAccess::Open(flags.web_config_file, SystemClock());
    if (!opened) {
      log::Error("Unable to validate web configuration file",
                 {{"file", flags.web_config_file}, {"err", opened.error().message()}});
      return 1;
    }
    access = std::move(*opened);
    if (access->uses_tls() && !flags.external_url_given) UseHttps(flags.external_url);
  }
  Server server(flags, access.get());
  const Status started = server.Start();
  if (started) {
    server.Run();
  } else {
    log::Error(started.error().message());
  }
  server.Stop();
  log::Info("See you next time!");
  return started ? 0 : 1;
}

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
//
// The composition root of the server: builds the parts, wires them and stops them in order.
#include <algorithm>
#include <memory>

#include "narthex/alerting/console.h"
#include "narthex/alerting/notifier.h"
#include "narthex/alerting/rule_manager.h"
#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/json_file_log.h"
#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"
#include "narthex/net/io_pool.h"
#include "narthex/promql/engine.h"
#include "narthex/remote/read_storage.h"
#include "narthex/remote/write_storage.h"
#include "narthex/scrape/client_options.h"
#include "narthex/scrape/peer_discovery.h"
#include "narthex/scrape/scrape_manager.h"
#include "narthex/storage/fanout.h"
#include "narthex/tsdb/chunk_decoder.h"
#include "narthex/tsdb/db.h"
#include "narthex/web/api.h"
#include "narthex/web/push_gateway.h"
#include "src/server/admin.h"
#include "src/server/composition.h"
#include "src/server/frame.h"
#include "src/server/http_front.h"
#include "src/server/memory_parts.h"
#include "src/server/otlp.h"
#include "src/server/ready_storage.h"
#include "src/server/remote.h"
#include "src/server/retention.h"
#include "src/server/retrievers.h"
#include "src/server/scrape_options.h"
#include "src/server/version.h"

namespace narthex::server {
namespace {

/// Questions to other servers that may be under way at the same time; more wait for one another.
constexpr std::size_t kMaxRemoteReaders = 64;

std::unique_ptr<web::PushGateway> MakePushGateway(const ServerFlags& flags,
                                                  metrics::Registry& registry) {
  if (!flags.enable_push_gateway) return nullptr;
  web::PushOptions options;
  options.persistence_file = flags.push_persistence_file;
  options.persistence_interval_ms = flags.push_persistence_interval_ms;
  options.utf8_names = flags.push_utf8_names;
  return std::make_unique<web::PushGateway>(std::move(options), SystemFs(), SystemClock(),
                                            registry);
}

/// The file wins over the feature, which is the default.
tsdb::FloatEncoding FloatEncodingOf(const EnabledFeatures& features,
                                    const config::StorageConfig& storage) {
  const std::string& name = storage.float_chunk_encoding;
  const bool xor2 = name.empty() ? features.xor2_encoding : name == "xor2";
  return xor2 ? tsdb::FloatEncoding::kXor2 : tsdb::FloatEncoding::kXor;
}

/// 0 = none are kept.
std::size_t MaxExemplarsOf(const EnabledFeatures& features, const config::StorageConfig& storage) {
  if (!features.exemplar_storage) return 0;
  return static_cast<std::size_t>(std::max<std::int64_t>(0, storage.max_exemplars));
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

remote::ReadStorageOptions MakeReadOptions(const ServerFlags& flags, const ReadyStorage& storage) {
  remote::ReadStorageOptions options;
  options.client_options = [](const config::HttpConfig& http) {
    return scrape::MakeClientOptions(http, scrape::ScrapeOptions().user_agent);
  };
  options.local_start = [&storage, margin = 2 * flags.db.min_block_duration_ms] {
    return storage.StartTime(SystemClock(), margin);
  };
  // What queries make of the answers takes memory, too.
  options.max_answer_bytes = flags.engine.max_query_bytes / 4;
  options.max_total_bytes = flags.engine.max_total_bytes / 4;
  return options;
}

alerting::RuleManagerOptions MakeRuleOptions(const ServerFlags& flags, alerting::Notifier& notifier,
                                             storage::Queryable& own) {
  alerting::RuleManagerOptions options;
  options.restore_from = &own;
  options.num_threads =
      std::max(options.num_threads, static_cast<std::size_t>(flags.engine.max_concurrency));
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
class Server final : public Composition {
 public:
  explicit Server(Frame& frame);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  Status Start() override;
  void Stop() override;

 private:
  void AddAppliers();
  Status StartHttp();
  Status OpenStorage();
  void KeepActiveQueries();

  Frame& frame_;
  const ServerFlags& flags_ = frame_.flags;
  metrics::Registry& registry_ = frame_.registry;
  Configuration& configuration_ = frame_.configuration;
  ServerStatus& status_ = frame_.status;
  std::unique_ptr<tsdb::Db> db_;  // Outlives all that may still read or write at the end.
  ReadyStorage storage_;
  remote::ReadStorage remote_read_;
  ThreadPool remote_readers_;
  storage::FanoutQueryable fanout_;  // The database and remote_read, for queries and rules.
  StorageAdmin admin_;
  StoredExemplars exemplars_;
  ThreadPool query_workers_;
  promql::Engine engine_;
  std::shared_ptr<JsonFileLog> next_query_log_;  // Opened by a reload that is not done yet.
  net::IoPool scrape_io_;
  scrape::ScrapeManager scrape_;
  ScrapeTargets targets_;
  ScrapedMetadata scraped_metadata_;
  remote::WriteStorage remote_write_;
  alerting::Notifier notifier_;  // Before what gives it targets and alerts.
  scrape::PeerDiscovery alertmanagers_;
  NotifiedAlertmanagers notified_;
  alerting::RuleManager rules_;
  AlertingRules rule_groups_;
  Consoles consoles_;
  std::unique_ptr<OtlpEndpoint> otlp_;  // Null without its flag, as the next.
  std::unique_ptr<web::PushGateway> push_;
  HttpFront http_;
};

Server::Server(Frame& frame)
    : frame_(frame),
      remote_read_(SystemClock(), registry_, MakeReadOptions(flags_, storage_)),
      remote_readers_("remote-read", kMaxRemoteReaders),
      fanout_(storage_, remote_readers_),
      admin_(flags_.storage_path, SystemClock()),
      query_workers_("query", NumCores()),
      engine_(flags_.engine, &query_workers_, SystemClock(), registry_),
      scrape_io_("scrape", NumCores()),
      scrape_(scrape_io_, storage_, SystemClock(), registry_, MakeScrapeOptions(flags_)),
      targets_(scrape_),
      scraped_metadata_(scrape_),
      remote_write_(MakeRemoteWriteOptions(flags_, scraped_metadata_), SystemClock(), registry_),
      notifier_(SystemClock(), registry_, MakeNotifierOptions(flags_)),
      alertmanagers_(registry_, SystemClock(),
                     [this](const std::string& set, const std::vector<config::TargetGroup>& found) {
                       notifier_.SetTargets(set, found);
                     }),
      notified_(notifier_),
      rules_(engine_, fanout_, storage_, SystemClock(), registry_,
             MakeRuleOptions(flags_, notifier_, storage_)),
      rule_groups_(rules_),
      consoles_(status_, flags_.external_url,
                [this](const alerting::ConsolePage& page) {
                  return alerting::ExpandConsole(page, engine_, fanout_, SystemClock());
                }),
      otlp_(flags_.enable_otlp_receiver
                ? std::make_unique<OtlpEndpoint>(storage_, SystemClock(), registry_, flags_)
                : nullptr),
      push_(MakePushGateway(flags_, registry_)),
      http_(frame) {
  AddAppliers();
}

void Server::AddAppliers() {
  // First, because they can refuse: that must leave everything as it was.
  configuration_.AddApplier("chunk_encoding", [this](const auto& config) {
    return db_->CheckFloatEncoding(FloatEncodingOf(flags_.features, config->storage));
  });
  configuration_.AddApplier("alerting",
                            [this](const auto& config) { return notifier_.Check(*config); });
  configuration_.AddApplier("remote_write",
                            [this](const auto& config) { return remote_write_.Check(*config); });
  configuration_.AddApplier("remote_read",
                            [this](const auto& config) { return remote_read_.Check(*config); });
  configuration_.AddApplier("query_log", [this](const auto& config) -> Status {
    next_query_log_ = nullptr;
    const std::string& path = config->global.query_log_file;
    if (path.empty()) return {};
    NX_ASSIGN_OR_RETURN(next_query_log_, JsonFileLog::Open(path));
    return {};
  });
  configuration_.AddApplier("rules", [this](const auto& config) { return rules_.Update(*config); });
  configuration_.AddApplier("storage", [this](const auto& config) -> Status {
    NX_RETURN_IF_ERROR(db_->SetFloatEncoding(FloatEncodingOf(flags_.features, config->storage)));
    const Retention retention = EffectiveRetention(flags_.db, config->storage);
    db_->SetRetention(retention.time_ms, retention.bytes, retention.percentage);
    db_->SetOutOfOrderWindow(config->storage.out_of_order_window_ms);
    db_->SetMaxExemplars(MaxExemplarsOf(flags_.features, config->storage));
    db_->SetStaleSeriesCompaction(config->storage.stale_series_compaction_threshold);
    return Status();
  });
  // Before scraping: what is scraped from now on is for a new endpoint.
  configuration_.AddApplier("remote_storage", [this](const auto& config) -> Status {
    NX_RETURN_IF_ERROR(remote_write_.ApplyConfig(*config));
    NX_ASSIGN_OR_RETURN(auto endpoints, remote_read_.Apply(*config));
    fanout_.SetSecondaries(std::move(endpoints));
    return {};
  });
  configuration_.AddApplier("query_engine", [this](const auto& config) {
    engine_.SetDefaultSubqueryStep(config->global.evaluation_interval_ms);
    engine_.SetQueryLog(std::move(next_query_log_));
    return Status();
  });
  configuration_.AddApplier("otlp", [this](const auto& config) {
    if (otlp_) otlp_->ApplyConfig(*config);
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
  return http_.Start({.engine = &engine_,
                      .queryable = fanout_,
                      .registry = registry_,
                      .clock = SystemClock(),
                      .status = status_,
                      .targets = &targets_,
                      .rules = &rule_groups_,
                      .alertmanagers = &notified_,
                      .lifecycle = &frame_.lifecycle(),
                      .admin = &admin_,
                      .exemplars = &exemplars_,
                      .consoles = &consoles_,
                      .own_queryable = &storage_,
                      .appendable = &storage_,
                      .otlp = otlp_.get(),
                      .push = push_.get(),
                      .chunks = &storage_,
                      .decode_chunk = tsdb::DecodeChunk,
                      .options = MakeApiOptions(flags_)});
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
  options.max_exemplars = MaxExemplarsOf(flags_.features, configuration_.current()->storage);
  options.stale_series_compaction_threshold =
      configuration_.current()->storage.stale_series_compaction_threshold;
  auto db = tsdb::Db::Open(flags_.storage_path, options, SystemFs(), SystemClock(), registry_);
  if (!db) return Fail(std::move(db).error().Wrap("opening storage failed"));
  db_ = std::move(*db);
  db_->StartBackground();
  AddRemoteMemory(remote_write_, registry_);
  remote_write_.Start(WalOf(*db_, flags_.storage_path));
  AddMemoryMetrics(*db_, scrape_, notifier_, remote_read_, frame_.memory_at_start, registry_);
  status_.SetDb(db_.get());
  storage_.SetDb(db_.get());
  admin_.SetDb(db_.get());
  exemplars_.SetDb(db_.get());
  log::Info("TSDB started",
            {{"duration", go::FormatDuration(SystemClock().MonotonicNs() - begin)}});
  return {};
}

/// What the process before was doing when it was killed is told once.
void Server::KeepActiveQueries() {
  const std::string path = JoinPath(flags_.storage_path, "queries.active");
  const auto unfinished = engine_.KeepActiveQueries(SystemFs(), path);
  if (!unfinished) {
    log::Error("Active queries can't be noted", {{"err", unfinished.error().message()}});
  } else if (!unfinished->empty()) {
    log::Info("These queries didn't finish in the last run:", {{"queries", *unfinished}});
  }
}

Status Server::Start() {
  NX_RETURN_IF_ERROR(frame_.LoadConfiguration());
  NX_RETURN_IF_ERROR(StartHttp());
  NX_RETURN_IF_ERROR(OpenStorage());
  KeepActiveQueries();
  if (push_) NX_RETURN_IF_ERROR(push_->Start());  // The folder of its file is locked now.
  scrape_io_.Start();
  NX_RETURN_IF_ERROR(configuration_.ApplyLoaded());
  rules_.Start();
  status_.SetState(web::ServerState::kReady);
  log::Info("Server is ready to receive web requests.");
  return {};
}

void Server::Stop() {
  status_.SetState(web::ServerState::kStopping);
  http_.EndRequests();
  if (push_) push_->Stop();
  rules_.Stop();
  alertmanagers_.Stop();
  scrape_.Stop();
  scrape_io_.Stop();
  remote_write_.Stop();
  query_workers_.Stop();
  remote_readers_.Stop();
  status_.SetDb(nullptr);
  if (db_) {
    if (const Status status = db_->Close(); !status) {
      log::Error("Closing the TSDB failed", {{"err", status.error().message()}});
    }
  }
  http_.Stop();
  // Last, when everything is on disk: it may wait long for a slow Alertmanager.
  notifier_.Stop();
}

}  // namespace

std::unique_ptr<Composition> MakeServer(Frame& frame) { return std::make_unique<Server>(frame); }

}  // namespace narthex::server

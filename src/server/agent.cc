// SPDX-License-Identifier: Apache-2.0
//
// The composition root of the agent: discovery, scraping, a log that remote write follows, and
// nothing else, so that it is small.
#include <memory>

#include "narthex/alerting/console.h"
#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/net/io_pool.h"
#include "narthex/scrape/scrape_manager.h"
#include "narthex/tsdb/agent_db.h"
#include "narthex/web/api.h"
#include "src/server/agent_storage.h"
#include "src/server/composition.h"
#include "src/server/frame.h"
#include "src/server/http_front.h"
#include "src/server/memory_parts.h"
#include "src/server/otlp.h"
#include "src/server/remote.h"
#include "src/server/retrievers.h"
#include "src/server/scrape_options.h"

namespace narthex::server {
namespace {

/// The parts in the order they are built; destroyed in reverse.
class Agent final : public Composition {
 public:
  explicit Agent(Frame& frame);
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  Status Start() override;
  void Stop() override;

 private:
  Status StartHttp();
  Status OpenStorage();

  Frame& frame_;
  const ServerFlags& flags_ = frame_.flags;
  std::unique_ptr<tsdb::AgentDb> db_;  // Outlives all that may still write at the end.
  AgentStorage storage_;
  net::IoPool scrape_io_;
  scrape::ScrapeManager scrape_;
  ScrapeTargets targets_;
  ScrapedMetadata scraped_metadata_;
  remote::WriteStorage remote_write_;
  Consoles consoles_;
  std::unique_ptr<OtlpEndpoint> otlp_;  // Null = the flag is not given.
  HttpFront http_;
};

Agent::Agent(Frame& frame)
    : frame_(frame),
      scrape_io_("scrape", NumCores()),
      scrape_(scrape_io_, storage_, SystemClock(), frame.registry, MakeScrapeOptions(flags_)),
      targets_(scrape_),
      scraped_metadata_(scrape_),
      remote_write_(MakeRemoteWriteOptions(flags_, scraped_metadata_), SystemClock(),
                    frame.registry),
      consoles_(frame.status, flags_.external_url,
                [this](const alerting::ConsolePage& page) {
                  return alerting::ExpandConsole(page, flags_.engine.timeout_ms, SystemClock());
                }),
      otlp_(flags_.enable_otlp_receiver
                ? std::make_unique<OtlpEndpoint>(storage_, SystemClock(), frame.registry, flags_)
                : nullptr),
      http_(frame) {
  frame_.configuration.AddApplier(
      "remote_write", [this](const auto& config) { return remote_write_.Check(*config); });
  // Before scraping: what is scraped from now on is for a new endpoint.
  frame_.configuration.AddApplier(
      "remote_storage", [this](const auto& config) { return remote_write_.ApplyConfig(*config); });
  frame_.configuration.AddApplier("otlp", [this](const auto& config) {
    if (otlp_) otlp_->ApplyConfig(*config);
    return Status();
  });
  frame_.configuration.AddApplier(
      "scrape", [this](const auto& config) { return scrape_.ApplyConfig(config); });
}

Status Agent::StartHttp() {
  return http_.Start({.queryable = storage_,
                      .registry = frame_.registry,
                      .clock = SystemClock(),
                      .status = frame_.status,
                      .targets = &targets_,
                      .lifecycle = &frame_.lifecycle(),
                      .consoles = &consoles_,
                      .appendable = &storage_,
                      .otlp = otlp_.get(),
                      .chunks = &storage_,
                      .options = MakeApiOptions(flags_)});
}

Status Agent::OpenStorage() {
  const std::int64_t begin = SystemClock().MonotonicNs();
  log::Info("Starting WAL storage ...");
  tsdb::AgentOptions options = flags_.agent_db;
  // As Prometheus: of the start; a reload does not change it.
  options.out_of_order_window_ms = frame_.configuration.current()->storage.out_of_order_window_ms;
  auto db =
      tsdb::AgentDb::Open(flags_.storage_path, options, SystemFs(), SystemClock(), frame_.registry);
  if (!db) return Fail(std::move(db).error().Wrap("opening storage failed"));
  db_ = std::move(*db);
  remote_write_.Start(WalOf(*db_));
  db_->SetSendingProgress([this] {
    return tsdb::SendingProgress{remote_write_.LowestSentTimestamp(),
                                 remote_write_.FirstUnsentSegment()};
  });
  db_->StartBackground();
  AddRemoteMemory(remote_write_, frame_.registry);
  AddMemoryMetrics(*db_, scrape_, frame_.memory_at_start, frame_.registry);
  storage_.SetDb(db_.get());
  log::Info("Agent WAL storage started",
            {{"duration", go::FormatDuration(SystemClock().MonotonicNs() - begin)}});
  return {};
}

Status Agent::Start() {
  NX_RETURN_IF_ERROR(frame_.LoadConfiguration());
  NX_RETURN_IF_ERROR(StartHttp());
  NX_RETURN_IF_ERROR(OpenStorage());
  scrape_io_.Start();
  NX_RETURN_IF_ERROR(frame_.configuration.ApplyLoaded());
  frame_.status.SetState(web::ServerState::kReady);
  log::Info("Server is ready to receive web requests.");
  return {};
}

void Agent::Stop() {
  frame_.status.SetState(web::ServerState::kStopping);
  http_.EndRequests();
  scrape_.Stop();
  scrape_io_.Stop();
  if (db_) db_->StopBackground();  // It asks remote write.
  remote_write_.Stop();
  if (db_) {
    if (const Status status = db_->Close(); !status) {
      log::Error("Closing the agent's WAL failed", {{"err", status.error().message()}});
    }
  }
  http_.Stop();
}

}  // namespace

std::unique_ptr<Composition> MakeAgent(Frame& frame) { return std::make_unique<Agent>(frame); }

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
#include "src/server/frame.h"

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/process_memory.h"
#include "narthex/web/access.h"
#include "src/server/version.h"

namespace narthex::server {
namespace {

config::LoadOptions MakeLoadOptions(const ServerFlags& flags) {
  config::LoadOptions options;
  options.agent_mode = flags.agent;
  options.default_retention_ms = flags.db.retention_ms;
  options.default_retention_bytes = static_cast<std::int64_t>(flags.db.retention_bytes);
  options.protobuf_first = flags.features.start_zeros || flags.features.start_times;
  return options;
}

}  // namespace

std::size_t NumCores() { return std::max(1U, std::thread::hardware_concurrency()); }

Frame::Frame(const ServerFlags& server_flags, web::WebAccess* web_access)
    : flags(server_flags),
      access(web_access),
      memory_at_start(ReadResidentBytes().anonymous),
      configuration(flags.config_file, MakeLoadOptions(flags), SystemClock(), registry),
      status(flags, configuration, SystemClock()),
      lifecycle_(configuration, signals_) {
  AddMetrics();
}

void Frame::AddMetrics() {
  metrics::AddProcessMetrics(registry);
  if (access != nullptr) access->AddMetrics(registry);
  const web::BuildInfo build = BuildInformation();
  registry
      .AddGauge("prometheus_build_info",
                "A metric with a constant '1' value that names the version this server behaves as.",
                {{"branch", build.branch},
                 {"goversion", build.go_version},
                 {"revision", build.revision},
                 {"version", build.version}})
      .Set(1);
  registry.AddGaugeFn("prometheus_ready",
                      "Whether Prometheus startup was fully completed and the server is ready for "
                      "normal operation.",
                      [this] { return status.State() == web::ServerState::kReady ? 1.0 : 0.0; });
}

Status Frame::LoadConfiguration() {
  if (flags.auto_reload_interval_ms > 0) {
    configuration.WatchFiles();
    log::Info("Automatic configuration file reloading enabled",
              {{"interval", model::FormatDuration(flags.auto_reload_interval_ms)}});
  }
  Status loaded = configuration.Load();
  if (loaded) return loaded;
  return Fail(std::move(loaded).error().Wrap(
      fmt::format("Error loading config (--config.file={})", flags.config_file)));
}

void Frame::Run() {
  for (Wake wake = Wake::kReload; wake != Wake::kStop;) {
    wake = signals_.Wait(flags.auto_reload_interval_ms);
    // The outcome is logged and in a metric.
    if (wake == Wake::kReload) (void)configuration.Reload();
    if (wake == Wake::kTimeout) configuration.ReloadIfChanged();
  }
  log::Info("Received an OS signal or quit request, exiting gracefully...");
}

}  // namespace narthex::server

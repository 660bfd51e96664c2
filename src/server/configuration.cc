// SPDX-License-Identifier: Apache-2.0
#include "src/server/configuration.h"

#include <utility>

#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "src/server/config_digest.h"

namespace narthex::server {

Configuration::Configuration(std::string path, const config::LoadOptions& options, Clock& clock,
                             metrics::Registry& registry)
    : path_(std::move(path)),
      options_(options),
      clock_(clock),
      success_metric_(
          registry.AddGauge("prometheus_config_last_reload_successful",
                            "Whether the last configuration reload attempt was successful.")),
      time_metric_(registry.AddGauge("prometheus_config_last_reload_success_timestamp_seconds",
                                     "Timestamp of the last successful configuration reload.")) {}

void Configuration::AddApplier(std::string name, Applier applier) {
  appliers_.push_back({std::move(name), std::move(applier)});
}

Result<std::shared_ptr<const config::Config>> Configuration::Read(Hash128& digest) const {
  NX_ASSIGN_OR_RETURN(const std::string text, SystemFs().ReadFile(path_));
  NX_ASSIGN_OR_RETURN(auto config, config::LoadText(text, path_, options_));
  if (!watching_) return config;
  // The digest is to be that of what was loaded, so nothing may change between the two. Rule files
  // are read later: whoever changes one is noticed.
  constexpr int kMaxTries = 5;
  digest = DigestConfiguration(text, *config);
  for (int i = 0; i < kMaxTries && !config->scrape_config_files.empty(); ++i) {
    const Hash128 before = digest;
    NX_ASSIGN_OR_RETURN(config, config::LoadText(text, path_, options_));
    digest = DigestConfiguration(text, *config);
    if (digest == before) break;
  }
  return config;
}

Status Configuration::Load() {
  MutexLock reload_lock(reload_mutex_);
  NX_ASSIGN_OR_RETURN(auto config, Read(digest_));
  {
    MutexLock lock(mutex_);
    current_ = std::move(config);
  }
  Record(true);
  return {};
}

Status Configuration::ApplyLoaded() { return Apply(current()); }

Status Configuration::Reload() {
  MutexLock reload_lock(reload_mutex_);
  return ReloadLocked();
}

void Configuration::ReloadIfChanged() {
  MutexLock reload_lock(reload_mutex_);
  const auto text = SystemFs().ReadFile(path_);
  if (text && DigestConfiguration(*text, *current()) == digest_) return;
  log::Info("Configuration file change detected, reloading the configuration.");
  (void)ReloadLocked();  // The outcome is logged and in a metric.
}

Status Configuration::ReloadLocked() {
  const std::int64_t begin = clock_.MonotonicNs();
  log::Info("Loading configuration file", {{"filename", path_}});
  Hash128 digest;
  auto config = Read(digest);
  Status status = config ? Apply(*config) : Status(Fail(config.error()));
  Record(status.has_value());
  if (!status) {
    digest_ = {};  // Whatever the files say next is to be tried.
    log::Error("Error reloading config", {{"err", status.error().message()}});
    return Fail(std::move(status).error().Wrap(
        fmt::format("couldn't load configuration (--config.file={})", go::Quote(path_))));
  }
  digest_ = digest;
  {
    MutexLock lock(mutex_);
    current_ = std::move(*config);
  }
  log::Info(
      "Completed loading of configuration file",
      {{"filename", path_}, {"totalDuration", go::FormatDuration(clock_.MonotonicNs() - begin)}});
  return {};
}

Status Configuration::Apply(const std::shared_ptr<const config::Config>& config) {
  for (const auto& [name, apply] : appliers_) {
    if (Status status = apply(config); !status) {
      log::Error("Failed to apply configuration",
                 {{"part", name}, {"err", status.error().message()}});
      return status;
    }
  }
  return {};
}

void Configuration::Record(bool success) {
  const std::int64_t now_ns = clock_.NowNs();
  success_metric_.Set(success ? 1 : 0);
  if (success) time_metric_.Set(static_cast<double>(now_ns) / 1e9);
  MutexLock lock(mutex_);
  success_ = success;
  if (success) success_ns_ = now_ns;
  failure_ns_ = success ? 0 : now_ns;
}

std::shared_ptr<const config::Config> Configuration::current() const {
  MutexLock lock(mutex_);
  return current_;
}

bool Configuration::last_reload_successful() const {
  MutexLock lock(mutex_);
  return success_;
}

std::int64_t Configuration::last_success_ns() const {
  MutexLock lock(mutex_);
  return success_ns_;
}

std::int64_t Configuration::last_failure_ns() const {
  MutexLock lock(mutex_);
  return failure_ns_;
}

}  // namespace narthex::server

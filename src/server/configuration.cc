// SPDX-License-Identifier: Apache-2.0
#include "src/server/configuration.h"

#include <utility>

#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"

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

Status Configuration::Load() {
  NX_ASSIGN_OR_RETURN(auto config, config::LoadFile(path_, options_));
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
  const std::int64_t begin = clock_.MonotonicNs();
  log::Info("Loading configuration file", {{"filename", path_}});
  auto config = config::LoadFile(path_, options_);
  Status status = config ? Apply(*config) : Status(Fail(config.error()));
  Record(status.has_value());
  if (!status) {
    log::Error("Error reloading config", {{"err", status.error().message()}});
    return Fail(std::move(status).error().Wrap(
        fmt::format("couldn't load configuration (--config.file={})", go::Quote(path_))));
  }
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

}  // namespace narthex::server

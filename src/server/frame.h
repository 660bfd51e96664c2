// SPDX-License-Identifier: Apache-2.0
//
// What every mode of the program has: flags, signals, metrics, the configuration file, its state.
#pragma once

#include <cstddef>
#include <cstdint>

#include "narthex/base/metrics.h"
#include "narthex/base/result.h"
#include "narthex/web/status.h"
#include "src/server/configuration.h"
#include "src/server/flags.h"
#include "src/server/retrievers.h"
#include "src/server/signals.h"

namespace narthex::web {
class WebAccess;
}

namespace narthex::server {

/// Threads for work that keeps a core busy.
std::size_t NumCores();

/// Made first, by the main thread, so that later threads inherit its signal mask; outlives all
/// other parts. Thread safety: that of its members.
class Frame final {
 public:
  /// @param access  null = open to everybody; not owned, as flags
  Frame(const ServerFlags& server_flags, web::WebAccess* web_access);
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  /// Reads the configuration file. Errors: name the file.
  Status LoadConfiguration();
  /// Serves until a stop is asked for; reloads the configuration when that is.
  void Run();

  web::Lifecycle& lifecycle() { return lifecycle_; }

  const ServerFlags& flags;
  web::WebAccess* const access;

 private:
  SignalQueue signals_;  // Before whatever may start a thread.

 public:
  const std::uint64_t memory_at_start;  // Anonymous memory, before anything is held.
  metrics::Registry registry;
  Configuration configuration;
  ServerStatus status;

 private:
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

  void AddMetrics();

  LifecycleControl lifecycle_;
};

}  // namespace narthex::server

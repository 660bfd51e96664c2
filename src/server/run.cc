// SPDX-License-Identifier: Apache-2.0
#include "src/server/run.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "narthex/base/allocator.h"
#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/web/access.h"
#include "src/server/composition.h"
#include "src/server/frame.h"
#include "src/server/socket_activation.h"
#include "src/server/version.h"

namespace narthex::server {
namespace {

/// Links to the server that it makes up itself must lead to it.
void UseHttps(std::string& url) {
  constexpr std::string_view kPlain = "http://";
  if (url.starts_with(kPlain)) url.replace(0, kPlain.size(), "https://");
}

}  // namespace

int Run(ServerFlags flags) {
  TuneAllocator();
  log::Configure(flags.log_level, flags.log_format);
  for (const std::string& warning : flags.warnings) log::Warn(warning);
  for (const std::string& note : flags.notes) log::Info(note);
  const web::BuildInfo build = BuildInformation();
  log::Info(flags.agent ? "Starting Narthex Agent" : "Starting Narthex",
            {{"mode", flags.agent ? "agent" : "server"},
             {"version", build.revision},
             {"prometheus", build.version}});
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
  if (flags.systemd_socket) {
    auto sockets = TakeActivatedSockets();
    if (!sockets) {
      log::Error("Unable to start web listener", {{"err", sockets.error().message()}});
      return 1;
    }
    flags.listen_sockets = std::move(*sockets);
  }
  Frame frame(flags, access.get());
  const std::unique_ptr<Composition> parts = flags.agent ? MakeAgent(frame) : MakeServer(frame);
  const Status started = parts->Start();
  if (started) {
    frame.Run();
  } else {
    log::Error(started.error().message());
  }
  parts->Stop();
  log::Info("See you next time!");
  return started ? 0 : 1;
}

}  // namespace narthex::server

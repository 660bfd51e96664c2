// SPDX-License-Identifier: Apache-2.0
//
// Gives the API the receiver of OpenTelemetry's metrics, which is another room's.
#pragma once

#include <memory>

#include "narthex/web/otlp.h"

namespace narthex {
class Clock;
namespace config {
struct Config;
}
namespace metrics {
class Registry;
}
namespace remote {
class OtlpReceiver;
}
namespace storage {
class Appendable;
}
}  // namespace narthex

namespace narthex::server {

struct ServerFlags;

/// Thread safety: any thread.
class OtlpEndpoint final : public web::OtlpReceiver {
 public:
  /// @param storage, clock, registry  outlive this object
  OtlpEndpoint(storage::Appendable& storage, Clock& clock, metrics::Registry& registry,
               const ServerFlags& flags);
  ~OtlpEndpoint() override;

  void ApplyConfig(const config::Config& config);
  web::OtlpAnswer Receive(web::OtlpForm form, std::string_view body) override;

 private:
  std::unique_ptr<remote::OtlpReceiver> receiver_;
};

}  // namespace narthex::server

// SPDX-License-Identifier: Apache-2.0
#include "src/server/otlp.h"

#include <utility>

#include "narthex/base/metrics.h"
#include "narthex/config/config.h"
#include "narthex/remote/otlp.h"
#include "src/server/flags.h"

namespace narthex::server {

OtlpEndpoint::OtlpEndpoint(storage::Appendable& storage, Clock& clock, metrics::Registry& registry,
                           const ServerFlags& flags)
    : receiver_(std::make_unique<remote::OtlpReceiver>(
          storage, clock, registry,
          remote::OtlpReceiverOptions{
              .sum_deltas = flags.features.otlp_sum_deltas,
              .store_deltas = flags.features.otlp_store_deltas,
              .type_and_unit_labels = flags.features.promql.type_and_unit_labels,
              .append_metadata = flags.features.metadata_wal_records,
              .start_zeros = flags.features.start_zeros,
              .lookback_delta_ms = flags.engine.lookback_delta_ms})) {
  registry.AddGaugeList(
      "narthex_memory_bytes", "Bytes that each part of the server holds.", "part", [this] {
        return metrics::GaugeList{{"remote/otlp", static_cast<double>(receiver_->memory_bytes())}};
      });
}

OtlpEndpoint::~OtlpEndpoint() = default;

void OtlpEndpoint::ApplyConfig(const config::Config& config) {
  receiver_->ApplyConfig(config.otlp);
}

web::OtlpAnswer OtlpEndpoint::Receive(web::OtlpForm form, std::string_view body) {
  const auto remote_form =
      form == web::OtlpForm::kJson ? remote::OtlpForm::kJson : remote::OtlpForm::kProtobuf;
  remote::OtlpAnswer answer = receiver_->Receive(remote_form, body);
  return {.status = answer.status, .error = std::move(answer.error)};
}

}  // namespace narthex::server

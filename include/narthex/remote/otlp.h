// SPDX-License-Identifier: Apache-2.0
//
// Stores what OpenTelemetry's senders push: metrics of OTLP as Prometheus translates them.
// Source: https://prometheus.io/docs/guides/opentelemetry/ and Prometheus storage/remote
// (NewOTLPWriteHandler).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "narthex/config/remote_config.h"
#include "narthex/model/timestamp.h"

namespace narthex {
class Clock;
namespace metrics {
class Registry;
}
namespace storage {
class Appendable;
}
}  // namespace narthex

namespace narthex::remote {

struct OtlpReceiverOptions {
  bool sum_deltas = false;            // Feature otlp-deltatocumulative.
  bool store_deltas = false;          // Feature otlp-native-delta-ingestion; not with the other.
  bool type_and_unit_labels = false;  // Feature type-and-unit-labels.
  bool append_metadata = false;       // Feature metadata-wal-records.
  bool start_zeros = false;           // Feature created-timestamp-zero-ingestion.
  model::DurationMs lookback_delta_ms = 300'000;  // Of queries: how often they need target_info.
};

enum class OtlpForm : std::uint8_t { kProtobuf, kJson };

struct OtlpAnswer {
  int status = 200;
  std::string error;  // When status is not 200.
};

/// Thread safety: any thread.
class OtlpReceiver final {
 public:
  /// @param storage, clock, registry  outlive this object
  OtlpReceiver(storage::Appendable& storage, Clock& clock, metrics::Registry& registry,
               const OtlpReceiverOptions& options);
  ~OtlpReceiver();

  /// From now on requests are translated so; those that run end with what they began with.
  void ApplyConfig(const config::OtlpConfig& config);

  /// Stores a request whole or not at all. Storage has to be open.
  /// @param body  decompressed
  OtlpAnswer Receive(OtlpForm form, std::string_view body);

  /// What is kept from request to request.
  std::size_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
//
// What takes the metrics that OpenTelemetry's senders push.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::web {

enum class OtlpForm : std::uint8_t { kProtobuf, kJson };

struct OtlpAnswer {
  int status = 200;
  std::string error;  // When status is not 200.
};

/// Thread safety: any thread.
class OtlpReceiver {
 public:
  virtual ~OtlpReceiver() = default;
  /// Stores a request whole or not at all.
  /// @param body  decompressed
  virtual OtlpAnswer Receive(OtlpForm form, std::string_view body) = 0;
};

}  // namespace narthex::web

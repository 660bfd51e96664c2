// SPDX-License-Identifier: Apache-2.0
//
// Data points of OpenTelemetry's metrics.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "narthex/proto/otlp.h"

namespace narthex::proto {

/// Of a resource, a scope or a data point. An empty one has two bytes, but takes many in memory.
inline constexpr std::size_t kMaxOtlpAttributes = 64 << 10;
void SetTooManyAttributes(std::string& error);

/// Replaces `point` by the one of the message. At the first break `error` says why.
/// @param joined  the point's room for attributes that do not lie together
void ReadOtlpPoint(OtlpKind kind, std::string_view message, OtlpPoint& point, std::string& joined,
                   std::string& error);

}  // namespace narthex::proto

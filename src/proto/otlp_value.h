// SPDX-License-Identifier: Apache-2.0
//
// Attributes of OpenTelemetry: messages KeyValue and AnyValue.
#pragma once

#include <string>
#include <string_view>

#include "narthex/proto/otlp.h"

namespace narthex::proto {

/// Reads a KeyValue and checks all that is nested in it. At the first break `error` says why.
bool ReadOtlpAttribute(std::string_view message, OtlpAttribute& out, std::string& error);

std::string EncodeBase64(std::string_view bytes);
/// False when the text is not padded base64 of RFC 4648; line breaks are passed over, as Go does.
bool DecodeBase64(std::string_view text, std::string& out);

}  // namespace narthex::proto

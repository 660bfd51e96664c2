// SPDX-License-Identifier: Apache-2.0
//
// Exposition formats: what a scrape asks for, and which parser an answer gets.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::scrape {

enum class Format : std::uint8_t { kText, kOpenMetrics, kProtobuf };

/// The Accept header for protocols in order of preference ("PrometheusText1.0.0", …).
std::string AcceptHeader(std::span<const std::string> protocols, std::string_view escaping);

/// The format of an answer. Errors: kInvalidArgument in Prometheus's wording when the content type
/// says nothing useful and there is no fallback protocol.
Result<Format> FormatOf(std::string_view content_type, std::string_view fallback_protocol);

}  // namespace narthex::scrape

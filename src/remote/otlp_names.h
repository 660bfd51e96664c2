// SPDX-License-Identifier: Apache-2.0
//
// What OpenTelemetry's names of metrics, attributes and units are in Prometheus.
// Source: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ and
// Prometheus's otlptranslator, whose choices are made here where the two differ.
#pragma once

#include <string>
#include <string_view>

#include "narthex/base/result.h"
#include "narthex/config/remote_config.h"

namespace narthex::remote {

/// What decides about names.
struct OtlpNaming {
  bool utf8 = false;     // Names stay as they are, but for suffixes.
  bool suffixes = true;  // Of units and types.
  bool sanitize_underscore = true;
  bool keep_underscores = true;  // Of labels: several in a row stay.

  static OtlpNaming Of(const config::OtlpConfig& config);
};

enum class OtlpNameType : std::uint8_t { kOther, kGauge, kMonotonicCounter };

/// Errors: kInvalidArgument, when nothing but underscores would be left.
Result<std::string> OtlpMetricName(const OtlpNaming& naming, std::string_view name,
                                   std::string_view unit, OtlpNameType type);

/// Errors: kInvalidArgument, as above.
Result<std::string> OtlpLabelName(const OtlpNaming& naming, std::string_view name);

/// "By/s" is "bytes_per_second". With `utf8` characters stay that a legacy name can't have.
std::string OtlpUnitName(std::string_view unit, bool utf8);

}  // namespace narthex::remote

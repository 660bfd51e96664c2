// SPDX-License-Identifier: Apache-2.0
//
// Numbers for people. Source: Prometheus's template functions of the same names.
#pragma once

#include <string>

namespace narthex::alerting::tmpl {

/// SI prefixes, four digits: "1.235M", "120u".
std::string Humanize(double v);
/// Binary prefixes: "120.6ki".
std::string Humanize1024(double v);
/// "1d 1h 1m 1s", "3.5s", "12.3ms".
std::string HumanizeDuration(double seconds);
/// "12.35%" of 0.12345.
std::string HumanizePercentage(double v);

/// fmt's %.4g.
std::string FormatG4(double v);

}  // namespace narthex::alerting::tmpl

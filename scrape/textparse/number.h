// SPDX-License-Identifier: Apache-2.0
//
// Sample values: integers and short decimals are exact products, the rest is rounded correctly.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/result.h"

namespace narthex::scrape {

/// Reads a decimal number at `p` without looking at where the text ends; a byte that is no part of
/// a number must follow before the memory does.
/// @return the first byte behind the number; null when it takes the careful way (ParseValue)
const char* ParseShortDecimal(const char* p, double& value);

/// A whole token. NaN gets its canonical bits. Errors: kInvalidArgument with the wording of Go's
/// strconv.ParseFloat, or "unsupported character in float" for 'p' and '_'.
Result<double> ParseValue(std::string_view token);

/// Seconds of an OpenMetrics timestamp as milliseconds, the rest cut off; what does not fit becomes
/// the least integer, as on amd64 in Go.
std::int64_t SecondsToMs(double seconds);

}  // namespace narthex::scrape

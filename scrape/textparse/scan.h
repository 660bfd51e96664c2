// SPDX-License-Identifier: Apache-2.0
//
// Finding the ends of names, strings and label sets. Memory up to 16 bytes behind `end` is read.
#pragma once

namespace narthex::scrape {

/// @return the first byte that is no letter, digit, '_' or ':'
const char* ScanName(const char* p);

/// @param p  at the opening quote
/// @return behind the closing one; null when there is none before `end`
const char* ScanString(const char* p, const char* end);

/// @param p  at the opening brace
/// @return behind the closing one, not counting those inside quotes; null when there is none
const char* ScanBraces(const char* p, const char* end);

}  // namespace narthex::scrape

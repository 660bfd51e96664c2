// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace narthex::scrape {

/// What becomes of histograms.
struct HistogramOptions {
  bool native = false;        // Native parts count (scrape_native_histograms).
  bool keep_classic = false;  // Series of buckets beside the native one (always_scrape_classic_…).
  bool convert = false;       // Classic ones become native (convert_classic_histograms_to_nhcb).
};

}  // namespace narthex::scrape

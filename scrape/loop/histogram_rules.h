// SPDX-License-Identifier: Apache-2.0
//
// What the configuration and the target's labels say about histograms.
#pragma once

#include <string_view>

#include "narthex/config/scrape_config.h"
#include "narthex/model/labels.h"
#include "scrape/textparse/histogram_options.h"

namespace narthex::scrape {

// Labels of a target that override the settings of the same names.
inline constexpr std::string_view kConvertLabel = "__convert_classic_histograms_to_nhcb__";
inline constexpr std::string_view kKeepClassicLabel = "__always_scrape_classic_histograms__";
inline constexpr std::string_view kNativeLabel = "__scrape_native_histograms__";

HistogramOptions HistogramOptionsOf(const model::Labels& target,
                                    const config::ScrapeConfig& config);

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
#include "scrape/loop/histogram_rules.h"

namespace narthex::scrape {

namespace {

bool FlagOf(const model::Labels& target, std::string_view name, bool otherwise) {
  const std::string_view value = target.Get(name);
  if (value.empty()) return otherwise;
  return value == "1" || value[0] == 't' || value[0] == 'T';  // Checked when the target was made.
}

}  // namespace

HistogramOptions HistogramOptionsOf(const model::Labels& target,
                                    const config::ScrapeConfig& config) {
  return {
      .native = FlagOf(target, kNativeLabel, config.scrape_native_histograms),
      .keep_classic = FlagOf(target, kKeepClassicLabel, config.always_scrape_classic_histograms),
      .convert = FlagOf(target, kConvertLabel, config.convert_classic_histograms_to_nhcb)};
}

}  // namespace narthex::scrape

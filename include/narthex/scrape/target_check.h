// SPDX-License-Identifier: Apache-2.0
//
// Whether targets of a configuration could be scraped, without scraping them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/config/discovery_config.h"

namespace narthex::config {
struct ScrapeConfig;
}

namespace narthex::scrape {

/// The groups of a file_sd file, without labels and sources from its name.
/// Errors: kInvalidArgument, kIo, kNotFound.
Result<std::vector<config::TargetGroup>> LoadTargetFile(const std::string& path);

/// Errors: kInvalidArgument "instance 0 in group SOURCE: …" of the first target that is not good
/// after relabelling.
Status CheckTargets(std::span<const config::TargetGroup> groups,
                    const config::ScrapeConfig& config);

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// Names of labels and addresses, as all discoveries make them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace narthex::scrape {

/// Every character outside [a-zA-Z0-9_] becomes one "_"; as a part of a label's name that begins
/// with something else. A byte that is not UTF-8 counts as a character.
/// Source: Prometheus util/strutil.SanitizeLabelName.
std::string SanitizeLabelName(std::string_view name);

/// "host:port", and "[host]:port" when the host has a colon. Source: Go's net.JoinHostPort.
std::string JoinHostPort(std::string_view host, std::string_view port);
std::string JoinHostPort(std::string_view host, std::int64_t port);

}  // namespace narthex::scrape

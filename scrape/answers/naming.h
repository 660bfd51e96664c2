// SPDX-License-Identifier: Apache-2.0
//
// Names of labels and addresses, as all discoveries make them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::scrape {

/// Every character outside [a-zA-Z0-9_] becomes one "_"; as a part of a label's name that begins
/// with something else. A byte that is not UTF-8 counts as a character.
/// Source: Prometheus util/strutil.SanitizeLabelName.
std::string SanitizeLabelName(std::string_view name);

/// "host:port", and "[host]:port" when the host has a colon. Source: Go's net.JoinHostPort.
std::string JoinHostPort(std::string_view host, std::string_view port);
std::string JoinHostPort(std::string_view host, std::int64_t port);

/// ",a,b,": with the separator at both ends too, so that an expression need not care for places.
std::string EnclosedList(const std::vector<std::string_view>& items, std::string_view separator);

}  // namespace narthex::scrape

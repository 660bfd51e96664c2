// SPDX-License-Identifier: Apache-2.0
//
// XML-RPC: a call as a body for POST, and its answer, read as JSON is: an API of either kind is
// read by one code. Source: http://xmlrpc.com/spec.md; what is lenient: github.com/kolo/xmlrpc, by
// which Prometheus asks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "narthex/base/result.h"
#include "scrape/answers/json_view.h"

namespace narthex::scrape {

using XmlRpcArgument = std::variant<std::string, std::int64_t, std::vector<std::int64_t>>;

/// @param method  as it is; nothing in it is escaped
std::string WriteXmlRpcCall(std::string_view method, const std::vector<XmlRpcArgument>& arguments);

/// The first value of an answer: a struct is an object, an array a list; dates and base64 are texts
/// as they are written.
/// Errors: kUnavailable for a fault; kInvalidArgument for what is no such answer, or nested more
/// than 64 levels; kResourceExhausted for more than 32 MiB.
Result<std::unique_ptr<JsonDocument>> ReadXmlRpcAnswer(std::string_view xml);

}  // namespace narthex::scrape

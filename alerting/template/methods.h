// SPDX-License-Identifier: Apache-2.0
//
// The methods that values have in Go: those of times, durations and the parameters of a console
// page.
#pragma once

#include <string_view>
#include <vector>

#include "alerting/template/value.h"

namespace narthex::alerting::tmpl {

struct Method {
  std::string_view name;
  std::string_view params;  // Of types as in Function.
  Value (*call)(const Value& receiver, const std::vector<Value>& args) = nullptr;
  /// Why no template can call it: instead of `call`, in Go's words.
  std::string_view problem = {};
};

/// Null when the value has no such method. Thread safety: any thread.
const Method* FindMethod(const Value& receiver, std::string_view name);

}  // namespace narthex::alerting::tmpl

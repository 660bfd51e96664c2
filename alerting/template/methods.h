// SPDX-License-Identifier: Apache-2.0
//
// The methods that values have in Go: those of times and of the parameters of a console page.
#pragma once

#include <string_view>
#include <vector>

#include "alerting/template/value.h"

namespace narthex::alerting::tmpl {

struct Method {
  std::string_view name;
  std::string_view params;  // Of types as in Function.
  /// Null: it gives nothing, so that no template can call it.
  Value (*call)(const Value& receiver, const std::vector<Value>& args) = nullptr;
};

/// Null when the value has no such method. Thread safety: any thread.
const Method* FindMethod(const Value& receiver, std::string_view name);

}  // namespace narthex::alerting::tmpl

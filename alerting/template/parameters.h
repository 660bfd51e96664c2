// SPDX-License-Identifier: Apache-2.0
//
// The types of parameters, one letter each as in Function.
#pragma once

#include <optional>
#include <string_view>

#include "alerting/template/value.h"

namespace narthex::alerting::tmpl {

/// Go's name of the type.
std::string_view ParameterType(char type);

/// Whether the value can be handed over as it is.
bool Fits(const Value& value, char type);

/// A constant for a parameter that is an integer or a duration: "2.0" will do, too. Else nullopt.
std::optional<Value> IntegerFor(char type, const Value& constant);

}  // namespace narthex::alerting::tmpl

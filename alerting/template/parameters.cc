// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/parameters.h"

#include <cstdint>

#include "narthex/base/go_int.h"

namespace narthex::alerting::tmpl {

std::string_view ParameterType(char type) {
  switch (type) {
    case 's':
      return "string";
    case 'i':
      return "int";
    case 'l':
      return "template.queryResult";
    case 'p':
      return kSampleType;
    case 'd':
      return "time.Duration";
    case 't':
      return "time.Time";
    default:
      return "interface {}";
  }
}

bool Fits(const Value& value, char type) {
  switch (type) {
    case 's':
      return value.As<std::string>() != nullptr;
    case 'i':
      return value.As<std::int64_t>() != nullptr;
    case 'l':
      return value.As<Value::List>() != nullptr && !(*value.As<Value::List>())->of_strings;
    case 'p':
      return value.As<Value::Struct>() != nullptr &&
             (*value.As<Value::Struct>())->type == kSampleType;
    case 'd':
      return value.As<DurationValue>() != nullptr;
    case 't':
      return value.As<TimeValue>() != nullptr;
    default:
      return true;
  }
}

std::optional<Value> IntegerFor(char type, const Value& constant) {
  auto integer = constant.Integer();
  if (const auto* number = constant.As<double>()) {
    const std::int64_t truncated = go::ToInt64(*number);
    if (static_cast<double>(truncated) == *number) integer = truncated;
  }
  if (!integer) return std::nullopt;
  return type == 'd' ? Value(DurationValue{*integer}) : Value(*integer);
}

}  // namespace narthex::alerting::tmpl

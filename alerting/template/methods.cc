// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/methods.h"

#include <span>
#include <string>

#include "alerting/template/escape.h"
#include "alerting/template/go_time.h"

namespace narthex::alerting::tmpl {
namespace {

using Args = std::vector<Value>;

std::int64_t MsOf(const Value& time) { return time.As<TimeValue>()->unix_ms; }
CivilTime CivilOf(const Value& time) { return ToCivil(MsOf(time)); }
Value Integer(std::int64_t v) { return v; }

// Of time.Time, as far as they make sense in a text.
constexpr Method kTimeMethods[] = {
    {"Format", "s",
     [](const Value& time, const Args& args) {
       return Value(FormatGoTime(MsOf(time), *args[0].As<std::string>()));
     }},
    {"String", "", [](const Value& time, const Args&) { return Value(FormatGoTime(MsOf(time))); }},
    {"UTC", "", [](const Value& time, const Args&) { return time; }},
    {"Unix", "",
     [](const Value& time, const Args&) {
       return Integer(MsOf(time) / 1000 - (MsOf(time) % 1000 < 0 ? 1 : 0));
     }},
    {"UnixMilli", "", [](const Value& time, const Args&) { return Integer(MsOf(time)); }},
    {"Year", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).year); }},
    {"Month", "",
     [](const Value& time, const Args&) {
       return Value(std::string(MonthName(CivilOf(time).month)));
     }},
    {"Day", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).day); }},
    {"Hour", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).hour); }},
    {"Minute", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).minute); }},
    {"Second", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).second); }},
    {"YearDay", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).year_day); }},
    {"Weekday", "",
     [](const Value& time, const Args&) {
       return Value(std::string(WeekdayName(CivilOf(time).weekday)));
     }},
};

const MapValue& MapOf(const Value& values) { return **values.As<Value::Map>(); }

std::string Encode(const MapValue& values) {
  std::string out;
  for (const auto& [key, list] : values.entries) {
    for (const Value& value : (*list.As<Value::List>())->items) {
      if (!out.empty()) out += '&';
      out += EscapeQuery(key) + '=' + EscapeQuery(value.ToString());
    }
  }
  return out;
}

// Of url.Values. What they hold is never changed.
constexpr Method kParameterMethods[] = {
    {"Get", "s",
     [](const Value& values, const Args& args) {
       const Value found = MapOf(values).Get(*args[0].As<std::string>());
       const auto& items = (*found.As<Value::List>())->items;
       return items.empty() ? Value(std::string()) : items.front();
     }},
    {"Has", "s",
     [](const Value& values, const Args& args) {
       return Value(MapOf(values).entries.contains(*args[0].As<std::string>()));
     }},
    {"Encode", "", [](const Value& values, const Args&) { return Value(Encode(MapOf(values))); }},
    {"Set", "ss"},
    {"Add", "ss"},
    {"Del", "s"},
};

std::span<const Method> MethodsOf(const Value& receiver) {
  if (receiver.As<TimeValue>() != nullptr) return kTimeMethods;
  const auto* map = receiver.As<Value::Map>();
  if (map != nullptr && (*map)->kind == MapKind::kLists) return kParameterMethods;
  return {};
}

}  // namespace

const Method* FindMethod(const Value& receiver, std::string_view name) {
  for (const Method& method : MethodsOf(receiver)) {
    if (method.name == name) return &method;
  }
  return nullptr;
}

}  // namespace narthex::alerting::tmpl

// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/methods.h"

#include <cstdint>
#include <span>
#include <string>

#include "alerting/template/escape.h"
#include "alerting/template/go_time.h"

namespace narthex::alerting::tmpl {
namespace {

using Args = std::vector<Value>;

const go::UnixTime& TimeOf(const Value& time) { return time.As<TimeValue>()->at; }
std::int64_t NsOf(const Value& duration) { return duration.As<DurationValue>()->ns; }
CivilTime CivilOf(const Value& time) { return ToCivil(TimeOf(time)); }

Value Integer(std::int64_t v) { return v; }
Value Int64(std::int64_t v) { return TypedInteger{v}; }
Value Time(const go::UnixTime& at) { return TimeValue{at}; }
Value Duration(std::int64_t ns) { return DurationValue{ns}; }

/// A duration in a unit, as Go divides: the whole part on its own.
Value InUnits(std::int64_t ns, std::int64_t unit_ns) {
  const std::int64_t whole = ns / unit_ns;
  const std::int64_t rest = ns % unit_ns;
  return static_cast<double>(whole) + static_cast<double>(rest) / static_cast<double>(unit_ns);
}

// Of time.Time, as far as they make sense in a text; Local is UTC here.
constexpr Method kTimeMethods[] = {
    {"Add", "d",
     [](const Value& time, const Args& args) { return Time(Plus(TimeOf(time), NsOf(args[0]))); }},
    {"AddDate", "iii",
     [](const Value& time, const Args& args) {
       return Time(
           PlusDate(TimeOf(time), *args[0].Integer(), *args[1].Integer(), *args[2].Integer()));
     }},
    {"After", "t",
     [](const Value& time, const Args& args) {
       return Value(Between(TimeOf(args[0]), TimeOf(time)) > 0);
     }},
    {"Before", "t",
     [](const Value& time, const Args& args) {
       return Value(Between(TimeOf(args[0]), TimeOf(time)) < 0);
     }},
    {"Compare", "t",
     [](const Value& time, const Args& args) {
       const std::int64_t ns = Between(TimeOf(args[0]), TimeOf(time));
       return Integer(ns > 0 ? 1 : ns < 0 ? -1 : 0);
     }},
    {"Day", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).day); }},
    {"Equal", "t",
     [](const Value& time, const Args& args) {
       return Value(Between(TimeOf(args[0]), TimeOf(time)) == 0);
     }},
    {"Format", "s",
     [](const Value& time, const Args& args) {
       return Value(FormatGoTime(TimeOf(time), *args[0].As<std::string>()));
     }},
    {"Hour", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).hour); }},
    {"IsDST", "", [](const Value&, const Args&) { return Value(false); }},
    {"IsZero", "",
     [](const Value& time, const Args&) {
       return Value(Between({.seconds = -62'135'596'800}, TimeOf(time)) == 0);
     }},
    {"Local", "", [](const Value& time, const Args&) { return Time(TimeOf(time)); }},
    {"Minute", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).minute); }},
    {"Month", "",
     [](const Value& time, const Args&) {
       return Value(TypedInteger{CivilOf(time).month, IntegerType::kMonth});
     }},
    {"Nanosecond", "",
     [](const Value& time, const Args&) { return Integer(TimeOf(time).nanoseconds); }},
    {"Round", "d",
     [](const Value& time, const Args& args) {
       return Time(Rounded(TimeOf(time), NsOf(args[0])));
     }},
    {"Second", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).second); }},
    {"String", "",
     [](const Value& time, const Args&) { return Value(FormatGoTime(TimeOf(time))); }},
    {"Sub", "t",
     [](const Value& time, const Args& args) {
       return Duration(Between(TimeOf(args[0]), TimeOf(time)));
     }},
    {"Truncate", "d",
     [](const Value& time, const Args& args) {
       return Time(Truncated(TimeOf(time), NsOf(args[0])));
     }},
    {"UTC", "", [](const Value& time, const Args&) { return Time(TimeOf(time)); }},
    {"Unix", "", [](const Value& time, const Args&) { return Int64(TimeOf(time).seconds); }},
    {"UnixMicro", "",
     [](const Value& time, const Args&) { return Int64(UnixIn(TimeOf(time), 1'000'000)); }},
    {"UnixMilli", "",
     [](const Value& time, const Args&) { return Int64(UnixIn(TimeOf(time), 1'000)); }},
    {"UnixNano", "",
     [](const Value& time, const Args&) { return Int64(UnixIn(TimeOf(time), 1'000'000'000)); }},
    {"Weekday", "",
     [](const Value& time, const Args&) {
       return Value(TypedInteger{CivilOf(time).weekday, IntegerType::kWeekday});
     }},
    {"Year", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).year); }},
    {"YearDay", "", [](const Value& time, const Args&) { return Integer(CivilOf(time).year_day); }},
    {"Clock", "", nullptr, "function Clock has 3 return values; should be 1 or 2"},
    {"Date", "", nullptr, "function Date has 3 return values; should be 1 or 2"},
    {"ISOWeek", "", nullptr,
     "invalid function signature for ISOWeek: second return value should be error; is int"},
    {"Zone", "", nullptr,
     "invalid function signature for Zone: second return value should be error; is int"},
};

// Of time.Duration.
constexpr Method kDurationMethods[] = {
    {"Abs", "",
     [](const Value& duration, const Args&) {
       const std::int64_t ns = NsOf(duration);
       return Duration(ns == INT64_MIN ? INT64_MAX : ns < 0 ? -ns : ns);
     }},
    {"Hours", "",
     [](const Value& duration, const Args&) { return InUnits(NsOf(duration), 3'600'000'000'000); }},
    {"Microseconds", "",
     [](const Value& duration, const Args&) { return Int64(NsOf(duration) / 1'000); }},
    {"Milliseconds", "",
     [](const Value& duration, const Args&) { return Int64(NsOf(duration) / 1'000'000); }},
    {"Minutes", "",
     [](const Value& duration, const Args&) { return InUnits(NsOf(duration), 60'000'000'000); }},
    {"Nanoseconds", "", [](const Value& duration, const Args&) { return Int64(NsOf(duration)); }},
    {"Round", "d",
     [](const Value& duration, const Args& args) {
       return Duration(Rounded(NsOf(duration), NsOf(args[0])));
     }},
    {"Seconds", "",
     [](const Value& duration, const Args&) { return InUnits(NsOf(duration), 1'000'000'000); }},
    {"String", "",
     [](const Value& duration, const Args&) { return Value(go::FormatDuration(NsOf(duration))); }},
    {"Truncate", "d",
     [](const Value& duration, const Args& args) {
       return Duration(Truncated(NsOf(duration), NsOf(args[0])));
     }},
};

// Of time.Month and time.Weekday.
constexpr Method kNameMethods[] = {
    {"String", "", [](const Value& name, const Args&) { return Value(name.ToString()); }},
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
    {"Set", "ss", nullptr, "function Set has 0 return values; should be 1 or 2"},
    {"Add", "ss", nullptr, "function Add has 0 return values; should be 1 or 2"},
    {"Del", "s", nullptr, "function Del has 0 return values; should be 1 or 2"},
};

std::span<const Method> MethodsOf(const Value& receiver) {
  if (receiver.As<TimeValue>() != nullptr) return kTimeMethods;
  if (receiver.As<DurationValue>() != nullptr) return kDurationMethods;
  const auto* integer = receiver.As<TypedInteger>();
  if (integer != nullptr && integer->type != IntegerType::kInt64) return kNameMethods;
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

// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/value.h"

namespace narthex::alerting::tmpl {

Value MapValue::Get(const std::string& key) const {
  if (const auto found = entries.find(key); found != entries.end()) return found->second;
  switch (kind) {
    case MapKind::kAny:
      return {};
    case MapKind::kLists:
      return Value::List(std::make_shared<ListValue>(ListValue{.items = {}, .of_strings = true}));
    case MapKind::kStrings:
      break;
  }
  return std::string();
}

std::string Value::TypeName() const {
  struct Names {
    std::string operator()(std::monostate) const { return "<nil>"; }
    std::string operator()(bool) const { return "bool"; }
    std::string operator()(std::int64_t) const { return "int"; }
    std::string operator()(double) const { return "float64"; }
    std::string operator()(const std::string&) const { return "string"; }
    std::string operator()(const Map& map) const {
      switch (map->kind) {
        case MapKind::kAny:
          return "map[string]interface {}";
        case MapKind::kLists:
          return "url.Values";
        case MapKind::kStrings:
          break;
      }
      return "map[string]string";
    }
    std::string operator()(const List& list) const {
      return list->of_strings ? "[]string" : "template.queryResult";
    }
    std::string operator()(const Struct& s) const { return s->type; }
    std::string operator()(const TimeValue& v) const {
      return v.pointer ? "*time.Time" : "time.Time";
    }
    std::string operator()(DurationValue v) const {
      return v.pointer ? "*time.Duration" : "time.Duration";
    }
    std::string operator()(TypedInteger v) const {
      switch (v.type) {
        case IntegerType::kMonth:
          return "time.Month";
        case IntegerType::kWeekday:
          return "time.Weekday";
        case IntegerType::kInt64:
          break;
      }
      return "int64";
    }
    std::string operator()(const HtmlValue&) const { return "template.HTML"; }
    std::string operator()(const Complex&) const { return "complex128"; }
  };
  return std::visit(Names{}, data_);
}

std::optional<std::int64_t> Value::Integer() const {
  if (const auto* i = As<std::int64_t>()) return *i;
  if (const auto* i = As<TypedInteger>()) return i->value;
  const auto* duration = As<DurationValue>();
  if (duration != nullptr && !duration->pointer) return duration->ns;
  return std::nullopt;
}

bool Value::Truth() const {
  struct Truths {
    bool operator()(std::monostate) const { return false; }
    bool operator()(bool v) const { return v; }
    bool operator()(std::int64_t v) const { return v != 0; }
    bool operator()(double v) const { return v != 0; }
    bool operator()(const std::string& v) const { return !v.empty(); }
    bool operator()(const Map& v) const { return !v->entries.empty(); }
    bool operator()(const List& v) const { return !v->items.empty(); }
    bool operator()(const Struct&) const { return true; }
    bool operator()(const TimeValue&) const { return true; }
    bool operator()(DurationValue v) const { return v.pointer || v.ns != 0; }
    bool operator()(TypedInteger v) const { return v.value != 0; }
    bool operator()(const HtmlValue& v) const { return !v.text.empty(); }
    bool operator()(const Complex& v) const { return v != Complex(); }
  };
  return std::visit(Truths{}, data_);
}

Value MakeStringMap(const std::vector<std::pair<std::string, std::string>>& pairs) {
  auto map = std::make_shared<MapValue>();
  for (const auto& [name, value] : pairs) map->entries.insert_or_assign(name, Value(value));
  return Value::Map(std::move(map));
}

}  // namespace narthex::alerting::tmpl

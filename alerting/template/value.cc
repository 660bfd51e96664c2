// SPDX-License-Identifier: Apache-2.0

#include "alerting/template/value.h"

#include "alerting/template/go_time.h"
#include "narthex/base/go_format.h"

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
    std::string operator()(TimeValue) const { return "*time.Time"; }
    std::string operator()(DurationValue) const { return "*time.Duration"; }
    std::string operator()(const HtmlValue&) const { return "template.HTML"; }
  };
  return std::visit(Names{}, data_);
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
    bool operator()(TimeValue) const { return true; }
    bool operator()(DurationValue) const { return true; }
    bool operator()(const HtmlValue& v) const { return !v.text.empty(); }
  };
  return std::visit(Truths{}, data_);
}

std::string Value::ToString() const {
  struct Texts {
    std::string operator()(std::monostate) const { return "<nil>"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return go::FormatFloatG(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Map& v) const {
      std::string text = "map[";
      for (const auto& [key, value] : v->entries) {
        if (text.size() > 4) text += ' ';
        text += key + ':' + value.ToString();
      }
      return text + ']';
    }
    std::string operator()(const List& v) const {
      std::string text = "[";
      for (const Value& value : v->items) {
        if (text.size() > 1) text += ' ';
        text += value.ToString();
      }
      return text + ']';
    }
    std::string operator()(const Struct& v) const {
      if (!v->text.empty()) return v->text;
      std::string text = "{";
      for (const auto& [name, value] : v->fields) {
        if (text.size() > 1) text += ' ';
        text += value.ToString();
      }
      return text + '}';
    }
    std::string operator()(TimeValue v) const { return FormatGoTime(v.unix_ms); }
    std::string operator()(DurationValue v) const { return go::FormatDuration(v.ns); }
    std::string operator()(const HtmlValue& v) const { return v.text; }
  };
  return std::visit(Texts{}, data_);
}

Value MakeStringMap(const std::vector<std::pair<std::string, std::string>>& pairs) {
  auto map = std::make_shared<MapValue>();
  for (const auto& [name, value] : pairs) map->entries.insert_or_assign(name, Value(value));
  return Value::Map(std::move(map));
}

std::string Sprint(const std::vector<Value>& args) {
  std::string text;
  bool after_string = true;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool is_string =
        args[i].As<std::string>() != nullptr || args[i].As<HtmlValue>() != nullptr;
    if (i > 0 && !is_string && !after_string) text += ' ';
    text += args[i].ToString();
    after_string = is_string;
  }
  return text;
}

std::string Sprintln(const std::vector<Value>& args) {
  std::string text;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (i > 0) text += ' ';
    text += args[i].ToString();
  }
  return text;
}

}  // namespace narthex::alerting::tmpl

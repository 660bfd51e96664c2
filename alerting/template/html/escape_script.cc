// SPDX-License-Identifier: Apache-2.0
//
// In JavaScript: values as JSON, and parts of strings, templates and regular expressions.
#include <cmath>
#include <optional>

#include <fmt/core.h>

#include "alerting/template/go_time.h"
#include "alerting/template/html/escapers.h"
#include "alerting/template/html/script.h"
#include "alerting/template/html/utf8.h"
#include "narthex/base/go_format.h"
#include "narthex/base/json_writer.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;

/// Writes a value as encoding/json does. @return the number that JSON can't have, if there is one
std::optional<double> WriteJson(const Value& value, JsonWriter& out);

std::optional<double> WriteMap(const MapValue& map, JsonWriter& out) {
  out.BeginObject();
  for (const auto& [key, value] : map.entries) {
    out.Key(key);
    if (const auto bad = WriteJson(value, out)) return bad;
  }
  out.EndObject();
  return std::nullopt;
}

std::optional<double> WriteList(const ListValue& list, JsonWriter& out) {
  if (list.of_strings && list.items.empty()) {  // Of a parameter that is not there: nil in Go.
    out.Null();
    return std::nullopt;
  }
  out.BeginArray();
  for (const Value& value : list.items) {
    if (const auto bad = WriteJson(value, out)) return bad;
  }
  out.EndArray();
  return std::nullopt;
}

std::optional<double> WriteStruct(const StructValue& object, JsonWriter& out) {
  out.BeginObject();
  for (const auto& [name, value] : object.fields) {
    out.Key(name);
    if (const auto bad = WriteJson(value, out)) return bad;
  }
  out.EndObject();
  return std::nullopt;
}

std::optional<double> WriteJson(const Value& value, JsonWriter& out) {
  if (const auto* number = value.As<double>()) {
    if (!std::isfinite(*number)) return *number;
    out.Double(*number);
  } else if (const auto* integer = value.As<std::int64_t>()) {
    out.Int(*integer);
  } else if (const auto* typed = value.As<TypedInteger>();
             typed != nullptr && typed->type == IntegerType::kInt64) {
    out.Int(typed->value);
  } else if (const auto* truth = value.As<bool>()) {
    out.Bool(*truth);
  } else if (value.IsNil()) {
    out.Null();
  } else if (const auto* map = value.As<Value::Map>()) {
    return WriteMap(**map, out);
  } else if (const auto* list = value.As<Value::List>()) {
    return WriteList(**list, out);
  } else if (const auto* object = value.As<Value::Struct>()) {
    return WriteStruct(**object, out);
  } else if (const auto* time = value.As<TimeValue>()) {
    out.String(FormatGoTime(time->at, "2006-01-02T15:04:05.999999999Z07:00"));
  } else {
    out.String(value.ToString());
  }
  return std::nullopt;
}

/// With what JavaScript has shorter names for, else \u….
std::string Unicode(char c) {
  switch (c) {
    case '\t':
      return "\\t";
    case '\n':
      return "\\n";
    case '\f':
      return "\\f";
    case '\r':
      return "\\r";
    default:
      return fmt::format("\\u{:04x}", static_cast<int>(c));
  }
}

/// @param by_number  these become \u00XX, as control characters do
/// @param by_slash   these get a '\' in front
std::string Escape(std::string_view text, std::string_view by_number, std::string_view by_slash) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto byte = static_cast<unsigned char>(c);
    const std::string_view three = text.substr(i, 3);
    if (byte < 0x20 || by_number.find(c) != kNone) {
      out += Unicode(c);
    } else if (by_slash.find(c) != kNone) {
      out += '\\';
      out += c;
    } else if (three == "\u2028" || three == "\u2029") {  // Lines end at these too.
      out += three == "\u2028" ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += c;
    }
  }
  return out;
}

constexpr std::string_view kInString = "\"`&'+<>";

}  // namespace

std::string EscapeJsValue(const Args& args) {
  JsonWriter writer;
  const auto bad = WriteJson(args.size() == 1 ? args[0] : Value(Sprint(args)), writer);
  if (bad) {
    return fmt::format(" /* json: unsupported value: {} */null ", go::FormatFloatG(*bad));
  }
  std::string json = writer.TakeText();
  // A word next to it must not grow together with it.
  if (IsInScriptName(json.front()) || IsInScriptName(json.back())) return ' ' + json + ' ';
  return json;
}

std::string EscapeJsString(const Args& args) { return Escape(Show(args).text, kInString, "/\\"); }

std::string EscapeJsTemplate(const Args& args) {
  return Escape(Show(args).text, "\"`&'+<>${}", "/\\");
}

std::string EscapeJsRegexp(const Args& args) {
  const std::string text = Escape(Show(args).text, "\"&'+<>", "$()*-./?[\\]^{|}");
  return text.empty() ? "(?:)" : text;  // "//" would be a comment.
}

}  // namespace narthex::alerting::tmpl::html

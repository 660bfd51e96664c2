// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/xml_rpc.h"

#include <charconv>
#include <cmath>

#include <fmt/core.h>
#include <pugixml.hpp>

#include "narthex/base/json_writer.h"
#include "narthex/base/markup.h"
#include "narthex/base/short_text.h"
#include "narthex/model/labels.h"

namespace narthex::scrape {

namespace {

/// A tree in memory takes up to 16 times its text.
constexpr std::size_t kMaxXmlBytes = std::size_t{32} << 20;
constexpr int kMaxDepth = 64;

/// All text that stands directly in an element.
std::string Text(const pugi::xml_node& element) {
  std::string text;
  for (const pugi::xml_node& part : element.children()) {
    if (part.type() == pugi::node_pcdata || part.type() == pugi::node_cdata) text += part.value();
  }
  return text;
}

std::string Trim(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kSpace);
  if (from == std::string::npos) return "";
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

pugi::xml_node FirstElement(const pugi::xml_node& parent) {
  return parent.find_child([](const pugi::xml_node& n) { return n.type() == pugi::node_element; });
}

Error Invalid(std::string_view what, std::string text) {
  return {Code::kInvalidArgument, fmt::format("XML-RPC: {} {}", what, ShortText(std::move(text)))};
}

/// Writes values as JSON.
class Converter {
 public:
  Status WriteValue(const pugi::xml_node& value, int depth) {
    if (depth > kMaxDepth) return Fail(Invalid("values nested more than", "64 levels"));
    const pugi::xml_node typed = FirstElement(value);
    if (!typed) {  // Text without a type is text.
      const std::string text = Trim(Text(value));
      text.empty() ? json_.Null() : json_.PlainString(text);
      return {};
    }
    const std::string_view type = typed.name();
    if (type == "struct") return WriteStruct(typed, depth);
    if (type == "array") return WriteArray(typed, depth);
    return WriteScalar(type, Text(typed));
  }
  std::string TakeText() { return json_.TakeText(); }

 private:
  Status WriteStruct(const pugi::xml_node& element, int depth) {
    json_.BeginObject();
    for (const pugi::xml_node& member : element.children("member")) {
      json_.PlainKey(Text(member.child("name")));
      NX_RETURN_IF_ERROR(WriteValue(member.child("value"), depth + 1));
    }
    json_.EndObject();
    return {};
  }

  Status WriteArray(const pugi::xml_node& element, int depth) {
    json_.BeginArray();
    for (const pugi::xml_node& value : element.child("data").children("value")) {
      NX_RETURN_IF_ERROR(WriteValue(value, depth + 1));
    }
    json_.EndArray();
    return {};
  }

  Status WriteScalar(std::string_view type, const std::string& text) {
    if (type == "string" || type == "base64" || type == "dateTime.iso8601") {
      json_.PlainString(text);
    } else if (text.empty() || type == "nil") {
      json_.Null();
    } else if (type == "int" || type == "i4" || type == "i8") {
      std::int64_t number = 0;
      const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (bad != std::errc() || end != text.data() + text.size()) {
        return Fail(Invalid("no integer:", text));
      }
      json_.Int(number);
    } else if (type == "double") {
      double number = 0;
      const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (bad != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
        return Fail(Invalid("no number:", text));
      }
      json_.Double(number);
    } else if (type == "boolean") {
      if (text != "0" && text != "1" && text != "true" && text != "false") {
        return Fail(Invalid("no boolean:", text));
      }
      json_.Bool(text == "1" || text == "true");
    } else {
      return Fail(Invalid("unsupported type", std::string(type)));
    }
    return {};
  }

  JsonWriter json_;
};

std::string WriteArgument(const XmlRpcArgument& argument) {
  if (const auto* text = std::get_if<std::string>(&argument)) {
    return fmt::format("<value><string>{}</string></value>", EscapeXml(*text));
  }
  if (const auto* number = std::get_if<std::int64_t>(&argument)) {
    return fmt::format("<value><int>{}</int></value>", *number);
  }
  std::string list;
  for (const std::int64_t number : std::get<std::vector<std::int64_t>>(argument)) {
    list += WriteArgument(number);
  }
  return fmt::format("<value><array><data>{}</data></array></value>", list);
}

}  // namespace

std::string WriteXmlRpcCall(std::string_view method, const std::vector<XmlRpcArgument>& arguments) {
  std::string params;
  for (const XmlRpcArgument& argument : arguments) {
    params += fmt::format("<param>{}</param>", WriteArgument(argument));
  }
  return fmt::format(
      R"(<?xml version="1.0" encoding="UTF-8"?><methodCall><methodName>{}</methodName>)"
      "<params>{}</params></methodCall>",
      method, params);
}

Result<std::unique_ptr<JsonDocument>> ReadXmlRpcAnswer(std::string_view xml) {
  if (xml.size() > kMaxXmlBytes) {
    return Fail(Code::kResourceExhausted,
                fmt::format("XML of {} bytes, at most {} are read", xml.size(), kMaxXmlBytes));
  }
  if (!model::IsValidUtf8(xml)) return Fail(Code::kInvalidArgument, "XML: invalid UTF-8");
  pugi::xml_document document;
  const pugi::xml_parse_result parsed =
      document.load_buffer(xml.data(), xml.size(),
                           pugi::parse_default | pugi::parse_ws_pcdata_single, pugi::encoding_utf8);
  if (!parsed) {
    return Fail(Code::kInvalidArgument, fmt::format("XML syntax error at byte {}: {}",
                                                    parsed.offset, parsed.description()));
  }
  const pugi::xml_node response = document.child("methodResponse");
  const pugi::xml_node fault = response.child("fault");
  const pugi::xml_node value =
      fault ? fault.child("value") : response.child("params").child("param").child("value");
  if (!value) return Fail(Code::kInvalidArgument, "XML-RPC: the answer has no value");
  Converter converter;
  NX_RETURN_IF_ERROR(converter.WriteValue(value, 1));
  NX_ASSIGN_OR_RETURN(auto json, JsonDocument::Parse(converter.TakeText()));
  if (!fault) return json;
  const JsonView why = json->root();
  return Fail(Code::kUnavailable, fmt::format("Fault({}): {}", why["faultCode"].Int(),
                                              ShortText(why["faultString"].Text())));
}

}  // namespace narthex::scrape

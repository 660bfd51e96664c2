// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml/reader.h"

#include <string_view>
#include <unordered_map>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/config/yaml/scalar.h"

namespace narthex::config {

Status YamlReader::Read(Value& value) { return Read(document_.root, value); }

Status YamlReader::Read(const YamlPtr& node, Value& value) {
  // A short text may say with aliases of aliases what fills all memory.
  if (++num_read_ > kFreeReads + 2 * document_.num_nodes) {
    return Fail(Code::kInvalidArgument, "yaml: document contains excessive aliasing");
  }
  if (node == nullptr || node->IsNull()) {
    value.Clear();
    return {};
  }
  value.line = node->line;
  value.column = node->column;
  if (wording_ == YamlWording::kVersion3 && AddRepeatedKeys(*node)) return {};
  switch (value.type().kind) {
    case Kind::kStruct:
      return ReadStruct(*node, value);
    case Kind::kList:
      return ReadList(*node, value);
    case Kind::kMap:
      return ReadMap(*node, value);
    default:
      return ReadScalar(*node, value);
  }
}

Status YamlReader::Finish() const {
  if (errors_.empty()) return {};
  std::string text = "yaml: unmarshal errors:";
  for (const std::string& error : errors_) text += "\n  " + error;
  return Fail(Code::kInvalidArgument, std::move(text));
}

bool YamlReader::AddRepeatedKeys(const YamlNode& map) {
  std::unordered_map<std::string_view, int> lines;
  bool repeated = false;
  for (const auto& [key, child] : map.entries) {
    const auto [it, first] = lines.emplace(key->text, key->line);
    if (first) continue;
    repeated = true;
    AddError(key->line, fmt::format("mapping key {} already defined at line {}",
                                    go::Quote(key->text), it->second));
  }
  return repeated;
}

Status YamlReader::ReadStruct(const YamlNode& node, Value& value) {
  if (node.kind != YamlNode::Kind::kMap) {
    AddWrongType(node, value.type());
    return {};
  }
  const Schema& schema = *value.type().schema;
  value.Open();
  value.set = true;
  const std::size_t errors_before = errors_.size();
  std::vector<bool> seen(schema.fields.size(), false);
  for (const auto& [key, child] : node.entries) {
    const auto field = std::find_if(schema.fields.begin(), schema.fields.end(),
                                    [&key = key](const Field& f) { return f.name == key->text; });
    if (field == schema.fields.end()) {
      if (ignore_unknown_fields_) continue;
      AddError(key->line, fmt::format("field {} not found in type {}", key->text, schema.go_name));
      continue;
    }
    const auto index = static_cast<std::size_t>(field - schema.fields.begin());
    if (seen[index]) {
      AddError(key->line,
               fmt::format("field {} already set in type {}", key->text, schema.go_name));
      continue;
    }
    seen[index] = true;
    NX_RETURN_IF_ERROR(ReadField(*key, child, value.items[index]));
  }
  if (errors_.size() > errors_before || schema.check == nullptr) return {};
  return schema.check(value);
}

Status YamlReader::ReadField(const YamlNode& key, const YamlPtr& node, Value& value) {
  if (value.type().kind == Kind::kMissing) {
    return Fail(Code::kInvalidArgument,
                fmt::format("line {}: {} is known to Prometheus but not available in Narthex yet; "
                            "use file_sd_configs or static_configs",
                            key.line, key.text));
  }
  return Read(node, value);
}

Status YamlReader::ReadList(const YamlNode& node, Value& value) {
  if (node.kind != YamlNode::Kind::kSequence) {
    AddWrongType(node, value.type());
    return {};
  }
  value.set = true;
  value.items.clear();
  value.items.reserve(node.items.size());
  for (const YamlPtr& item : node.items) {
    Value& element = value.items.emplace_back(*value.type().element);
    element.line = item->line;
    element.column = item->column;
    element.null = item->IsNull();
    NX_RETURN_IF_ERROR(Read(item, element));
  }
  return {};
}

Status YamlReader::ReadMap(const YamlNode& node, Value& value) {
  if (node.kind != YamlNode::Kind::kMap) {
    AddWrongType(node, value.type());
    return {};
  }
  value.set = true;
  value.items.clear();
  value.keys.clear();
  for (const auto& [key, child] : node.entries) {
    if (std::find(value.keys.begin(), value.keys.end(), key->text) != value.keys.end()) {
      AddError(key->line, fmt::format("key {} already set in map", go::Quote(key->text)));
      continue;
    }
    value.keys.push_back(key->text);
    Value& element = value.items.emplace_back(*value.type().element);
    element.line = key->line;  // For a null, which has no line.
    NX_RETURN_IF_ERROR(Read(child, element));
  }
  return {};
}

Status YamlReader::ReadScalar(const YamlNode& node, Value& value) {
  if (node.kind != YamlNode::Kind::kScalar) {
    AddWrongType(node, value.type());
    return {};
  }
  std::string text = node.text;
  if (node.tag == "!!binary") {
    auto bytes = DecodeBase64(node.text);
    if (!bytes) {
      return Fail(
          Code::kInvalidArgument,
          fmt::format("yaml: !!binary value contains invalid base64 data (line {})", node.line));
    }
    text = std::move(*bytes);
  }
  // A quoted text is a string, which numbers and bools do not take.
  const Kind kind = value.type().kind;
  const bool needs_plain =
      kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kFloat;
  auto status =
      needs_plain && !node.plain ? Status(Fail(Code::kNotFound, "")) : ParseScalar(text, value);
  if (status) {
    value.set = true;
    return {};
  }
  if (status.error().code() == Code::kNotFound) {
    AddWrongType(node, value.type());
    return {};
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("{} (line {})", status.error().message(), node.line));
}

void YamlReader::AddError(int line, std::string reason) {
  errors_.push_back(fmt::format("line {}: {}", line, reason));
}

void YamlReader::AddWrongType(const YamlNode& node, const Type& type) {
  std::string value;
  // Where secrets belong, what was written instead may be one.
  const bool secret = type.element != nullptr && type.element->kind == Kind::kSecret;
  if (node.kind == YamlNode::Kind::kScalar && !secret) {
    value = node.text.size() > 10 ? fmt::format(" `{}...`", node.text.substr(0, 7))
                                  : fmt::format(" `{}`", node.text);
  }
  const std::string_view into = type.kind == Kind::kStruct ? type.schema->go_name : type.go_name;
  AddError(node.line, fmt::format("cannot unmarshal {}{} into {}", ShortTag(node), value, into));
}

Result<Value> ReadYaml(std::string_view text, const Type& type) {
  NX_ASSIGN_OR_RETURN(const YamlDocument document, ParseYaml(text));
  Value value(type);
  value.Open();
  YamlReader reader(document);
  NX_RETURN_IF_ERROR(reader.Read(value));
  NX_RETURN_IF_ERROR(reader.Finish());
  return value;
}

}  // namespace narthex::config

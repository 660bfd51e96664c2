// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml/schema.h"

#include <fmt/core.h>

#include "narthex/base/check.h"
#include "src/config/yaml/scalar.h"

namespace narthex::config {

const Type kBoolType{Kind::kBool, "bool"};
const Type kIntType{Kind::kInt, "int"};
const Type kInt64Type{Kind::kInt, "int64"};
const Type kUintType{Kind::kUint, "uint"};
const Type kUint64Type{Kind::kUint, "uint64"};
const Type kFloatType{Kind::kFloat, "float64"};
const Type kStringType{Kind::kString, "string"};
const Type kSecretType{Kind::kSecret, "config.plain"};
const Type kDurationType{Kind::kDuration, "string"};
const Type kSizeType{Kind::kSize, "units.Base2Bytes"};
const Type kUrlType{Kind::kUrl, "string"};
const Type kRegexType{Kind::kRegex, "string"};
const Type kStringListType{Kind::kList, "[]string", nullptr, &kStringType};
const Type kLabelListType{Kind::kList, "model.LabelNames", nullptr, &kStringType, true};
const Type kSecretListType{Kind::kList, "[]config.Secret", nullptr, &kSecretType};
const Type kStringMapType{Kind::kMap, "map[string]string", nullptr, &kStringType};
const Type kSecretListMapType{Kind::kMap, "config.ProxyHeader", nullptr, &kSecretListType};
const Type kStringListMapType{Kind::kMap, "url.Values", nullptr, &kStringListType};
const Type kMissingType{Kind::kMissing, ""};

void Value::Open() {
  if (type_->kind != Kind::kStruct || IsOpen()) return;
  items.reserve(type_->schema->fields.size());
  for (const Field& field : type_->schema->fields) {
    Value& value = items.emplace_back(*field.type);
    if (!field.default_text.empty()) {
      const auto status = ParseScalar(field.default_text, value);
      NX_CHECK(status.has_value(), "a default in the tables does not parse");
    }
    // A struct that is not a pointer is always there, with its own defaults.
    if (field.type->kind == Kind::kStruct && field.show != Show::kIfSet) value.Open();
  }
}

void Value::Clear() {
  set = type_->kind == Kind::kRegex;  // A null regex is the empty one, not the default.
  text.clear();
  number = 0;
  real = 0;
  keys.clear();
  if (type_->kind != Kind::kStruct) {
    items.clear();
    return;
  }
  for (Value& item : items) item.Clear();
}

Value& Value::operator[](std::string_view field) {
  return const_cast<Value&>(std::as_const(*this)[field]);
}

const Value& Value::operator[](std::string_view field) const {
  const auto& fields = type_->schema->fields;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (fields[i].name == field) return items[i];
  }
  NX_CHECK(false, "no such field in the configuration tables, or the struct was not opened");
  return *this;
}

bool Value::Has(std::string_view field) const {
  const auto& fields = type_->schema->fields;
  return std::any_of(fields.begin(), fields.end(), [&](const Field& f) { return f.name == field; });
}

bool Value::IsZero() const {
  switch (type_->kind) {
    case Kind::kStruct: {
      for (std::size_t i = 0; i < items.size(); ++i) {
        const bool pointer = type_->schema->fields[i].show == Show::kIfSet;
        if (pointer ? items[i].set : !items[i].IsZero()) return false;
      }
      return true;
    }
    case Kind::kList:
    case Kind::kMap:
      return items.empty();
    case Kind::kFloat:
      return real == 0;
    case Kind::kString:
    case Kind::kSecret:
    case Kind::kUrl:
      return text.empty();
    case Kind::kRegex:
      return !set;
    default:
      return number == 0;
  }
}

std::vector<std::string> Strings(const Value& list) {
  std::vector<std::string> texts;
  texts.reserve(list.items.size());
  for (const Value& item : list.items) texts.push_back(item.text);
  return texts;
}

Status CheckNoNull(const Value& list, std::string_view what) {
  for (const Value& item : list.items) {
    if (item.null) return Reject(item, std::string(what));
  }
  return {};
}

std::vector<Field> Concat(std::initializer_list<std::vector<Field>> parts) {
  std::vector<Field> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

tl::unexpected<Error> Reject(const Value& where, std::string reason) {
  if (where.line > 0) reason += fmt::format(" (line {})", where.line);
  return Fail(Code::kInvalidArgument, std::move(reason));
}

}  // namespace narthex::config

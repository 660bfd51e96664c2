// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/json_view.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/short_text.h"

namespace narthex::scrape {
namespace json = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 64;

std::string_view KindName(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "bool";
    case json::kind::string:
      return "string";
    case json::kind::array:
      return "array";
    case json::kind::object:
      return "object";
    default:
      return "number";
  }
}

}  // namespace

void JsonView::Fault(std::string_view wanted) const {
  if (!document_->fault_.empty()) return;
  document_->fault_ =
      fmt::format("json: {} should be {} and is {}",
                  name_.empty() ? "the answer" : ShortText(name_), wanted, KindName(*value_));
}

JsonView JsonView::operator[](std::string_view name) const {
  std::string path = name_.empty() ? std::string(name) : fmt::format("{}.{}", name_, name);
  const json::value* member = nullptr;
  if (value_ != nullptr) {
    if (const json::object* object = value_->if_object()) {
      member = object->if_contains(name);
    } else {
      Fault("an object");
    }
  }
  if (member != nullptr && member->is_null()) member = nullptr;
  return {member, document_, std::move(path)};
}

JsonView JsonView::At(std::string_view path) const {
  const std::size_t dot = path.find('.');
  if (dot == std::string_view::npos) return (*this)[path];
  return (*this)[path.substr(0, dot)].At(path.substr(dot + 1));
}

bool JsonView::IsText() const { return value_ != nullptr && value_->is_string(); }
bool JsonView::IsList() const { return value_ != nullptr && value_->is_array(); }
bool JsonView::IsObject() const { return value_ != nullptr && value_->is_object(); }

std::string JsonView::Text() const {
  if (value_ == nullptr) return "";
  if (const json::string* text = value_->if_string()) return {text->data(), text->size()};
  Fault("a text");
  return "";
}

std::int64_t JsonView::Int() const {
  if (value_ == nullptr) return 0;
  if (const std::int64_t* number = value_->if_int64()) return *number;
  Fault("an integer");
  return 0;
}

double JsonView::Real() const {
  if (value_ == nullptr) return 0;
  if (const double* number = value_->if_double()) return *number;
  if (const std::int64_t* number = value_->if_int64()) return static_cast<double>(*number);
  if (const std::uint64_t* number = value_->if_uint64()) return static_cast<double>(*number);
  Fault("a number");
  return 0;
}

bool JsonView::Flag() const {
  if (value_ == nullptr) return false;
  if (const bool* flag = value_->if_bool()) return *flag;
  Fault("true or false");
  return false;
}

std::vector<JsonView> JsonView::Items() const {
  std::vector<JsonView> items;
  if (value_ == nullptr) return items;
  const json::array* const list = value_->if_array();
  if (list == nullptr) {
    Fault("a list");
    return items;
  }
  items.reserve(list->size());
  for (const json::value& item : *list) {
    items.push_back({item.is_null() ? nullptr : &item, document_, name_ + "[]"});
  }
  return items;
}

std::vector<std::string> JsonView::Texts() const {
  std::vector<std::string> texts;
  for (const JsonView& item : Items()) texts.push_back(item.Text());
  return texts;
}

std::vector<std::pair<std::string, JsonView>> JsonView::Members() const {
  std::vector<std::pair<std::string, JsonView>> members;
  if (value_ == nullptr) return members;
  const json::object* const object = value_->if_object();
  if (object == nullptr) {
    Fault("an object");
    return members;
  }
  members.reserve(object->size());
  for (const auto& member : *object) {
    const std::string name = member.key();
    const json::value& value = member.value();
    members.emplace_back(name, JsonView(value.is_null() ? nullptr : &value, document_,
                                        fmt::format("{}.{}", name_, name)));
  }
  return members;
}

std::vector<std::pair<std::string, std::string>> JsonView::TextMembers() const {
  std::vector<std::pair<std::string, std::string>> members;
  for (const auto& [name, value] : Members()) members.emplace_back(name, value.Text());
  return members;
}

JsonDocument::JsonDocument() : value_(std::make_unique<json::value>()) {}
JsonDocument::~JsonDocument() = default;

Result<std::unique_ptr<JsonDocument>> JsonDocument::Parse(std::string_view text) {
  std::unique_ptr<JsonDocument> document(new JsonDocument());
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code bad;
  *document->value_ = json::parse(text, bad, {}, options);
  if (bad) return Fail(Code::kInvalidArgument, fmt::format("json: {}", bad.message()));
  return document;
}

JsonView JsonDocument::root() const {
  return {value_->is_null() ? nullptr : value_.get(), this, ""};
}

Status JsonDocument::status() const {
  if (fault_.empty()) return {};
  return Fail(Code::kInvalidArgument, fault_);
}

}  // namespace narthex::scrape

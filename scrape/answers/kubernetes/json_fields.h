// SPDX-License-Identifier: Apache-2.0
//
// Typed reading of JSON members, with Go's rules: what is missing or null is zero, another type is
// an error.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>
#include <fmt/core.h>

#include "narthex/base/result.h"
#include "scrape/answers/kubernetes/object.h"

namespace narthex::scrape::kubernetes {

/// Reads members of one object. The first wrong type is kept, and what follows reads as zero, so
/// that a reader of many fields asks once, at its end.
class JsonReader {
 public:
  const Status& status() const { return status_; }

  void WrongType(std::string_view name, std::string_view wanted) {
    if (!status_) return;
    status_ = Fail(Code::kInvalidArgument, fmt::format("field \"{}\" is not {}", name, wanted));
  }

  /// The member, null when it is missing or null.
  static const boost::json::value* Member(const boost::json::object* object,
                                          std::string_view name) {
    if (object == nullptr) return nullptr;
    const boost::json::value* value = object->if_contains({name.data(), name.size()});
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  const boost::json::object* Object(const boost::json::object* from, std::string_view name) {
    const boost::json::value* value = Member(from, name);
    if (value == nullptr) return nullptr;
    if (!value->is_object()) WrongType(name, "an object");
    return value->if_object();
  }

  std::optional<std::string> OptionalText(const boost::json::object* from, std::string_view name) {
    const boost::json::value* value = Member(from, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
      WrongType(name, "a string");
      return std::nullopt;
    }
    const boost::json::string& text = value->get_string();
    return std::string(text.data(), text.size());
  }

  std::string Text(const boost::json::object* from, std::string_view name) {
    return OptionalText(from, name).value_or(std::string());
  }

  std::optional<bool> OptionalBool(const boost::json::object* from, std::string_view name) {
    const boost::json::value* value = Member(from, name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_bool()) {
      WrongType(name, "a boolean");
      return std::nullopt;
    }
    return value->get_bool();
  }

  std::optional<std::int32_t> OptionalInt(const boost::json::object* from, std::string_view name) {
    const boost::json::value* value = Member(from, name);
    if (value == nullptr) return std::nullopt;
    const std::int64_t* number = value->if_int64();
    if (number == nullptr || *number < std::numeric_limits<std::int32_t>::min() ||
        *number > std::numeric_limits<std::int32_t>::max()) {
      WrongType(name, "a 32-bit integer");
      return std::nullopt;
    }
    return static_cast<std::int32_t>(*number);
  }

  std::int32_t Int(const boost::json::object* from, std::string_view name) {
    return OptionalInt(from, name).value_or(0);
  }

  /// Calls `visit` with each element, an object or null (which reads as zero).
  template <typename Visit>
  void EachObject(const boost::json::object* from, std::string_view name, const Visit& visit) {
    Each(from, name, [&](const boost::json::value& element) {
      if (!element.is_object() && !element.is_null()) WrongType(name, "a list of objects");
      visit(element.if_object());
    });
  }

  std::vector<std::string> Texts(const boost::json::object* from, std::string_view name) {
    std::vector<std::string> texts;
    Each(from, name, [&](const boost::json::value& element) {
      if (const boost::json::string* text = element.if_string()) {
        texts.emplace_back(text->data(), text->size());
      } else if (element.is_null()) {
        texts.emplace_back();
      } else {
        WrongType(name, "a list of strings");
      }
    });
    return texts;
  }

  TextMap Map(const boost::json::object* from, std::string_view name) {
    TextMap map;
    const boost::json::object* object = Object(from, name);
    if (object == nullptr) return map;
    map.reserve(object->size());
    for (const auto& [key, value] : *object) {
      std::string text;
      if (const boost::json::string* string = value.if_string()) {
        text.assign(string->data(), string->size());
      } else if (!value.is_null()) {
        WrongType(name, "a map of strings");
      }
      map.emplace_back(std::string(key.data(), key.size()), std::move(text));
    }
    return map;
  }

 private:
  template <typename Visit>
  void Each(const boost::json::object* from, std::string_view name, const Visit& visit) {
    const boost::json::value* value = Member(from, name);
    if (value == nullptr) return;
    const boost::json::array* array = value->if_array();
    if (array == nullptr) {
      WrongType(name, "a list");
      return;
    }
    for (const boost::json::value& element : *array) visit(element);
  }

  Status status_;
};

}  // namespace narthex::scrape::kubernetes

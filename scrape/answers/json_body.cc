// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/json_body.h"

#include <new>

#include <boost/json.hpp>
#include <fmt/core.h>

#include "narthex/base/check.h"

namespace narthex::scrape {

namespace {

namespace json = boost::json;

/// A few bytes of text can stand for ten times as many in memory, so what counts is the latter.
class BoundedResource final : public json::memory_resource {
 public:
  explicit BoundedResource(std::size_t max_bytes) : max_bytes_(max_bytes) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t align) override {
    if (bytes > max_bytes_ - used_) throw std::bad_alloc();
    // Of what it made for a key Boost says another alignment when it gives it back (1.81).
    NX_CHECK(align <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "memory for JSON with an alignment");
    void* memory = ::operator new(bytes);
    used_ += bytes;
    return memory;
  }
  void do_deallocate(void* memory, std::size_t bytes, std::size_t) override {
    used_ -= bytes;
    ::operator delete(memory);
  }
  bool do_is_equal(const json::memory_resource& other) const noexcept override {
    return this == &other;
  }

  const std::size_t max_bytes_;
  std::size_t used_ = 0;
};

std::string_view View(const json::string& text) { return {text.data(), text.size()}; }

std::string_view KindName(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a bool";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "nothing";
}

}  // namespace

Status WithJson(std::string_view text, const std::function<Status(const json::value&)>& read,
                std::size_t max_bytes) {
  try {
    BoundedResource memory(max_bytes);
    boost::system::error_code error;
    const json::value root = json::parse({text.data(), text.size()}, error, &memory);
    if (error) return Fail(Code::kInvalidArgument, "json: " + error.message());
    return read(root);
  } catch (const std::bad_alloc&) {
    return Fail(Code::kResourceExhausted, "json: takes too much memory");
  }
}

JsonObject::JsonObject(const json::value* value, std::string_view what, Errors& errors)
    : what_(what), errors_(&errors) {
  if (value == nullptr || value->is_null()) return;
  object_ = value->if_object();
  if (object_ == nullptr && errors.empty()) {
    errors = fmt::format("json: {} found where an object belongs, a {}", KindName(*value), what);
  }
}

const json::value* JsonObject::Find(std::string_view key) const {
  if (object_ == nullptr) return nullptr;
  const json::value* value = object_->if_contains({key.data(), key.size()});
  return value == nullptr || value->is_null() ? nullptr : value;
}

void JsonObject::Complain(std::string_view key, const json::value& found,
                          std::string_view wanted) const {
  if (!errors_->empty()) return;
  *errors_ = fmt::format("json: {} found where {} belongs, in \"{}\" of a {}", KindName(found),
                         wanted, key, what_);
}

bool JsonObject::Has(std::string_view key) const { return Find(key) != nullptr; }

std::string_view JsonObject::String(std::string_view key) const {
  const json::value* value = Find(key);
  if (value == nullptr) return {};
  if (const json::string* text = value->if_string()) return View(*text);
  Complain(key, *value, "a string");
  return {};
}

std::int64_t JsonObject::Int(std::string_view key) const {
  const json::value* value = Find(key);
  if (value == nullptr) return 0;
  if (const std::int64_t* number = value->if_int64()) return *number;
  Complain(key, *value, "an integer");
  return 0;
}

bool JsonObject::Bool(std::string_view key) const {
  const json::value* value = Find(key);
  if (value == nullptr) return false;
  if (const bool* flag = value->if_bool()) return *flag;
  Complain(key, *value, "a bool");
  return false;
}

JsonObject JsonObject::Object(std::string_view key) const { return {Find(key), key, *errors_}; }

std::vector<std::string_view> JsonObject::Strings(std::string_view key) const {
  std::vector<std::string_view> texts;
  const json::value* value = Find(key);
  if (value == nullptr) return texts;
  if (!value->is_array()) {
    Complain(key, *value, "an array of strings");
    return texts;
  }
  for (const json::value& item : value->get_array()) {
    if (item.is_string()) {
      texts.push_back(View(item.get_string()));
    } else if (item.is_null()) {
      texts.emplace_back();
    } else {
      Complain(key, item, "a string");
    }
  }
  return texts;
}

std::vector<std::int64_t> JsonObject::Ints(std::string_view key) const {
  std::vector<std::int64_t> numbers;
  const json::value* value = Find(key);
  if (value == nullptr) return numbers;
  if (!value->is_array()) {
    Complain(key, *value, "an array of integers");
    return numbers;
  }
  for (const json::value& item : value->get_array()) {
    if (item.is_int64()) {
      numbers.push_back(item.get_int64());
    } else {
      Complain(key, item, "an integer");
    }
  }
  return numbers;
}

std::vector<std::pair<std::string_view, std::string_view>> JsonObject::StringMap(
    std::string_view key) const {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  const json::value* value = Find(key);
  if (value == nullptr) return pairs;
  if (!value->is_object()) {
    Complain(key, *value, "an object");
    return pairs;
  }
  for (const auto& [name, item] : value->get_object()) {
    const std::string_view name_view(name.data(), name.size());
    if (item.is_string()) {
      pairs.emplace_back(name_view, View(item.get_string()));
    } else if (item.is_null()) {
      pairs.emplace_back(name_view, std::string_view());
    } else {
      Complain(key, item, "a string");
    }
  }
  return pairs;
}

std::vector<JsonObject> JsonObject::Objects(std::string_view key) const {
  const json::value* value = Find(key);
  return value == nullptr ? std::vector<JsonObject>() : List(*value, key, *errors_);
}

std::vector<JsonObject> JsonObject::List(const json::value& array, std::string_view what,
                                         Errors& errors) {
  std::vector<JsonObject> objects;
  if (array.is_null()) return objects;
  if (!array.is_array()) {
    if (errors.empty()) {
      errors = fmt::format("json: {} found where an array belongs, of {}", KindName(array), what);
    }
    return objects;
  }
  objects.reserve(array.get_array().size());
  for (const json::value& item : array.get_array()) objects.emplace_back(&item, what, errors);
  return objects;
}

Status CheckJson(const JsonObject::Errors& errors) {
  if (errors.empty()) return {};
  return Fail(Code::kInvalidArgument, errors);
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// JSON answers of discoveries, which may be wrong or hostile: bounded in depth and memory, read
// with types checked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "narthex/base/result.h"

namespace narthex::scrape {

/// What a parsed answer may take in memory. Targets take three times their text, nested empty lists
/// sixteen times. What is made of it has limits of its own: target_budget.h.
inline constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 20;

/// Parses a whole text and hands the value to `read`. Nesting ends at 32 levels.
/// Errors: kInvalidArgument "json: …", kResourceExhausted beyond `max_bytes`, and those of `read`.
Status WithJson(std::string_view text, const std::function<Status(const boost::json::value&)>& read,
                std::size_t max_bytes = kMaxJsonBytes);

/// An object of an answer, read as Go's encoding/json reads a struct: what is missing or null is
/// zero, what has another type is an error. The first error of a tree of objects is kept; reading
/// goes on with zeros, so that a reader need not check each field.
class JsonObject {
 public:
  using Errors = std::string;  // Empty = none yet.

  /// @param what    for messages: "service"
  /// @param errors  not owned; outlives the object and those made from it
  JsonObject(const boost::json::value* value, std::string_view what, Errors& errors);

  std::string_view String(std::string_view key) const;
  std::int64_t Int(std::string_view key) const;
  bool Bool(std::string_view key) const;
  /// Present and not null.
  bool Has(std::string_view key) const;
  JsonObject Object(std::string_view key) const;
  std::vector<std::string_view> Strings(std::string_view key) const;
  std::vector<std::int64_t> Ints(std::string_view key) const;
  /// An object whose values are all strings.
  std::vector<std::pair<std::string_view, std::string_view>> StringMap(std::string_view key) const;
  std::vector<JsonObject> Objects(std::string_view key) const;

  /// The object itself; null when it is missing, null or none.
  const boost::json::object* object() const { return object_; }

  /// The elements of an array of objects.
  static std::vector<JsonObject> List(const boost::json::value& array, std::string_view what,
                                      Errors& errors);
  /// The member as it is; null when it is missing or null.
  const boost::json::value* Find(std::string_view key) const;

 private:
  void Complain(std::string_view key, const boost::json::value& found,
                std::string_view wanted) const;

  const boost::json::object* object_ = nullptr;  // Null = an empty one.
  std::string_view what_;
  Errors* errors_;
};

/// kInvalidArgument with the first error, if there was one.
Status CheckJson(const JsonObject::Errors& errors);

}  // namespace narthex::scrape

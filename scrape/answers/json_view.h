// SPDX-License-Identifier: Apache-2.0
//
// JSON as Go reads it into structs: what is absent or null is empty, another type than the one
// that is asked for is an error of the whole text. Answers of APIs are read with it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"

namespace boost::json {
class value;
}

namespace narthex::scrape {

class JsonDocument;

/// One value of a document, or none; valid as long as the document is.
class JsonView {
 public:
  /// Whether it is there, and not null.
  bool present() const { return value_ != nullptr; }
  /// What it is, where an API has more than one type for it.
  bool IsText() const;
  bool IsList() const;
  bool IsObject() const;

  /// A member of an object; none when this is none.
  JsonView operator[](std::string_view name) const;
  /// A member of a member …: "image.slug".
  JsonView At(std::string_view path) const;

  std::string Text() const;
  std::int64_t Int() const;
  /// A number with what is behind its point.
  double Real() const;
  bool Flag() const;
  std::vector<JsonView> Items() const;
  std::vector<std::string> Texts() const;  // Of a list of texts.
  std::vector<std::pair<std::string, JsonView>> Members() const;
  std::vector<std::pair<std::string, std::string>> TextMembers() const;

 private:
  friend class JsonDocument;
  JsonView(const boost::json::value* value, const JsonDocument* document, std::string name)
      : value_(value), document_(document), name_(std::move(name)) {}

  void Fault(std::string_view wanted) const;

  const boost::json::value* value_;
  const JsonDocument* document_;
  std::string name_;  // For messages.
};

/// Thread safety: one thread at a time.
class JsonDocument {
 public:
  /// Errors: kInvalidArgument for what is no JSON, or nested more than 64 levels.
  static Result<std::unique_ptr<JsonDocument>> Parse(std::string_view text);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  JsonView root() const;
  /// The first value that was not of the type that was asked for. Errors: kInvalidArgument.
  Status status() const;

 private:
  friend class JsonView;
  JsonDocument();

  std::unique_ptr<boost::json::value> value_;
  mutable std::string fault_;
};

}  // namespace narthex::scrape

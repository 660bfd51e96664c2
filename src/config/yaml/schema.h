// SPDX-License-Identifier: Apache-2.0
//
// Tables that say which keys the configuration knows, of which type, with which default and in
// which order they are printed; and the tree of values that a file gives under such a table.
// Source: the struct tags of Prometheus's config package.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::config {

enum class Kind : std::uint8_t {
  kBool,
  kInt,
  kUint,
  kFloat,
  kString,
  kSecret,    // Printed as <secret>.
  kDuration,  // number: milliseconds.
  kSize,      // "15MB"; number: bytes.
  kUrl,       // Printed without its password.
  kRegex,
  kStruct,
  kList,
  kMap,      // Names to values of one type.
  kMissing,  // Known to Prometheus, not here: an error of its own.
};

struct Schema;
struct Type {
  Kind kind;
  std::string_view go_name;        // For messages: "int", "[]string", "config.plain".
  const Schema* schema = nullptr;  // Of kStruct.
  const Type* element = nullptr;   // Of kList and kMap.
  bool flow = false;               // A list printed on one line.
};

extern const Type kBoolType, kIntType, kUintType, kUint64Type, kInt64Type, kFloatType, kStringType,
    kSecretType, kDurationType, kSizeType, kUrlType, kRegexType, kStringListType, kLabelListType,
    kStringMapType, kSecretListType, kSecretListMapType, kStringListMapType, kMissingType;

enum class Show : std::uint8_t {
  kUnlessEmpty,  // Go's omitempty.
  kAlways,
  kIfSet,  // A Go pointer with omitempty: printed when it is there, even with a zero.
  kNever,
};

struct Field {
  std::string_view name;
  const Type* type;
  Show show = Show::kUnlessEmpty;
  std::string_view default_text = {};  // As it would be written in the file.
};

class Value;

struct Schema {
  std::string_view go_name;  // "config.plain": Go's name of the struct that the keys are read into.
  std::vector<Field> fields;
  /// Called with a struct that was read without errors. Errors end the loading.
  Status (*check)(Value& self) = nullptr;
};

/// One value. Which members count depends on the type's kind.
class Value {
 public:
  Value() = default;
  /// The default of a type: zero, or for structs the defaults of the fields.
  explicit Value(const Type& type) : type_(&type) {}

  const Type& type() const { return *type_; }

  bool set = false;   // Written in the file, or filled in where Go has a pointer.
  bool null = false;  // An element of a list that is null.
  int line = 0;       // Where it was written; 0 = not in the file.
  int column = 0;
  std::string text;               // kString, kSecret, kUrl, kRegex.
  std::int64_t number = 0;        // kBool, kInt, kUint, kDuration, kSize.
  double real = 0;                // kFloat.
  std::vector<Value> items;       // kList, values of kMap, fields of kStruct once Open was called.
  std::vector<std::string> keys;  // kMap: in the file's order.

  /// Makes the fields of a struct with their defaults. Others ignore it.
  void Open();
  bool IsOpen() const { return !items.empty(); }
  /// Go's zero value, recursively; what a null in the file makes of a field.
  void Clear();

  /// A field of an open struct; the name must be in its schema.
  Value& operator[](std::string_view field);
  const Value& operator[](std::string_view field) const;
  bool Has(std::string_view field) const;

  /// Go's zero value: what omitempty leaves out.
  bool IsZero() const;
  bool flag() const { return number != 0; }

 private:
  const Type* type_ = nullptr;
};

/// The texts of a list's elements.
std::vector<std::string> Strings(const Value& list);

/// No null in a list. `what` is the whole message.
Status CheckNoNull(const Value& list, std::string_view what);

/// Fields of several tables in a row.
std::vector<Field> Concat(std::initializer_list<std::vector<Field>> parts);

/// Fails with kInvalidArgument; "(line N)" is put behind the reason when the line is known.
tl::unexpected<Error> Reject(const Value& where, std::string reason);

}  // namespace narthex::config

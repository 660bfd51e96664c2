// SPDX-License-Identifier: Apache-2.0
//
// Values inside templates: what Go's text/template holds as reflect.Value, as far as Prometheus's
// templates can make them.
#pragma once

#include <complex>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl {

class Value;

using Complex = std::complex<double>;

/// What a map holds; a key that it lacks gives the empty one.
enum class MapKind : std::uint8_t {
  kStrings,  // map[string]string: labels
  kAny,      // map[string]interface {}: args
  kLists,    // url.Values: the parameters of a console page
};
struct MapValue {
  std::map<std::string, Value> entries;
  MapKind kind = MapKind::kStrings;

  Value Get(const std::string& key) const;
};
struct ListValue {
  std::vector<Value> items;
  bool of_strings = false;  // []string, else what query gives.
};
inline constexpr std::string_view kSampleType = "*template.sample";
struct StructValue {
  std::string type;  // As Go names it in errors.
  std::vector<std::pair<std::string, Value>> fields;
  std::string text;  // What it prints as; empty = its fields.
};
/// What toTime and toDuration give is a pointer in Go: no number, and its type has a "*" in errors.
struct TimeValue {
  go::UnixTime at;
  bool pointer = false;
};
struct DurationValue {
  std::int64_t ns = 0;
  bool pointer = false;
};
/// An integer of another type than int.
enum class IntegerType : std::uint8_t { kInt64, kMonth, kWeekday };
struct TypedInteger {
  std::int64_t value = 0;
  IntegerType type = IntegerType::kInt64;
};
/// Text that html/template takes for HTML already.
struct HtmlValue {
  std::string text;
};

/// Copies share maps, lists and structs, which nobody changes after they are built.
class Value {
 public:
  using Map = std::shared_ptr<const MapValue>;
  using List = std::shared_ptr<const ListValue>;
  using Struct = std::shared_ptr<const StructValue>;
  using Data = std::variant<std::monostate, bool, std::int64_t, double, std::string, Map, List,
                            Struct, TimeValue, DurationValue, HtmlValue, Complex, TypedInteger>;

  Value() = default;  // nil
  template <typename T>
  Value(T data) : data_(std::move(data)) {}  // NOLINT(google-explicit-constructor): it is a sum.

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&data_);
  }
  bool IsNil() const { return data_.index() == 0; }
  /// Of what is an integer in Go, whatever its type: a month, a duration that is no pointer.
  std::optional<std::int64_t> Integer() const;

  /// Go's name of the type: "float64", "map[string]string".
  std::string TypeName() const;
  /// What if, and, or and not go by: false for zero, empty and nil.
  bool Truth() const;
  /// fmt's %v of what a pointer points to; nil is "<nil>".
  std::string ToString() const;

 private:
  Data data_;
};

Value MakeStringMap(const std::vector<std::pair<std::string, std::string>>& pairs);

/// fmt.Sprint, where what query gives is a pointer ("&{…}"): spaces between operands when neither
/// is a string.
std::string Sprint(const std::vector<Value>& args);
/// fmt.Sprintln without the line end.
std::string Sprintln(const std::vector<Value>& args);
/// fmt.Sprintf; mistakes show in the text, as in Go ("%!d(string=x)").
std::string Sprintf(std::string_view format, const std::vector<Value>& args);

}  // namespace narthex::alerting::tmpl

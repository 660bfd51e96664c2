// SPDX-License-Identifier: Apache-2.0
//
// Values inside templates: what Go's text/template holds as reflect.Value, as far as Prometheus's
// templates can make them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace narthex::alerting::tmpl {

class Value;

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
struct TimeValue {
  std::int64_t unix_ms = 0;
};
struct DurationValue {
  std::int64_t ns = 0;
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
                            Struct, TimeValue, DurationValue, HtmlValue>;

  Value() = default;  // nil
  template <typename T>
  Value(T data) : data_(std::move(data)) {}  // NOLINT(google-explicit-constructor): it is a sum.

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&data_);
  }
  bool IsNil() const { return data_.index() == 0; }

  /// Go's name of the type: "float64", "map[string]string".
  std::string TypeName() const;
  /// What if, and, or and not go by: false for zero, empty and nil.
  bool Truth() const;
  /// fmt's %v; nil is "<nil>".
  std::string ToString() const;

 private:
  Data data_;
};

Value MakeStringMap(const std::vector<std::pair<std::string, std::string>>& pairs);

/// fmt.Sprint: spaces between operands when neither is a string.
std::string Sprint(const std::vector<Value>& args);
/// fmt.Sprintln without the line end.
std::string Sprintln(const std::vector<Value>& args);
/// fmt.Sprintf; mistakes show in the text, as in Go ("%!d(string=x)").
std::string Sprintf(std::string_view format, const std::vector<Value>& args);

}  // namespace narthex::alerting::tmpl

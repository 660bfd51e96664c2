// SPDX-License-Identifier: Apache-2.0
//
// The functions that Go's text/template has by itself.

#include "alerting/template/builtins.h"

#include <algorithm>
#include <array>
#include <compare>

#include <fmt/core.h>

#include "alerting/template/escape.h"
#include "narthex/base/markup.h"

namespace narthex::alerting::tmpl {
namespace {

using Args = std::vector<Value>;

tl::unexpected<Error> Bad(std::string reason) { return Fail(Code::kExecution, std::move(reason)); }

Result<Value> Not(const Environment&, const Args& args) { return Value(!args[0].Truth()); }
Result<Value> Unreached(const Environment&, const Args&) { return Value(); }  // and, or, call

/// The bytes of what is a string in Go.
const std::string* TextOf(const Value& value) {
  if (const auto* html = value.As<HtmlValue>()) return &html->text;
  return value.As<std::string>();
}

/// The type of what a pointer points to.
std::string PointedType(const Value& value) {
  const std::string type = value.TypeName();
  return type.starts_with('*') ? type.substr(1) : type;
}

Result<Value> Len(const Environment&, const Args& args) {
  const auto size = [](std::size_t n) { return Value(static_cast<std::int64_t>(n)); };
  if (const auto* text = TextOf(args[0])) return size(text->size());
  if (const auto* map = args[0].As<Value::Map>()) return size((*map)->entries.size());
  if (const auto* list = args[0].As<Value::List>()) return size((*list)->items.size());
  if (args[0].IsNil()) return Bad("len of nil pointer");
  return Bad(fmt::format("len of type {}", PointedType(args[0])));
}

/// An index into something of `size` parts. @param ends  whether size itself is allowed
Result<std::size_t> IndexIn(const Value& index, std::size_t size, bool ends) {
  const auto number = index.Integer();
  if (!number) {
    if (index.IsNil()) return Bad("cannot index slice/array with nil");
    return Bad(fmt::format("cannot index slice/array with type {}", index.TypeName()));
  }
  const auto limit = static_cast<std::int64_t>(size) + (ends ? 1 : 0);
  if (*number < 0 || *number >= limit) return Bad(fmt::format("index out of range: {}", *number));
  return static_cast<std::size_t>(*number);
}

Result<Value> Index(const Environment&, const Args& args) {
  Value item = args[0];
  if (item.IsNil()) return Bad("index of untyped nil");
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (const auto* list = item.As<Value::List>()) {
      NX_ASSIGN_OR_RETURN(const auto at, IndexIn(args[i], (*list)->items.size(), false));
      item = Value((*list)->items[at]);
    } else if (const auto* text = TextOf(item)) {
      NX_ASSIGN_OR_RETURN(const auto at, IndexIn(args[i], text->size(), false));
      item = Value(std::int64_t{static_cast<unsigned char>((*text)[at])});
    } else if (const auto* map = item.As<Value::Map>()) {
      const auto* key = args[i].As<std::string>();
      if (args[i].IsNil()) return Bad("value is nil; should be of type string");
      if (key == nullptr) {
        return Bad(fmt::format("value has type {}; should be string", args[i].TypeName()));
      }
      item = (*map)->Get(*key);
    } else if (item.IsNil()) {
      return Bad("index of nil pointer");
    } else {
      return Bad(fmt::format("can't index item of type {}", PointedType(item)));
    }
  }
  return item;
}

Result<Value> Slice(const Environment&, const Args& args) {
  const auto* text = TextOf(args[0]);
  const auto* list = args[0].As<Value::List>();
  if (args[0].IsNil()) return Bad("slice of untyped nil");
  if (args.size() > 4) return Bad(fmt::format("too many slice indexes: {}", args.size() - 1));
  if (text == nullptr && list == nullptr) {
    return Bad(fmt::format("can't slice item of type {}", PointedType(args[0])));
  }
  if (args.size() > 3 && text != nullptr) return Bad("cannot 3-index slice a string");
  const std::size_t size = text != nullptr ? text->size() : (*list)->items.size();
  std::size_t bounds[3] = {0, size, size};  // The third is Go's capacity and changes nothing else.
  for (std::size_t i = 1; i < args.size(); ++i) {
    NX_ASSIGN_OR_RETURN(bounds[i - 1], IndexIn(args[i], size, true));
  }
  if (bounds[0] > bounds[1]) {
    return Bad(fmt::format("invalid slice index: {} > {}", bounds[0], bounds[1]));
  }
  if (bounds[1] > bounds[2]) {
    return Bad(fmt::format("invalid slice index: {} > {}", bounds[1], bounds[2]));
  }
  if (text != nullptr) {
    std::string part = text->substr(bounds[0], bounds[1] - bounds[0]);
    return args[0].As<HtmlValue>() != nullptr ? Value(HtmlValue{std::move(part)})
                                              : Value(std::move(part));
  }
  const auto begin = (*list)->items.begin();
  auto part = std::make_shared<ListValue>();
  part->of_strings = (*list)->of_strings;
  part->items.assign(begin + static_cast<std::ptrdiff_t>(bounds[0]),
                     begin + static_cast<std::ptrdiff_t>(bounds[1]));
  return Value(Value::List(std::move(part)));
}

/// All arguments as one text, as they would be printed outside of a function.
std::string Joined(Args args) {
  if (args.size() == 1 && !args[0].IsNil()) return args[0].ToString();
  for (Value& value : args) {
    if (value.IsNil()) value = std::string("<no value>");
  }
  return Sprint(args);
}

Result<Value> Print(const Environment&, const Args& args) { return Value(Sprint(args)); }
Result<Value> Println(const Environment&, const Args& args) { return Value(Sprintln(args) + '\n'); }
Result<Value> Printf(const Environment&, const Args& args) {
  return Value(Sprintf(*args[0].As<std::string>(), Args(args.begin() + 1, args.end())));
}
Result<Value> Html(const Environment&, const Args& args) { return Value(EscapeHtml(Joined(args))); }
Result<Value> Js(const Environment&, const Args& args) { return Value(EscapeJs(Joined(args))); }
Result<Value> UrlQuery(const Environment&, const Args& args) {
  return Value(EscapeQuery(Joined(args)));
}

enum class BasicKind { kBool, kComplex, kInt, kFloat, kString, kOther };
BasicKind KindOf(const Value& value) {
  if (value.As<bool>() != nullptr) return BasicKind::kBool;
  if (value.Integer()) return BasicKind::kInt;
  if (value.As<double>() != nullptr) return BasicKind::kFloat;
  if (value.As<Complex>() != nullptr) return BasicKind::kComplex;
  if (TextOf(value) != nullptr) return BasicKind::kString;
  return BasicKind::kOther;
}

tl::unexpected<Error> Incompatible(const Value& a, const Value& b) {
  return Bad(
      fmt::format("incompatible types for comparison: {} and {}", a.TypeName(), b.TypeName()));
}

bool IsComparable(const Value& value) {
  return value.As<Value::Map>() == nullptr && value.As<Value::List>() == nullptr;
}

Result<bool> Equal(const Value& a, const Value& b) {
  const BasicKind kind = KindOf(a);
  if (a.IsNil() || b.IsNil()) return a.IsNil() && b.IsNil();
  if (kind != KindOf(b)) return Incompatible(a, b);
  switch (kind) {
    case BasicKind::kBool:
      return *a.As<bool>() == *b.As<bool>();
    case BasicKind::kComplex:
      return *a.As<Complex>() == *b.As<Complex>();
    case BasicKind::kInt:
      return *a.Integer() == *b.Integer();
    case BasicKind::kFloat:
      return *a.As<double>() == *b.As<double>();
    case BasicKind::kString:
      return *TextOf(a) == *TextOf(b);
    case BasicKind::kOther:
      break;
  }
  if (a.TypeName() != b.TypeName()) return Incompatible(a, b);
  if (!IsComparable(a)) {
    return Bad(fmt::format("non-comparable type {}: {}", a.ToString(), b.TypeName()));
  }
  if (const auto* object = a.As<Value::Struct>()) return *object == *b.As<Value::Struct>();
  return a.ToString() == b.ToString();
}

Result<Value> Eq(const Environment&, const Args& args) {
  if (args.size() == 1) return Bad("missing argument for comparison");
  for (std::size_t i = 1; i < args.size(); ++i) {
    NX_ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[i]));
    if (equal) return Value(true);
  }
  return Value(false);
}

Result<Value> Ne(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const bool equal, Equal(args[0], args[1]));
  return Value(!equal);
}

Result<std::partial_ordering> Order(const Value& a, const Value& b) {
  const BasicKind kind = KindOf(a);
  if (kind == BasicKind::kOther || KindOf(b) == BasicKind::kOther) {
    return Bad("invalid type for comparison");
  }
  if (kind != KindOf(b)) return Incompatible(a, b);
  if (kind == BasicKind::kBool || kind == BasicKind::kComplex) {
    return Bad("invalid type for comparison");
  }
  if (kind == BasicKind::kInt) return *a.Integer() <=> *b.Integer();
  if (kind == BasicKind::kFloat) return *a.As<double>() <=> *b.As<double>();
  return *TextOf(a) <=> *TextOf(b);
}

Result<Value> Lt(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const auto order, Order(args[0], args[1]));
  return Value(order < 0);
}
Result<Value> Le(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const auto order, Order(args[0], args[1]));
  return Value(order <= 0);
}
// As Go: the negations, which NaN makes true.
Result<Value> Gt(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const auto order, Order(args[0], args[1]));
  return Value(!(order <= 0));
}
Result<Value> Ge(const Environment&, const Args& args) {
  NX_ASSIGN_OR_RETURN(const auto order, Order(args[0], args[1]));
  return Value(!(order < 0));
}

constexpr std::array<Function, 19> kBuiltins = {{
    {"and", "aa", true, true, Unreached},    {"or", "aa", true, true, Unreached},
    {"not", "a", false, true, Not},          {"len", "a", false, true, Len},
    {"index", "aa", true, true, Index},      {"slice", "aa", true, true, Slice},
    {"call", "aa", true, true, Unreached},   {"print", "a", true, true, Print},
    {"println", "a", true, true, Println},   {"printf", "sa", true, true, Printf},
    {"html", "a", true, true, Html},         {"js", "a", true, true, Js},
    {"urlquery", "a", true, true, UrlQuery}, {"eq", "aa", true, true, Eq},
    {"ne", "aa", false, true, Ne},           {"lt", "aa", false, true, Lt},
    {"le", "aa", false, true, Le},           {"gt", "aa", false, true, Gt},
    {"ge", "aa", false, true, Ge},
}};

}  // namespace

std::span<const Function> Builtins() { return kBuiltins; }

}  // namespace narthex::alerting::tmpl

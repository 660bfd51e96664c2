// SPDX-License-Identifier: Apache-2.0
//
// Go's fmt for the values of templates. Source: https://pkg.go.dev/fmt

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/format_verb.h"
#include "alerting/template/go_time.h"
#include "alerting/template/value.h"
#include "narthex/base/go_format.h"
#include "narthex/base/utf8.h"

namespace narthex::alerting::tmpl {
namespace {

constexpr int kMaxWidth = 1'000'000;  // As Go: larger ones are not believed.
// From here on nothing is added: as much is no output of a template any more, and a width counts
// for each member of a list.
constexpr std::size_t kEnoughBytes = std::size_t{32} << 20;

/// What Go's String methods give; nullopt for values without one.
std::optional<std::string> NameOf(const Value& value) {
  if (const auto* time = value.As<TimeValue>()) return FormatGoTime(time->at);
  if (const auto* duration = value.As<DurationValue>()) return go::FormatDuration(duration->ns);
  if (const auto* object = value.As<Value::Struct>();
      object != nullptr && !(*object)->text.empty()) {
    return (*object)->text;
  }
  const auto* integer = value.As<TypedInteger>();
  if (integer == nullptr || integer->type == IntegerType::kInt64) return std::nullopt;
  return integer->type == IntegerType::kMonth ? MonthName(integer->value)
                                              : WeekdayName(integer->value);
}

/// Appends values as one verb prints them; what holds others hands the verb on to them.
class Printer {
 public:
  Printer(const Verb& verb, std::string& out) : verb_(verb), out_(out) {}

  /// @param inside  of another value: not what printf was given
  void Print(const Value& value, bool inside) {
    if (out_.size() > kEnoughBytes) return;
    if (const auto* map = value.As<Value::Map>()) return PrintMap(**map, value.TypeName());
    if (const auto* list = value.As<Value::List>()) return PrintList(**list, value.TypeName());
    const auto* object = value.As<Value::Struct>();
    if (object != nullptr && (*object)->text.empty()) return PrintStruct(**object, inside);
    if (value.IsNil()) return PrintNil(inside);
    if (!PrintScalar(value)) PrintBad(value);
  }

 private:
  std::string_view separator() const { return verb_.go_syntax ? ", " : " "; }

  void PrintMap(const MapValue& map, const std::string& type) {
    out_ += verb_.go_syntax ? type + '{' : "map[";
    bool first = true;
    for (const auto& [key, value] : map.entries) {
      if (!std::exchange(first, false)) out_ += separator();
      Print(Value(key), true);
      out_ += ':';
      Print(value, true);
    }
    out_ += verb_.go_syntax ? '}' : ']';
  }

  void PrintList(const ListValue& list, const std::string& type) {
    out_ += verb_.go_syntax ? type + '{' : "[";
    bool first = true;
    for (const Value& item : list.items) {
      if (!std::exchange(first, false)) out_ += separator();
      Print(item, true);
    }
    out_ += verb_.go_syntax ? '}' : ']';
  }

  void PrintStruct(const StructValue& object, bool inside) {
    const bool pointer = object.type.starts_with('*');
    if (pointer && !inside) out_ += '&';
    if (verb_.go_syntax) out_ += object.type.substr(pointer ? 1 : 0);
    out_ += '{';
    bool first = true;
    for (const auto& [name, value] : object.fields) {
      if (!std::exchange(first, false)) out_ += separator();
      if (verb_.go_syntax || verb_.field_names) out_ += name + ':';
      Print(value, true);
    }
    out_ += '}';
  }

  void PrintNil(bool inside) {
    if (inside) {
      out_ += verb_.go_syntax ? "interface {}(nil)" : "<nil>";
    } else if (verb_.letter() == 'v') {
      out_ += Pad(verb_, "<nil>");
    } else {
      out_ += fmt::format("%!{}(<nil>)", verb_.text);
    }
  }

  bool PrintScalar(const Value& value) {
    const bool by_name = !verb_.go_syntax && verb_.letter() != '\0' &&
                         std::string_view("vsqxX").find(verb_.letter()) != std::string_view::npos;
    if (const auto integer = value.Integer()) {
      const auto name = by_name ? NameOf(value) : std::nullopt;
      return name ? AppendText(verb_, *name, out_) : AppendInteger(verb_, *integer, out_);
    }
    if (const auto* v = value.As<bool>()) return AppendBool(verb_, *v, out_);
    if (const auto* v = value.As<double>()) return AppendFloat(verb_, *v, out_);
    if (const auto* v = value.As<Complex>()) return AppendComplex(verb_, *v, out_);
    if (const auto* v = value.As<std::string>()) return AppendText(verb_, *v, out_);
    if (const auto* v = value.As<HtmlValue>()) return AppendText(verb_, v->text, out_);
    // Pointers, of which other verbs would show the address.
    Verb verb = verb_;
    verb.go_syntax = false;
    return AppendText(verb, *NameOf(value), out_);
  }

  void PrintBad(const Value& value) {
    out_ += fmt::format("%!{}({}=", verb_.text, value.TypeName());
    Verb plain = verb_;
    plain.text = "v";
    const auto number = value.Integer();  // Without its name.
    Printer(plain, out_).Print(number ? Value(*number) : value, false);
    out_ += ')';
  }

  const Verb verb_;
  std::string& out_;
};

/// Reads one directive after its '%' and consumes arguments.
class Reader {
 public:
  Reader(std::string_view format, const std::vector<Value>& args) : rest_(format), args_(args) {}

  std::string Run() {
    while (!rest_.empty() && out_.size() <= kEnoughBytes) {
      const auto percent = rest_.find('%');
      out_ += rest_.substr(0, percent);
      if (percent == std::string_view::npos) break;
      rest_.remove_prefix(percent + 1);
      Directive();
    }
    if (!reordered_ && next_ < args_.size()) Extra();
    return std::move(out_);
  }

 private:
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// @return false when there is none; one that is too large counts as none, too, and takes the
  /// rest
  ///         of the format with it
  bool Number(int& number) {
    int read = -1;
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      if (read > kMaxWidth) {
        rest_ = {};
        return false;
      }
      read = std::max(read, 0) * 10 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (read >= 0) number = read;
    return read >= 0;
  }

  /// "[3]" chooses the next argument.
  void ArgumentNumber() {
    after_index_ = false;
    if (rest_.empty() || rest_.front() != '[') return;
    reordered_ = true;
    const auto close = rest_.find(']');
    if (close == std::string_view::npos) {
      rest_.remove_prefix(1);
      good_index_ = false;
      return;
    }
    const std::string_view after = rest_.substr(close + 1);
    int number = 0;
    rest_.remove_prefix(1);
    const bool is_number = Number(number) && rest_.starts_with(']');
    rest_ = after;
    after_index_ = is_number;
    if (is_number && number >= 1 && static_cast<std::size_t>(number) <= args_.size()) {
      next_ = static_cast<std::size_t>(number) - 1;
    } else {
      good_index_ = false;
    }
  }

  /// The argument that a "*" stands for. @return false when that is no integer, or too large
  bool FromArgument(int& number) {
    const auto given = next_ < args_.size() ? args_[next_].Integer() : std::nullopt;
    if (next_ < args_.size()) ++next_;
    after_index_ = false;
    if (!given || *given > kMaxWidth || *given < -kMaxWidth) return false;
    number = static_cast<int>(*given);
    return true;
  }

  void Width(Verb& verb) {
    ArgumentNumber();
    if (!Take('*')) {
      if (Number(verb.width) && after_index_) good_index_ = false;  // "%[3]2d"
      return;
    }
    if (!FromArgument(verb.width)) out_ += "%!(BADWIDTH)";
    if (verb.width >= -1) return;
    verb.width = -verb.width;
    verb.minus = true;
  }

  void Precision(Verb& verb) {
    if (rest_.size() < 2 || !Take('.')) return;
    if (after_index_) good_index_ = false;  // "%[3].2d"
    ArgumentNumber();
    if (Take('*')) {
      if (!FromArgument(verb.precision) || verb.precision < 0) {
        verb.precision = -1;
        out_ += "%!(BADPREC)";
      }
    } else if (!Number(verb.precision)) {
      verb.precision = 0;
    }
  }

  void Directive() {
    Verb verb;
    good_index_ = true;
    for (bool flag = true; flag;) {
      flag = (Take('-') && (verb.minus = true)) || (Take('+') && (verb.plus = true)) ||
             (Take('#') && (verb.sharp = true)) || (Take(' ') && (verb.space = true)) ||
             (Take('0') && (verb.zero = true));
    }
    Width(verb);
    Precision(verb);
    if (!after_index_) ArgumentNumber();
    if (rest_.empty()) {
      out_ += "%!(NOVERB)";
      return;
    }
    verb.text = rest_.substr(0, DecodeUtf8(rest_).second);
    rest_.remove_prefix(verb.text.size());
    if (verb.letter() == '%') {
      out_ += '%';
    } else if (!good_index_) {
      out_ += fmt::format("%!{}(BADINDEX)", verb.text);
    } else if (next_ >= args_.size()) {
      out_ += fmt::format("%!{}(MISSING)", verb.text);
    } else {
      Argument(verb, args_[next_++]);
    }
  }

  void Argument(Verb verb, const Value& value) {
    if (verb.letter() == 'T') {
      verb.text = "s";
      AppendText(verb, value.TypeName(), out_);
      return;
    }
    if (verb.letter() == 'v') {
      verb.go_syntax = std::exchange(verb.sharp, false);
      verb.field_names = std::exchange(verb.plus, false);
    }
    Printer(verb, out_).Print(value, false);
  }

  void Extra() {
    out_ += "%!(EXTRA ";
    for (std::size_t i = next_; i < args_.size(); ++i) {
      if (i > next_) out_ += ", ";
      if (!args_[i].IsNil()) out_ += args_[i].TypeName() + '=';
      Printer(Verb(), out_).Print(args_[i], false);
    }
    out_ += ')';
  }

  std::string_view rest_;
  const std::vector<Value>& args_;
  std::string out_;
  std::size_t next_ = 0;
  bool reordered_ = false;    // Some directive chose its argument.
  bool good_index_ = true;    // Of this directive.
  bool after_index_ = false;  // A "[3]" is what was read last.
};

/// All with %v. @param always_spaces  else only between operands that are no strings
std::string PrintAll(const std::vector<Value>& args, bool always_spaces) {
  std::string text;
  bool after_string = true;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool is_string =
        args[i].As<std::string>() != nullptr || args[i].As<HtmlValue>() != nullptr;
    if (i > 0 && (always_spaces || (!is_string && !after_string))) text += ' ';
    Printer(Verb(), text).Print(args[i], false);
    after_string = is_string;
  }
  return text;
}

}  // namespace

std::string Value::ToString() const {
  if (const auto* text = As<std::string>()) return *text;
  std::string out;
  Printer(Verb(), out).Print(*this, true);
  return out;
}

std::string Sprint(const std::vector<Value>& args) { return PrintAll(args, false); }
std::string Sprintln(const std::vector<Value>& args) { return PrintAll(args, true); }

std::string Sprintf(std::string_view format, const std::vector<Value>& args) {
  return Reader(format, args).Run();
}

}  // namespace narthex::alerting::tmpl

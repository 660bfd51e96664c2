// SPDX-License-Identifier: Apache-2.0
#include "src/config/yaml/writer.h"

#include <numeric>

#include <fmt/core.h>

#include "narthex/base/check.h"
#include "src/config/yaml/node.h"
#include "src/config/yaml/scalar.h"

namespace narthex::config {

namespace {

constexpr std::size_t kBestWidth = 80;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

/// yaml.v2 sorts map keys like people do: letters after the rest, numbers by value.
bool KeyLess(std::string_view a, std::string_view b) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i] == b[i]) continue;
    const bool a_letter = IsLetter(a[i]);
    const bool b_letter = IsLetter(b[i]);
    if (a_letter && b_letter) {
      return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]);
    }
    if (a_letter || b_letter) return b_letter;
    std::size_t a_end = i;
    std::size_t b_end = i;
    std::uint64_t a_number = 0;
    std::uint64_t b_number = 0;
    if (a[i] == '0' || b[i] == '0') {
      for (std::size_t j = i; j > 0 && IsDigit(a[j - 1]); --j) {
        if (a[j - 1] != '0') {
          a_number = b_number = 1;
          break;
        }
      }
    }
    while (a_end < a.size() && IsDigit(a[a_end])) a_number = a_number * 10 + (a[a_end++] - '0');
    while (b_end < b.size() && IsDigit(b[b_end])) b_number = b_number * 10 + (b[b_end++] - '0');
    if (a_number != b_number) return a_number < b_number;
    if (a_end != b_end) return a_end < b_end;
    return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]);
  }
  return a.size() < b.size();
}

struct ScalarForm {
  bool plain = true;          // May stand without quotes in a block.
  bool plain_in_flow = true;  // And inside [ ].
  bool single_quoted = true;
  bool literal = true;
};

/// What libyaml's emitter finds out about a scalar before it chooses a style.
ScalarForm Analyze(std::string_view text) {
  ScalarForm form;
  if (text.empty()) {
    form.plain = form.plain_in_flow = form.literal = false;
    return form;
  }
  bool block_indicators = text.starts_with("---") || text.starts_with("...");
  bool flow_indicators = block_indicators;
  bool special = false;
  bool line_breaks = false;
  bool space_before_break = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool first = i == 0;
    const bool before_space =
        i + 1 == text.size() || std::string_view(" \t\n\r").find(text[i + 1]) != std::string::npos;
    const bool after_space =
        first || std::string_view(" \t\n\r").find(text[i - 1]) != std::string::npos;
    // NOLINTNEXTLINE(bugprone-branch-clone): one rule of YAML per branch.
    if (first && std::string_view("#,[]{}&*!|>'\"%@`").find(c) != std::string::npos) {
      flow_indicators = block_indicators = true;
    } else if (std::string_view(",?[]{}").find(c) != std::string::npos) {
      flow_indicators = true;
      if (first && c == '?' && before_space) block_indicators = true;
    } else if (c == ':') {
      flow_indicators = true;
      if (before_space) block_indicators = true;
    } else if ((first && c == '-' && before_space) || (c == '#' && after_space)) {
      flow_indicators = block_indicators = true;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n' || c == '\r') {
      line_breaks = true;
      if (i > 0 && text[i - 1] == ' ') space_before_break = true;
    } else if ((byte < 0x20 && c != '\t') || byte == 0x7f || c == '\t') {
      special = true;
    }
  }
  const bool edge_space =
      text.front() == ' ' || text.back() == ' ' || text.front() == '\n' || text.back() == '\n';
  form.plain = !block_indicators && !line_breaks && !special && !edge_space;
  form.plain_in_flow = form.plain && !flow_indicators;
  form.single_quoted = !special && !space_before_break;
  form.literal = !special && !space_before_break && text.back() != ' ';
  return form;
}

class Writer {
 public:
  explicit Writer(bool reveal_secrets) : reveal_secrets_(reveal_secrets) {}

  void Fields(const Value& value, std::size_t indent, bool first_inline) {
    bool first = first_inline;
    const auto& fields = value.type().schema->fields;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (!Shown(fields[i], value.items[i])) continue;
      Key(fields[i].name, indent, first);
      first = false;
      Content(value.items[i], indent);
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  static bool Shown(const Field& field, const Value& value) {
    switch (field.show) {
      case Show::kAlways:
        return true;
      case Show::kIfSet:
        return value.set;
      case Show::kNever:
        return false;
      case Show::kUnlessEmpty:
        return !value.IsZero();
    }
    return true;
  }

  static bool AnyShown(const Value& value) {
    const auto& fields = value.type().schema->fields;
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (Shown(fields[i], value.items[i])) return true;
    }
    return false;
  }

  void Key(std::string_view key, std::size_t indent, bool on_this_line) {
    if (!on_this_line) out_.append(indent, ' ');
    Scalar(key, indent, true, false);
    out_ += ':';
  }

  /// What stands behind "key:".
  void Content(const Value& value, std::size_t indent) {
    switch (value.type().kind) {
      case Kind::kStruct:
        if (!AnyShown(value)) {
          out_ += " {}\n";
          return;
        }
        out_ += '\n';
        Fields(value, indent + 2, false);
        return;
      case Kind::kMap:
        Map(value, indent + 2);
        return;
      case Kind::kList:
        List(value, indent);
        return;
      default:
        out_ += ' ';
        ScalarValue(value, indent, false);
        out_ += '\n';
    }
  }

  void Map(const Value& value, std::size_t indent) {
    if (value.items.empty()) {
      out_ += " {}\n";
      return;
    }
    out_ += '\n';
    std::vector<std::size_t> order(value.keys.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](auto a, auto b) { return KeyLess(value.keys[a], value.keys[b]); });
    for (const std::size_t i : order) {
      Key(value.keys[i], indent, false);
      Content(value.items[i], indent);
    }
  }

  void List(const Value& value, std::size_t indent) {
    if (value.type().flow || value.items.empty()) {
      out_ += " [";
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) NextInFlow(indent + 2);
        ScalarValue(value.items[i], indent, true);
      }
      out_ += "]\n";
      return;
    }
    out_ += '\n';
    for (const Value& item : value.items) {
      out_.append(indent, ' ');
      out_ += '-';
      if (item.type().kind == Kind::kStruct) {
        Element(item, indent);
      } else {
        Content(item, indent);
      }
    }
  }

  void NextInFlow(std::size_t indent) {
    out_ += ',';
    if (Column() > kBestWidth) {
      out_ += '\n';
      out_.append(indent, ' ');
    } else {
      out_ += ' ';
    }
  }

  void Element(const Value& item, std::size_t indent) {
    if (item.null || !AnyShown(item)) {
      out_ += item.null ? " null\n" : " {}\n";
      return;
    }
    out_ += ' ';
    Fields(item, indent + 2, true);
  }

  void ScalarValue(const Value& value, std::size_t indent, bool flow) {
    const Kind kind = value.type().kind;
    const bool hidden = kind == Kind::kSecret || kind == Kind::kUrl;
    const std::string text = hidden && reveal_secrets_ ? value.text : ScalarText(value);
    if (kind == Kind::kSecret && text.empty()) {
      out_ += "null";
    } else if (kind == Kind::kBool || kind == Kind::kInt || kind == Kind::kUint ||
               kind == Kind::kFloat) {
      out_ += text;
    } else {
      Scalar(text, indent, false, flow);
    }
  }

  /// A string in the style that yaml.v2 and libyaml's emitter choose for it.
  void Scalar(std::string_view text, std::size_t indent, bool key, bool flow) {
    const ScalarMeaning meaning = MeaningOf(text);
    const bool reads_as_string = meaning == ScalarMeaning::kString && !IsBase60(text);
    const ScalarForm form = Analyze(text);
    if (text.find('\n') != std::string_view::npos && form.literal && !key && !flow) {
      Literal(text, indent);
    } else if (!reads_as_string || !form.single_quoted || text.find('\n') != text.npos) {
      DoubleQuoted(text);
    } else if (flow ? form.plain_in_flow : form.plain) {
      Folded(text, indent, key, false);
    } else {
      out_ += '\'';
      Folded(text, indent, key, true);
      out_ += '\'';
    }
  }

  /// "1:30" is a number in base 60 for YAML 1.1 readers:
  /// ^[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$
  static bool IsBase60(std::string_view text) {
    std::size_t i = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    const auto digit = [&](std::size_t at) { return at < text.size() && IsDigit(text[at]); };
    if (!digit(i)) return false;
    while (digit(i) || (i < text.size() && text[i] == '_')) ++i;
    int groups = 0;
    while (i < text.size() && text[i] == ':') {
      if (!digit(++i)) return false;
      i += text[i] <= '5' && digit(i + 1) ? 2 : 1;
      ++groups;
    }
    if (i < text.size() && text[i] == '.') {
      ++i;
      while (digit(i) || (i < text.size() && text[i] == '_')) ++i;
    }
    return groups > 0 && i == text.size();
  }

  void Folded(std::string_view text, std::size_t indent, bool key, bool double_single_quotes) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool edge = i == 0 || i + 1 == text.size();
      const bool space_run = text[i] == ' ' && ((i > 0 && text[i - 1] == ' ') ||
                                                (i + 1 < text.size() && text[i + 1] == ' '));
      if (text[i] == ' ' && !key && !edge && !space_run && Column() > kBestWidth) {
        out_ += '\n';
        out_.append(indent + 2, ' ');
        continue;
      }
      if (double_single_quotes && text[i] == '\'') out_ += '\'';
      out_ += text[i];
    }
  }

  void Literal(std::string_view text, std::size_t indent) {
    out_ += '|';
    if (text.front() == ' ' || text.front() == '\n') out_ += '2';
    if (!text.ends_with('\n')) {
      out_ += '-';
    } else if (text.size() == 1 || text[text.size() - 2] == '\n') {
      out_ += '+';
    }
    bool at_line_start = true;
    out_ += '\n';
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (i + 1 == text.size() && text[i] == '\n') break;  // The caller ends the line.
      if (text[i] == '\n') {
        out_ += '\n';
        at_line_start = true;
        continue;
      }
      if (at_line_start) out_.append(indent + 2, ' ');
      at_line_start = false;
      out_ += text[i];
    }
  }

  void DoubleQuoted(std::string_view text) {
    out_ += '"';
    for (const char c : text) {
      switch (c) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        default:
          if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out_ += fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
          } else {
            out_ += c;
          }
      }
    }
    out_ += '"';
  }

  std::size_t Column() const {
    const std::size_t line_break = out_.rfind('\n');
    return line_break == std::string::npos ? out_.size() : out_.size() - line_break - 1;
  }

  const bool reveal_secrets_;
  std::string out_;
};

}  // namespace

std::string WriteYaml(const Value& value, bool reveal_secrets) {
  NX_CHECK(value.type().kind == Kind::kStruct, "only structs are printed whole");
  Writer writer(reveal_secrets);
  writer.Fields(value, 0, true);
  std::string text = writer.Take();
  return text.empty() ? "{}\n" : text;
}

}  // namespace narthex::config

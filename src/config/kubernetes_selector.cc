// SPDX-License-Identifier: Apache-2.0
//
// Source: k8s.io/apimachinery, pkg/fields and pkg/labels, whose words the messages have.
#include "src/config/kubernetes_selector.h"

#include <set>
#include <vector>

#include <fmt/core.h>

#include "narthex/base/go_format.h"

namespace narthex::config {

namespace {

template <typename... Args>
tl::unexpected<Error> Bad(fmt::format_string<Args...> text, Args&&... args) {
  return Fail(Code::kInvalidArgument, fmt::format(text, std::forward<Args>(args)...));
}

/// Terms of a field selector: split at commas without a backslash.
std::vector<std::string> SplitTerms(std::string_view text) {
  std::vector<std::string> terms(1);
  bool escaped = false;
  for (const char c : text) {
    if (!escaped && c == ',') {
      terms.emplace_back();
      continue;
    }
    escaped = !escaped && c == '\\';
    terms.back() += c;
  }
  return terms;
}

Status CheckFieldValue(std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == ',' || value[i] == '=') {
      return Bad("invalid field selector: unescaped character in value: {}",
                 static_cast<int>(value[i]));
    }
    if (value[i] != '\\') continue;
    ++i;
    if (i == value.size()) return Bad("invalid field selector: invalid escape sequence: \\");
    if (value[i] == '\\' || value[i] == ',' || value[i] == '=') continue;
    // A character beyond ASCII is shown whole.
    std::size_t end = i + 1;
    while (end < value.size() && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) ++end;
    return Bad("invalid field selector: invalid escape sequence: \\{}", value.substr(i, end - i));
  }
  return {};
}

}  // namespace

Status CheckFieldSelector(const std::string& text) {
  std::vector<std::string> terms = SplitTerms(text);
  std::sort(terms.begin(), terms.end());  // The first in this order is the one complained of.
  for (const std::string& term : terms) {
    if (term.empty()) continue;
    const std::size_t equals = term.find('=');
    if (equals == std::string::npos) {
      return Bad("invalid selector: '{}'; can't understand '{}'", text, term);
    }
    // "!=" begins before its equals sign, "==" goes on behind.
    const bool doubled = (equals == 0 || term[equals - 1] != '!') && equals + 1 < term.size() &&
                         term[equals + 1] == '=';
    NX_RETURN_IF_ERROR(CheckFieldValue(std::string_view(term).substr(equals + (doubled ? 2 : 1))));
  }
  return {};
}

namespace {

enum class Token : std::uint8_t { kWord, kIn, kNotIn, kSymbol, kError, kEnd };

struct Scanned {
  Token token;
  std::string text;
  bool Is(std::string_view symbol) const { return token == Token::kSymbol && text == symbol; }
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsSymbol(char c) { return std::string_view("=!(),><").find(c) != std::string_view::npos; }

std::vector<Scanned> Scan(std::string_view text) {
  std::vector<Scanned> all;
  // A zero byte ends the text.
  text = text.substr(0, text.find('\0'));
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t from = i;
    if (IsSpace(text[i])) {
      ++i;
    } else if (IsSymbol(text[i])) {
      i += text.substr(i, 2) == "==" || text.substr(i, 2) == "!=" ? 2 : 1;
      all.push_back({Token::kSymbol, std::string(text.substr(from, i - from))});
    } else {
      while (i < text.size() && !IsSpace(text[i]) && !IsSymbol(text[i])) ++i;
      std::string word(text.substr(from, i - from));
      const Token token = word == "in"      ? Token::kIn
                          : word == "notin" ? Token::kNotIn
                                            : Token::kWord;
      all.push_back({token, std::move(word)});
    }
  }
  all.push_back({Token::kEnd, ""});
  return all;
}

bool IsAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]
bool IsLabelText(std::string_view text) {
  if (text.empty() || !IsAlnum(text.front()) || !IsAlnum(text.back())) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return IsAlnum(c) || c == '-' || c == '_' || c == '.'; });
}

/// Labels of RFC 1123 joined by dots: [a-z0-9]([-a-z0-9]*[a-z0-9])?
bool IsSubdomain(std::string_view text) {
  for (;;) {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    const auto lower = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (label.empty() || !lower(label.front()) || !lower(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [&](char c) { return lower(c) || c == '-'; })) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

constexpr std::string_view kKeyRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kPrefixRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view kValueRule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr std::size_t kMaxLabelLength = 63;
constexpr std::size_t kMaxPrefixLength = 253;

std::string Join(const std::vector<std::string>& texts) {
  std::string joined;
  for (const std::string& text : texts) joined.append(joined.empty() ? "" : "; ").append(text);
  return joined;
}

Status CheckKey(const std::string& key) {
  std::vector<std::string> errors;
  const std::size_t slash = key.find('/');
  std::string name = key;
  if (slash != std::string::npos && key.find('/', slash + 1) != std::string::npos) {
    errors.push_back(
        fmt::format("a valid label key {} with an optional DNS subdomain prefix and "
                    "'/' (e.g. 'example.com/MyName')",
                    kKeyRule));
  } else {
    if (slash != std::string::npos) {
      name = key.substr(slash + 1);
      const std::string prefix = key.substr(0, slash);
      if (prefix.empty()) {
        errors.emplace_back("prefix part must be non-empty");
      } else {
        if (prefix.size() > kMaxPrefixLength) {
          errors.emplace_back("prefix part must be no more than 253 bytes");
        }
        if (!IsSubdomain(prefix)) errors.push_back(fmt::format("prefix part {}", kPrefixRule));
      }
    }
    if (name.empty()) {
      errors.emplace_back("name part must be non-empty");
    } else if (name.size() > kMaxLabelLength) {
      errors.emplace_back("name part must be no more than 63 bytes");
    }
    if (!IsLabelText(name)) errors.push_back(fmt::format("name part {}", kKeyRule));
  }
  if (errors.empty()) return {};
  return Bad("<nil>: Invalid value: {}: {}", go::Quote(key), Join(errors));
}

/// What is wrong with one value, or "".
std::string ValueError(const std::string& key, std::size_t index, const std::string& value) {
  std::vector<std::string> errors;
  if (value.size() > kMaxLabelLength) errors.emplace_back("must be no more than 63 bytes");
  if (!value.empty() && !IsLabelText(value)) errors.emplace_back(kValueRule);
  if (errors.empty()) return "";
  return fmt::format("values[{}][{}]: Invalid value: {}: {}", index, key, go::Quote(value),
                     Join(errors));
}

class LabelSelectorParser {
 public:
  explicit LabelSelectorParser(std::string_view text) : scanned_(Scan(text)) {}

  Status Parse() {
    for (;;) {
      const Scanned& next = Peek();
      if (next.token == Token::kEnd) return {};
      if (!BeginsRequirement(next)) {
        return Bad("found '{}', expected: !, identifier, or 'end of string'", next.text);
      }
      if (Status status = Requirement(); !status) {
        return Fail(std::move(status).error().Wrap("unable to parse requirement"));
      }
      const Scanned& after = Take();
      if (after.token == Token::kEnd) return {};
      if (!after.Is(",")) return Bad("found '{}', expected: ',' or 'end of string'", after.text);
      if (!BeginsRequirement(Peek())) {
        return Bad("found '{}', expected: identifier after ','", Peek().text);
      }
    }
  }

 private:
  static bool IsWord(const Scanned& item) { return item.token <= Token::kNotIn; }
  static bool BeginsRequirement(const Scanned& item) { return IsWord(item) || item.Is("!"); }

  const Scanned& Peek() const { return scanned_[next_]; }
  /// The end is given again and again.
  const Scanned& Take() { return scanned_[next_ + 1 < scanned_.size() ? next_++ : next_]; }

  Status Requirement() {
    const bool negated = Peek().Is("!");
    if (negated) Take();
    const Scanned& key = Take();
    if (!IsWord(key)) return Bad("found '{}', expected: identifier", key.text);
    NX_RETURN_IF_ERROR(CheckKey(key.text));
    if (negated || Peek().token == Token::kEnd || Peek().Is(",")) return {};
    const Scanned& op = Take();
    std::set<std::string> values;
    if (op.token == Token::kIn || op.token == Token::kNotIn) {
      NX_RETURN_IF_ERROR(Values(values));
    } else if (op.Is("=") || op.Is("==") || op.Is("!=") || op.Is(">") || op.Is("<")) {
      NX_RETURN_IF_ERROR(ExactValue(values));
    } else {
      return Bad("found '{}', expected: in, notin, =, ==, !=, gt, lt", op.text);
    }
    return CheckValues(key.text, values, op.Is(">") || op.Is("<"));
  }

  static Status CheckValues(const std::string& key, const std::set<std::string>& values,
                            bool numbers) {
    std::vector<std::string> errors;
    std::size_t index = 0;
    for (const std::string& value : values) {
      if (numbers && !IsInteger(value)) {
        errors.push_back(
            fmt::format("values[{}]: Invalid value: {}: for 'Gt', 'Lt' operators, "
                        "the value must be an integer",
                        index, go::Quote(value)));
      }
      ++index;
    }
    index = 0;
    for (const std::string& value : values) {
      if (std::string error = ValueError(key, index++, value); !error.empty()) {
        errors.push_back(std::move(error));
      }
    }
    if (errors.empty()) return {};
    if (errors.size() == 1) return Fail(Code::kInvalidArgument, std::move(errors.front()));
    std::string all;
    for (const std::string& error : errors) all.append(all.empty() ? "" : ", ").append(error);
    return Bad("[{}]", all);
  }

  static bool IsInteger(std::string_view text) {
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    return !text.empty() && text.size() <= 19 &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  }

  Status ExactValue(std::set<std::string>& values) {
    if (Peek().token == Token::kEnd || Peek().Is(",")) {
      values.insert("");
      return {};
    }
    const Scanned& value = Take();
    if (!IsWord(value)) return Bad("found '{}', expected: identifier", value.text);
    values.insert(value.text);
    return {};
  }

  Status Values(std::set<std::string>& values) {
    if (const Scanned& open = Take(); !open.Is("(")) {
      return Bad("found '{}' expected: '('", open.text);
    }
    const std::string first = Peek().text;
    if (Peek().Is(")")) {
      values.insert("");
      Take();
      return {};
    }
    if (!IsWord(Peek()) && !Peek().Is(",")) {
      return Bad("found '{}', expected: ',', ')' or identifier", first);
    }
    NX_RETURN_IF_ERROR(Identifiers(values));
    if (!Take().Is(")")) return Bad("found '{}', expected: ')'", first);
    return {};
  }

  /// A list whose elements may be empty: "(a,,b)".
  Status Identifiers(std::set<std::string>& values) {
    for (;;) {
      const Scanned& item = Take();
      if (IsWord(item)) {
        values.insert(item.text);
        if (Peek().Is(",")) continue;
        if (Peek().Is(")")) return {};
        return Bad("found '{}', expected: ',' or ')'", Peek().text);
      }
      if (!item.Is(",")) return Bad("found '{}', expected: ',', or identifier", item.text);
      if (values.empty()) values.insert("");
      if (Peek().Is(",") || Peek().Is(")")) values.insert("");
      if (Peek().Is(")")) return {};
    }
  }

  const std::vector<Scanned> scanned_;
  std::size_t next_ = 0;
};

}  // namespace

Status CheckLabelSelector(const std::string& text) { return LabelSelectorParser(text).Parse(); }

}  // namespace narthex::config

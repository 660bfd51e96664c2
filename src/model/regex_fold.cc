// SPDX-License-Identifier: Apache-2.0
#include "src/model/regex_fold.h"

#include <algorithm>
#include <optional>

namespace narthex::model {
namespace {

// More combinations than this cost more as a set than as an expression.
constexpr std::size_t kMaxLiterals = 256;

using Literals = std::vector<std::string>;

// Reads the part of the syntax that stands for finite sets: literals, escapes of punctuation,
// alternation, groups, and classes of single ASCII characters. Everything else gives nullopt.
class LiteralReader {
 public:
  explicit LiteralReader(std::string_view text) : text_(text) {}

  std::optional<Literals> ReadAll() {
    auto set = ReadAlternation();
    if (!set || pos_ != text_.size()) return std::nullopt;
    return set;
  }

 private:
  static constexpr int kMaxDepth = 64;

  bool At(char c) const { return pos_ < text_.size() && text_[pos_] == c; }

  std::optional<Literals> ReadAlternation() {
    if (++depth_ > kMaxDepth) return std::nullopt;
    Literals all;
    do {
      auto branch = ReadConcatenation();
      if (!branch || all.size() + branch->size() > kMaxLiterals) return std::nullopt;
      all.insert(all.end(), branch->begin(), branch->end());
    } while (Skip('|'));
    --depth_;
    return all;
  }

  std::optional<Literals> ReadConcatenation() {
    Literals product = {""};
    while (pos_ < text_.size() && !At('|') && !At(')')) {
      const auto atom = ReadAtom();
      if (!atom || product.size() * atom->size() > kMaxLiterals) return std::nullopt;
      if (pos_ < text_.size() &&
          std::string_view("*+?{").find(text_[pos_]) != std::string_view::npos) {
        return std::nullopt;
      }
      Literals next;
      for (const auto& head : product) {
        for (const auto& tail : *atom) next.push_back(head + tail);
      }
      product = std::move(next);
    }
    return product;
  }

  std::optional<Literals> ReadAtom() {
    const char c = text_[pos_];
    if (c == '(') return ReadGroup();
    if (c == '[') return ReadClass();
    if (c == '\\') {
      const auto escaped = ReadEscape();
      if (!escaped) return std::nullopt;
      return Literals{std::string(1, *escaped)};
    }
    if (std::string_view(".^$*+?{}]").find(c) != std::string_view::npos) return std::nullopt;
    ++pos_;
    return Literals{std::string(1, c)};
  }

  std::optional<Literals> ReadGroup() {
    ++pos_;
    if (At('?')) {
      if (text_.substr(pos_, 2) != "?:") return std::nullopt;
      pos_ += 2;
    }
    auto inner = ReadAlternation();
    if (!inner || !Skip(')')) return std::nullopt;
    return inner;
  }

  // A backslash before punctuation is that character; before letters and digits it is a class.
  std::optional<char> ReadEscape() {
    if (pos_ + 1 >= text_.size()) return std::nullopt;
    const char c = text_[pos_ + 1];
    const bool punctuation = (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
                             (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
    if (!punctuation) return std::nullopt;
    pos_ += 2;
    return c;
  }

  std::optional<char> ReadClassChar() {
    if (pos_ >= text_.size()) return std::nullopt;
    if (At('\\')) return ReadEscape();
    const char c = text_[pos_];
    if (c == '[' || static_cast<unsigned char>(c) >= 0x80) return std::nullopt;
    ++pos_;
    return c;
  }

  std::optional<Literals> ReadClass() {
    ++pos_;
    if (At('^') || At(']')) return std::nullopt;
    Literals chars;
    while (!Skip(']')) {
      const auto low = ReadClassChar();
      if (!low) return std::nullopt;
      char high = *low;
      if (At('-') && pos_ + 1 < text_.size() && text_[pos_ + 1] != ']') {
        ++pos_;
        const auto end = ReadClassChar();
        if (!end || *end < *low) return std::nullopt;
        high = *end;
      }
      for (int c = *low; c <= high; ++c) chars.emplace_back(1, static_cast<char>(c));
      if (chars.size() > kMaxLiterals) return std::nullopt;
    }
    return chars;
  }

  bool Skip(char c) {
    if (!At(c)) return false;
    ++pos_;
    return true;
  }

  std::string_view text_;
  std::size_t pos_ = 0;
  int depth_ = 0;
};

// Whether the whole pattern is an alternation, or may be one (quoted runs are not looked into).
bool HasTopLevelAlternation(std::string_view pattern) {
  if (pattern.find("\\Q") != std::string_view::npos) return true;
  int depth = 0;
  std::size_t class_start = std::string_view::npos;  // Of the open character class.
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '\\') {
      ++i;
    } else if (class_start != std::string_view::npos) {
      // ']' directly after "[" or "[^" is a member.
      const bool first = i == class_start + 1 || (i == class_start + 2 && pattern[i - 1] == '^');
      if (c == ']' && !first) class_start = std::string_view::npos;
    } else if (c == '[') {
      class_start = i;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      --depth;
    } else if (c == '|' && depth == 0) {
      return true;
    }
  }
  return false;
}

// Literal characters at the start, as long as no quantifier or alternation can take them back.
std::string LiteralPrefix(std::string_view pattern) {
  if (HasTopLevelAlternation(pattern)) return {};
  std::string prefix;
  std::size_t i = 0;
  while (i < pattern.size()) {
    char c = pattern[i];
    std::size_t length = 1;
    if (c == '\\') {
      if (i + 1 >= pattern.size()) break;
      c = pattern[i + 1];
      if (std::string_view("._-/:+*?()[]{}|^$\\").find(c) == std::string_view::npos) break;
      length = 2;
    } else if (std::string_view(".^$*+?()[]{}|").find(c) != std::string_view::npos) {
      break;
    }
    const char next = i + length < pattern.size() ? pattern[i + length] : '\0';
    if (next == '*' || next == '?' || next == '{') break;
    // In "a(?i)*" the quantifier reaches over the flags.
    const std::string_view after = pattern.substr(std::min(i + length, pattern.size()), 3);
    if (after.starts_with("(?") && !after.ends_with(':')) break;
    prefix += c;
    i += length;
  }
  // A quantifier after a multi-byte character belongs to the whole character.
  if (i < pattern.size()) {
    while (!prefix.empty() && (static_cast<unsigned char>(prefix.back()) & 0x80) != 0) {
      prefix.pop_back();
    }
  }
  return prefix;
}

}  // namespace

RegexFold FoldRegex(std::string_view pattern) {
  RegexFold fold;
  if (auto literals = LiteralReader(pattern).ReadAll()) {
    fold.literals = std::move(*literals);
    std::sort(fold.literals.begin(), fold.literals.end());
    fold.literals.erase(std::unique(fold.literals.begin(), fold.literals.end()),
                        fold.literals.end());
  } else {
    fold.prefix = LiteralPrefix(pattern);
  }
  return fold;
}

}  // namespace narthex::model

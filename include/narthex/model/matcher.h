// SPDX-License-Identifier: Apache-2.0
//
// Label matchers: =, !=, =~, !~. Regular expressions are RE2, fully anchored, '.' matches newline.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/model/labels.h"

namespace narthex::model {

enum class MatchType : std::uint8_t { kEqual, kNotEqual, kRegex, kNotRegex };

/// "=", "!=", "=~", "!~".
std::string_view MatchOperator(MatchType type);

/// A compiled, anchored regular expression: ^(?s:…)$. Before RE2 is asked, prefixes, literal
/// sets, ".*", ".+" and case folds are recognised and answered directly.
/// Thread safety: any thread. Copies share the compiled form.
class Regex {
 public:
  /// Errors: kInvalidArgument, "error parsing regexp: …" in Go's wording with the pattern.
  static Result<Regex> Compile(std::string_view pattern);

  bool Matches(std::string_view text) const;
  const std::string& pattern() const;

  /// When the expression is a finite set of literals ("a|b|c[12]"), that set, sorted; else empty.
  const std::vector<std::string>& set_matches() const;
  /// A literal that every match begins with (case-sensitive); may be empty.
  const std::string& prefix() const;
  bool matches_all() const;        // ".*"
  bool matches_non_empty() const;  // ".+"

  /// Whether finding the groups of a match takes a bounded amount of memory (256 MiB). It grows
  /// with groups x length of the pattern: one of a few hundred kilobytes can ask for all memory
  /// there is.
  bool GroupsFitMemory() const;

  /// Go's regexp Expand: replaces $1, ${name} and $$ in the template with the groups of the match.
  /// A result of more than kMaxLabelBytes is not whole.
  /// @return false when the text does not match; out is then unchanged
  bool Expand(std::string_view text, std::string_view replacement, std::string& out) const;
  /// regexp.ReplaceAllString of an unanchored use of the same pattern (templates' reReplaceAll).
  std::string ReplaceAll(std::string_view text, std::string_view replacement) const;

 private:
  struct Impl;
  explicit Regex(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// Immutable. Thread safety: any thread. Copies share a compiled regex.
class Matcher {
 public:
  /// Errors: kInvalidArgument for a bad regex.
  static Result<Matcher> Create(MatchType type, std::string_view name, std::string_view value);
  /// For types that can't fail.
  static Matcher Equal(std::string_view name, std::string_view value);
  static Matcher NotEqual(std::string_view name, std::string_view value);

  MatchType type() const { return type_; }
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  /// The compiled expression of kRegex and kNotRegex, else null.
  const Regex* regex() const { return regex_ ? &*regex_ : nullptr; }

  /// Whether a series with this label value ("" when it has none) is selected.
  bool Matches(std::string_view label_value) const;
  bool MatchesEmpty() const { return Matches(""); }
  /// name="value", name quoted when it is not legacy-valid.
  std::string ToString() const;

  bool operator==(const Matcher& other) const {
    return type_ == other.type_ && name_ == other.name_ && value_ == other.value_;
  }

 private:
  Matcher(MatchType type, std::string_view name, std::string_view value)
      : type_(type), name_(name), value_(value) {}
  MatchType type_;
  std::string name_;
  std::string value_;
  std::shared_ptr<const Regex> regex_;
};

}  // namespace narthex::model

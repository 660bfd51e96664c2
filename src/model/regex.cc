// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <re2/re2.h>

#include "narthex/model/matcher.h"
#include "src/model/regex_fold.h"

namespace narthex::model {
namespace {

// RE2's reasons in the words of Go's regexp/syntax, whose texts users know.
std::string GoReason(const re2::RE2& re) {
  switch (re.error_code()) {
    case re2::RE2::ErrorMissingParen:
      return "missing closing )";
    case re2::RE2::ErrorUnexpectedParen:
      return "unexpected )";
    case re2::RE2::ErrorMissingBracket:
      return "missing closing ]";
    case re2::RE2::ErrorBadCharRange:
      return "invalid character class range";
    case re2::RE2::ErrorBadCharClass:
      return "invalid character class";
    case re2::RE2::ErrorBadEscape:
      return "invalid escape sequence";
    case re2::RE2::ErrorTrailingBackslash:
      return "trailing backslash at end of expression";
    case re2::RE2::ErrorRepeatArgument:
      return "missing argument to repetition operator";
    case re2::RE2::ErrorRepeatSize:
      return "invalid repeat count";
    case re2::RE2::ErrorRepeatOp:
      return "invalid nested repetition operator";
    case re2::RE2::ErrorBadPerlOp:
      return "invalid or unsupported Perl syntax";
    case re2::RE2::ErrorBadUTF8:
      return "invalid UTF-8";
    case re2::RE2::ErrorBadNamedCapture:
      return "invalid named capture";
    case re2::RE2::ErrorPatternTooLarge:
      return "expression too large";
    default:
      return re.error();
  }
}

re2::RE2::Options Options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_max_mem(64 << 20);
  return options;
}

// Go also takes (?<name>…), which this RE2 knows only as (?P<name>…).
std::string WithNamedGroups(std::string_view pattern) {
  std::string out;
  bool in_class = false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest[0] == '\\' && rest.size() > 1) {
      out += rest.substr(0, 2);
      ++i;
      continue;
    }
    if (!in_class && rest.size() > 3 && rest.starts_with("(?<")) {
      out += "(?P<";
      i += 2;
      continue;
    }
    if (rest[0] == '[') in_class = true;
    if (rest[0] == ']') in_class = false;
    out += rest[0];
  }
  return out;
}

// The part of the expression that Go's text names.
std::string GoErrorPart(const re2::RE2& re, std::string_view pattern) {
  switch (re.error_code()) {
    case re2::RE2::ErrorTrailingBackslash:
      return "";
    case re2::RE2::ErrorMissingParen:
    case re2::RE2::ErrorUnexpectedParen:
      return std::string(pattern);
    case re2::RE2::ErrorBadNamedCapture: {
      std::string part = re.error_arg();
      const bool written = pattern.find("(?P<") != std::string_view::npos;
      if (!written && part.starts_with("(?P<")) part.erase(2, 1);
      return part;
    }
    default:
      return re.error_arg().empty() ? std::string(pattern) : re.error_arg();
  }
}

re2::StringPiece Piece(std::string_view text) { return {text.data(), text.size()}; }

// Replaces $1, ${name}, $$ by regexp.Expand's rules: the longest name of letters, digits and '_';
// an unknown one stands for "". Ends early when the result is too long for a label.
void ExpandTemplate(std::string_view replacement, const re2::RE2& re,
                    const std::vector<re2::StringPiece>& groups, std::string& out) {
  const auto is_name_char = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  };
  while (!replacement.empty() && out.size() <= kMaxLabelBytes) {
    const std::size_t dollar = replacement.find('$');
    out += replacement.substr(0, dollar);
    if (dollar == std::string_view::npos) return;
    replacement.remove_prefix(dollar + 1);
    if (!replacement.empty() && replacement[0] == '$') {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    const bool brace = !replacement.empty() && replacement[0] == '{';
    std::size_t n = brace ? 1 : 0;
    while (n < replacement.size() && is_name_char(replacement[n])) ++n;
    const std::string_view name = replacement.substr(brace ? 1 : 0, n - (brace ? 1 : 0));
    if (name.empty() || (brace && (n >= replacement.size() || replacement[n] != '}'))) {
      out += '$';  // Not a reference: the dollar stays.
      continue;
    }
    replacement.remove_prefix(brace ? n + 1 : n);
    std::size_t index = groups.size();
    if (name.find_first_not_of("0123456789") == std::string_view::npos) {
      if (name.size() < 6) index = static_cast<std::size_t>(std::stoul(std::string(name)));
    } else {
      const auto& names = re.NamedCapturingGroups();
      if (const auto it = names.find(std::string(name)); it != names.end()) {
        index = static_cast<std::size_t>(it->second);
      }
    }
    if (index < groups.size() && groups[index].data() != nullptr) {
      out.append(groups[index].data(), groups[index].size());
    }
  }
}

}  // namespace

struct Regex::Impl {
  explicit Impl(std::string_view text)
      : pattern(text),
        re(fmt::format("^(?s:{})$", WithNamedGroups(text)), Options()),
        all(text == ".*" || text == "(.*)" || text == "^.*$"),
        non_empty(text == ".+" || text == "(.+)" || text == "^.+$"),
        fold(FoldRegex(text)) {}

  std::string pattern;
  re2::RE2 re;
  bool all;
  bool non_empty;
  RegexFold fold;
};

Result<Regex> Regex::Compile(std::string_view pattern) {
  // Compiled alone first: "a)(b" would be fine between the anchor's parentheses.
  const re2::RE2 alone(WithNamedGroups(pattern), Options());
  if (!alone.ok()) {
    return Fail(Code::kInvalidArgument, fmt::format("error parsing regexp: {}: `{}`",
                                                    GoReason(alone), GoErrorPart(alone, pattern)));
  }
  auto impl = std::make_shared<Impl>(pattern);
  if (!impl->re.ok()) {
    return Fail(Code::kInvalidArgument,
                fmt::format("error parsing regexp: {}: `{}`", GoReason(impl->re), pattern));
  }
  return Regex(std::move(impl));
}

bool Regex::Matches(std::string_view text) const {
  if (impl_->all) return true;
  if (impl_->non_empty) return !text.empty();
  const RegexFold& fold = impl_->fold;
  if (!fold.literals.empty()) {
    return std::binary_search(fold.literals.begin(), fold.literals.end(), text);
  }
  if (!text.starts_with(fold.prefix)) return false;
  return re2::RE2::FullMatch(Piece(text), impl_->re);
}

const std::string& Regex::pattern() const { return impl_->pattern; }
const std::vector<std::string>& Regex::set_matches() const { return impl_->fold.literals; }
const std::string& Regex::prefix() const { return impl_->fold.prefix; }
bool Regex::matches_all() const { return impl_->all; }
bool Regex::matches_non_empty() const { return impl_->non_empty; }

bool Regex::GroupsFitMemory() const {
  constexpr std::int64_t kMaxBytes = std::int64_t{256} << 20;
  const std::int64_t threads = std::max(impl_->re.ProgramSize(), 1);
  const std::int64_t bytes_per_thread =
      16 * (std::int64_t{impl_->re.NumberOfCapturingGroups()} + 1);
  return bytes_per_thread <= kMaxBytes / threads;
}

bool Regex::Expand(std::string_view text, std::string_view replacement, std::string& out) const {
  const re2::RE2& re = impl_->re;
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(re.NumberOfCapturingGroups()) + 1);
  if (!re.Match(Piece(text), 0, text.size(), re2::RE2::UNANCHORED, groups.data(),
                static_cast<int>(groups.size()))) {
    return false;
  }
  ExpandTemplate(replacement, re, groups, out);
  return true;
}

std::string Regex::ReplaceAll(std::string_view text, std::string_view replacement) const {
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 re(impl_->pattern, options);
  std::vector<re2::StringPiece> groups(static_cast<std::size_t>(re.NumberOfCapturingGroups()) + 1);
  std::string out;
  std::size_t copied = 0;  // Text before it is in `out`.
  std::size_t search = 0;
  bool after_match = false;
  while (search <= text.size() && re.Match(Piece(text), search, text.size(), re2::RE2::UNANCHORED,
                                           groups.data(), static_cast<int>(groups.size()))) {
    const auto begin = static_cast<std::size_t>(groups[0].data() - text.data());
    const std::size_t length = groups[0].size();
    // Go does not replace an empty match right after the previous match.
    if (length > 0 || !after_match || begin > copied) {
      out += text.substr(copied, begin - copied);
      ExpandTemplate(replacement, re, groups, out);
      copied = begin + length;
    }
    after_match = true;
    search = length > 0 ? begin + length : begin + 1;
  }
  out += text.substr(std::min(copied, text.size()));
  return out;
}

}  // namespace narthex::model

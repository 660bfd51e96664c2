// SPDX-License-Identifier: Apache-2.0
//
// Inside of CSS: strings, url(…), comments.
#include <algorithm>
#include <utility>

#include "alerting/template/html/css.h"
#include "alerting/template/html/transition.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::string_view kSpaces = "\t\n\f\r ";

Step Enter(Context context, State state, std::size_t read) {
  context.state = state;
  return {std::move(context), read};
}

/// Whether the word "url" ends the text, and not a longer word.
bool EndsWithUrl(std::string_view text) {
  const std::size_t last = text.find_last_not_of(kSpaces);
  text = text.substr(0, last == kNone ? 0 : last + 1);
  if (text.size() < 3 || !EqualFold(text.substr(text.size() - 3), "url")) return false;
  if (text.size() == 3) return true;
  const char before = text[text.size() - 4];
  return (before & 0x80) == 0 && !IsCssNameChar(before);
}

Step InRules(Context context, std::string_view text) {
  for (std::size_t at = text.find_first_of("(\"'/"); at != kNone;
       at = text.find_first_of("(\"'/", at + 1)) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    switch (text[at]) {
      case '"':
        return Enter(std::move(context), State::kCssDoubleQuoted, at + 1);
      case '\'':
        return Enter(std::move(context), State::kCssSingleQuoted, at + 1);
      case '/':
        if (next == '/') return Enter(std::move(context), State::kCssLineComment, at + 2);
        if (next == '*') return Enter(std::move(context), State::kCssBlockComment, at + 2);
        break;
      default: {
        if (!EndsWithUrl(text.substr(0, at))) break;
        const std::size_t begin = std::min(text.find_first_not_of(kSpaces, at + 1), text.size());
        const char quote = begin < text.size() ? text[begin] : '\0';
        if (quote == '"') {
          return Enter(std::move(context), State::kCssDoubleQuotedUrl, begin + 1);
        }
        if (quote == '\'') {
          return Enter(std::move(context), State::kCssSingleQuotedUrl, begin + 1);
        }
        return Enter(std::move(context), State::kCssUrl, begin);
      }
    }
  }
  return {std::move(context), text.size()};
}

std::string_view EndsAndEscape(State state) {
  switch (state) {
    case State::kCssDoubleQuoted:
    case State::kCssDoubleQuotedUrl:
      return "\\\"";
    case State::kCssSingleQuoted:
    case State::kCssSingleQuotedUrl:
      return "\\'";
    default:
      return "\\\t\n\f\r )";
  }
}

/// In a string or a URL, up to its end. Strings may be URLs, so parts of one are told apart.
Step InString(Context context, std::string_view text) {
  const std::string_view ends = EndsAndEscape(context.state);
  std::size_t from = 0;
  for (;;) {
    std::size_t at = text.find_first_of(ends, from);
    if (at == kNone) {
      return {TransitionInUrl(std::move(context), DecodeCss(text.substr(from))).context,
              text.size()};
    }
    if (text[at] != '\\') return Enter(std::move(context), State::kCss, at + 1);
    if (++at == text.size()) {
      return Refuse("unfinished escape sequence in CSS string: " + go::Quote(text), text);
    }
    context = TransitionInUrl(std::move(context), DecodeCss(text.substr(0, at + 1))).context;
    from = at + 1;
  }
}

Step InBlockComment(Context context, std::string_view text) {
  const std::size_t end = text.find("*/");
  if (end == kNone) return {std::move(context), text.size()};
  return Enter(std::move(context), State::kCss, end + 2);
}

Step InLineComment(Context context, std::string_view text) {
  const std::size_t end = text.find_first_of("\n\f\r");
  if (end == kNone) return {std::move(context), text.size()};
  return Enter(std::move(context), State::kCss, end);
}

}  // namespace

Step TransitionInStyle(Context context, std::string_view text) {
  switch (context.state) {
    case State::kCss:
      return InRules(std::move(context), text);
    case State::kCssBlockComment:
      return InBlockComment(std::move(context), text);
    case State::kCssLineComment:
      return InLineComment(std::move(context), text);
    default:
      return InString(std::move(context), text);
  }
}

}  // namespace narthex::alerting::tmpl::html

// SPDX-License-Identifier: Apache-2.0
//
// Inside of JavaScript: strings, templates, comments, and whether a '/' begins a regular
// expression or divides.
#include <algorithm>
#include <utility>

#include "alerting/template/html/script.h"
#include "alerting/template/html/transition.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;
constexpr std::size_t kMaxTemplates = 200;  // Within each other: each step copies them all.

/// Without JavaScript's white space at the end, of which Unicode has more.
std::string_view TrimEnd(std::string_view text) {
  static constexpr std::string_view kWide[] = {"\u00a0", "\u1680", "\u2000", "\u2001", "\u2002",
                                               "\u2003", "\u2004", "\u2005", "\u2006", "\u2007",
                                               "\u2008", "\u2009", "\u200a", "\u2028", "\u2029",
                                               "\u202f", "\u205f", "\u3000", "\ufeff"};
  for (;;) {
    const std::size_t last = text.find_last_not_of("\f\n\r\t\v ");
    text = text.substr(0, last == kNone ? 0 : last + 1);
    const auto* wide = std::find_if(std::begin(kWide), std::end(kWide),
                                    [&](std::string_view space) { return text.ends_with(space); });
    if (wide == std::end(kWide)) return text;
    text.remove_suffix(wide->size());
  }
}

/// A '/' after these words begins a regular expression, as after an operator.
bool PrecedesRegexp(std::string_view word) {
  constexpr std::string_view kWords[] = {"break", "case",    "continue", "delete",     "do",
                                         "else",  "finally", "in",       "instanceof", "return",
                                         "throw", "try",     "typeof",   "void"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

/// What a '/' after `text` would be. @param before  what it would have been before it
Slash SlashAfter(std::string_view text, Slash before) {
  text = TrimEnd(text);
  if (text.empty()) return before;
  const char last = text.back();
  if (last == '+' || last == '-') {
    // "x++ /" divides: an even number of signs are operators behind their operand.
    const std::size_t other = text.find_last_not_of(last);
    const std::size_t signs = text.size() - (other == kNone ? 0 : other + 1);
    return signs % 2 == 1 ? Slash::kRegexp : Slash::kDivision;
  }
  if (last == '.') {
    const bool number =
        text.size() > 1 && text[text.size() - 2] >= '0' && text[text.size() - 2] <= '9';
    return number ? Slash::kDivision : Slash::kRegexp;
  }
  if (std::string_view(",<>=*%&|^?!~([:;{}").find(last) != kNone) return Slash::kRegexp;
  std::size_t begin = text.size();
  while (begin > 0 && IsInScriptName(text[begin - 1])) --begin;
  return PrecedesRegexp(text.substr(begin)) ? Slash::kRegexp : Slash::kDivision;
}

Step Enter(Context context, State state, std::size_t read) {
  context.state = state;
  return {std::move(context), read};
}

/// At a '/' in code.
Step AtSlash(Context context, std::string_view text, std::size_t at) {
  const char next = at + 1 < text.size() ? text[at + 1] : '\0';
  if (next == '/') return Enter(std::move(context), State::kJsLineComment, at + 2);
  if (next == '*') return Enter(std::move(context), State::kJsBlockComment, at + 2);
  if (context.slash == Slash::kRegexp) return Enter(std::move(context), State::kJsRegexp, at + 1);
  if (context.slash == Slash::kUnknown) {
    return Refuse("'/' could start a division or regexp: " + QuoteStart(text.substr(at)), text);
  }
  context.slash = Slash::kRegexp;
  return {std::move(context), at + 1};
}

/// At a brace in code, which may end the ${ of a template.
Step AtBrace(Context context, std::string_view text, std::size_t at) {
  const bool opens = text[at] == '{';
  if (!context.braces.empty()) {
    context.braces.back() += opens ? 1 : -1;
    if (context.braces.back() < 0) {
      context.braces.pop_back();
      return Enter(std::move(context), State::kJsTemplate, at + 1);
    }
  }
  context.slash = SlashAfter(text.substr(at, 1), context.slash);
  return {std::move(context), at + 1};
}

Step InCode(Context context, std::string_view text) {
  const std::size_t at = text.find_first_of("\"`'/{}<-#");
  context.slash = SlashAfter(text.substr(0, at), context.slash);
  if (at == kNone) return {std::move(context), text.size()};
  const std::string_view rest = text.substr(at);
  switch (text[at]) {
    case '"':
    case '\'':
    case '`':
      context.slash = Slash::kRegexp;
      return Enter(std::move(context),
                   text[at] == '"'    ? State::kJsDoubleQuoted
                   : text[at] == '\'' ? State::kJsSingleQuoted
                                      : State::kJsTemplate,
                   at + 1);
    case '/':
      return AtSlash(std::move(context), text, at);
    case '{':
    case '}':
      return AtBrace(std::move(context), text, at);
    default:
      break;
  }
  // Comments that JavaScript has from its youth.
  if (rest.starts_with("<!--")) return Enter(std::move(context), State::kJsHtmlOpenComment, at + 4);
  if (rest.starts_with("-->")) return Enter(std::move(context), State::kJsHtmlCloseComment, at + 3);
  if (rest.starts_with("#!")) return Enter(std::move(context), State::kJsLineComment, at + 2);
  return {std::move(context), at + 1};
}

Step Unfinished(std::string_view text) {
  return Refuse("unfinished escape sequence in JS string: " + go::Quote(text), text);
}

Step InTemplate(Context context, std::string_view text) {
  for (std::size_t at = text.find_first_of("`\\$"); at != kNone;
       at = text.find_first_of("`\\$", at + 1)) {
    if (text[at] == '`') return Enter(std::move(context), State::kJs, at + 1);
    if (text[at] == '\\') {
      if (++at == text.size()) return Unfinished(text);
    } else if (text.substr(at).starts_with("${")) {
      if (context.braces.size() >= kMaxTemplates) {
        return Refuse("JS templates are too deeply nested", text);
      }
      context.braces.push_back(0);
      return Enter(std::move(context), State::kJs, at + 2);
    }
  }
  return {std::move(context), text.size()};
}

/// In a string or a regular expression, up to its end.
Step InLiteral(Context context, std::string_view text) {
  const std::string_view specials = context.state == State::kJsDoubleQuoted   ? "\\\""
                                    : context.state == State::kJsSingleQuoted ? "\\'"
                                                                              : "\\/[]";
  bool in_set = false;  // [...] of a regular expression.
  for (std::size_t at = text.find_first_of(specials); at != kNone;
       at = text.find_first_of(specials, at + 1)) {
    const char c = text[at];
    if (c == '\\') {
      if (++at == text.size()) return Unfinished(text);
    } else if (c == '[') {
      in_set = true;
    } else if (c == ']') {
      in_set = false;
    } else if (c == '/' && at > 0 && EqualFold(text.substr(at - 1, 8), "</script")) {
      ++at;  // Is escaped where it stands; the end of the expression it is not.
    } else if (!in_set) {
      context.slash = Slash::kDivision;
      return Enter(std::move(context), State::kJs, at + 1);
    }
  }
  if (in_set) return Refuse("unfinished JS regexp charset: " + go::Quote(text), text);
  return {std::move(context), text.size()};
}

Step InBlockComment(Context context, std::string_view text) {
  const std::size_t end = text.find("*/");
  if (end == kNone) return {std::move(context), text.size()};
  return Enter(std::move(context), State::kJs, end + 2);
}

Step InLineComment(Context context, std::string_view text) {
  const std::size_t end =
      std::min({text.find_first_of("\n\r"), text.find("\u2028"), text.find("\u2029")});
  if (end == kNone) return {std::move(context), text.size()};
  return Enter(std::move(context), State::kJs, end);  // The line's end belongs to the code.
}

}  // namespace

Step TransitionInScript(Context context, std::string_view text) {
  switch (context.state) {
    case State::kJsTemplate:
      return InTemplate(std::move(context), text);
    case State::kJsDoubleQuoted:
    case State::kJsSingleQuoted:
    case State::kJsRegexp:
      return InLiteral(std::move(context), text);
    case State::kJsBlockComment:
      return InBlockComment(std::move(context), text);
    case State::kJsLineComment:
    case State::kJsHtmlOpenComment:
    case State::kJsHtmlCloseComment:
      return InLineComment(std::move(context), text);
    default:
      return InCode(std::move(context), text);
  }
}

}  // namespace narthex::alerting::tmpl::html

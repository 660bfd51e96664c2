// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/transition.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/html/unescape.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsLetterOrDigit(char c) { return IsLetter(c) || (c >= '0' && c <= '9'); }

Step InText(const Context& context, std::string_view text) {
  std::size_t from = 0;
  for (;;) {
    std::size_t at = text.find('<', from);
    if (at == kNone || at + 1 == text.size()) return {context, text.size()};
    if (text.substr(at).starts_with("<!--")) {
      Context comment;
      comment.state = State::kHtmlComment;
      return {comment, at + 4};
    }
    ++at;
    const bool closing = text[at] == '/';
    if (closing && ++at == text.size()) return {context, text.size()};
    const TagName name = ReadTagName(text, at);
    if (name.end != at) {
      Context tag;
      tag.state = State::kTag;
      tag.element = closing ? Element::kNone : name.element;
      return {tag, name.end};
    }
    from = at;
  }
}

Step InHtmlComment(const Context& context, std::string_view text) {
  const std::size_t end = text.find("-->");
  if (end == kNone) return {context, text.size()};
  return {Context(), end + 3};
}

Step InMetaContent(Context context, std::string_view text) {
  for (std::size_t i = 0; i + 3 < text.size(); ++i) {
    if (!EqualFold(text.substr(i, 3), "url")) continue;
    const std::size_t equals = text.find_first_not_of(kHtmlSpaces, i + 3);
    if (equals == kNone || text[equals] != '=') continue;
    context.state = State::kMetaContentUrl;
    return {std::move(context), equals + 1};
  }
  return {std::move(context), text.size()};
}

Step InMetaContentUrl(Context context, std::string_view text) {
  const std::size_t end = text.find(';');
  if (end == kNone) return {std::move(context), text.size()};
  context.state = State::kMetaContent;
  return {std::move(context), end + 1};
}

std::string_view EndTagOf(Element element) {
  switch (element) {
    case Element::kScript:
      return "script";
    case Element::kStyle:
      return "style";
    case Element::kTextarea:
      return "textarea";
    case Element::kTitle:
      return "title";
    case Element::kNone:
    case Element::kMeta:
      break;
  }
  return "";
}

/// Where "</name" begins.
std::size_t FindEndTag(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find("</"); at != kNone; at = text.find("</", at + 2)) {
    const std::string_view rest = text.substr(at + 2);
    if (!EqualFold(rest.substr(0, name.size()), name) || rest.size() == name.size()) continue;
    if (std::string_view("> \t\n\f/").find(rest[name.size()]) != kNone) return at;
  }
  return kNone;
}

/// Up to the end tag of the element whose content this is.
Step ToEndTag(const Context& context, std::string_view text) {
  const bool in_literal = context.element == Element::kScript &&
                          (IsInScriptLiteral(context.state) || IsComment(context.state));
  if (context.element == Element::kNone || in_literal) return {context, text.size()};
  const std::size_t end = FindEndTag(text, EndTagOf(context.element));
  if (end == kNone) return {context, text.size()};
  return {Context(), end};
}

/// Whether a <script> of this type is JavaScript.
bool IsScriptType(std::string_view type) {
  constexpr std::string_view kTypes[] = {"",
                                         "application/ecmascript",
                                         "application/javascript",
                                         "application/json",
                                         "application/ld+json",
                                         "application/x-ecmascript",
                                         "application/x-javascript",
                                         "module",
                                         "text/ecmascript",
                                         "text/javascript",
                                         "text/javascript1.0",
                                         "text/javascript1.1",
                                         "text/javascript1.2",
                                         "text/javascript1.3",
                                         "text/javascript1.4",
                                         "text/javascript1.5",
                                         "text/jscript",
                                         "text/livescript",
                                         "text/x-ecmascript",
                                         "text/x-javascript"};
  std::string name = ToLower(type.substr(0, type.find(';')));
  const auto begin = name.find_first_not_of(" \t\n\v\f\r");
  const auto end = name.find_last_not_of(" \t\n\v\f\r");
  name = begin == std::string::npos ? "" : name.substr(begin, end - begin + 1);
  return std::find(std::begin(kTypes), std::end(kTypes), name) != std::end(kTypes);
}

/// The value of an attribute up to its end, which is in `text` or after an action.
Step AdvanceInValue(Context context, std::string_view text) {
  const std::size_t end = std::min(text.find_first_of(EndsOf(context.delim)), text.size());
  if (context.delim == Delim::kSpaceOrTagEnd) {
    const std::size_t bad = text.substr(0, end).find_first_of("\"'<=`");
    if (bad != kNone) {
      return Refuse(fmt::format("{} in unquoted attr: {}", go::Quote(text.substr(bad, 1)),
                                go::Quote(text.substr(0, end))),
                    text);
    }
  }
  if (end == text.size()) {
    const std::string value = Unescape(text);
    for (std::string_view rest = value; !rest.empty();) {
      Step step = Transition(context, rest);
      context = std::move(step.context);
      rest.remove_prefix(step.read);
    }
    return {std::move(context), text.size()};
  }
  Context tag;
  tag.state = State::kTag;
  tag.element = context.element;
  if (context.state == State::kAttr && context.element == Element::kScript &&
      context.attr == Attr::kScriptType && !IsScriptType(text.substr(0, end))) {
    tag.element = Element::kNone;
  }
  return {std::move(tag), end + (context.delim == Delim::kSpaceOrTagEnd ? 0 : 1)};
}

}  // namespace

std::string ToLower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  return lower;
}

bool EqualFold(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view EndsOf(Delim delim) {
  switch (delim) {
    case Delim::kDoubleQuote:
      return "\"";
    case Delim::kSingleQuote:
      return "'";
    case Delim::kSpaceOrTagEnd:
      return " \t\n\f\r>";
    case Delim::kNone:
      break;
  }
  return "";
}

TagName ReadTagName(std::string_view text, std::size_t at) {
  if (at >= text.size() || !IsLetter(text[at])) return {at, Element::kNone};
  std::size_t end = at + 1;
  while (end < text.size()) {
    const char c = text[end];
    if (IsLetterOrDigit(c)) {
      ++end;
    } else if ((c == ':' || c == '-') && end + 1 < text.size() && IsLetterOrDigit(text[end + 1])) {
      end += 2;
    } else {
      break;
    }
  }
  const std::string name = ToLower(text.substr(at, end - at));
  const Element element = name == "script"     ? Element::kScript
                          : name == "style"    ? Element::kStyle
                          : name == "textarea" ? Element::kTextarea
                          : name == "title"    ? Element::kTitle
                          : name == "meta"     ? Element::kMeta
                                               : Element::kNone;
  return {end, element};
}

Step Refuse(std::string reason, std::string_view text) {
  return {Failed({.reason = std::move(reason), .location = "", .name = ""}), text.size()};
}

std::string QuoteStart(std::string_view text) {
  std::size_t end = 0;
  for (int runes = 0; end < text.size() && runes < 32; ++runes) {
    ++end;
    while (end < text.size() && (text[end] & 0xC0) == 0x80) ++end;
  }
  return go::Quote(text.substr(0, end));
}

Step TransitionInUrl(Context context, std::string_view text) {
  if (text.find_first_of("#?") != kNone) {
    context.url_part = UrlPart::kQueryOrFragment;
  } else if (text.find_first_not_of(kHtmlSpaces) != kNone && context.url_part == UrlPart::kNone) {
    // An empty or blank text does not begin the URL.
    context.url_part = UrlPart::kPreQuery;
  }
  return {std::move(context), text.size()};
}

Step Transition(const Context& context, std::string_view text) {
  switch (context.state) {
    case State::kText:
      return InText(context, text);
    case State::kTag:
    case State::kAttrName:
    case State::kAfterName:
    case State::kBeforeValue:
      return TransitionInTag(context, text);
    case State::kHtmlComment:
      return InHtmlComment(context, text);
    case State::kRcdata:
      return ToEndTag(context, text);
    case State::kUrl:
    case State::kSrcset:
      return TransitionInUrl(context, text);
    case State::kMetaContent:
      return InMetaContent(context, text);
    case State::kMetaContentUrl:
      return InMetaContentUrl(context, text);
    case State::kAttr:
    case State::kError:
    case State::kDead:
      return {context, text.size()};
    case State::kJs:
    case State::kJsDoubleQuoted:
    case State::kJsSingleQuoted:
    case State::kJsTemplate:
    case State::kJsRegexp:
    case State::kJsBlockComment:
    case State::kJsLineComment:
    case State::kJsHtmlOpenComment:
    case State::kJsHtmlCloseComment:
      return TransitionInScript(context, text);
    case State::kCss:
    case State::kCssDoubleQuoted:
    case State::kCssSingleQuoted:
    case State::kCssDoubleQuotedUrl:
    case State::kCssSingleQuotedUrl:
    case State::kCssUrl:
    case State::kCssBlockComment:
    case State::kCssLineComment:
      return TransitionInStyle(context, text);
  }
  return {context, text.size()};
}

Step Advance(const Context& context, std::string_view text) {
  if (context.delim != Delim::kNone) return AdvanceInValue(context, text);
  Step end = ToEndTag(context, text);
  if (end.read == 0) return end;
  return Transition(context, text.substr(0, end.read));
}

}  // namespace narthex::alerting::tmpl::html

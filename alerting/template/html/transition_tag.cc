// SPDX-License-Identifier: Apache-2.0
//
// Inside of a tag: names of attributes and where their values begin.
#include <optional>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/html/attr_type.h"
#include "alerting/template/html/transition.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;

/// Where the name that begins at `at` ends; nullopt when a character can't be in a name.
std::optional<std::size_t> NameEnd(std::string_view text, std::size_t at, std::string& problem) {
  const std::size_t end = std::min(text.find_first_of(" \t\n\f\r=>'\"<", at), text.size());
  if (end < text.size() && std::string_view("'\"<").find(text[end]) != kNone) {
    problem =
        fmt::format("{} in attribute name: {}", go::Quote(text.substr(end, 1)), QuoteStart(text));
    return std::nullopt;
  }
  return end;
}

Attr KindOf(Element element, const std::string& name) {
  if (element == Element::kScript && name == "type") return Attr::kScriptType;
  if (element == Element::kMeta && name == "content") return Attr::kMetaContent;
  switch (AttrType(name)) {
    case Content::kUrl:
      return Attr::kUrl;
    case Content::kCss:
      return Attr::kStyle;
    case Content::kJs:
      return Attr::kScript;
    case Content::kSrcset:
      return Attr::kSrcset;
    default:
      return Attr::kNone;
  }
}

State ContentOf(Element element) {
  switch (element) {
    case Element::kScript:
      return State::kJs;
    case Element::kStyle:
      return State::kCss;
    case Element::kTextarea:
    case Element::kTitle:
      return State::kRcdata;
    case Element::kNone:
    case Element::kMeta:
      break;
  }
  return State::kText;
}

Step InTag(Context context, std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kHtmlSpaces);
  if (begin == kNone) return {std::move(context), text.size()};
  Context next;
  if (text[begin] == '>') {
    next.state = ContentOf(context.element);
    next.element = context.element == Element::kMeta ? Element::kNone : context.element;
    return {std::move(next), begin + 1};
  }
  std::string problem;
  const auto end = NameEnd(text, begin, problem);
  if (!end) return Refuse(std::move(problem), text);
  if (*end == begin) {
    return Refuse(
        "expected space, attr name, or end of tag, but got " + go::Quote(text.substr(begin)), text);
  }
  next.element = context.element;
  next.attr = KindOf(context.element, ToLower(text.substr(begin, *end - begin)));
  // A name that goes up to an action may go on there.
  next.state = *end == text.size() ? State::kAttrName : State::kAfterName;
  return {std::move(next), *end};
}

Step InName(Context context, std::string_view text) {
  std::string problem;
  const auto end = NameEnd(text, 0, problem);
  if (!end) return Refuse(std::move(problem), text);
  if (*end != text.size()) context.state = State::kAfterName;
  return {std::move(context), *end};
}

Step AfterName(Context context, std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kHtmlSpaces);
  if (begin == kNone) return {std::move(context), text.size()};
  const bool has_value = text[begin] == '=';
  context.state = has_value ? State::kBeforeValue : State::kTag;
  return {std::move(context), has_value ? begin + 1 : begin};
}

Step BeforeValue(Context context, std::string_view text) {
  std::size_t begin = text.find_first_not_of(kHtmlSpaces);
  if (begin == kNone) return {std::move(context), text.size()};
  context.delim = Delim::kSpaceOrTagEnd;
  if (text[begin] == '\'' || text[begin] == '"') {
    context.delim = text[begin] == '"' ? Delim::kDoubleQuote : Delim::kSingleQuote;
    ++begin;
  }
  context.state = StateOfValue(context.attr);
  return {std::move(context), begin};
}

}  // namespace

Step TransitionInTag(Context context, std::string_view text) {
  switch (context.state) {
    case State::kAttrName:
      return InName(std::move(context), text);
    case State::kAfterName:
      return AfterName(std::move(context), text);
    case State::kBeforeValue:
      return BeforeValue(std::move(context), text);
    default:
      return InTag(std::move(context), text);
  }
}

}  // namespace narthex::alerting::tmpl::html

// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/context.h"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace narthex::alerting::tmpl::html {
namespace {

constexpr std::array<std::string_view, 31> kStates = {"Text",
                                                      "Tag",
                                                      "AttrName",
                                                      "AfterName",
                                                      "BeforeValue",
                                                      "HTMLCmt",
                                                      "RCDATA",
                                                      "Attr",
                                                      "URL",
                                                      "Srcset",
                                                      "JS",
                                                      "JSDqStr",
                                                      "JSSqStr",
                                                      "JSTmplLit",
                                                      "JSRegexp",
                                                      "JSBlockCmt",
                                                      "JSLineCmt",
                                                      "JSHTMLOpenCmt",
                                                      "JSHTMLCloseCmt",
                                                      "CSS",
                                                      "CSSDqStr",
                                                      "CSSSqStr",
                                                      "CSSDqURL",
                                                      "CSSSqURL",
                                                      "CSSURL",
                                                      "CSSBlockCmt",
                                                      "CSSLineCmt",
                                                      "Error",
                                                      "MetaContent",
                                                      "MetaContentURL",
                                                      "Dead"};
constexpr std::array<std::string_view, 4> kDelims = {"None", "DoubleQuote", "SingleQuote",
                                                     "SpaceOrTagEnd"};
constexpr std::array<std::string_view, 4> kUrlParts = {"None", "PreQuery", "QueryOrFrag",
                                                       "Unknown"};
constexpr std::array<std::string_view, 3> kSlashes = {"Regexp", "DivOp", "Unknown"};
constexpr std::array<std::string_view, 6> kElements = {"None",     "Script", "Style",
                                                       "Textarea", "Title",  "Meta"};
constexpr std::array<std::string_view, 7> kAttrs = {"None", "Script", "ScriptType", "Style",
                                                    "URL",  "Srcset", "MetaContent"};

template <typename Names, typename Enum>
std::string_view NameOf(const Names& names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}

std::string Braces(const Context& context) {
  return fmt::format("[{}]", fmt::join(context.braces, " "));
}

}  // namespace

std::string Problem::Text() const {
  if (!location.empty()) return fmt::format("html/template:{}: {}", location, reason);
  if (line != 0) return fmt::format("html/template:{}:{}: {}", name, line, reason);
  return fmt::format("html/template:{}: {}", name, reason);
}

Context Failed(Problem problem) {
  Context context;
  context.state = State::kError;
  context.problem = std::make_shared<const Problem>(std::move(problem));
  return context;
}

bool IsComment(State state) {
  switch (state) {
    case State::kHtmlComment:
    case State::kJsBlockComment:
    case State::kJsLineComment:
    case State::kJsHtmlOpenComment:
    case State::kJsHtmlCloseComment:
    case State::kCssBlockComment:
    case State::kCssLineComment:
      return true;
    default:
      return false;
  }
}

bool IsInTag(State state) {
  switch (state) {
    case State::kTag:
    case State::kAttrName:
    case State::kAfterName:
    case State::kBeforeValue:
    case State::kAttr:
      return true;
    default:
      return false;
  }
}

bool IsInScriptLiteral(State state) {
  switch (state) {
    case State::kJsDoubleQuoted:
    case State::kJsSingleQuoted:
    case State::kJsTemplate:
    case State::kJsRegexp:
      return true;
    default:
      return false;
  }
}

std::string ToString(const Context& c) {
  return fmt::format("{{state{} delim{} urlPart{} jsCtx{} {} attr{} element{} {}}}",
                     NameOf(kStates, c.state), NameOf(kDelims, c.delim),
                     NameOf(kUrlParts, c.url_part), NameOf(kSlashes, c.slash), Braces(c),
                     NameOf(kAttrs, c.attr), NameOf(kElements, c.element),
                     c.problem ? c.problem->Text() : "<nil>");
}

std::string NameIn(const Context& c, const std::string& name) {
  if (c.state == State::kText) return name;
  std::string out = fmt::format("{}$htmltemplate_state{}", name, NameOf(kStates, c.state));
  if (c.delim != Delim::kNone) out += fmt::format("_delim{}", NameOf(kDelims, c.delim));
  if (c.url_part != UrlPart::kNone) out += fmt::format("_urlPart{}", NameOf(kUrlParts, c.url_part));
  if (c.slash != Slash::kRegexp) out += fmt::format("_jsCtx{}", NameOf(kSlashes, c.slash));
  if (!c.braces.empty()) out += fmt::format("_jsBraceDepth({})", Braces(c));
  if (c.attr != Attr::kNone) out += fmt::format("_attr{}", NameOf(kAttrs, c.attr));
  if (c.element != Element::kNone) out += fmt::format("_element{}", NameOf(kElements, c.element));
  return out;
}

State StateOfValue(Attr attr) {
  switch (attr) {
    case Attr::kScript:
      return State::kJs;
    case Attr::kStyle:
      return State::kCss;
    case Attr::kUrl:
      return State::kUrl;
    case Attr::kSrcset:
      return State::kSrcset;
    case Attr::kMetaContent:
      return State::kMetaContent;
    case Attr::kNone:
    case Attr::kScriptType:
      break;
  }
  return State::kAttr;
}

}  // namespace narthex::alerting::tmpl::html

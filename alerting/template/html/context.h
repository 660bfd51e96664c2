// SPDX-License-Identifier: Apache-2.0
//
// Where in an HTML document a place of a template is, as far as escaping depends on it.
// Source: Go's html/template, whose names for these show in errors.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace narthex::alerting::tmpl::html {

enum class State : std::uint8_t {
  kText,  // Between tags.
  kTag,
  kAttrName,
  kAfterName,
  kBeforeValue,
  kHtmlComment,
  kRcdata,  // Text of <title> and <textarea>.
  kAttr,
  kUrl,
  kSrcset,
  kJs,
  kJsDoubleQuoted,
  kJsSingleQuoted,
  kJsTemplate,
  kJsRegexp,
  kJsBlockComment,
  kJsLineComment,
  kJsHtmlOpenComment,
  kJsHtmlCloseComment,
  kCss,
  kCssDoubleQuoted,
  kCssSingleQuoted,
  kCssDoubleQuotedUrl,
  kCssSingleQuotedUrl,
  kCssUrl,
  kCssBlockComment,
  kCssLineComment,
  kError,
  kMetaContent,
  kMetaContentUrl,
  kDead,  // After break and continue.
};

/// What ends the value of an attribute.
enum class Delim : std::uint8_t { kNone, kDoubleQuote, kSingleQuote, kSpaceOrTagEnd };
enum class UrlPart : std::uint8_t { kNone, kPreQuery, kQueryOrFragment, kUnknown };
/// What a '/' in JavaScript would begin.
enum class Slash : std::uint8_t { kRegexp, kDivision, kUnknown };
enum class Element : std::uint8_t { kNone, kScript, kStyle, kTextarea, kTitle, kMeta };
enum class Attr : std::uint8_t { kNone, kScript, kScriptType, kStyle, kUrl, kSrcset, kMetaContent };

/// Why there is no escaping. Where: a place, or else the template, with a line when it is known.
struct Problem {
  std::string reason;
  std::string location;  // "NAME:LINE:COLUMN"
  std::string name;
  int line = 0;

  std::string Text() const;
};

struct Context {
  State state = State::kText;
  Delim delim = Delim::kNone;
  UrlPart url_part = UrlPart::kNone;
  Slash slash = Slash::kRegexp;
  std::vector<int> braces;  // Open ones in each ${ of nested JavaScript templates.
  Attr attr = Attr::kNone;
  Element element = Element::kNone;
  std::shared_ptr<const Problem> problem;  // With kError.

  bool operator==(const Context&) const = default;
};

Context Failed(Problem problem);

bool IsComment(State state);
bool IsInTag(State state);
bool IsInScriptLiteral(State state);

/// "{stateJS delimNone …}", for errors.
std::string ToString(const Context& context);
/// The name that a template has where it is called in this context; its own in text.
std::string NameIn(const Context& context, const std::string& name);
/// The state in which the value of an attribute begins.
State StateOfValue(Attr attr);

}  // namespace narthex::alerting::tmpl::html

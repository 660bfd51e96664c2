// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/pipeline.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/builtins.h"
#include "alerting/template/html/context.h"
#include "alerting/template/html/escapers.h"
#include "narthex/base/go_format.h"

namespace narthex::alerting::tmpl {
namespace {

template <std::string (*kEscape)(const html::Args&)>
Result<Value> Run(const Environment&, const std::vector<Value>& args) {
  return Value(kEscape(args));
}

/// A comment shows nothing.
std::string Nothing(const html::Args&) { return ""; }

/// The arguments of "html a b", which html itself would escape, as one.
Result<Value> Join(const Environment&, const std::vector<Value>& args) {
  return Value(Sprint(args));
}

// The names are Go's, because errors show pipelines with them.
constexpr std::string_view kAttr = "_html_template_attrescaper";
constexpr std::string_view kComment = "_html_template_commentescaper";
constexpr std::string_view kCss = "_html_template_cssescaper";
constexpr std::string_view kCssValue = "_html_template_cssvaluefilter";
constexpr std::string_view kName = "_html_template_htmlnamefilter";
constexpr std::string_view kText = "_html_template_htmlescaper";
constexpr std::string_view kJsRegexp = "_html_template_jsregexpescaper";
constexpr std::string_view kJsString = "_html_template_jsstrescaper";
constexpr std::string_view kJsTemplate = "_html_template_jstmpllitescaper";
constexpr std::string_view kJsValue = "_html_template_jsvalescaper";
constexpr std::string_view kUnquoted = "_html_template_nospaceescaper";
constexpr std::string_view kRcdata = "_html_template_rcdataescaper";
constexpr std::string_view kSrcset = "_html_template_srcsetescaper";
constexpr std::string_view kUrl = "_html_template_urlescaper";
constexpr std::string_view kUrlFilter = "_html_template_urlfilter";
constexpr std::string_view kUrlNormal = "_html_template_urlnormalizer";
constexpr std::string_view kJoin = "_eval_args_";

constexpr std::array<Function, 17> kEscapers = {{
    {kAttr, "a", true, false, Run<html::EscapeAttr>},
    {kComment, "a", true, false, Run<Nothing>},
    {kCss, "a", true, false, Run<html::EscapeCss>},
    {kCssValue, "a", true, false, Run<html::FilterCssValue>},
    {kName, "a", true, false, Run<html::FilterName>},
    {kText, "a", true, false, Run<html::EscapeText>},
    {kJsRegexp, "a", true, false, Run<html::EscapeJsRegexp>},
    {kJsString, "a", true, false, Run<html::EscapeJsString>},
    {kJsTemplate, "a", true, false, Run<html::EscapeJsTemplate>},
    {kJsValue, "a", true, false, Run<html::EscapeJsValue>},
    {kUnquoted, "a", true, false, Run<html::EscapeUnquotedAttr>},
    {kRcdata, "a", true, false, Run<html::EscapeRcdata>},
    {kSrcset, "a", true, false, Run<html::EscapeSrcset>},
    {kUrl, "a", true, false, Run<html::EscapeUrl>},
    {kUrlFilter, "a", true, false, Run<html::FilterUrl>},
    {kUrlNormal, "a", true, false, Run<html::NormalizeUrl>},
    {kJoin, "a", true, false, Join},
}};

}  // namespace

std::span<const Function> HtmlEscapers() { return kEscapers; }

namespace html {
namespace {

/// The function that a command calls; "" when it calls none.
std::string_view Called(const Command& command) {
  const Operand& first = command.args[0];
  return first.kind == OperandKind::kIdentifier ? std::string_view(first.name) : "";
}

/// html and urlquery, which a template may have at the end of a pipeline.
bool IsPredefined(std::string_view name) { return name == "html" || name == "urlquery"; }

/// Of functions that do the same for safety one name.
std::string_view Kind(std::string_view name) {
  if (name == kAttr || name == kText || name == kRcdata) return "html";
  if (name == kUrl || name == kUrlNormal) return "urlquery";
  return name;
}

/// Whether what `first` gives has nothing that `second` would change.
bool IsRedundant(std::string_view first, std::string_view second) {
  if (first == kComment) return second == kAttr || second == kText;
  if (first == kUrl) return second == kUrlNormal;
  return second == kAttr &&
         (first == kCss || first == kJsRegexp || first == kJsString || first == kJsTemplate);
}

void AddCall(std::string_view name, Pipe& pipe) {
  if (!pipe.commands.empty() && IsRedundant(Called(pipe.commands.back()), name)) return;
  Operand function;
  function.kind = OperandKind::kIdentifier;
  function.position = pipe.position;
  function.text = name;
  function.name = name;
  Command& command = pipe.commands.emplace_back();
  command.position = pipe.position;
  command.text = name;
  command.args.push_back(std::move(function));
}

/// "html a b" as "_eval_args_ a b | html", so that html can be taken away.
void SplitCall(Pipe& pipe) {
  Command& command = pipe.commands.front();
  const std::string name = std::exchange(command.args[0].name, std::string(kJoin));
  command.args[0].text = kJoin;
  command.text.replace(0, name.size(), kJoin);
  AddCall(name, pipe);
}

void UpdateTexts(Node& action) {
  Pipe& pipe = *action.pipe;
  pipe.text.clear();
  for (const Command& command : pipe.commands) {
    pipe.text += (pipe.text.empty() ? "" : " | ") + command.text;
  }
  action.text = "{{" + pipe.text + "}}";
}

/// Where an address is escaped. Empty = it can't be known what the value is a part of.
Escapers EscapersOfUrl(const Context& context) {
  const bool in_string =
      context.state == State::kCssDoubleQuoted || context.state == State::kCssSingleQuoted;
  switch (context.url_part) {
    case UrlPart::kNone:
      return {kUrlFilter, in_string ? kCss : kUrlNormal};
    case UrlPart::kPreQuery:
      return {in_string ? kCss : kUrlNormal};
    case UrlPart::kQueryOrFragment:
      return {kUrl};
    case UrlPart::kUnknown:
      break;
  }
  return {};
}

Escapers EscapersOfState(Context& context) {
  switch (context.state) {
    case State::kUrl:
    case State::kCssDoubleQuoted:
    case State::kCssSingleQuoted:
    case State::kCssDoubleQuotedUrl:
    case State::kCssSingleQuotedUrl:
    case State::kCssUrl:
      return EscapersOfUrl(context);
    case State::kMetaContentUrl:
      return {kUrlFilter};
    case State::kJs:
      context.slash = Slash::kDivision;  // Behind a value.
      return {kJsValue};
    case State::kJsDoubleQuoted:
    case State::kJsSingleQuoted:
      return {kJsString};
    case State::kJsTemplate:
      return {kJsTemplate};
    case State::kJsRegexp:
      return {kJsRegexp};
    case State::kCss:
      return {kCssValue};
    case State::kText:
      return {kText};
    case State::kRcdata:
      return {kRcdata};
    case State::kAttrName:
    case State::kTag:
      context.state = State::kAttrName;
      return {kName};
    case State::kSrcset:
      return {kSrcset};
    default:
      break;
  }
  return IsComment(context.state) ? Escapers{kComment} : Escapers{};
}

bool HasForbiddenCall(const Pipe& pipe, const Context& context, std::string& problem) {
  for (const Command& command : pipe.commands) {
    const std::string_view name = Called(command);
    if (!IsPredefined(name)) continue;
    const bool last = &command == &pipe.commands.back();
    const bool unquoted = context.state == State::kAttr && context.delim == Delim::kSpaceOrTagEnd;
    if (last && !(unquoted && name == "html")) continue;
    problem = fmt::format("predefined escaper {} disallowed in template", go::Quote(name));
    return true;
  }
  return false;
}

}  // namespace

Escapers EscapersFor(const Node& action, Context& context, std::string& problem) {
  if (HasForbiddenCall(*action.pipe, context, problem)) return {};
  Escapers escapers = EscapersOfState(context);
  if (escapers.empty() && context.url_part == UrlPart::kUnknown) {
    problem = fmt::format("{} appears in an ambiguous context within a URL", action.text);
    return {};
  }
  if (context.delim == Delim::kSpaceOrTagEnd) {
    escapers.push_back(kUnquoted);
  } else if (context.delim != Delim::kNone) {
    escapers.push_back(kAttr);
  }
  return escapers;
}

void Append(Escapers escapers, Node& action) {
  if (escapers.empty()) return;
  Pipe& pipe = *action.pipe;
  if (const std::string name(Called(pipe.commands.back())); IsPredefined(name)) {
    if (pipe.commands.size() == 1 && pipe.commands[0].args.size() > 1) SplitCall(pipe);
    // The template's own takes the place of the escaper that is like it.
    bool replaced = false;
    for (std::string_view& escaper : escapers) {
      if (Kind(escaper) != Kind(name)) continue;
      escaper = name == "html" ? "html" : "urlquery";
      replaced = true;
    }
    if (replaced) pipe.commands.pop_back();
  }
  for (const std::string_view escaper : escapers) AddCall(escaper, pipe);
  UpdateTexts(action);
}

}  // namespace html
}  // namespace narthex::alerting::tmpl

// SPDX-License-Identifier: Apache-2.0
//
// In text between tags, in attributes and in their names.
#include <algorithm>
#include <utility>

#include <fmt/core.h>

#include "alerting/template/html/attr_type.h"
#include "alerting/template/html/escapers.h"
#include "alerting/template/html/transition.h"
#include "alerting/template/html/utf8.h"

namespace narthex::alerting::tmpl::html {
namespace {

/// The reference for a character; "" when it may stand as it is.
/// @param is_html  the text has references already, which must stay
std::string_view Reference(char c, bool is_html) {
  switch (c) {
    case '\0':
      return "\uFFFD";
    case '"':
      return "&#34;";
    case '&':
      return is_html ? "" : "&amp;";
    case '\'':
      return "&#39;";
    case '+':
      return "&#43;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    default:
      return "";
  }
}

std::string Escape(std::string_view text, bool is_html) {
  std::string out;
  for (const char c : text) {
    const std::string_view reference = Reference(c, is_html);
    reference.empty() ? out += c : out += reference;
  }
  return out;
}

/// As Escape, of a value that white space would end.
std::string EscapeUnquoted(std::string_view text, bool is_html) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    const Rune rune = DecodeRune(text);
    const std::string_view reference = Reference(c, is_html);
    if (c == '\0') {
      out += "&#xfffd;";
    } else if (std::string_view("\t\n\v\f\r =`").find(c) != std::string_view::npos) {
      out += fmt::format("&#{};", static_cast<int>(c));
    } else if (!reference.empty()) {
      out += reference;
    } else if ((rune.code >= 0xFDD0 && rune.code <= 0xFDEF) ||
               (rune.code >= 0xFFF0 && rune.code <= 0xFFFF)) {
      out += fmt::format("&#x{:x};", rune.code);
    } else {
      out += text.substr(0, rune.size);
    }
    text.remove_prefix(rune.size);
  }
  return out;
}

/// The text of HTML without its tags and comments.
std::string StripTags(const std::string& html) {
  std::string out;
  Context context;
  bool only_text = true;
  std::string_view rest = html;
  while (!rest.empty()) {
    if (context.delim == Delim::kNone) {
      Context here = context;
      if (context.element != Element::kNone && !IsInTag(context.state)) here.state = State::kRcdata;
      Step step = Transition(here, rest);
      if (context.state == State::kText || context.state == State::kRcdata) {
        std::size_t end = step.read;
        if (step.context.state != context.state) {
          const std::size_t tag = rest.substr(0, end).rfind('<');
          if (tag != std::string_view::npos) end = tag;
        }
        out += rest.substr(0, end);
      } else {
        only_text = false;
      }
      context = std::move(step.context);
      rest.remove_prefix(step.read);
      continue;
    }
    std::size_t end = rest.find_first_of(EndsOf(context.delim));
    if (end == std::string_view::npos) break;
    if (context.delim != Delim::kSpaceOrTagEnd) ++end;
    Context tag;
    tag.state = State::kTag;
    tag.element = context.element;
    context = std::move(tag);
    rest.remove_prefix(end);
  }
  if (only_text) return html;
  if (context.state == State::kText || context.state == State::kRcdata) out += rest;
  return out;
}

}  // namespace

Shown Show(const Args& args) {
  if (args.size() == 1) {
    if (const auto* text = args[0].As<std::string>()) return {*text, false};
    if (const auto* html = args[0].As<HtmlValue>()) return {html->text, true};
  }
  Args given;
  std::copy_if(args.begin(), args.end(), std::back_inserter(given),
               [](const Value& value) { return !value.IsNil(); });
  return {Sprint(given), false};
}

std::string EscapeText(const Args& args) {
  Shown shown = Show(args);
  return shown.is_html ? std::move(shown.text) : Escape(shown.text, false);
}

std::string EscapeRcdata(const Args& args) {
  const Shown shown = Show(args);
  return Escape(shown.text, shown.is_html);
}

std::string EscapeAttr(const Args& args) {
  const Shown shown = Show(args);
  return Escape(shown.is_html ? StripTags(shown.text) : shown.text, shown.is_html);
}

std::string EscapeUnquotedAttr(const Args& args) {
  const Shown shown = Show(args);
  if (shown.text.empty()) return std::string(kFailsafe);
  return EscapeUnquoted(shown.is_html ? StripTags(shown.text) : shown.text, shown.is_html);
}

std::string FilterName(const Args& args) {
  const std::string name = ToLower(Show(args).text);
  const bool plain = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
  return plain && AttrType(name) == Content::kPlain ? name : std::string(kFailsafe);
}

}  // namespace narthex::alerting::tmpl::html

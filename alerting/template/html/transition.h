// SPDX-License-Identifier: Apache-2.0
//
// How text of a template changes the context. Source: Go's html/template, transition.go.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "alerting/template/html/context.h"

namespace narthex::alerting::tmpl::html {

struct Step {
  Context context;
  std::size_t read = 0;  // Bytes that belong to the context before.
};

/// One step through text that is not the value of an attribute, or the value of one without its
/// end. May read nothing when the context changes.
Step Transition(const Context& context, std::string_view text);

/// As Transition, but in <script>, <style>, <title>, <textarea> no further than their end tag, and
/// in an attribute no further than its end.
Step Advance(const Context& context, std::string_view text);

// Parts of Transition by language.
Step TransitionInTag(Context context, std::string_view text);     // transition_tag.cc
Step TransitionInScript(Context context, std::string_view text);  // transition_script.cc
Step TransitionInStyle(Context context, std::string_view text);   // transition_style.cc
Step TransitionInUrl(Context context, std::string_view text);     // transition.cc

/// The characters that end a value with this delimiter.
std::string_view EndsOf(Delim delim);

constexpr std::string_view kHtmlSpaces = " \t\n\f\r";

/// The tag name that begins at `at`; [at, end).
struct TagName {
  std::size_t end = 0;
  Element element = Element::kNone;
};
TagName ReadTagName(std::string_view text, std::size_t at);

std::string ToLower(std::string_view text);
/// Without regard to case in ASCII.
bool EqualFold(std::string_view a, std::string_view b);

/// An error at no known place.
Step Refuse(std::string reason, std::string_view text);
/// strconv.Quote of the first characters, as Go's %.32q.
std::string QuoteStart(std::string_view text);

}  // namespace narthex::alerting::tmpl::html

// SPDX-License-Identifier: Apache-2.0
#include "alerting/template/html/text.h"

#include <utility>

#include "alerting/template/html/transition.h"

namespace narthex::alerting::tmpl::html {
namespace {

constexpr auto kNone = std::string_view::npos;

/// "<script", "</script" and "<!--", which mean something to a browser even in JavaScript's
/// literals, with "\x3C" for their '<'.
std::string EscapeScriptTags(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i + 1);
    const bool special =
        text[i] == '<' && (EqualFold(rest.substr(0, 6), "script") ||
                           EqualFold(rest.substr(0, 7), "/script") || rest.starts_with("!--"));
    special ? out += "\\x3C" : out += text[i];
  }
  return out;
}

/// Collects what is printed, piece by piece.
class Writer {
 public:
  explicit Writer(std::string_view text) : text_(text) {}

  void CopyTo(std::size_t end) {
    out_ += text_.substr(copied_, end - copied_);
    copied_ = end;
  }
  void Replace(std::size_t begin, std::size_t end, std::string_view by) {
    CopyTo(begin);
    out_ += by;
    copied_ = end;
    changed_ = true;
  }
  std::size_t copied() const { return copied_; }
  bool changed() const { return changed_; }
  std::string Take() { return std::move(out_); }

 private:
  std::string_view text_;
  std::string out_;
  std::size_t copied_ = 0;
  bool changed_ = false;
};

/// @param begin, end  a piece between tags, with the tag's beginning behind it if `tag`
void EscapeLess(std::string_view text, std::size_t begin, std::size_t end, bool tag,
                Writer& writer) {
  if (tag) {
    const std::size_t less = text.substr(begin, end - begin).rfind('<');
    if (less != kNone) end = begin + less;
  }
  for (std::size_t i = text.find('<', begin); i < end; i = text.find('<', i + 1)) {
    if (!EqualFold(text.substr(i, 9), "<!DOCTYPE")) writer.Replace(i, i + 1, "&lt;");
  }
}

/// In a comment up to `end`: it goes, but in code it separated what is around it.
void DropComment(std::string_view text, State state, std::size_t end, Writer& writer) {
  std::string_view instead;
  if (state == State::kCssBlockComment) instead = " ";
  if (state == State::kJsBlockComment) {
    const std::string_view dropped = text.substr(writer.copied(), end - writer.copied());
    const bool lines = dropped.find_first_of("\n\r") != kNone || dropped.find("\u2028") != kNone ||
                       dropped.find("\u2029") != kNone;
    instead = lines ? "\n" : " ";
  }
  writer.Replace(writer.copied(), end, instead);
}

std::size_t OpeningSize(State comment) {
  if (comment == State::kHtmlComment || comment == State::kJsHtmlOpenComment) return 4;
  return comment == State::kJsHtmlCloseComment ? 3 : 2;
}

}  // namespace

EscapedText EscapeText(Context context, std::string_view text) {
  Writer writer(text);
  const auto is_dropped = [](const Context& c) {
    return IsComment(c.state) && c.delim == Delim::kNone;
  };
  for (std::size_t at = 0; at < text.size();) {
    Step step = Advance(context, text.substr(at));
    const std::size_t end = at + step.read;
    const bool changes = step.context.state != context.state;
    if (context.state == State::kText || context.state == State::kRcdata) {
      EscapeLess(text, at, end, changes, writer);
    } else if (is_dropped(context)) {
      DropComment(text, context.state, end, writer);
    }
    if (changes && is_dropped(step.context)) {
      writer.Replace(end - OpeningSize(step.context.state), end, "");
    }
    if (IsInScriptLiteral(context.state)) {
      const std::string_view piece = text.substr(at, step.read);
      std::string escaped = EscapeScriptTags(piece);
      if (escaped.size() != piece.size()) writer.Replace(at, end, escaped);
    }
    if (step.read == 0 && step.context == context) {
      return {Refuse("there is no way through this text: " + QuoteStart(text), text).context, {}};
    }
    context = std::move(step.context);
    at = end;
  }
  if (!writer.changed() || context.state == State::kError) return {std::move(context), {}};
  if (!is_dropped(context)) writer.CopyTo(text.size());
  return {std::move(context), writer.Take()};
}

}  // namespace narthex::alerting::tmpl::html

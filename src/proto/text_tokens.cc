// SPDX-License-Identifier: Apache-2.0
#include "src/proto/text_tokens.h"

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/proto/metric_family.h"

namespace narthex::proto {
namespace {

bool StartsLabelName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '"';
}

}  // namespace

std::string QuoteByte(char c) {
  if (c == '"') return "'\"'";
  if (c == '\'') return "'\\''";
  std::string text;
  if (const auto u = static_cast<unsigned char>(c); u >= 0x80) {
    text = {static_cast<char>(0xc0 | (u >> 6)), static_cast<char>(0x80 | (u & 0x3f))};
  } else {
    text = c;
  }
  std::string quoted = go::Quote(text);
  quoted.front() = quoted.back() = '\'';
  return quoted;
}

bool TextTokens::BeginLine() {
  ++line_;
  do {
    if (at_ == body_.size()) return false;
    current_ = body_[at_++];
  } while (IsBlank(current_));
  return true;
}

bool TextTokens::Advance() {
  if (at_ == body_.size()) return Complain("unexpected end of input stream");
  current_ = body_[at_++];
  return true;
}

bool TextTokens::SkipBlanks() {
  do {
    if (!Advance()) return false;
  } while (IsBlank(current_));
  return true;
}

bool TextTokens::ReadWord() {
  token_.clear();
  while (!IsBlank(current_) && current_ != '\n') {
    token_ += current_;
    if (!Advance()) return false;
  }
  return true;
}

bool TextTokens::ReadRest(bool escapes) {
  token_.clear();
  for (bool escaped = false; escaped || current_ != '\n';) {
    if (escaped && escapes) {
      if (!Unescape()) return false;
      escaped = false;
    } else if (current_ == '\\') {
      escaped = true;
    } else if (current_ == '\n') {
      return true;
    } else {
      token_ += current_;
    }
    if (!Advance()) return false;
  }
  return true;
}

bool TextTokens::Unescape() {
  switch (current_) {
    case '\\':
    case '"':
      token_ += current_;
      return true;
    case 'n':
      token_ += '\n';
      return true;
    default:
      return ComplainOfEscape();
  }
}

bool TextTokens::ReadLabelValue() {
  token_.clear();
  for (;;) {
    if (!Advance()) return false;
    if (current_ == '"') return true;
    if (current_ == '\n') {
      return Complain(fmt::format("label value {} contains unescaped new-line", QuoteTold(token_)));
    }
    if (current_ == '\\') {
      if (!Advance() || !Unescape()) return false;
    } else {
      token_ += current_;
    }
  }
}

bool TextTokens::ReadName(bool metric) {
  token_.clear();
  if (!StartsLabelName(current_) && !(metric && current_ == ':')) return true;
  for (bool quoted = false;;) {
    if (current_ == '"') {
      quoted = !quoted;
      if (!quoted) return Advance();
    } else if (current_ == '\n') {
      return Complain(fmt::format("{} name {} contains unescaped new-line",
                                  metric ? "metric" : "label", QuoteTold(token_)));
    } else if (current_ == '\\') {
      if (!Advance() || !Unescape()) return false;
    } else {
      token_ += current_;
    }
    if (!Advance()) return false;
    const bool goes_on =
        quoted || StartsLabelName(current_) || IsDigit(current_) || (metric && current_ == ':');
    if (!goes_on) return true;
  }
}

bool TextTokens::ComplainOfEscape() {
  const std::string text = QuoteByte(current_);
  const bool printed = text.size() > 2 && text[1] != '\\';
  return Complain("invalid escape sequence '\\" +
                  (printed ? text.substr(1, text.size() - 2) : std::string(1, current_)) + "'");
}

bool TextTokens::Take(std::size_t bytes) {
  if (bytes > room_) {
    room_used_up_ = true;
    return Complain("too many metrics");
  }
  room_ -= bytes;
  return true;
}

bool TextTokens::Complain(std::string_view what) {
  error_ = fmt::format("text format parsing error in line {}: {}", line_, what);
  return false;
}

}  // namespace narthex::proto

// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/text_parser.h"

#include <array>
#include <cstring>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "scrape/textparse/number.h"
#include "scrape/textparse/scan.h"
#include "scrape/textparse/text_lexer.h"

namespace narthex::scrape {

namespace {

/// Bytes behind the body that scanning may touch.
constexpr std::size_t kPadding = 32;

std::string_view AppendPadding(std::string& body) {
  body += '\n';
  const std::size_t size = body.size();
  body.append(kPadding, '\0');
  return std::string_view(body).substr(0, size);
}

const char* SkipBlanks(const char* p) {
  while (*p == ' ' || *p == '\t') ++p;
  return p;
}

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

struct TypeName {
  std::string_view name;
  model::MetricType type;
};
constexpr TypeName kTypes[] = {{"counter", model::MetricType::kCounter},
                               {"gauge", model::MetricType::kGauge},
                               {"histogram", model::MetricType::kHistogram},
                               {"summary", model::MetricType::kSummary},
                               {"untyped", model::MetricType::kUnknown}};

}  // namespace

TextParser::TextParser(std::string& body)
    : body_(AppendPadding(body)), pos_(body_.data()), end_(body_.data() + body_.size()) {}

EntryKind TextParser::Next(const SeriesHint& hint) {
  for (;;) {
    line_ = pos_;
    const char* p = SkipBlanks(pos_);
    // A zero byte where a line begins ends the body for Prometheus, too.
    if (p >= end_ || *p == '\0') return EntryKind::kEnd;
    if (*p == '\n') {
      pos_ = p + 1;
      continue;
    }
    pos_ = p;
    return *p == '#' ? ReadComment() : ReadSeries(hint);
  }
}

EntryKind TextParser::ReadComment() {
  const char* p = SkipBlanks(pos_ + 1);
  if (p > pos_ + 1 && (p[4] == ' ' || p[4] == '\t')) {
    const bool is_type = std::memcmp(p, "TYPE", 4) == 0;
    if (is_type || std::memcmp(p, "HELP", 4) == 0) {
      pos_ = p + 4;
      return ReadMetadata(is_type);
    }
  }
  const auto* newline = static_cast<const char*>(std::memchr(p, '\n', end_ - p));
  text_ = {p, static_cast<std::size_t>(newline - p)};
  pos_ = newline + 1;
  return EntryKind::kComment;
}

EntryKind TextParser::ReadMetadata(bool is_type) {
  const char* const name = SkipBlanks(pos_);
  const char* p = name;
  if (*p == '"') {
    p = ScanString(p, end_);
    if (p != nullptr) family_ = {name + 1, static_cast<std::size_t>(p - name - 2)};
  } else {
    if (!IsDigit(*p)) p = ScanName(p);
    family_ = {name, static_cast<std::size_t>(p - name)};
  }
  if (p == nullptr || p == name) {
    const auto quote = [&](const char* from) {
      const char* const to = std::min(end_, (p == nullptr ? end_ : p) + 1);
      return go::Quote({from, static_cast<std::size_t>(to - from)});
    };
    return Failed(
        fmt::format("expected metric name after {}, got {} (\"INVALID\") while parsing: {}",
                    is_type ? "TYPE" : "HELP", quote(name), quote(line_)));
  }
  const auto* newline = static_cast<const char*>(std::memchr(p, '\n', end_ - p));
  // The text begins behind one byte, whatever it is; nothing but blanks is no text.
  text_ = {p, static_cast<std::size_t>(newline - p)};
  if (SkipBlanks(p) == newline) text_ = {};
  if (!text_.empty()) text_.remove_prefix(1);
  pos_ = newline + 1;
  if (!is_type) {
    if (model::IsValidUtf8(text_)) return EntryKind::kHelp;
    return Failed(fmt::format("help text {} is not a valid utf8 string", go::Quote(text_)));
  }
  for (const TypeName& known : kTypes) {
    if (known.name != text_) continue;
    type_ = known.type;
    return EntryKind::kType;
  }
  return Failed("invalid metric type " + go::Quote(text_));
}

EntryKind TextParser::ReadSeries(const SeriesHint& hint) {
  hint_matched_ = false;
  if (hint.length > 0 && hint.length < static_cast<std::size_t>(end_ - line_)) {
    const char* const p = line_ + hint.length;
    if (*p == ' ' || *p == '\t') {
      const std::string_view guess(line_, hint.length);
      // After a bare name a brace may follow, and then the series is another one.
      if (HashBytes128(guess) == hint.hash && (p[-1] == '}' || *SkipBlanks(p) != '{')) {
        series_ = guess;
        series_hash_ = hint.hash;
        hint_matched_ = true;
        return ReadValue(p);
      }
    }
  }
  const char* p = pos_;
  if (IsDigit(*p)) return ReadCarefully();
  p = ScanName(p);
  const char* const brace = SkipBlanks(p);
  if (*brace == '{') {
    p = ScanBraces(brace, end_);
    if (p == nullptr) return ReadCarefully();
  } else if (p == pos_) {
    return ReadCarefully();
  }
  series_ = {line_, static_cast<std::size_t>(p - line_)};
  series_hash_ = HashBytes128(series_);
  return ReadValue(p);
}

EntryKind TextParser::ReadValue(const char* p) {
  p = SkipBlanks(p);
  const char* after = ParseShortDecimal(p, value_);
  if (after == nullptr || (*after != '\n' && *after != ' ' && *after != '\t')) {
    const char* const token = p;
    while (*p != ' ' && *p != '\t' && *p != '\n' && *p != '{' && *p != '\0') ++p;
    if (p >= end_ || *p == '{' || *p == '\0') return ReadCarefully();
    const auto value = ParseValue({token, static_cast<std::size_t>(p - token)});
    if (!value) return ReadCarefully();
    value_ = *value;
    after = p;
  }
  has_timestamp_ = false;
  p = SkipBlanks(after);
  if (*p != '\n') {
    const char* const digits = p;
    std::int64_t t = 0;
    while (IsDigit(*p) && p - digits < 18) t = t * 10 + (*p++ - '0');
    if (p == digits || IsDigit(*p)) return ReadCarefully();
    has_timestamp_ = true;
    timestamp_ = t;
    p = SkipBlanks(p);
    if (*p != '\n') return ReadCarefully();
  }
  pos_ = p + 1;
  return EntryKind::kSeries;
}

EntryKind TextParser::ReadCarefully() {
  TextLexer lexer(body_, this->line());
  TextLexer::Line line;
  if (auto status = lexer.ReadLine(line); !status) return Failed(status.error().message());
  series_ = {line_, line.series_end - this->line()};
  series_hash_ = HashBytes128(series_);
  value_ = line.value;
  has_timestamp_ = line.has_timestamp;
  timestamp_ = line.timestamp;
  pos_ = body_.data() + line.end;
  return EntryKind::kSeries;
}

Status TextParser::ReadLabelsAt(std::size_t start, model::MetricType type,
                                ParsedLabels& labels) const {
  TextLexer lexer(body_, start);
  TextLexer::Line line;
  NX_RETURN_IF_ERROR(lexer.ReadLine(line));
  const auto text = [&](const TextLexer::Piece& piece) {
    return Unescape(body_.substr(piece.from, piece.to - piece.from), true);
  };
  labels.pairs.clear();
  labels.pairs.emplace_back(model::kMetricName, text(line.name));
  for (const auto& [name_piece, value_piece] : line.labels) {
    std::string name = text(name_piece);
    std::string value = NormalizeBound(type, name, text(value_piece));
    labels.pairs.emplace_back(std::move(name), std::move(value));
  }
  labels.Finish();
  return {};
}

EntryKind TextParser::Failed(std::string error) {
  error_ = std::move(error);
  return EntryKind::kError;
}

}  // namespace narthex::scrape

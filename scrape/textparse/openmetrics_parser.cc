// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/openmetrics_parser.h"

#include <cmath>

#include "scrape/textparse/number.h"
#include "scrape/textparse/openmetrics_lexer.h"
#include "scrape/textparse/scan.h"

namespace narthex::scrape {

namespace {

std::string_view AppendPadding(std::string& body) {
  const std::size_t size = body.size();
  body.append(OpenMetricsParser::kPadding, '\0');
  return std::string_view(body).substr(0, size);
}

/// The end of a word: a blank, a line break or the end of the body.
const char* WordEnd(const char* p, const char* end) {
  while (p < end && *p != ' ' && *p != '\n') ++p;
  return p;
}

}  // namespace

OpenMetricsParser::OpenMetricsParser(std::string& body) : OpenMetricsParser(AppendPadding(body)) {}

OpenMetricsParser::OpenMetricsParser(std::string_view body)
    : body_(body), pos_(body_.data()), end_(body_.data() + body_.size()) {}

EntryKind OpenMetricsParser::Next(const SeriesHint& hint) {
  line_ = pos_;
  hint_matched_ = false;
  if (pos_ >= end_ || *pos_ == '#') return ReadCarefully();
  return ReadSeries(hint);
}

EntryKind OpenMetricsParser::ReadSeries(const SeriesHint& hint) {
  if (hint.length > 0 && hint.length < static_cast<std::size_t>(end_ - line_) &&
      line_[hint.length] == ' ') {
    const std::string_view guess(line_, hint.length);
    if (HashBytes128(guess) == hint.hash) {
      series_ = guess;
      series_hash_ = hint.hash;
      hint_matched_ = true;
      return ReadValue(line_ + hint.length);
    }
  }
  const char* p = ScanName(line_);
  if (*p == '{') p = ScanBraces(p, end_);
  if (p == nullptr || p == line_ || (*line_ >= '0' && *line_ <= '9')) return ReadCarefully();
  series_ = {line_, static_cast<std::size_t>(p - line_)};
  series_hash_ = HashBytes128(series_);
  return ReadValue(p);
}

EntryKind OpenMetricsParser::ReadValue(const char* p) {
  if (p >= end_ || *p != ' ') return ReadCarefully();
  ++p;
  const char* after = ParseShortDecimal(p, value_);
  if (after == nullptr || (*after != '\n' && *after != ' ')) {
    after = WordEnd(p, end_);
    const auto value = ParseValue({p, static_cast<std::size_t>(after - p)});
    if (!value) return ReadCarefully();
    value_ = *value;
  }
  has_timestamp_ = false;
  if (after < end_ && *after == ' ') {
    if (after[1] == '#') return ReadCarefully();  // An exemplar.
    const char* const word = after + 1;
    after = WordEnd(word, end_);
    const auto seconds = ParseValue({word, static_cast<std::size_t>(after - word)});
    if (!seconds || !std::isfinite(*seconds)) return ReadCarefully();
    has_timestamp_ = true;
    timestamp_ = SecondsToMs(*seconds);
  }
  if (after >= end_ || *after != '\n') return ReadCarefully();
  pos_ = after + 1;
  return EntryKind::kSeries;
}

EntryKind OpenMetricsParser::ReadCarefully() {
  OpenMetricsLexer lexer(body_, line());
  OpenMetricsLexer::Entry entry;
  if (auto status = lexer.Read(entry); !status) {
    error_ = status.error().message();
    return EntryKind::kError;
  }
  const auto piece = [&](const OpenMetricsLexer::Piece& p) {
    return body_.substr(p.from, p.to - p.from);
  };
  pos_ = body_.data() + entry.end;
  if (entry.kind != EntryKind::kSeries) {
    family_ = piece(entry.name);
    text_ = piece(entry.text);
    if (entry.kind == EntryKind::kType) type_ = entry.type;
    return entry.kind;
  }
  const std::string_view series = body_.substr(line(), entry.series_end - line());
  // A guess that was right has been accepted before, whatever stands behind it on the line.
  if (!hint_matched_ || series != series_) {
    hint_matched_ = false;
    series_ = series;
    series_hash_ = HashBytes128(series);
  }
  if (entry.has_exemplar) exemplar_line_ = line_;
  value_ = entry.value;
  has_timestamp_ = entry.has_timestamp;
  timestamp_ = entry.timestamp;
  return EntryKind::kSeries;
}

void OpenMetricsParser::ReadExemplars(std::vector<model::Exemplar>& out) const {
  if (!has_exemplars()) return;
  OpenMetricsLexer lexer(body_, line());
  OpenMetricsLexer::Entry entry;
  if (!lexer.Read(entry)) return;
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  pairs.reserve(entry.exemplar_labels.size());
  for (const auto& [name, value] : entry.exemplar_labels) {
    pairs.emplace_back(body_.substr(name.from, name.to - name.from),
                       body_.substr(value.from, value.to - value.from));
  }
  out.push_back({.labels = model::Labels::FromPairs(std::move(pairs)),
                 .value = entry.exemplar_value,
                 .t = entry.exemplar_timestamp,
                 .has_timestamp = entry.exemplar_has_timestamp});
}

Status OpenMetricsParser::ReadLabelsAt(std::size_t start, model::MetricType type,
                                       ParsedLabels& labels) const {
  OpenMetricsLexer lexer(body_, start);
  OpenMetricsLexer::Entry entry;
  NX_RETURN_IF_ERROR(lexer.Read(entry));
  const auto text = [&](const OpenMetricsLexer::Piece& p) {
    return Unescape(body_.substr(p.from, p.to - p.from), true);
  };
  labels.pairs.clear();
  labels.pairs.emplace_back("__name__", text(entry.name));
  for (const auto& [name_piece, value_piece] : entry.labels) {
    std::string name = text(name_piece);
    std::string value = NormalizeBound(type, name, text(value_piece));
    labels.pairs.emplace_back(std::move(name), std::move(value));
  }
  labels.Finish();
  return {};
}

}  // namespace narthex::scrape

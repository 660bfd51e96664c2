// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/created_lines.h"

#include "scrape/textparse/number.h"
#include "scrape/textparse/openmetrics_lexer.h"

namespace narthex::scrape {

using model::MetricType;

namespace {

constexpr std::string_view kSuffix = "_created";

std::string_view TextOf(std::string_view body, const OpenMetricsLexer::Piece& piece) {
  return body.substr(piece.from, piece.to - piece.from);
}

// What a family's samples and its start line have in common: the name without suffix and the labels
// as they stand there, but for those that tell samples of one metric apart.
void SetKey(std::string_view body, const OpenMetricsLexer::Entry& entry, std::string_view base,
            MetricType type, std::string& key) {
  key = base;
  for (const auto& [name, value] : entry.labels) {
    const std::string_view label = TextOf(body, name);
    if (type == MetricType::kSummary && label == "quantile") continue;
    if (type == MetricType::kHistogram && label == "le") continue;
    key += '\xff';
    key += label;
    key += '\xff';
    key += TextOf(body, value);
  }
}

bool HasStart(MetricType type) {
  return type == MetricType::kCounter || type == MetricType::kHistogram ||
         type == MetricType::kSummary;
}

}  // namespace

bool CreatedLines::IsCreated(std::string_view series, MetricType type) {
  if (!HasStart(type) || series.empty()) return false;
  if (series.front() == '{') {  // {"name",…
    const auto end = series.size() > 1 ? series.find('"', 2) : std::string_view::npos;
    return end != std::string_view::npos && series.substr(2, end - 2).ends_with(kSuffix);
  }
  return series.substr(0, series.find('{')).ends_with(kSuffix);
}

std::int64_t CreatedLines::StartOf(std::string_view body, std::size_t line, std::string_view family,
                                   MetricType type) {
  if (!HasStart(type)) return 0;
  OpenMetricsLexer lexer(body, line);
  OpenMetricsLexer::Entry entry;
  if (!lexer.Read(entry) || entry.kind != EntryKind::kSeries) return 0;
  if (line < from_ || line >= until_) LookAhead(body, entry.end, type);
  if (key_.empty()) return 0;
  const std::string_view name = TextOf(body, entry.name);
  SetKey(body, entry, name.substr(0, family.size()), type, wanted_);
  return wanted_ == key_ ? start_ : 0;
}

void CreatedLines::LookAhead(std::string_view body, std::size_t from, MetricType type) {
  key_.clear();
  start_ = 0;
  from_ = from;
  std::size_t at = from;
  for (;;) {
    OpenMetricsLexer lexer(body, at);
    OpenMetricsLexer::Entry entry;
    const bool good = lexer.Read(entry).has_value();
    until_ = at;
    // Another family, the end, or what can't be read.
    if (!good || entry.kind != EntryKind::kSeries) return;
    const std::string_view name = TextOf(body, entry.name);
    if (name.ends_with(kSuffix)) {
      SetKey(body, entry, name.substr(0, name.size() - kSuffix.size()), type, key_);
      start_ = SecondsToMs(entry.value);
      return;
    }
    at = entry.end;
  }
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// Prometheus text format 0.0.4 and 1.0.0 (quoted names): walks the body in place and allocates
// nothing per line. Of a sample it finds out where the series text ends, its hash and the value;
// the labels are read only when the caller does not know the series.
// Source: https://prometheus.io/docs/instrumenting/exposition_formats/, Prometheus model/textparse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/base/hash.h"
#include "narthex/base/result.h"
#include "narthex/model/metadata.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

/// Thread safety: one thread at a time.
class TextParser {
 public:
  /// @param body  must live as long as the parser; a line break and padding are appended to it
  explicit TextParser(std::string& body);

  /// Moves to the next entry. After kEnd and kError it must not be called again.
  EntryKind Next(const SeriesHint& hint);

  /// Of kSeries: its text from the line's begin to the last brace, and the hash of that text.
  std::string_view series() const { return series_; }
  const Hash128& series_hash() const { return series_hash_; }
  /// The hint was right; the text was accepted before, so its labels need no reading.
  bool hint_matched() const { return hint_matched_; }
  double value() const { return value_; }
  bool has_timestamp() const { return has_timestamp_; }
  std::int64_t timestamp() const { return timestamp_; }  // Milliseconds.

  /// Of kSeries: checks the line as a whole and gives the labels, bounds of the last TYPE's kind
  /// normalised. Must be called for every series that was not accepted before, as Next itself
  /// only looks for the ends of things.
  Status ReadLabels(ParsedLabels& labels) const { return ReadLabelsAt(line(), type_, labels); }
  /// Offset of the entry's line in the body, and the same from there later on.
  std::size_t line() const { return static_cast<std::size_t>(line_ - body_.data()); }
  Status ReadLabelsAt(std::size_t line, model::MetricType type, ParsedLabels& labels) const;

  /// Of kType, kHelp: the family's name as written, without quotes.
  std::string_view family() const { return family_; }
  model::MetricType type() const { return type_; }
  /// Of kHelp: the text with its escapes.
  std::string_view text() const { return text_; }

  const std::string& error() const { return error_; }

  static constexpr HelpEscapes kHelpEscapes = HelpEscapes::kText;
  static constexpr bool kHasCreatedLines = false;  // See CreatedLines.
  static constexpr bool kHasStarts = false;
  static constexpr bool kHasExemplars = false;
  static constexpr bool kHasHistograms = false;

 private:
  EntryKind ReadComment();
  EntryKind ReadMetadata(bool is_type);
  EntryKind ReadSeries(const SeriesHint& hint);
  EntryKind ReadValue(const char* p);
  EntryKind ReadCarefully();
  EntryKind Failed(std::string error);

  const std::string_view body_;  // With its line break, without the padding.
  const char* pos_;
  const char* const end_;
  const char* line_ = nullptr;

  std::string_view series_;
  Hash128 series_hash_;
  bool hint_matched_ = false;
  bool has_timestamp_ = false;
  double value_ = 0;
  std::int64_t timestamp_ = 0;
  std::string_view family_;
  std::string_view text_;
  model::MetricType type_ = model::MetricType::kUnknown;
  std::string error_;
};

}  // namespace narthex::scrape

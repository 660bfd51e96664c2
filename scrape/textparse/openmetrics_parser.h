// SPDX-License-Identifier: Apache-2.0
//
// OpenMetrics 1.0 and 0.0.1, with the interface of TextParser. Lines with an exemplar are read the
// careful way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/hash.h"
#include "narthex/base/result.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/metadata.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

/// Thread safety: one thread at a time. Members as those of TextParser.
class OpenMetricsParser {
 public:
  /// @param body  must live as long as the parser; padding is appended to it
  explicit OpenMetricsParser(std::string& body);
  /// @param body  with kPadding readable bytes behind its end; lives as long as the parser
  explicit OpenMetricsParser(std::string_view body);
  /// Bytes behind the body that scanning may touch.
  static constexpr std::size_t kPadding = 32;

  EntryKind Next(const SeriesHint& hint);

  std::string_view series() const { return series_; }
  const Hash128& series_hash() const { return series_hash_; }
  bool hint_matched() const { return hint_matched_; }
  double value() const { return value_; }
  bool has_timestamp() const { return has_timestamp_; }
  std::int64_t timestamp() const { return timestamp_; }
  bool has_exemplars() const { return exemplar_line_ == line_; }
  /// Appended to `out`.
  void ReadExemplars(std::vector<model::Exemplar>& out) const;

  Status ReadLabels(ParsedLabels& labels) const { return ReadLabelsAt(line(), type_, labels); }
  std::size_t line() const { return static_cast<std::size_t>(line_ - body_.data()); }
  Status ReadLabelsAt(std::size_t line, model::MetricType type, ParsedLabels& labels) const;

  std::string_view family() const { return family_; }
  model::MetricType type() const { return type_; }
  std::string_view text() const { return text_; }
  const std::string& error() const { return error_; }

  static constexpr HelpEscapes kHelpEscapes = HelpEscapes::kOpenMetrics;
  static constexpr bool kHasCreatedLines = true;
  static constexpr bool kHasStarts = false;
  static constexpr bool kHasExemplars = true;
  static constexpr bool kHasHistograms = false;
  std::string_view body() const { return body_; }

 private:
  EntryKind ReadSeries(const SeriesHint& hint);
  EntryKind ReadValue(const char* p);
  EntryKind ReadCarefully();

  const std::string_view body_;  // Without the padding.
  const char* pos_;
  const char* const end_;
  const char* line_ = nullptr;
  const char* exemplar_line_ = nullptr;  // The last one that has an exemplar.

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

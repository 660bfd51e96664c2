// SPDX-License-Identifier: Apache-2.0
//
// Puts a native histogram with custom bounds in the place of the series of a classic one, for the
// text formats (convert_classic_histograms_to_nhcb). A parser around TextParser or
// OpenMetricsParser, with the same interface.
// Source: Prometheus model/textparse NHCBParser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/hash.h"
#include "narthex/base/result.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/metadata.h"
#include "scrape/textparse/classic_histogram.h"
#include "scrape/textparse/created_lines.h"
#include "scrape/textparse/entry.h"

namespace narthex::scrape {

/// Thread safety: one thread at a time. Members as those of ProtoParser.
template <typename Inner>
class ConvertingParser {
 public:
  /// @param inner  outlives this parser
  /// @param keep_classic  the series of classic histograms are given, too
  /// @param read_starts   whether start() is wanted; lines that only tell one are passed over
  ConvertingParser(Inner& inner, bool keep_classic, bool read_starts)
      : inner_(inner),
        keep_classic_(keep_classic),
        read_starts_(read_starts),
        skips_created_(read_starts) {}

  EntryKind Next(const SeriesHint& hint);

  std::string_view series() const { return emitting_ ? key_ : inner_.series(); }
  const Hash128& series_hash() const { return emitting_ ? hash_ : inner_.series_hash(); }
  bool hint_matched() const { return hint_matched_; }
  double value() const { return inner_.value(); }
  // Also of a histogram: Prometheus takes the time of the line that ended it.
  bool has_timestamp() const { return inner_.has_timestamp(); }
  std::int64_t timestamp() const { return inner_.timestamp(); }
  std::int64_t start() const { return emitting_ ? emitted_start_ : start_; }
  model::AnyHistogram& histogram() { return histogram_; }
  bool has_exemplars() const {
    return emitting_ ? !emitted_exemplars_.empty() : !collected_ && InnerHasExemplars();
  }
  void ReadExemplars(std::vector<model::Exemplar>& out) const;

  Status ReadLabels(ParsedLabels& labels) const {
    if (!emitting_) return inner_.ReadLabels(labels);
    labels = emitted_labels_;
    return {};
  }
  std::size_t line() const { return inner_.line(); }
  Status ReadLabelsAt(std::size_t line, model::MetricType type, ParsedLabels& labels) {
    return inner_.ReadLabelsAt(line, type, labels);
  }

  std::string_view family() const { return inner_.family(); }
  model::MetricType type() const { return inner_.type(); }
  std::string_view text() const { return inner_.text(); }
  const std::string& error() const { return error_; }

  static constexpr HelpEscapes kHelpEscapes = Inner::kHelpEscapes;
  static constexpr bool kHasCreatedLines = false;
  static constexpr bool kHasStarts = true;
  static constexpr bool kHasExemplars = true;
  static constexpr bool kHasHistograms = true;

 private:
  enum class Part : std::uint8_t { kNone, kBucket, kSum, kCount };

  EntryKind Pending(const SeriesHint& hint, bool& skipped);
  EntryKind Advance(const SeriesHint& hint, bool& skipped);
  EntryKind Series(bool& skipped);
  bool ReadStart();
  bool InnerHasExemplars() const {
    if constexpr (Inner::kHasExemplars) return inner_.has_exemplars();
    return false;
  }
  bool Differs() const;
  bool Collect();
  bool Emit();
  std::string_view Base(Part& part) const;

  Inner& inner_;
  const bool keep_classic_;
  const bool read_starts_;
  // From the first histogram on, also when starts are not wanted: Prometheus looks for its start.
  bool skips_created_;

  EntryKind pending_ = EntryKind::kEnd;  // Of the inner parser, behind a histogram.
  bool has_pending_ = false;
  bool emitting_ = false;
  bool hint_matched_ = false;
  bool collected_ = false;        // The series at hand went into the histogram.
  std::string_view type_family_;  // Of the last TYPE line.
  ParsedLabels labels_;           // Of the series at hand.
  CreatedLines created_;
  std::int64_t start_ = 0;
  std::string error_;

  bool collecting_ = false;
  ParsedLabels base_;  // The labels of the histogram that is being gathered.
  ClassicHistogram classic_;
  std::vector<model::Exemplar> exemplars_;
  std::int64_t classic_start_ = 0;

  model::AnyHistogram histogram_;
  ParsedLabels emitted_labels_;
  std::vector<model::Exemplar> emitted_exemplars_;
  std::int64_t emitted_start_ = 0;
  std::string key_;
  Hash128 hash_;
};

}  // namespace narthex::scrape

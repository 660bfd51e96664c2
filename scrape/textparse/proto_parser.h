// SPDX-License-Identifier: Apache-2.0
//
// The protobuf exposition format, with the interface of TextParser. A metric gives one entry for
// each series that it stands for: of a classic histogram or summary first its count and sum. A
// series is recognised by a hash over the bytes of the family's name and of the labels; no text is
// made of it unless the caller does not know it.
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
#include "narthex/proto/exposition.h"
#include "scrape/textparse/entry.h"
#include "scrape/textparse/histogram_options.h"

namespace narthex::scrape {

/// Thread safety: one thread at a time. Members as those of TextParser.
class ProtoParser {
 public:
  /// @param body  must live as long as the parser
  ProtoParser(std::string_view body, const HistogramOptions& options)
      : options_(options), reader_(body) {}

  EntryKind Next(const SeriesHint& hint);

  /// The bytes of the labels: no text that is this series' alone.
  std::string_view series() const {
    return metric_.label_bytes.empty() ? family_.name : metric_.label_bytes;
  }
  const Hash128& series_hash() const { return series_hash_; }
  bool hint_matched() const { return hint_matched_; }
  double value() const { return value_; }
  bool has_timestamp() const { return metric_.timestamp != 0; }
  std::int64_t timestamp() const { return metric_.timestamp; }
  std::int64_t start() const { return metric_.start; }
  /// Of kHistogram; the caller may change it.
  model::AnyHistogram& histogram() { return histogram_; }
  /// Of kSeries and kHistogram, appended to `out`.
  void ReadExemplars(std::vector<model::Exemplar>& out) const;
  bool has_exemplars() const;

  Status ReadLabels(ParsedLabels& labels) const {
    return ReadLabels(family_, metric_, field_, labels);
  }
  /// What ReadLabelsAt needs to find the series again, which is not one that kHistogram gave.
  std::size_t line() const { return metric_.offset << kFieldBits | field_; }
  Status ReadLabelsAt(std::size_t line, model::MetricType type, ParsedLabels& labels);

  std::string_view family() const { return family_.name; }
  model::MetricType type() const { return type_; }
  std::string_view text() const { return text_; }
  const std::string& error() const { return error_; }

  static constexpr HelpEscapes kHelpEscapes = HelpEscapes::kNone;
  static constexpr bool kHasCreatedLines = false;
  static constexpr bool kHasStarts = true;
  static constexpr bool kHasExemplars = true;
  static constexpr bool kHasHistograms = true;

 private:
  // Which series of its metric an entry is: these, and from kBuckets on buckets or quantiles.
  enum Field : std::size_t { kNative, kPlain, kCount, kSum, kBuckets };
  static constexpr unsigned kFieldBits = 28;
  static constexpr std::size_t kMaxFields = (std::size_t{1} << kFieldBits) - 1 - kBuckets;

  enum class State : std::uint8_t { kFamily, kUnit, kType, kMetric, kFields, kConvert };

  EntryKind NextFamily();
  EntryKind NextMetric();
  EntryKind NextField();
  EntryKind Convert();
  void HashLabels();
  EntryKind Series(std::size_t field, double value);
  EntryKind Entry(EntryKind kind, std::size_t field, double bound);
  EntryKind Failed(std::string error);
  static Status ReadLabels(const proto::ExposedFamily& family, const proto::ExposedMetric& metric,
                           std::size_t field, ParsedLabels& labels);

  const HistogramOptions options_;
  proto::ExpositionReader reader_;
  proto::ExposedFamily family_;
  proto::ExposedMetric metric_;
  Hash128 family_hash_;
  Hash128 metric_hash_;
  State state_ = State::kFamily;
  std::size_t field_ = kPlain;       // Of the entry at hand,
  std::size_t next_field_ = kCount;  // and of the one that kFields gives next.
  SeriesHint hint_;
  bool metric_read_ = false;  // The first of a family is read before its metadata is given.

  Hash128 series_hash_;
  bool hint_matched_ = false;
  double value_ = 0;
  model::AnyHistogram histogram_;
  std::string_view text_;
  model::MetricType type_ = model::MetricType::kUnknown;
  std::string error_;
  std::string key_;  // Scratch.
};

}  // namespace narthex::scrape

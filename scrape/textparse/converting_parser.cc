// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/converting_parser.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "scrape/textparse/openmetrics_parser.h"
#include "scrape/textparse/text_parser.h"

namespace narthex::scrape {

namespace {

constexpr std::string_view kLe = "le";

std::string_view ValueOf(const ParsedLabels& labels, std::string_view name) {
  for (const auto& pair : labels.pairs) {
    if (pair.first == name) return pair.second;
  }
  return {};
}

/// Whether the sets are equal but for the name and, in `series`, the bucket's bound.
bool SameMetric(const ParsedLabels& base, const ParsedLabels& series) {
  auto it = base.pairs.begin();
  for (const auto& pair : series.pairs) {
    if (pair.first == kLe || pair.first == model::kMetricName) continue;
    while (it != base.pairs.end() && it->first == model::kMetricName) ++it;
    if (it == base.pairs.end() || *it != pair) return false;
    ++it;
  }
  while (it != base.pairs.end() && it->first == model::kMetricName) ++it;
  return it == base.pairs.end();
}

}  // namespace

template <typename Inner>
EntryKind ConvertingParser<Inner>::Next(const SeriesHint& hint) {
  for (;;) {
    bool skipped = false;
    const EntryKind kind = has_pending_ ? Pending(hint, skipped) : Advance(hint, skipped);
    if (!skipped) return kind;
  }
}

// What ended a histogram, which was given first.
template <typename Inner>
EntryKind ConvertingParser<Inner>::Pending(const SeriesHint& hint, bool& skipped) {
  has_pending_ = emitting_ = false;
  if (pending_ != EntryKind::kSeries) return pending_;
  hint_matched_ = hint.length > 0 && inner_.series_hash() == hint.hash;
  collected_ = Collect();
  skipped = collected_ && !keep_classic_;
  return EntryKind::kSeries;
}

template <typename Inner>
EntryKind ConvertingParser<Inner>::Advance(const SeriesHint& hint, bool& skipped) {
  EntryKind kind = inner_.Next(hint);
  hint_matched_ = collected_ = false;
  if (kind == EntryKind::kError) {
    error_ = inner_.error();
    return kind;
  }
  if (kind == EntryKind::kSeries) {
    kind = Series(skipped);
  } else {
    if (kind == EntryKind::kType) type_family_ = inner_.family();
    if (Emit()) {
      pending_ = kind;
      kind = EntryKind::kHistogram;
    }
  }
  if (kind == EntryKind::kHistogram) {
    hint_matched_ = hint.length > 0 && hash_ == hint.hash;
    has_pending_ = emitting_ = true;
  }
  return kind;
}

template <typename Inner>
EntryKind ConvertingParser<Inner>::Series(bool& skipped) {
  if (!ReadStart()) {
    skipped = true;
    return EntryKind::kSeries;
  }
  hint_matched_ = inner_.hint_matched();
  if (inner_.type() != model::MetricType::kHistogram && !collecting_) return EntryKind::kSeries;
  if (auto status = inner_.ReadLabels(labels_); !status) {
    error_ = status.error().message();
    return EntryKind::kError;
  }
  if (collecting_ && Differs() && Emit()) {
    pending_ = EntryKind::kSeries;
    return EntryKind::kHistogram;
  }
  collected_ = Collect();
  skipped = collected_ && !keep_classic_;
  return EntryKind::kSeries;
}

template <typename Inner>
bool ConvertingParser<Inner>::ReadStart() {
  if constexpr (Inner::kHasCreatedLines) {
    if (skips_created_ && CreatedLines::IsCreated(inner_.series(), inner_.type())) return false;
    if (!read_starts_) return true;
    start_ = created_.StartOf(inner_.body(), inner_.line(), inner_.family(), inner_.type());
  }
  return true;
}

template <typename Inner>
std::string_view ConvertingParser<Inner>::Base(Part& part) const {
  const std::string_view name = ValueOf(labels_, model::kMetricName);
  constexpr std::pair<std::string_view, Part> kSuffixes[] = {
      {"_bucket", Part::kBucket}, {"_sum", Part::kSum}, {"_count", Part::kCount}};
  for (const auto& [suffix, is] : kSuffixes) {
    if (!name.ends_with(suffix)) continue;
    part = is;
    return name.substr(0, name.size() - suffix.size());
  }
  part = Part::kNone;
  return name;
}

template <typename Inner>
bool ConvertingParser<Inner>::Differs() const {
  Part part{};
  return inner_.type() != model::MetricType::kHistogram ||
         Base(part) != ValueOf(base_, model::kMetricName) || !SameMetric(base_, labels_);
}

// Adds the series at hand to the histogram. @return false when it is no part of one
template <typename Inner>
bool ConvertingParser<Inner>::Collect() {
  if (inner_.type() != model::MetricType::kHistogram) return false;
  Part part{};
  const std::string_view base = Base(part);
  if (part == Part::kNone || base != type_family_) return false;
  double bound = 0;
  if (part == Part::kBucket) {
    const auto le = go::ParseFloat(ValueOf(labels_, kLe));
    if (!le || std::isnan(*le)) return false;
    bound = *le;
  }
  if (!collecting_) {
    collecting_ = true;
    classic_start_ = start_;
    skips_created_ = true;
    base_ = labels_;
    std::erase_if(base_.pairs, [](const auto& pair) { return pair.first == kLe; });
    for (auto& pair : base_.pairs) {
      if (pair.first == model::kMetricName) pair.second = base;
    }
  }
  if constexpr (Inner::kHasExemplars) inner_.ReadExemplars(exemplars_);
  // What does not fit is remembered, and the histogram then not made.
  switch (part) {
    case Part::kBucket:
      (void)classic_.SetBucket(bound, inner_.value());
      break;
    case Part::kCount:
      (void)classic_.SetCount(inner_.value());
      break;
    case Part::kSum:
      classic_.SetSum(inner_.value());
      break;
    case Part::kNone:
      break;
  }
  return true;
}

// Ends the histogram that is being gathered. @return whether there is one to give
template <typename Inner>
bool ConvertingParser<Inner>::Emit() {
  if (!collecting_) return false;
  collecting_ = false;
  const bool good = classic_.Convert(histogram_).has_value();
  classic_.Reset();
  emitted_exemplars_.clear();
  std::swap(exemplars_, emitted_exemplars_);
  if (!good) return false;
  emitted_start_ = classic_start_;
  emitted_labels_ = base_;
  key_.clear();
  for (const auto& [name, value] : base_.pairs) {
    key_.append(name).append(1, '\xff').append(value).append(1, '\xff');
  }
  hash_ = HashBytes128(key_);
  return true;
}

template <typename Inner>
void ConvertingParser<Inner>::ReadExemplars(std::vector<model::Exemplar>& out) const {
  if (emitting_) {
    // Those of native histograms need a time.
    std::copy_if(emitted_exemplars_.begin(), emitted_exemplars_.end(), std::back_inserter(out),
                 [](const model::Exemplar& exemplar) { return exemplar.has_timestamp; });
  } else if constexpr (Inner::kHasExemplars) {
    if (!collected_) inner_.ReadExemplars(out);
  }
}

template class ConvertingParser<TextParser>;
template class ConvertingParser<OpenMetricsParser>;

}  // namespace narthex::scrape

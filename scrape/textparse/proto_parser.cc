// SPDX-License-Identifier: Apache-2.0
#include "scrape/textparse/proto_parser.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/labels.h"
#include "scrape/textparse/classic_histogram.h"

namespace narthex::scrape {

using proto::FamilyType;

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::optional<model::MetricType> TypeOf(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return model::MetricType::kCounter;
    case FamilyType::kGauge:
      return model::MetricType::kGauge;
    case FamilyType::kSummary:
      return model::MetricType::kSummary;
    case FamilyType::kUntyped:
      return model::MetricType::kUnknown;
    case FamilyType::kHistogram:
      return model::MetricType::kHistogram;
    case FamilyType::kGaugeHistogram:
      return model::MetricType::kGaugeHistogram;
  }
  return std::nullopt;
}

bool IsHistogram(FamilyType type) {
  return type == FamilyType::kHistogram || type == FamilyType::kGaugeHistogram;
}

template <typename T>
std::string_view BytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof(value)};
}

/// The bound of a bucket or quantile that has this place among those of the metric.
double BoundOf(FamilyType type, const proto::ExposedMetric& metric, std::size_t i) {
  if (type == FamilyType::kSummary) return metric.quantiles[i].quantile;
  return i < metric.buckets.size() ? metric.buckets[i].upper_bound : kInf;
}

void AddExemplar(const proto::ExemplarBytes& bytes, bool needs_time,
                 std::vector<model::Exemplar>& out) {
  model::Exemplar exemplar;
  if (!proto::ReadExemplar(bytes, exemplar)) return;
  if (needs_time && !exemplar.has_timestamp) return;
  out.push_back(std::move(exemplar));
}

}  // namespace

EntryKind ProtoParser::Next(const SeriesHint& hint) {
  hint_ = hint;
  hint_matched_ = false;
  switch (state_) {
    case State::kFamily:
      return NextFamily();
    case State::kUnit:
      state_ = State::kType;
      if (!family_.unit.empty()) {
        text_ = family_.unit;
        return EntryKind::kUnit;
      }
      [[fallthrough]];
    case State::kType:
      state_ = State::kMetric;
      return EntryKind::kType;
    case State::kMetric:
      return NextMetric();
    case State::kFields:
      return NextField();
    case State::kConvert:
      return Convert();
  }
  return EntryKind::kEnd;
}

EntryKind ProtoParser::NextFamily() {
  if (!reader_.NextFamily(family_)) {
    return reader_.error().empty() ? EntryKind::kEnd : Failed(reader_.error());
  }
  if (!reader_.NextMetric(metric_)) return Failed(reader_.error());
  metric_read_ = true;
  if (family_.name.empty() || !model::IsValidUtf8(family_.name)) {
    return Failed(fmt::format("invalid metric name: {}", family_.name));
  }
  if (!model::IsValidUtf8(family_.help)) {
    return Failed(
        fmt::format("invalid help for metric {}: {}", go::Quote(family_.name), family_.help));
  }
  const auto type = TypeOf(family_.type);
  if (!type) {
    return Failed(fmt::format("unknown metric type for metric {}: {}", go::Quote(family_.name),
                              static_cast<std::int32_t>(family_.type)));
  }
  type_ = *type;
  family_hash_ = HashBytes128(family_.name);
  text_ = family_.help;
  state_ = State::kUnit;
  return EntryKind::kHelp;
}

EntryKind ProtoParser::NextMetric() {
  if (!metric_read_ && !reader_.NextMetric(metric_)) {
    if (!reader_.error().empty()) return Failed(reader_.error());
    return NextFamily();
  }
  metric_read_ = false;
  if (std::max(metric_.buckets.size(), metric_.quantiles.size()) > kMaxFields) {
    return Failed(fmt::format("metric {} has more than {} buckets or quantiles",
                              go::Quote(family_.name), kMaxFields));
  }
  HashLabels();
  state_ = State::kMetric;
  if (!IsHistogram(family_.type)) {
    if (family_.type != FamilyType::kSummary) return Series(kPlain, metric_.value);
    next_field_ = kCount;
    return NextField();
  }
  next_field_ = kCount;
  if (options_.native && metric_.IsNative()) {
    if (std::string problem = metric_.Problem(); !problem.empty()) {
      return Failed(fmt::format("histogram {}: {}", go::Quote(family_.name), problem));
    }
    metric_.ToHistogram(family_.type == FamilyType::kGaugeHistogram
                            ? model::CounterResetHint::kGauge
                            : model::CounterResetHint::kUnknown,
                        histogram_);
    if (options_.keep_classic && !metric_.buckets.empty()) state_ = State::kFields;
    return Entry(EntryKind::kHistogram, kNative, 0);
  }
  return options_.convert && !options_.keep_classic ? Convert() : NextField();
}

void ProtoParser::HashLabels() {
  if (!metric_.label_bytes.empty() || metric_.labels.empty()) {
    metric_hash_ = HashBytes128(metric_.label_bytes);
    return;
  }
  key_.clear();  // Labels with something else between them.
  for (const std::string_view label : metric_.labels) {
    key_ += BytesOf(label.size());
    key_ += label;
  }
  metric_hash_ = HashBytes128(key_);
}

EntryKind ProtoParser::NextField() {
  const std::size_t field = next_field_++;
  state_ = State::kFields;
  const bool is_summary = family_.type == FamilyType::kSummary;
  if (field == kCount) return Series(kCount, metric_.Count());
  if (field == kSum) {
    if (is_summary && metric_.quantiles.empty()) state_ = State::kMetric;
    return Series(kSum, metric_.sample_sum);
  }
  const std::size_t i = field - kBuckets;
  if (is_summary) {
    if (i + 1 == metric_.quantiles.size()) state_ = State::kMetric;
    return Series(field, metric_.quantiles[i].value);
  }
  double value = metric_.Count();
  if (i < metric_.buckets.size()) {
    const proto::ExposedBucket& bucket = metric_.buckets[i];
    value = bucket.Count();
  }
  if (BoundOf(family_.type, metric_, i) == kInf) {
    const bool converts = options_.convert && !(options_.native && metric_.IsNative());
    state_ = converts ? State::kConvert : State::kMetric;
  }
  return Series(field, value);
}

EntryKind ProtoParser::Convert() {
  ClassicHistogram classic;
  Status status = classic.SetCount(metric_.Count());
  if (status) classic.SetSum(metric_.sample_sum);
  for (const proto::ExposedBucket& bucket : metric_.buckets) {
    if (status) status = classic.SetBucket(bucket.upper_bound, bucket.Count());
  }
  if (status) status = classic.Convert(histogram_);
  if (!status) return Failed(status.error().message());
  if (family_.type == FamilyType::kGaugeHistogram) {
    std::visit([](auto& h) { h.counter_reset_hint = model::CounterResetHint::kGauge; }, histogram_);
  }
  state_ = State::kMetric;
  return Entry(EntryKind::kHistogram, kNative, 0);
}

EntryKind ProtoParser::Series(std::size_t field, double value) {
  value_ = value;
  if (field < kBuckets) return Entry(EntryKind::kSeries, field, 0);
  const double bound = BoundOf(family_.type, metric_, field - kBuckets);
  return Entry(EntryKind::kSeries, field, bound == 0 ? 0.0 : bound);  // No negative zero.
}

EntryKind ProtoParser::Entry(EntryKind kind, std::size_t field, double bound) {
  field_ = field;
  // Buckets and quantiles are told apart by their bound, not by their place.
  const std::uint64_t what = std::min<std::size_t>(field, kBuckets) +
                             (family_.type == FamilyType::kSummary && field >= kBuckets ? 1 : 0);
  const std::uint64_t key[] = {family_hash_.low,
                               family_hash_.high,
                               metric_hash_.low,
                               metric_hash_.high,
                               what,
                               std::bit_cast<std::uint64_t>(bound)};
  series_hash_ = HashBytes128(BytesOf(key));
  hint_matched_ = hint_.length > 0 && series_hash_ == hint_.hash;
  return kind;
}

bool ProtoParser::has_exemplars() const {
  if (field_ == kPlain) return metric_.exemplar.set;
  if (!IsHistogram(family_.type) || field_ == kCount || field_ == kSum) return false;
  if (field_ == kNative) return !metric_.exemplars.empty() || !metric_.buckets.empty();
  const std::size_t i = field_ - kBuckets;
  return i < metric_.buckets.size() && metric_.buckets[i].exemplar.set;
}

void ProtoParser::ReadExemplars(std::vector<model::Exemplar>& out) const {
  if (!has_exemplars()) return;
  if (field_ == kPlain) return AddExemplar(metric_.exemplar, false, out);
  if (field_ >= kBuckets) {
    return AddExemplar(metric_.buckets[field_ - kBuckets].exemplar, false, out);
  }
  for (const proto::ExemplarBytes& bytes : metric_.exemplars) AddExemplar(bytes, true, out);
  if (!metric_.exemplars.empty()) return;
  for (const proto::ExposedBucket& bucket : metric_.buckets) {
    AddExemplar(bucket.exemplar, true, out);
  }
}

Status ProtoParser::ReadLabelsAt(std::size_t line, model::MetricType /*type*/,
                                 ParsedLabels& labels) {
  const auto [family, metric] = reader_.ReadAt(line >> kFieldBits);
  return ReadLabels(family, metric, line & ((std::size_t{1} << kFieldBits) - 1), labels);
}

Status ProtoParser::ReadLabels(const proto::ExposedFamily& family,
                               const proto::ExposedMetric& metric, std::size_t field,
                               ParsedLabels& labels) {
  std::string name(family.name);
  if (field == kCount) name += "_count";
  if (field == kSum) name += "_sum";
  if (field >= kBuckets && IsHistogram(family.type)) name += "_bucket";
  labels.pairs.clear();
  labels.pairs.emplace_back(model::kMetricName, std::move(name));
  std::string error;
  for (const std::string_view bytes : metric.labels) {
    const auto [label, value] = proto::ReadLabelPair(bytes, error);
    if (!error.empty()) return Fail(Code::kInvalidArgument, error);
    labels.pairs.emplace_back(label, value);
  }
  if (field >= kBuckets) {
    labels.pairs.emplace_back(IsHistogram(family.type) ? "le" : "quantile",
                              FormatBound(BoundOf(family.type, metric, field - kBuckets)));
  }
  labels.Finish();
  return {};
}

EntryKind ProtoParser::Failed(std::string error) {
  error_ = std::move(error);
  return EntryKind::kError;
}

}  // namespace narthex::scrape

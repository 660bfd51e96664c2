// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_translation.h"

#include <algorithm>
#include <bit>
#include <limits>

#include <fmt/format.h>

#include "narthex/base/go_format.h"
#include "narthex/model/sample.h"
#include "src/remote/otlp_buckets.h"
#include "src/remote/otlp_delta.h"
#include "src/remote/sized_text.h"

namespace narthex::remote {
namespace {

using proto::OtlpKind;
using proto::OtlpNumber;
using proto::OtlpTemporality;

constexpr std::size_t kMaxExemplarRunes = 128;
constexpr std::string_view kTraceId = "trace_id";
constexpr std::string_view kSpanId = "span_id";
constexpr model::DurationMs kDefaultLookbackMs = 300'000;
// Points that lie years apart would make millions of samples.
constexpr std::size_t kMaxTargetInfos = 1'000'000;
// What a large resource, repeated in the labels of each series, may come to.
constexpr std::size_t kMinLabelBudget = 64 << 20;
constexpr std::size_t kLabelBytesPerByte = 8;
constexpr std::size_t kMaxOddities = 1000;

model::TimestampMs ToMs(std::uint64_t ns) { return static_cast<std::int64_t>(ns) / 1'000'000; }

/// time.Time.UnixMilli, which rounds down.
model::TimestampMs FloorMs(std::int64_t ns) {
  return ns / 1'000'000 - (ns % 1'000'000 < 0 ? 1 : 0);
}

/// Of one in valid UTF-8 its characters; Go counts each byte that is none as one.
std::size_t Runes(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

bool HasTemporality(OtlpKind kind) {
  return kind == OtlpKind::kSum || kind == OtlpKind::kHistogram ||
         kind == OtlpKind::kExponentialHistogram;
}

}  // namespace

OtlpTranslation::OtlpTranslation(std::string_view body, const config::OtlpConfig& config,
                                 OtlpFamilies& families, OtlpSink& sink,
                                 const OtlpTranslationOptions& options, OtlpDeltaStreams* streams)
    : reader_(body),
      max_label_bytes_(std::max(kMinLabelBudget, kLabelBytesPerByte * body.size())),
      sink_(sink),
      options_(options),
      custom_buckets_(config.convert_histograms_to_nhcb),
      streams_(streams),
      families_(families),
      labeler_(config, options.type_and_unit_labels) {
  target_family_.name = "target_info";
  target_family_.metadata = {
      .type = model::MetricType::kGauge, .unit = {}, .help = "Target metadata"};
  target_family_.Complete(labeler_.naming(), false);
}

Status OtlpTranslation::Run() {
  while (!sink_.must_redo() && reader_.NextResource()) TranslateResource();
  return reader_.status();
}

void OtlpTranslation::TranslateResource() {
  sink_.BeginUnit();
  if (const Status status = labeler_.SetResource(reader_.resource_attributes()); !status) {
    return sink_.FailUnit(status.error().message());
  }
  earliest_ns_ = std::numeric_limits<std::uint64_t>::max();
  latest_ns_ = 0;
  if (streams_ != nullptr) stream_resource_ = HashSorted(reader_.resource_attributes());
  while (reader_.NextScope()) {
    if (streams_ != nullptr) HashStreamScope();
    sink_.BeginUnit();
    if (const Status status = labeler_.SetScope(reader_.scope()); !status) {
      sink_.FailUnit(status.error().message());
      continue;
    }
    while (!sink_.must_redo() && reader_.NextMetric()) TranslateMetric();
  }
  if (earliest_ns_ < std::numeric_limits<std::uint64_t>::max()) AddTargetInfo();
}

// After an error the rest of the points matters only for the times of target_info.
void OtlpTranslation::TranslateMetric() {
  const proto::OtlpMetric& metric = reader_.metric();
  sink_.BeginUnit();
  temporality_ = metric.temporality;
  sums_deltas_ = streams_ != nullptr && HasTemporality(metric.kind) &&
                 metric.temporality == OtlpTemporality::kDelta;
  if (sums_deltas_) {
    temporality_ = OtlpTemporality::kCumulative;
    HashStreamContext();
  }
  // Of a metric that goes through the streams nothing is said unless a point of it is left.
  bool prepared = !sums_deltas_;
  bool usable = prepared && PrepareMetric();
  while (reader_.NextPoint(point_)) {
    if (sums_deltas_ && !AddToStream()) continue;
    if (!prepared) usable = PrepareMetric();
    prepared = true;
    earliest_ns_ = std::min(earliest_ns_, point_.time_ns);
    latest_ns_ = std::max(latest_ns_, point_.time_ns);
    if (usable && !sink_.unit_failed()) TranslatePoint();
  }
}

bool OtlpTranslation::PrepareMetric() {
  const proto::OtlpMetric& metric = reader_.metric();
  const auto fail = [this](std::string_view text) {
    sink_.FailUnit(text);
    return false;
  };
  if (metric.kind == OtlpKind::kNone) {
    return fail(
        fmt::format("could not get aggregation temporality for {} as it has unsupported "
                    "metric type Empty",
                    metric.name));
  }
  const bool allowed = !HasTemporality(metric.kind) ||
                       temporality_ == OtlpTemporality::kCumulative ||
                       (options_.store_deltas && temporality_ == OtlpTemporality::kDelta);
  if (!allowed) {
    return fail(fmt::format("invalid temporality and type combination for metric {}",
                            go::Quote(metric.name)));
  }
  auto family = families_.Get(labeler_.naming(), metric, temporality_);
  if (!family) return fail(family.error().message());
  if (metric.num_points == 0) {
    return fail(fmt::format("empty data points. {} is dropped", metric.name));
  }
  family_ = std::move(*family);
  sink_.SetFamily(*family_);
  const Hash128 parts[] = {labeler_.context(), family_->hash};
  series_context_ = HashBytes128({reinterpret_cast<const char*>(parts), sizeof(parts)});
  return true;
}

// What the collector tells streams by. Attributes count in any order.
void OtlpTranslation::HashStreamScope() {
  const auto& scope = reader_.scope();
  const Hash128 parts[] = {stream_resource_, HashSorted(scope.attributes)};
  std::string bytes(reinterpret_cast<const char*>(parts), sizeof(parts));
  AppendSized(bytes, scope.name);
  AppendSized(bytes, scope.version);
  stream_scope_ = HashBytes128(bytes);
}

void OtlpTranslation::HashStreamContext() {
  const proto::OtlpMetric& metric = reader_.metric();
  std::string bytes(reinterpret_cast<const char*>(&stream_scope_), sizeof(stream_scope_));
  AppendSized(bytes, metric.name);
  AppendSized(bytes, metric.unit);
  bytes += static_cast<char>(metric.kind);
  bytes += metric.monotonic ? 'm' : '-';
  stream_context_ = HashBytes128(bytes);
}

Hash128 OtlpTranslation::HashSorted(const std::vector<proto::OtlpAttribute>& attributes) {
  std::vector<proto::OtlpAttribute> sorted = attributes;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  std::string bytes;
  for (const auto& attribute : sorted) {
    const std::uint64_t sizes[] = {attribute.key.size(), attribute.value.bytes.size(),
                                   attribute.value.bits,
                                   static_cast<std::uint64_t>(attribute.value.kind)};
    bytes.append(reinterpret_cast<const char*>(sizes), sizeof(sizes));
    bytes += attribute.key;
    bytes += attribute.value.bytes;
  }
  return HashBytes128(bytes);
}

bool OtlpTranslation::AddToStream() NX_NO_THREAD_SAFETY_ANALYSIS {
  if (!reader_.ReadAttributes(point_.attributes, attributes_)) return false;
  const Hash128 parts[] = {stream_context_, HashSorted(attributes_)};
  const Hash128 id = HashBytes128({reinterpret_cast<const char*>(parts), sizeof(parts)});
  return streams_->Add(id, reader_.metric().kind, point_);
}

void OtlpTranslation::TranslatePoint() {
  has_hash_ = has_labels_ = false;
  times_ = {.t = ToMs(point_.time_ns), .start = ToMs(point_.start_ns)};
  switch (reader_.metric().kind) {
    case OtlpKind::kGauge:
    case OtlpKind::kSum:
      return AddNumber();
    case OtlpKind::kHistogram:
      return custom_buckets_ ? AddNativeHistogram() : AddClassicHistogram();
    case OtlpKind::kExponentialHistogram:
      return AddNativeHistogram();
    case OtlpKind::kSummary:
      return AddSummary();
    case OtlpKind::kNone:
      return;
  }
}

// Equal attributes in equal bytes give the same series, as long as the rest is equal too.
Hash128 OtlpTranslation::IdOf(const SeriesKey& key) {
  if (!has_hash_) {
    point_hash_ = HashBytes128(point_.attribute_bytes);
    has_hash_ = true;
  }
  const struct {
    Hash128 context, point;
    std::uint64_t part, bound;
  } all = {series_context_, point_hash_, static_cast<std::uint64_t>(key.part),
           std::bit_cast<std::uint64_t>(key.bound)};
  return HashBytes128({reinterpret_cast<const char*>(&all), sizeof(all)});
}

bool OtlpTranslation::BuildLabels(const SeriesKey& key) {
  if (!has_labels_) {
    if (!reader_.ReadAttributes(point_.attributes, attributes_)) return false;
    if (const Status status = labeler_.SetPoint(attributes_, *family_); !status) {
      sink_.FailUnit(status.error().message());
      return false;
    }
    has_labels_ = true;
  }
  name_ = family_->name;
  if (key.part == Part::kSum) name_ += "_sum";
  if (key.part == Part::kCount) name_ += "_count";
  if (key.part == Part::kBucket) name_ += "_bucket";
  if (key.part == Part::kBucket || key.part == Part::kQuantile) {
    bound_text_ = go::FormatFloatF(key.bound);
    labeler_.SetLabel(key.part == Part::kBucket ? "le" : "quantile", bound_text_);
  }
  labeler_.SetLabel(model::kMetricName, name_);
  if (const Status status = labeler_.Build(labels_); !status) {
    sink_.FailUnit(status.error().message());
    return false;
  }
  label_bytes_ += labels_.bytes().size();
  if (label_bytes_ > max_label_bytes_) {
    sink_.FailUnit(fmt::format("the labels of the series of the request take more than {} bytes",
                               max_label_bytes_),
                   true);
    return false;
  }
  return true;
}

template <typename V>
void OtlpTranslation::Add(const SeriesKey& key, const V& v,
                          std::span<const model::Exemplar> exemplars) {
  if (sink_.unit_failed()) return;
  const Hash128 id = IdOf(key);
  if (const auto known = sink_.Find(id)) {
    if (sink_.AddKnown(id, *known, times_, v, exemplars)) return;
  }
  if (!BuildLabels(key)) return;
  // Series of attributes that collide are not to be found: the collision is told each time.
  sink_.AddNew(labeler_.collided() ? nullptr : &id, labels_, times_, v, exemplars);
}

double OtlpTranslation::Value(double v) const {
  return point_.no_recorded_value() ? model::kStaleNaN : v;
}

void OtlpTranslation::AddNumber() {
  double v = 0;
  if (point_.number == OtlpNumber::kInt) v = static_cast<double>(point_.as_int);
  if (point_.number == OtlpNumber::kDouble) v = point_.as_double;
  exemplars_.clear();
  if (!point_.exemplars.empty() && !ReadExemplars()) return;
  Add(SeriesKey{}, Value(v), exemplars_);
}

void OtlpTranslation::AddClassicHistogram() {
  if (point_.has_sum) Add({.part = Part::kSum}, Value(point_.sum));
  const double total = Value(static_cast<double>(point_.count));
  Add({.part = Part::kCount}, total);
  exemplars_.clear();
  if (sink_.unit_failed() || (!point_.exemplars.empty() && !ReadExemplars())) return;
  // Exemplars and buckets both rise.
  std::span<const model::Exemplar> left = exemplars_;
  std::uint64_t cumulative = 0;
  const std::size_t n = std::min(point_.explicit_bounds.size(), point_.bucket_counts.size());
  for (std::size_t i = 0; i < n && !sink_.unit_failed(); ++i) {
    const double bound = point_.explicit_bounds[i];
    cumulative += point_.bucket_counts[i];
    std::size_t own = 0;
    while (own < left.size() && !(left[own].value > bound)) ++own;
    Add({Part::kBucket, bound}, Value(static_cast<double>(cumulative)), left.first(own));
    left = left.subspan(own);
  }
  Add({Part::kBucket, std::numeric_limits<double>::infinity()}, total, left);
}

void OtlpTranslation::AddNativeHistogram() {
  const bool exponential = reader_.metric().kind == OtlpKind::kExponentialHistogram;
  const bool gauge = temporality_ == OtlpTemporality::kDelta;
  if (exponential) {
    if (const Status status = ExponentialToNative(point_, gauge, histogram_); !status) {
      return sink_.FailUnit(status.error().message());
    }
  } else {
    ExplicitToNative(point_, gauge, histogram_);
  }
  std::string oddity = HistogramOddity(point_, histogram_, exponential);
  if (!oddity.empty() && odd_histograms_.size() < kMaxOddities) {
    odd_histograms_.insert(std::move(oddity));
  }
  exemplars_.clear();
  if (!point_.exemplars.empty() && !ReadExemplars()) return;
  Add(SeriesKey{}, histogram_, exemplars_);
}

void OtlpTranslation::AddSummary() {
  Add({.part = Part::kSum}, Value(point_.sum));
  Add({.part = Part::kCount}, Value(static_cast<double>(point_.count)));
  for (const auto& [quantile, value] : point_.quantiles) {
    if (sink_.unit_failed()) return;
    Add({Part::kQuantile, quantile}, Value(value));
  }
}

bool OtlpTranslation::ReadExemplars() {
  std::vector<std::pair<std::string, std::string>> labels;
  for (const std::string_view message : point_.exemplars) {
    if (!reader_.ReadExemplar(message, exemplar_)) return false;
    if (reader_.metric().kind == OtlpKind::kGauge) continue;  // Gauges have none in Prometheus.
    if (exemplar_.kind == OtlpNumber::kNone) {
      sink_.FailUnit("unsupported exemplar value type: Empty");
      return false;
    }
    labels.clear();
    if (!exemplar_.trace_id.empty()) labels.emplace_back(kTraceId, Hex(exemplar_.trace_id));
    if (!exemplar_.span_id.empty()) labels.emplace_back(kSpanId, Hex(exemplar_.span_id));
    std::size_t runes = 0;
    for (const auto& [name, value] : labels) runes += Runes(name) + Runes(value);
    const std::size_t num_ids = labels.size();
    for (const auto& attribute : exemplar_.attributes) {
      auto& [name, value] = labels.emplace_back(attribute.key, std::string());
      attribute.value.AppendText(value);
      runes += Runes(name) + Runes(value);
    }
    // Ids are always kept, the rest only if all of it is short enough.
    if (runes > kMaxExemplarRunes) labels.resize(num_ids);
    std::stable_sort(labels.begin(), labels.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    const model::TimestampMs t = FloorMs(static_cast<std::int64_t>(exemplar_.time_ns));
    auto& exemplar = exemplars_.emplace_back();
    exemplar.value = exemplar_.value;
    exemplar.t = t;
    exemplar.has_timestamp = t != 0;
    for (const auto& [name, value] : labels) {
      if (!value.empty()) exemplar.labels.AppendSorted(name, value);
    }
  }
  return true;
}

// Samples often enough for queries between the first and the last point to find one.
void OtlpTranslation::AddTargetInfo() {
  sink_.BeginUnit();
  const auto wanted = labeler_.BuildTargetInfo(reader_.resource_attributes(), labels_);
  if (!wanted) return sink_.FailUnit(wanted.error().message());
  if (!*wanted) return;
  sink_.SetFamily(target_family_);
  const Hash128 hash = HashBytes128(labels_.bytes());
  const std::uint64_t parts[] = {hash.low, hash.high,
                                 static_cast<std::uint64_t>(Part::kTargetInfo)};
  const Hash128 id = HashBytes128({reinterpret_cast<const char*>(parts), sizeof(parts)});
  const model::DurationMs lookback =
      options_.lookback_delta_ms > 0 ? options_.lookback_delta_ms : kDefaultLookbackMs;
  const std::int64_t interval_ns = lookback * 500'000;
  const auto latest_ns = static_cast<std::int64_t>(latest_ns_);
  auto ns = static_cast<std::int64_t>(earliest_ns_);
  while (ns < latest_ns && !sink_.unit_failed()) {
    AddTargetInfoAt(id, hash.low, FloorMs(ns));
    if (__builtin_add_overflow(ns, interval_ns, &ns)) break;
  }
  if (!sink_.unit_failed()) AddTargetInfoAt(id, hash.low, FloorMs(latest_ns));
}

void OtlpTranslation::AddTargetInfoAt(const Hash128& id, std::uint64_t hash, model::TimestampMs t) {
  // Each step counts: equal resources make no samples, but take as long.
  if (++target_info_steps_ > kMaxTargetInfos) {
    return sink_.FailUnit(
        fmt::format("the data points lie so far apart that target_info needs more than {} samples",
                    kMaxTargetInfos),
        true);
  }
  if (!target_infos_.emplace(hash, t).second) return;
  const OtlpTimes times{.t = t, .start = 0};
  if (const auto known = sink_.Find(id)) {
    if (sink_.AddKnown(id, *known, times, 1.0, {})) return;
  }
  sink_.AddNew(&id, labels_, times, 1.0, {});
}

}  // namespace narthex::remote

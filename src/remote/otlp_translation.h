// SPDX-License-Identifier: Apache-2.0
//
// One request on its way from OpenTelemetry's metrics to samples of series.
// Source: Prometheus storage/remote/otlptranslator/prometheusremotewrite.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include "narthex/base/hash.h"
#include "narthex/config/remote_config.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/timestamp.h"
#include "narthex/proto/otlp.h"
#include "src/remote/otlp_family.h"
#include "src/remote/otlp_labels.h"
#include "src/remote/otlp_sink.h"

namespace narthex::remote {

class OtlpDeltaStreams;

struct OtlpTranslationOptions {
  bool store_deltas = false;  // As they are; else delta temporality is an error.
  bool type_and_unit_labels = false;
  model::DurationMs lookback_delta_ms = 300'000;
};

/// Thread safety: one thread.
class OtlpTranslation {
 public:
  /// @param body     decompressed, in protobuf form; outlives this object, as the next three
  /// @param streams  where deltas become sums, its mutex held by the caller; null = they do not
  OtlpTranslation(std::string_view body, const config::OtlpConfig& config, OtlpFamilies& families,
                  OtlpSink& sink, const OtlpTranslationOptions& options, OtlpDeltaStreams* streams);

  /// Gives everything to the sink, with errors of translation. Once.
  /// Errors: kInvalidArgument, how the body breaks protobuf's rules.
  Status Run();

  /// What was odd but stored, each text once.
  const std::vector<std::string>& collisions() const { return labeler_.collisions(); }
  const std::set<std::string>& odd_histograms() const { return odd_histograms_; }

 private:
  // What a series is of its metric.
  enum class Part : std::uint8_t { kWhole, kSum, kCount, kBucket, kQuantile, kTargetInfo };
  struct SeriesKey {
    Part part = Part::kWhole;
    double bound = 0;  // Of a bucket or quantile.
  };

  void TranslateResource();
  void TranslateMetric();
  bool PrepareMetric();
  void TranslatePoint();
  bool AddToStream();
  void HashStreamScope();
  void HashStreamContext();
  Hash128 HashSorted(const std::vector<proto::OtlpAttribute>& attributes);
  void AddNumber();
  void AddClassicHistogram();
  void AddNativeHistogram();
  void AddSummary();
  void AddTargetInfo();
  void AddTargetInfoAt(const Hash128& id, std::uint64_t hash, model::TimestampMs t);

  Hash128 IdOf(const SeriesKey& key);
  bool BuildLabels(const SeriesKey& key);
  template <typename V>
  void Add(const SeriesKey& key, const V& v, std::span<const model::Exemplar> exemplars = {});
  bool ReadExemplars();
  double Value(double v) const;

  proto::OtlpReader reader_;
  const std::size_t max_label_bytes_;  // Of all series that are new.
  std::size_t label_bytes_ = 0;
  std::size_t target_info_steps_ = 0;
  OtlpSink& sink_;
  const OtlpTranslationOptions options_;
  const bool custom_buckets_;
  OtlpDeltaStreams* const streams_;
  OtlpFamilies& families_;
  OtlpLabeler labeler_;
  OtlpFamily target_family_;

  // Of the resource.
  std::uint64_t earliest_ns_ = 0, latest_ns_ = 0;

  // Of the metric.
  std::shared_ptr<const OtlpFamily> family_;
  bool sums_deltas_ = false;  // Points go through the streams.
  proto::OtlpTemporality temporality_ = proto::OtlpTemporality::kUnspecified;  // After that.
  Hash128 series_context_, stream_context_;
  Hash128 stream_resource_, stream_scope_;

  // Of the point.
  proto::OtlpPoint point_;
  OtlpTimes times_;
  bool has_hash_ = false, has_labels_ = false;
  Hash128 point_hash_;
  std::vector<proto::OtlpAttribute> attributes_;
  std::vector<model::Exemplar> exemplars_;

  proto::OtlpExemplar exemplar_;
  model::Histogram histogram_;
  model::Labels labels_;
  std::string name_, bound_text_;
  absl::flat_hash_set<std::pair<std::uint64_t, model::TimestampMs>> target_infos_;
  std::set<std::string> odd_histograms_;
};

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <utility>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/base/metrics.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "narthex/proto/otlp.h"
#include "narthex/remote/otlp.h"
#include "src/remote/otlp_delta.h"
#include "src/remote/otlp_family.h"
#include "src/remote/otlp_series_cache.h"
#include "src/remote/otlp_sink.h"
#include "src/remote/otlp_translation.h"

namespace narthex::remote {
namespace {

constexpr model::DurationMs kMaxAheadMs = 10 * 60'000;

/// As much of a text as a line of the log should have.
std::string_view Shortened(std::string_view text) { return text.substr(0, 2048); }

/// What was odd about a request that was stored all the same: how often, and one of them.
struct Warnings {
  std::size_t collisions = 0, histograms = 0;
  std::string collision, histogram;
};

}  // namespace

struct OtlpReceiver::Impl {
  Impl(storage::Appendable& s, Clock& c, metrics::Registry& r, const OtlpReceiverOptions& o)
      : storage(s), clock(c), registry(r), options(o), families(o.type_and_unit_labels) {}

  std::shared_ptr<const config::OtlpConfig> Config() const {
    MutexLock lock(config_mutex);
    return config;
  }
  OtlpAnswer ReceiveProtobuf(std::string_view body);
  OtlpAnswer StoreSummingDeltas(std::string_view body, Warnings& warnings)
      NX_REQUIRES(streams.mutex);
  /// Nothing when a series was gone that was taken for known.
  std::optional<OtlpAnswer> Store(std::string_view body, bool columns, OtlpDeltaStreams* sums,
                                  Warnings& warnings);
  OtlpAnswer StoreBody(std::string_view body, Warnings& warnings);
  /// Not under a lock of ours: who reads all metrics holds that of the registry and asks for our
  /// memory.
  void CountWarnings(const Warnings& warnings);
  OtlpAnswer Undecodable(std::string error);

  storage::Appendable& storage;
  Clock& clock;
  metrics::Registry& registry;
  const OtlpReceiverOptions options;
  metrics::Counter& without_metadata = registry.AddCounter(
      "prometheus_api_otlp_appended_samples_without_metadata_total",
      "The number of samples received by OTLP that were stored without metadata.");
  metrics::Counter& exemplars_refused = registry.AddCounter(
      "prometheus_api_otlp_out_of_order_exemplars_total",
      "The number of exemplars received by OTLP that were refused because they were out of order.");

  mutable Mutex config_mutex;
  std::shared_ptr<const config::OtlpConfig> config NX_GUARDED_BY(config_mutex) =
      std::make_shared<const config::OtlpConfig>();
  OtlpSeriesCache series;
  OtlpFamilies families;
  OtlpDeltaStreams streams;

  MinuteLog undecodable_log{clock}, unstored_log{clock}, odd_log{clock}, no_room_log{clock};
};

OtlpAnswer OtlpReceiver::Impl::Undecodable(std::string error) {
  undecodable_log.Error("Error decoding OTLP write request", {{"err", Shortened(error)}});
  return {.status = 400, .error = std::move(error)};
}

void OtlpReceiver::Impl::CountWarnings(const Warnings& warnings) {
  const auto count = [this](const char* category, std::size_t n, const std::string& one) {
    if (n == 0) return;
    registry
        .AddCounter("prometheus_api_otlp_translation_warnings_total",
                    "The number of warnings about OTLP metrics that were translated, by category.",
                    {{"category", category}})
        .Add(n);
    odd_log.Warn("Warnings translating OTLP metrics to Prometheus write request",
                 {{"warnings", Shortened(one)}});
  };
  count("label_name_collision", warnings.collisions, warnings.collision);
  count("histogram_zero_count_non_zero_sum", warnings.histograms, warnings.histogram);
}

std::optional<OtlpAnswer> OtlpReceiver::Impl::Store(std::string_view body, bool columns,
                                                    OtlpDeltaStreams* sums, Warnings& warnings) {
  const model::TimestampMs now = clock.NowMs();
  const auto active = Config();
  OtlpSink sink(storage, series,
                {.max_time = now + kMaxAheadMs,
                 .append_metadata = options.append_metadata,
                 .start_zeros = options.start_zeros,
                 .columns = columns});
  OtlpTranslation translation(body, *active, families, sink,
                              {.store_deltas = options.store_deltas,
                               .type_and_unit_labels = options.type_and_unit_labels,
                               .lookback_delta_ms = options.lookback_delta_ms},
                              sums);
  const Status decoded = translation.Run();
  const OtlpSink::Outcome outcome = sink.Finish(decoded.has_value());
  if (outcome.redo) return std::nullopt;
  if (!decoded) return Undecodable(decoded.error().message());
  without_metadata.Add(sink.without_metadata());
  exemplars_refused.Add(sink.exemplars_refused());
  warnings.collisions = translation.collisions().size();
  if (warnings.collisions > 0) warnings.collision = translation.collisions().front();
  warnings.histograms = translation.odd_histograms().size();
  if (warnings.histograms > 0) warnings.histogram = *translation.odd_histograms().begin();
  if (outcome.error.empty()) return OtlpAnswer{};
  if (outcome.bad_request) return OtlpAnswer{.status = 400, .error = outcome.error};
  unstored_log.Error("Error appending remote write", {{"err", Shortened(outcome.error)}});
  return OtlpAnswer{.status = 500, .error = outcome.error};
}

OtlpAnswer OtlpReceiver::Impl::StoreSummingDeltas(std::string_view body, Warnings& warnings) {
  streams.Tick(clock.NowMs());
  // Not in columns: the points can't be added to their streams a second time.
  auto answer = Store(body, false, &streams, warnings);
  if (const std::uint64_t dropped = streams.TakeDropped(); dropped > 0) {
    no_room_log.Warn("Points of new OTLP delta streams dropped: too many streams",
                     {{"points", dropped}});
  }
  return *std::move(answer);
}

OtlpAnswer OtlpReceiver::Impl::ReceiveProtobuf(std::string_view body) {
  Warnings warnings;
  OtlpAnswer answer = StoreBody(body, warnings);
  CountWarnings(warnings);
  return answer;
}

OtlpAnswer OtlpReceiver::Impl::StoreBody(std::string_view body, Warnings& warnings) {
  series.Tick(clock.NowMs());
  if (options.sum_deltas) {
    // The whole body first: what can't be read must not change the streams.
    const auto has_delta = proto::OtlpCheckForDelta(body);
    if (!has_delta) return Undecodable(has_delta.error().message());
    if (*has_delta) {
      MutexLock lock(streams.mutex);
      return StoreSummingDeltas(body, warnings);
    }
  }
  // A zero at the start has to come right before its sample, which columns do not give.
  if (!options.start_zeros) {
    if (auto answer = Store(body, true, nullptr, warnings)) return *std::move(answer);
  }
  return *Store(body, false, nullptr, warnings);
}

OtlpReceiver::OtlpReceiver(storage::Appendable& storage, Clock& clock, metrics::Registry& registry,
                           const OtlpReceiverOptions& options)
    : impl_(std::make_unique<Impl>(storage, clock, registry, options)) {}
OtlpReceiver::~OtlpReceiver() = default;

void OtlpReceiver::ApplyConfig(const config::OtlpConfig& config) {
  auto next = std::make_shared<const config::OtlpConfig>(config);
  MutexLock lock(impl_->config_mutex);
  impl_->config = std::move(next);
}

OtlpAnswer OtlpReceiver::Receive(OtlpForm form, std::string_view body) {
  if (form == OtlpForm::kProtobuf) return impl_->ReceiveProtobuf(body);
  std::string wire;
  if (const Status status = proto::OtlpJsonToWire(body, wire); !status) {
    return impl_->Undecodable(status.error().message());
  }
  return impl_->ReceiveProtobuf(wire);
}

std::size_t OtlpReceiver::memory_bytes() const {
  return impl_->series.memory_bytes() + impl_->families.memory_bytes() + impl_->streams.bytes();
}

}  // namespace narthex::remote

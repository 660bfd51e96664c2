// SPDX-License-Identifier: Apache-2.0
#include "src/remote/otlp_delta.h"

#include <algorithm>
#include <utility>

#include "src/remote/otlp_exponential.h"

namespace narthex::remote {

using proto::OtlpKind;
using proto::OtlpNumber;
using proto::OtlpPoint;

namespace {

constexpr model::DurationMs kSweepMs = 60'000;

}  // namespace

/// The sum of the points so far. What a point has besides comes from the first one.
struct OtlpDeltaStreams::Stream {
  model::TimestampMs seen = 0;
  std::uint64_t start_ns = 0, time_ns = 0;
  std::uint32_t flags = 0;
  OtlpNumber number = OtlpNumber::kNone;
  double as_double = 0;
  std::int64_t as_int = 0;
  std::vector<std::string> exemplars;

  /// Of histograms.
  struct Shape {
    std::uint64_t count = 0;
    bool has_sum = false;
    double sum = 0;
    std::vector<std::uint64_t> bucket_counts;
    std::vector<double> explicit_bounds;
    ExponentialCounts exponential;
  };
  std::unique_ptr<Shape> shape;

  std::size_t bytes() const;
  void CopyFrom(OtlpKind kind, const OtlpPoint& point);
  void CopyTo(OtlpPoint& point) const;
  void AddNumber(const OtlpPoint& point);
  void AddHistogram(const OtlpPoint& point);
  void AddCounts(const OtlpPoint& point);
  void AddExponentialPoint(OtlpPoint& point);
};

namespace {

ExponentialCounts TakeExponential(OtlpPoint& point) {
  return {.scale = point.scale,
          .zero_count = point.zero_count,
          .zero_threshold = point.zero_threshold,
          .positive = std::move(point.positive),
          .negative = std::move(point.negative)};
}

}  // namespace

OtlpDeltaStreams::OtlpDeltaStreams(const OtlpDeltaLimits& limits) : limits_(limits) {}
OtlpDeltaStreams::~OtlpDeltaStreams() = default;

std::size_t OtlpDeltaStreams::Stream::bytes() const {
  std::size_t n = sizeof(Stream) + sizeof(Streams::value_type);
  for (const std::string& exemplar : exemplars) n += sizeof(std::string) + exemplar.capacity();
  if (shape == nullptr) return n;
  return n + sizeof(Shape) +
         8 * (shape->bucket_counts.capacity() + shape->explicit_bounds.capacity() +
              shape->exponential.positive.counts.capacity() +
              shape->exponential.negative.counts.capacity());
}

void OtlpDeltaStreams::Stream::CopyFrom(OtlpKind kind, const OtlpPoint& point) {
  start_ns = point.start_ns;
  time_ns = point.time_ns;
  flags = point.flags;
  number = point.number;
  as_double = point.as_double;
  as_int = point.as_int;
  exemplars.assign(point.exemplars.begin(), point.exemplars.end());
  if (kind == OtlpKind::kSum) return;
  shape = std::make_unique<Shape>();
  shape->count = point.count;
  shape->has_sum = point.has_sum;
  shape->sum = point.sum;
  shape->bucket_counts = point.bucket_counts;
  shape->explicit_bounds = point.explicit_bounds;
  shape->exponential = {.scale = point.scale,
                        .zero_count = point.zero_count,
                        .zero_threshold = point.zero_threshold,
                        .positive = point.positive,
                        .negative = point.negative};
}

void OtlpDeltaStreams::Stream::CopyTo(OtlpPoint& point) const {
  point.start_ns = start_ns;
  point.time_ns = time_ns;
  point.flags = flags;
  point.number = number;
  point.as_double = as_double;
  point.as_int = as_int;
  point.exemplars.assign(exemplars.begin(), exemplars.end());
  if (shape == nullptr) return;
  point.count = shape->count;
  point.has_sum = shape->has_sum;
  point.sum = shape->sum;
  point.bucket_counts = shape->bucket_counts;
  point.explicit_bounds = shape->explicit_bounds;
  point.scale = shape->exponential.scale;
  point.zero_count = shape->exponential.zero_count;
  point.zero_threshold = shape->exponential.zero_threshold;
  point.positive = shape->exponential.positive;
  point.negative = shape->exponential.negative;
}

// The kind of number may change from point to point; a sum that was of the other kind is lost.
void OtlpDeltaStreams::Stream::AddNumber(const OtlpPoint& point) {
  if (point.number == OtlpNumber::kDouble) {
    as_double = (number == OtlpNumber::kDouble ? as_double : 0) + point.as_double;
  } else if (point.number == OtlpNumber::kInt) {
    const std::int64_t before = number == OtlpNumber::kInt ? as_int : 0;
    as_int = static_cast<std::int64_t>(static_cast<std::uint64_t>(before) +
                                       static_cast<std::uint64_t>(point.as_int));
  } else {
    return;
  }
  number = point.number;
}

void OtlpDeltaStreams::Stream::AddCounts(const OtlpPoint& point) {
  shape->count += point.count;
  shape->has_sum = shape->has_sum && point.has_sum;
  shape->sum = shape->has_sum ? shape->sum + point.sum : 0;
}

// With other bounds there is nothing to add to: the stream begins anew.
void OtlpDeltaStreams::Stream::AddHistogram(const OtlpPoint& point) {
  if (shape->explicit_bounds != point.explicit_bounds) {
    CopyFrom(OtlpKind::kHistogram, point);
    return;
  }
  const std::size_t n = std::min(shape->bucket_counts.size(), point.bucket_counts.size());
  for (std::size_t i = 0; i < n; ++i) shape->bucket_counts[i] += point.bucket_counts[i];
  AddCounts(point);
}

void OtlpDeltaStreams::Stream::AddExponentialPoint(OtlpPoint& point) {
  ExponentialCounts counts = TakeExponential(point);
  AddExponential(shape->exponential, counts);
  AddCounts(point);
}

void OtlpDeltaStreams::Tick(model::TimestampMs now) {
  now_ = now;
  if (now - last_sweep_ < kSweepMs && now >= last_sweep_) return;
  last_sweep_ = now;
  absl::erase_if(streams_, [&](const auto& entry) {
    const bool stale = now - entry.second->seen > limits_.max_stale_ms;
    if (stale) bytes_ -= entry.second->bytes();
    return stale;
  });
}

bool OtlpDeltaStreams::Add(const Hash128& id, OtlpKind kind, OtlpPoint& point) {
  const auto found = streams_.find(id);
  const bool too_large =
      point.exemplars.size() > limits_.max_exemplars ||
      std::max({point.bucket_counts.size(), point.explicit_bounds.size(),
                point.positive.counts.size(), point.negative.counts.size()}) > limits_.max_buckets;
  if (too_large || (found == streams_.end() && bytes() >= limits_.max_bytes)) {
    ++dropped_;
    return false;
  }
  auto& entry = found == streams_.end() ? streams_[id] : found->second;
  std::size_t before = 0;
  if (entry == nullptr) {
    entry = std::make_unique<Stream>();
  } else {
    before = entry->bytes();
  }
  Stream& stream = *entry;
  stream.seen = now_;
  bool taken = true;
  if (stream.time_ns == 0) {
    stream.CopyFrom(kind, point);
  } else if (point.start_ns < stream.start_ns || point.time_ns <= stream.time_ns) {
    taken = false;
  } else {
    const std::uint64_t time_ns = point.time_ns;
    if (kind == OtlpKind::kSum) {
      stream.AddNumber(point);
    } else if (kind == OtlpKind::kHistogram) {
      stream.AddHistogram(point);
    } else {
      stream.AddExponentialPoint(point);
    }
    stream.time_ns = time_ns;
    stream.CopyTo(point);
  }
  const std::size_t after = stream.bytes();
  bytes_ += after - before;  // Wraps back when it became less.
  if (after > before && bytes() > limits_.max_bytes) {
    bytes_ -= after;
    point.exemplars.clear();  // They lead into the stream.
    streams_.erase(id);
    ++dropped_;
    return false;
  }
  return taken;
}

std::uint64_t OtlpDeltaStreams::TakeDropped() { return std::exchange(dropped_, 0); }

}  // namespace narthex::remote

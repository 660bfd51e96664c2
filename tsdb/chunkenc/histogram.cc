// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/histogram.h"

#include <bit>

#include "narthex/base/coding.h"
#include "narthex/model/sample.h"
#include "tsdb/chunkenc/histogram_codec.h"
#include "tsdb/chunkenc/histogram_compare.h"
#include "tsdb/chunkenc/histogram_layout.h"
#include "tsdb/chunkenc/histogram_limits.h"
#include "tsdb/chunkenc/histogram_reader.h"

namespace narthex::tsdb {

using model::CounterResetHint;
using model::FloatHistogram;
using model::Histogram;
using model::TimestampMs;

namespace {

template <typename H>
HistogramLayout LayoutOf(const H& h) {
  if (model::IsStale(h.sum)) return {};
  return {h.schema, h.zero_threshold, h.positive_spans, h.negative_spans,
          h.schema == model::kCustomBucketsSchema ? h.custom_values : std::vector<double>()};
}

// Whether one more sample could make a chunk too large, if it had to be encoded anew with all
// buckets of both.
template <typename H>
bool MayOutgrow(std::size_t count, std::size_t num_buckets, const HistogramLayout& layout,
                const H& h) {
  return MostHistogramChunkBytes(
             count + 1, num_buckets + h.positive_buckets.size() + h.negative_buckets.size(),
             layout.positive_spans.size() + layout.negative_spans.size() + h.positive_spans.size() +
                 h.negative_spans.size(),
             layout.custom_values.size()) > kMaxHistogramChunkBytes;
}

bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

template <typename H>
HistogramChunk<H>::HistogramChunk(bool with_starts)
    : bytes_(kHistogramHeaderBytes, '\0'), with_starts_(with_starts) {}

template <typename H>
HistogramChunk<H>::HistogramChunk(CounterResetHint header, TimestampMs t, const H& h,
                                  bool with_starts, TimestampMs start)
    : HistogramChunk(with_starts) {
  SetHeader(header);
  layout_ = LayoutOf(h);
  Encode(t, h, start);
}

template <typename H>
void HistogramChunk<H>::SetHeader(CounterResetHint header) {
  const auto flags = static_cast<char>(HistogramFlagsOf(header));
  if (!with_starts_) {
    bytes_[kHistogramFlagsAt] = flags;
    return;
  }
  bytes_[0] = static_cast<char>((bytes_[0] & 0x3f) | flags);
}

template <typename H>
void HistogramChunk<H>::SetCount(unsigned count) {
  const unsigned flags = with_starts_ ? static_cast<std::uint8_t>(bytes_[0]) & 0xc0U : 0;
  StoreBe16(reinterpret_cast<std::uint8_t*>(bytes_.data()),
            static_cast<std::uint16_t>(flags << 8 | count));
}

template <typename H>
Result<HistogramChunk<H>> HistogramChunk<H>::Restore(ByteSpan chunk, bool with_starts) {
  if (chunk.size() < kHistogramHeaderBytes) return CorruptHistogramChunk(chunk);
  HistogramChunk restored(with_starts);
  HistogramReader<H> reader(restored.encoding(), chunk);
  while (reader.Next()) {
  }
  if (!reader.ok()) return CorruptHistogramChunk(chunk);
  const std::uint64_t bits = reader.bits_read();
  restored.bytes_.assign(AsText(chunk.first(kHistogramHeaderBytes + (bits + 7) / 8)));
  restored.tail_bits_ = static_cast<unsigned>(bits % 8);
  restored.layout_ = reader.layout();
  restored.state_ = std::move(reader.state());
  restored.start_ = reader.start();
  return restored;
}

template <typename H>
std::uint16_t HistogramChunk<H>::count() const {
  const std::uint16_t head = LoadBe16(reinterpret_cast<const std::uint8_t*>(bytes_.data()));
  return with_starts_ ? head & kStartedCountMask : head;
}

// Float histograms: a chunk begun because a sample did not fit is marked only when it was a reset,
// one begun because its predecessor was full says "no reset" of everything else.
// Source: Prometheus tsdb/chunkenc, AppendHistogram and AppendFloatHistogram.
template <typename H>
typename HistogramChunk<H>::Fit HistogramChunk<H>::FitOf(bool fits, CounterResetHint header,
                                                         const H& h) const {
  Fit fit{fits, header, header};
  if (std::is_same_v<H, FloatHistogram> && header != CounterResetHint::kReset &&
      header != CounterResetHint::kGauge) {
    fit.header = CounterResetHint::kUnknown;
    fit.header_when_full = CounterResetHint::kNotReset;
  }
  if (h.counter_reset_hint == CounterResetHint::kReset) {
    fit.header_when_full = CounterResetHint::kReset;
  }
  return fit;
}

template <typename H>
typename HistogramChunk<H>::Fit HistogramChunk<H>::Check(const H& h) const {
  const bool gauge = h.counter_reset_hint == CounterResetHint::kGauge;
  if (count() == 0) return {true, CounterResetHint::kUnknown, CounterResetHint::kUnknown};
  const auto flags = static_cast<std::uint8_t>(bytes_[HistogramHintAt(with_starts_)]);
  const bool gauge_chunk = HistogramHintOf(flags) == CounterResetHint::kGauge;
  if (gauge) {
    if (!gauge_chunk) return FitOf(false, CounterResetHint::kGauge, h);
  } else {
    if (gauge_chunk) return FitOf(false, CounterResetHint::kNotReset, h);  // As Prometheus has it.
    if (h.counter_reset_hint == CounterResetHint::kReset) {
      return FitOf(false, CounterResetHint::kReset, h);
    }
  }
  const CounterResetHint same = gauge ? CounterResetHint::kGauge : CounterResetHint::kNotReset;
  const CounterResetHint unknown = gauge ? same : CounterResetHint::kUnknown;
  const CounterResetHint reset = gauge ? same : CounterResetHint::kReset;
  if (is_full() || MayOutgrow(count(), num_buckets(), layout_, h)) return FitOf(false, unknown, h);
  if (model::IsStale(h.sum)) return FitOf(true, same, h);
  if (model::IsStale(state_.sum.value())) return FitOf(false, unknown, h);
  if (!gauge && CountFell(state_, h)) return FitOf(false, reset, h);
  if (h.schema != layout_.schema || h.zero_threshold != layout_.zero_threshold) {
    return FitOf(false, unknown, h);
  }
  if (h.schema == model::kCustomBucketsSchema && h.custom_values != layout_.custom_values) {
    return FitOf(false, reset, h);
  }
  if (gauge) return FitOf(true, same, h);
  const bool fell = SameBuckets(layout_, state_, h) ? AnyCountFell(state_, h)
                                                    : AnyCountFell(ToHistogram(layout_, state_), h);
  return FitOf(!fell, fell ? reset : same, h);
}

template <typename H>
void HistogramChunk<H>::Append(TimestampMs t, const H& h, TimestampMs start) {
  if (count() == 0) {
    layout_ = LayoutOf(h);
    if (h.counter_reset_hint != CounterResetHint::kNotReset) SetHeader(h.counter_reset_hint);
    return Encode(t, h, start);
  }
  if (model::IsStale(h.sum) || SameSpans(layout_, h)) return Encode(t, h, start);
  const HistogramLayout wider = Wider(layout_, h);
  if (HasMoreBuckets(wider, layout_)) Recode(wider);
  H widened = h;
  Widen(widened, layout_);
  Encode(t, widened, start);
}

template <typename H>
void HistogramChunk<H>::Encode(TimestampMs t, const H& h, TimestampMs start) {
  const std::uint16_t n = count();
  const TimestampMs last_t = state_.t;
  BitWriter out(bytes_, tail_bits_);
  if (n == 0) {
    WriteLayout(out, layout_);
    WriteFirst(out, state_, t, h);
  } else {
    WriteNext(out, state_, t, h);
  }
  if (with_starts_) {
    const auto header = static_cast<std::uint8_t>(bytes_[kHistogramFlagsAt]);
    const std::uint8_t next = PutStart(out, header, start_, n, last_t, t, start);
    bytes_[kHistogramFlagsAt] = static_cast<char>(next);
  }
  tail_bits_ = out.tail_bits();
  SetCount(n + 1U);
}

template <typename H>
void HistogramChunk<H>::Recode(const HistogramLayout& wider) {
  HistogramChunk fresh(with_starts_);
  fresh.layout_ = wider;
  HistogramReader<H> reader(encoding(), AsBytes(bytes_));
  fresh.SetHeader(reader.header());
  while (reader.Next()) {
    H h = ToHistogram(reader.layout(), reader.state());
    if (!model::IsStale(h.sum)) Widen(h, wider);
    fresh.Encode(reader.state().t, h, reader.start().start);
  }
  *this = std::move(fresh);
}

template <typename H>
bool HistogramChunk<H>::last_is_stale() const {
  return count() > 0 && model::IsStale(std::bit_cast<double>(state_.sum.bits));
}

template <typename H>
bool HistogramChunk<H>::EqualsLast(const H& h) const {
  if (count() == 0) return false;
  if (model::IsStale(h.sum) || model::IsStale(state_.sum.value())) {
    return SameBits(h.sum, state_.sum.value());
  }
  if (h.schema != layout_.schema || h.zero_threshold != layout_.zero_threshold ||
      !SameBits(h.sum, state_.sum.value()) || h.custom_values != layout_.custom_values) {
    return false;
  }
  if (SameBuckets(layout_, state_, h)) return SameCounts(state_, h);
  const H last = ToHistogram(layout_, state_);
  if (h.count != last.count || h.zero_count != last.zero_count) return false;
  // Spans that say the same in other words are equal. Buckets that the chunk has and the histogram
  // lacks, though empty, make it another one: Prometheus compares with the widened form, too.
  const HistogramLayout wide = Wider(layout_, h);
  if (HasMoreBuckets(wide, layout_) || HasMoreBuckets(wide, LayoutOf(h))) return false;
  H a = last;
  H b = h;
  Widen(a, wide);
  Widen(b, wide);
  return a.positive_buckets == b.positive_buckets && a.negative_buckets == b.negative_buckets;
}

template <typename H>
std::size_t HistogramChunk<H>::memory_bytes() const {
  const auto vector_bytes = [](const auto& v) { return v.capacity() * sizeof(v[0]); };
  std::size_t bytes = sizeof(*this) + bytes_.capacity() + vector_bytes(state_.buckets) +
                      vector_bytes(layout_.positive_spans) + vector_bytes(layout_.negative_spans) +
                      vector_bytes(layout_.custom_values);
  if constexpr (std::is_same_v<H, Histogram>) bytes += vector_bytes(state_.bucket_deltas);
  return bytes;
}

void ForgetReset(Encoding encoding, std::span<char> chunk) {
  char& flags = chunk[HistogramHintAt(HasStartTimes(encoding))];
  if (HistogramHintOf(static_cast<std::uint8_t>(flags)) == CounterResetHint::kGauge) return;
  flags = static_cast<char>(flags & 0x3f);
}

template class HistogramChunk<Histogram>;
template class HistogramChunk<FloatHistogram>;

}  // namespace narthex::tsdb

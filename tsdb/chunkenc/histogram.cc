// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/histogram.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "narthex/base/coding.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/sample.h"
#include "tsdb/chunkenc/histogram_codec.h"
#include "tsdb/chunkenc/histogram_layout.h"
#include "tsdb/chunkenc/trim.h"

namespace narthex::tsdb {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using model::Histogram;
using model::TimestampMs;

constexpr std::size_t kHeaderBytes = 3;
constexpr std::size_t kFlagsAt = 2;
constexpr std::int32_t kHighestSchema = 8;
constexpr std::int32_t kHighestReservedSchema = 52;
// What the chunk's first sample is to the chunk before it, in the top bits of the flags.
constexpr unsigned kHeaderShift = 6;

std::uint8_t FlagsOf(CounterResetHint hint) {
  switch (hint) {
    case CounterResetHint::kReset:
      return 0b10 << kHeaderShift;
    case CounterResetHint::kNotReset:
      return 0b01 << kHeaderShift;
    case CounterResetHint::kGauge:
      return 0b11 << kHeaderShift;
    case CounterResetHint::kUnknown:
      break;
  }
  return 0;
}

CounterResetHint HintOf(std::uint8_t flags) {
  switch (flags >> kHeaderShift) {
    case 0b10:
      return CounterResetHint::kReset;
    case 0b01:
      return CounterResetHint::kNotReset;
    case 0b11:
      return CounterResetHint::kGauge;
    default:
      return CounterResetHint::kUnknown;
  }
}

template <typename H>
HistogramLayout LayoutOf(const H& h) {
  if (model::IsStale(h.sum)) return {};
  return {h.schema, h.zero_threshold, h.positive_spans, h.negative_spans,
          h.schema == model::kCustomBucketsSchema ? h.custom_values : std::vector<double>()};
}

// Absolute counts of the buckets of one sign.
std::vector<std::int64_t> Counts(const std::vector<std::int64_t>& deltas) {
  return CountsFromDeltas(deltas);
}
const std::vector<double>& Counts(const std::vector<double>& counts) { return counts; }

void StoreCounts(std::vector<std::int64_t>& buckets, const std::vector<std::int64_t>& counts) {
  buckets = DeltasFromCounts(counts);
}
void StoreCounts(std::vector<double>& buckets, std::vector<double> counts) {
  buckets = std::move(counts);
}

template <typename T>
void SpreadBuckets(std::vector<T>& buckets, const std::vector<model::Span>& from,
                   const std::vector<model::Span>& to) {
  const std::vector<T>& counts = Counts(buckets);
  StoreCounts(buckets, SpreadCounts(std::span<const T>(counts), from, to));
}

// Moves a histogram's buckets into a layout that has them all.
template <typename H>
void Widen(H& h, const HistogramLayout& layout) {
  SpreadBuckets(h.positive_buckets, h.positive_spans, layout.positive_spans);
  SpreadBuckets(h.negative_buckets, h.negative_spans, layout.negative_spans);
  h.positive_spans = layout.positive_spans;
  h.negative_spans = layout.negative_spans;
}

bool SameSpans(const HistogramLayout& layout, const auto& h) {
  return layout.positive_spans == h.positive_spans && layout.negative_spans == h.negative_spans;
}

// The layout with the buckets of `h` too.
template <typename H>
HistogramLayout Wider(const HistogramLayout& layout, const H& h) {
  HistogramLayout wider = layout;
  wider.positive_spans = UniteSpans(layout.positive_spans, h.positive_spans);
  wider.negative_spans = UniteSpans(layout.negative_spans, h.negative_spans);
  return wider;
}

template <typename H>
bool AnyCountFell(const H& before, const H& after) {
  if (after.count < before.count || after.zero_count < before.zero_count) return true;
  const auto fell = [](const auto& old_buckets, const auto& old_spans, const auto& new_buckets,
                       const auto& new_spans) {
    const auto& old_counts = Counts(old_buckets);
    const auto& new_counts = Counts(new_buckets);
    return AnyBucketFell(std::span(old_counts), std::span(old_spans), std::span(new_counts),
                         std::span(new_spans));
  };
  return fell(before.positive_buckets, before.positive_spans, after.positive_buckets,
              after.positive_spans) ||
         fell(before.negative_buckets, before.negative_spans, after.negative_buckets,
              after.negative_spans);
}

// Walks over the samples of a chunk.
template <typename H>
class SampleReader {
 public:
  SampleReader(Encoding encoding, ByteSpan chunk) : in_(chunk.subspan(kHeaderBytes)) {
    const std::uint16_t head = LoadBe16(chunk.data());
    const bool start_times =
        encoding == Encoding::kHistogramSt || encoding == Encoding::kFloatHistogramSt;
    count_ = start_times ? head & 0x3fff : head;
    header_ = HintOf(start_times ? chunk[0] : chunk[kFlagsAt]);
    if (start_times) st_ = chunk[kFlagsAt];
  }

  /// False at the end or when the chunk is damaged; see ok().
  bool Next() {
    if (read_ == count_ || !in_.ok()) return false;
    if (read_ == 0) {
      layout_ = ReadLayout(in_);
      if (!in_.ok()) return false;
      ReadFirst(in_, state_,
                NumBuckets(layout_.positive_spans) + NumBuckets(layout_.negative_spans));
    } else {
      ReadNext(in_, state_);
    }
    SkipStartTime();
    ++read_;
    return in_.ok();
  }

  // Only a chunk's first sample can follow a reset; whether it does not is not known to readers
  // that may have come from elsewhere.
  CounterResetHint hint() const {
    if (header_ == CounterResetHint::kGauge) return header_;
    if (read_ > 1) return CounterResetHint::kNotReset;
    return header_ == CounterResetHint::kReset ? header_ : CounterResetHint::kUnknown;
  }

  bool ok() const { return in_.ok(); }
  std::uint16_t count() const { return static_cast<std::uint16_t>(count_); }
  CounterResetHint header() const { return header_; }
  std::uint64_t bits_read() const { return in_.position(); }
  const HistogramLayout& layout() const { return layout_; }
  const typename HistogramTraits<H>::State& state() const { return state_; }
  typename HistogramTraits<H>::State& state() { return state_; }

 private:
  // Chunks with start times tell the first one, and from the first change on one a sample.
  void SkipStartTime() {
    const unsigned first_change = st_ & 0x7f;
    if (read_ == 0) {
      if ((st_ & 0x80) != 0) in_.Varint();
    } else if (first_change != 0 && read_ >= first_change) {
      in_.VarbitInt();
    }
  }

  BitReader in_;
  unsigned count_ = 0;
  unsigned read_ = 0;
  CounterResetHint header_ = CounterResetHint::kUnknown;
  std::uint8_t st_ = 0;
  HistogramLayout layout_;
  typename HistogramTraits<H>::State state_;
};

auto Corrupt(ByteSpan chunk) {
  return Fail(Code::kCorruption, "histogram chunk of " + std::to_string(chunk.size()) +
                                     " bytes is cut short or damaged");
}

template <typename H>
Status DecodeAs(Encoding encoding, ByteSpan chunk, storage::SampleColumns& out) {
  SampleReader<H> reader(encoding, chunk);
  while (reader.Next()) {
    out.histogram_t.push_back(reader.state().t);
    out.histograms.push_back(ToFloatHistogram(reader.layout(), reader.state()));
    FloatHistogram& h = out.histograms.back();
    h.counter_reset_hint = reader.hint();
    // Higher resolutions come from newer programs; Prometheus reads them so too.
    if (h.schema > kHighestSchema && h.schema <= kHighestReservedSchema) {
      model::ReduceResolution(h, kHighestSchema);
    }
  }
  return reader.ok() ? Status{} : Corrupt(chunk);
}

bool SameBits(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
}

}  // namespace

template <typename H>
HistogramChunk<H>::HistogramChunk(CounterResetHint header) : bytes_(kHeaderBytes, '\0') {
  bytes_[kFlagsAt] = static_cast<char>(FlagsOf(header));
}

template <typename H>
Result<HistogramChunk<H>> HistogramChunk<H>::Restore(ByteSpan chunk) {
  if (chunk.size() < kHeaderBytes) return Corrupt(chunk);
  SampleReader<H> reader(HistogramTraits<H>::kEncoding, chunk);
  while (reader.Next()) {
  }
  if (!reader.ok()) return Corrupt(chunk);
  HistogramChunk restored(reader.header());
  const std::uint64_t bits = reader.bits_read();
  restored.bytes_.assign(AsText(chunk.first(kHeaderBytes + (bits + 7) / 8)));
  restored.tail_bits_ = static_cast<unsigned>(bits % 8);
  restored.layout_ = reader.layout();
  restored.state_ = std::move(reader.state());
  return restored;
}

template <typename H>
std::uint16_t HistogramChunk<H>::count() const {
  return LoadBe16(reinterpret_cast<const std::uint8_t*>(bytes_.data()));
}

template <typename H>
typename HistogramChunk<H>::Fit HistogramChunk<H>::Check(const H& h) const {
  const bool gauge = h.counter_reset_hint == CounterResetHint::kGauge;
  if (count() == 0) return {true, CounterResetHint::kUnknown};
  const bool gauge_chunk =
      HintOf(static_cast<std::uint8_t>(bytes_[kFlagsAt])) == CounterResetHint::kGauge;
  if (gauge) {
    if (!gauge_chunk) return {false, CounterResetHint::kGauge};
  } else {
    if (gauge_chunk) return {false, CounterResetHint::kNotReset};  // As Prometheus has it.
    if (h.counter_reset_hint == CounterResetHint::kReset) return {false, CounterResetHint::kReset};
  }
  const CounterResetHint same = gauge ? CounterResetHint::kGauge : CounterResetHint::kNotReset;
  const CounterResetHint unknown = gauge ? same : CounterResetHint::kUnknown;
  const CounterResetHint reset = gauge ? same : CounterResetHint::kReset;
  if (model::IsStale(h.sum)) return {true, same};
  if (model::IsStale(state_.sum.value())) return {false, unknown};
  const H last = ToHistogram(layout_, state_);
  if (!gauge && h.count < last.count) return {false, reset};
  if (h.schema != layout_.schema || h.zero_threshold != layout_.zero_threshold) {
    return {false, unknown};
  }
  if (h.schema == model::kCustomBucketsSchema && h.custom_values != layout_.custom_values) {
    return {false, reset};
  }
  if (!gauge && AnyCountFell(last, h)) return {false, reset};
  return {true, same};
}

template <typename H>
void HistogramChunk<H>::Append(TimestampMs t, const H& h) {
  if (count() == 0) {
    layout_ = LayoutOf(h);
    if (h.counter_reset_hint == CounterResetHint::kGauge ||
        h.counter_reset_hint == CounterResetHint::kReset) {
      bytes_[kFlagsAt] = static_cast<char>(FlagsOf(h.counter_reset_hint));
    }
    return Encode(t, h);
  }
  if (model::IsStale(h.sum) || SameSpans(layout_, h)) return Encode(t, h);
  const HistogramLayout wider = Wider(layout_, h);
  const bool new_buckets = NumBuckets(wider.positive_spans) > NumBuckets(layout_.positive_spans) ||
                           NumBuckets(wider.negative_spans) > NumBuckets(layout_.negative_spans);
  if (new_buckets) Recode(wider);
  H widened = h;
  Widen(widened, layout_);
  Encode(t, widened);
}

template <typename H>
void HistogramChunk<H>::Encode(TimestampMs t, const H& h) {
  const std::uint16_t n = count();
  BitWriter out(bytes_, tail_bits_);
  if (n == 0) {
    WriteLayout(out, layout_);
    WriteFirst(out, state_, t, h);
  } else {
    WriteNext(out, state_, t, h);
  }
  tail_bits_ = out.tail_bits();
  StoreBe16(reinterpret_cast<std::uint8_t*>(bytes_.data()), static_cast<std::uint16_t>(n + 1));
}

template <typename H>
void HistogramChunk<H>::Recode(const HistogramLayout& wider) {
  HistogramChunk fresh;
  fresh.bytes_[kFlagsAt] = bytes_[kFlagsAt];
  fresh.layout_ = wider;
  SampleReader<H> reader(HistogramTraits<H>::kEncoding, AsBytes(bytes_));
  while (reader.Next()) {
    H h = ToHistogram(reader.layout(), reader.state());
    if (!model::IsStale(h.sum)) Widen(h, wider);
    fresh.Encode(reader.state().t, h);
  }
  *this = std::move(fresh);
}

template <typename H>
bool HistogramChunk<H>::EqualsLast(const H& h) const {
  if (count() == 0) return false;
  if (model::IsStale(h.sum) || model::IsStale(state_.sum.value())) {
    return SameBits(h.sum, state_.sum.value());
  }
  const H last = ToHistogram(layout_, state_);
  if (h.schema != last.schema || h.zero_threshold != last.zero_threshold || h.count != last.count ||
      h.zero_count != last.zero_count || !SameBits(h.sum, last.sum) ||
      h.custom_values != last.custom_values) {
    return false;
  }
  // Spans that say the same in other words are equal; so are buckets that are empty or missing.
  const HistogramLayout wide = Wider(layout_, h);
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

template class HistogramChunk<Histogram>;
template class HistogramChunk<FloatHistogram>;

template <typename H>
Result<std::vector<std::pair<TimestampMs, H>>> ReadHistograms(Encoding encoding, ByteSpan chunk) {
  if (chunk.size() < kHeaderBytes) return Corrupt(chunk);
  std::vector<std::pair<TimestampMs, H>> samples;
  SampleReader<H> reader(encoding, chunk);
  while (reader.Next()) {
    samples.emplace_back(reader.state().t, ToHistogram(reader.layout(), reader.state()));
    samples.back().second.counter_reset_hint = reader.hint();
  }
  if (!reader.ok()) return Corrupt(chunk);
  return samples;
}

template Result<std::vector<std::pair<TimestampMs, Histogram>>> ReadHistograms(Encoding, ByteSpan);
template Result<std::vector<std::pair<TimestampMs, FloatHistogram>>> ReadHistograms(Encoding,
                                                                                    ByteSpan);

Status DecodeHistograms(Encoding encoding, ByteSpan chunk, TimestampMs mint, TimestampMs maxt,
                        storage::SampleColumns& out) {
  if (chunk.size() < kHeaderBytes) return Corrupt(chunk);
  const std::size_t base = out.histogram_t.size();
  const bool is_int = encoding == Encoding::kHistogram || encoding == Encoding::kHistogramSt;
  Status status = is_int ? DecodeAs<Histogram>(encoding, chunk, out)
                         : DecodeAs<FloatHistogram>(encoding, chunk, out);
  if (!status) {
    out.histogram_t.resize(base);
    out.histograms.resize(base);
    return status;
  }
  TrimHistograms(out, base, mint, maxt);
  return {};
}

}  // namespace narthex::tsdb

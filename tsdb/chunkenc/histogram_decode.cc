// SPDX-License-Identifier: Apache-2.0
#include "narthex/model/float_histogram.h"
#include "tsdb/chunkenc/histogram.h"
#include "tsdb/chunkenc/histogram_reader.h"
#include "tsdb/chunkenc/trim.h"

namespace narthex::tsdb {

using model::FloatHistogram;
using model::Histogram;
using model::TimestampMs;

namespace {

constexpr std::int32_t kHighestSchema = 8;
constexpr std::int32_t kHighestReservedSchema = 52;

template <typename H>
Status DecodeAs(Encoding encoding, ByteSpan chunk, storage::SampleColumns& out) {
  HistogramReader<H> reader(encoding, chunk);
  while (reader.Next()) {
    out.histogram_starts.Append(out.histogram_t.size(), reader.start().start);
    out.histogram_t.push_back(reader.state().t);
    out.histograms.push_back(ToFloatHistogram(reader.layout(), reader.state()));
    FloatHistogram& h = out.histograms.back();
    h.counter_reset_hint = reader.hint();
    // Higher resolutions come from newer programs; Prometheus reads them so too.
    if (h.schema > kHighestSchema && h.schema <= kHighestReservedSchema) {
      model::ReduceResolution(h, kHighestSchema);
    }
  }
  return reader.ok() ? Status{} : CorruptHistogramChunk(chunk);
}

}  // namespace

template <typename H>
Result<std::vector<HistogramSample<H>>> ReadHistograms(Encoding encoding, ByteSpan chunk) {
  if (chunk.size() < kHistogramHeaderBytes) return CorruptHistogramChunk(chunk);
  std::vector<HistogramSample<H>> samples;
  HistogramReader<H> reader(encoding, chunk);
  while (reader.Next()) {
    samples.push_back(
        {reader.state().t, ToHistogram(reader.layout(), reader.state()), reader.start().start});
    samples.back().histogram.counter_reset_hint = reader.hint();
  }
  if (!reader.ok()) return CorruptHistogramChunk(chunk);
  return samples;
}

template Result<std::vector<HistogramSample<Histogram>>> ReadHistograms(Encoding, ByteSpan);
template Result<std::vector<HistogramSample<FloatHistogram>>> ReadHistograms(Encoding, ByteSpan);

Status DecodeHistograms(Encoding encoding, ByteSpan chunk, TimestampMs mint, TimestampMs maxt,
                        storage::SampleColumns& out) {
  if (chunk.size() < kHistogramHeaderBytes) return CorruptHistogramChunk(chunk);
  const std::size_t base = out.histogram_t.size();
  const bool is_int = encoding == Encoding::kHistogram || encoding == Encoding::kHistogramSt;
  Status status = is_int ? DecodeAs<Histogram>(encoding, chunk, out)
                         : DecodeAs<FloatHistogram>(encoding, chunk, out);
  if (!status) {
    out.histogram_t.resize(base);
    out.histograms.resize(base);
    out.histogram_starts.Truncate(base);
    return status;
  }
  TrimHistograms(out, base, mint, maxt);
  return {};
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
//
// What the records of a write-ahead log say, for those who read one. Format: docs/formats/wal.md.
#pragma once

#include <cstdint>
#include <vector>

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/exemplar.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/metadata.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/start_times.h"

namespace narthex::tsdb::wal {

/// First byte of a record.
enum class RecordType : std::uint8_t {
  kUnknown = 0,
  kSeries = 1,
  kSamples = 2,
  kTombstones = 3,
  kExemplars = 4,
  kMmapMarkers = 5,
  kMetadata = 6,
  kHistograms = 7,
  kFloatHistograms = 8,
  kCustomHistograms = 9,
  kCustomFloatHistograms = 10,
  // With the start time of each sample.
  kSamplesV2 = 11,
  kHistogramsV2 = 12,  // Custom buckets included, as in 13.
  kFloatHistogramsV2 = 13,
};

/// kUnknown for an empty record and for types that this version does not know.
RecordType TypeOf(ByteSpan record);

/// A series' number in the log and in chunks_head. Never given twice in the life of a data folder.
using WalRef = std::uint64_t;

struct SeriesEntry {
  WalRef ref = 0;
  model::Labels labels;
};
struct SampleEntry {
  WalRef ref = 0;
  model::TimestampMs t = 0;
  double v = 0;
};
struct TombstoneEntry {
  WalRef ref = 0;
  model::TimestampMs mint = 0;  // Closed interval.
  model::TimestampMs maxt = 0;
};
struct ExemplarEntry {
  WalRef ref = 0;
  model::Exemplar exemplar;
};
struct MarkerEntry {
  WalRef ref = 0;
  std::uint64_t chunk_ref = 0;
};
struct MetadataEntry {
  WalRef ref = 0;
  model::Metadata metadata;
};
struct HistogramEntry {
  WalRef ref = 0;
  model::TimestampMs t = 0;
  model::Histogram histogram;
  model::TimestampMs start = 0;  // 0 = not known; only records that tell start times have it.
};
struct FloatHistogramEntry {
  WalRef ref = 0;
  model::TimestampMs t = 0;
  model::FloatHistogram histogram;
  model::TimestampMs start = 0;
};

/// Each appends the entries of a record of its type. Errors: kCorruption; entries before the bad
/// one have been appended.
Status DecodeSeries(ByteSpan record, std::vector<SeriesEntry>& out);
/// Those of samples of both types; start times go to a column beside `out`, or are passed over.
Status DecodeSamples(ByteSpan record, std::vector<SampleEntry>& out,
                     storage::StartTimes* starts = nullptr);
Status DecodeTombstones(ByteSpan record, std::vector<TombstoneEntry>& out);
Status DecodeExemplars(ByteSpan record, std::vector<ExemplarEntry>& out);
Status DecodeMmapMarkers(ByteSpan record, std::vector<MarkerEntry>& out);
Status DecodeMetadata(ByteSpan record, std::vector<MetadataEntry>& out);
Status DecodeHistograms(ByteSpan record, std::vector<HistogramEntry>& out);
Status DecodeFloatHistograms(ByteSpan record, std::vector<FloatHistogramEntry>& out);
/// The numbers alone of a series record's entries.
Status DecodeSeriesRefs(ByteSpan record, std::vector<WalRef>& out);

}  // namespace narthex::tsdb::wal

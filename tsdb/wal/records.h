// SPDX-License-Identifier: Apache-2.0
//
// Writes the records of the log; what they say is in narthex/tsdb/wal_records.h.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "narthex/base/coding.h"
#include "narthex/tsdb/wal_records.h"

namespace narthex::tsdb::wal {

/// Begins a series record in `out` (replaced); then one AppendSeries per series.
void BeginSeries(std::string& out);
void AppendSeries(WalRef ref, const model::Labels& labels, std::string& out);

/// Each replaces `out` with one record; with an empty one when there are no entries.
void EncodeSamples(std::span<const SampleEntry> entries, std::string& out);
/// As many records as make the whole small: one for each run of entries whose series have numbers
/// near each other, which then take a byte each: they are told from a base kRunReach above the
/// first. Appends them.
inline constexpr WalRef kRunReach = 64;
void EncodeSampleRuns(std::span<const SampleEntry> entries, std::vector<std::string>& out);
void EncodeTombstones(std::span<const TombstoneEntry> entries, std::string& out);
void EncodeExemplars(std::span<const ExemplarEntry> entries, std::string& out);
void EncodeMmapMarkers(std::span<const MarkerEntry> entries, std::string& out);
void EncodeMetadata(std::span<const MetadataEntry> entries, std::string& out);
/// Splits off the entries with custom buckets, which have a record type of their own.
void EncodeHistograms(std::span<const HistogramEntry> entries, std::string& out,
                      std::string& custom);
void EncodeFloatHistograms(std::span<const FloatHistogramEntry> entries, std::string& out,
                           std::string& custom);

/// With start times; the entries' own column of them, or the entries themselves, have them.
void EncodeStartedSamples(std::span<const SampleEntry> entries, const storage::StartTimes& starts,
                          std::string& out);
void EncodeStartedHistograms(std::span<const HistogramEntry> entries, std::string& out);
void EncodeStartedFloatHistograms(std::span<const FloatHistogramEntry> entries, std::string& out);

}  // namespace narthex::tsdb::wal

// SPDX-License-Identifier: Apache-2.0
//
// Writes remote write requests of both versions, one sample, histogram or exemplar after another.
// Source: as remote_write.h.
//
//   LabelPairs pairs;                                   // Once for a pair, …
//   SeriesLabels series = …;                            // … once for a series, …
//   WriteRequestWriter writer(WriteVersion::kV1, pairs);
//   writer.AddSample(series, {}, t, 0, value);          // … and for each sample only copies.
//   const std::string_view body = writer.Finish();
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/metadata.h"
#include "narthex/model/timestamp.h"
#include "narthex/proto/remote_write.h"

namespace narthex::proto {

/// Pairs of label names and values, each once, encoded as version 1 has them and numbered from 0.
/// Thread safety: one thread at a time.
class LabelPairs final {
 public:
  std::uint32_t Intern(std::string_view name, std::string_view value);
  /// The field `labels` of a series, tag and length included.
  std::string_view field(std::uint32_t pair) const {
    return std::string_view(fields_).substr(offsets_[pair], offsets_[pair + 1] - offsets_[pair]);
  }
  model::LabelView label(std::uint32_t pair) const;
  std::size_t size() const { return offsets_.size() - 1; }
  std::size_t held_bytes() const;

 private:
  void Grow();
  std::string fields_;
  std::vector<std::size_t> offsets_ = {0};  // One more than pairs.
  std::vector<std::uint32_t> slots_;        // Hash table of numbers, each 1 more; 0 = free.
  std::string scratch_;
};

/// The labels of a series as numbers of pairs.
struct SeriesLabels {
  std::span<const std::uint32_t> pairs;
  std::size_t field_bytes = 0;  // Of all their fields.
};

/// Appends the message of a histogram, for AddHistogram; remote read has the same.
/// @param start  0 = not known; version 1 has none
void EncodeWriteHistogram(model::TimestampMs t, model::TimestampMs start, const model::Histogram& h,
                          std::string& out);
void EncodeWriteHistogram(model::TimestampMs t, model::TimestampMs start,
                          const model::FloatHistogram& h, std::string& out);

/// One request at a time; memory is kept from one to the next. Each sample and histogram is a
/// series of its own, as Prometheus sends them: what comes out keeps the order. Thread safety: one
/// thread at a time.
class WriteRequestWriter final {
 public:
  /// @param pairs  outlives the writer and only grows; see Forget
  WriteRequestWriter(WriteVersion version, const LabelPairs& pairs);
  ~WriteRequestWriter();
  WriteRequestWriter(const WriteRequestWriter&) = delete;
  WriteRequestWriter& operator=(const WriteRequestWriter&) = delete;

  WriteVersion version() const;

  /// @param metadata  version 2; null = not known
  /// @param start     version 2; 0 = not known
  void AddSample(const SeriesLabels& labels, const model::Metadata* metadata, model::TimestampMs t,
                 model::TimestampMs start, double value);
  /// @param message  as EncodeWriteHistogram writes it
  void AddHistogram(const SeriesLabels& labels, const model::Metadata* metadata,
                    std::string_view message);
  /// As a series without a sample, which version 2 does not have.
  void AddExemplar(const SeriesLabels& labels, const model::Metadata* metadata,
                   const model::Labels& exemplar, model::TimestampMs t, double value);
  /// The next sample or histogram has this exemplar, and those given before.
  void GiveExemplar(const model::Labels& exemplar, model::TimestampMs t, double value);
  /// The metadata of a metric family, which only version 1 has on its own.
  void AddMetadata(std::string_view family, const model::Metadata& metadata);

  /// The request, valid until the next Add, which begins another one.
  std::string_view Finish();
  /// The pairs were replaced by others.
  void Forget();
  std::size_t held_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a request lost.
struct DroppedItems {
  std::uint32_t samples = 0, histograms = 0, exemplars = 0;
  model::TimestampMs oldest = model::kMaxTime;  // Of those that are left.
};

/// Leaves out what is older than `limit` of a request that a WriteRequestWriter wrote.
DroppedItems DropOlder(WriteVersion version, std::string_view request, model::TimestampMs limit,
                       std::string& out);

}  // namespace narthex::proto

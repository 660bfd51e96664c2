// SPDX-License-Identifier: Apache-2.0
//
// What remote write requests say, read in place.
// Source: https://prometheus.io/docs/specs/prw/remote_write_spec/ (version 1: message
// prometheus.WriteRequest) and …/remote_write_spec_2_0/ (io.prometheus.write.v2.Request).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/hash.h"
#include "narthex/base/result.h"
#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/metadata.h"
#include "narthex/model/timestamp.h"

namespace narthex::proto {

enum class WriteVersion : std::uint8_t { kV1, kV2 };

struct WriteSample {
  model::TimestampMs t = 0;
  model::TimestampMs start_t = 0;  // Version 2; 0 = not given.
  double value = 0;
};

struct WriteHistogram {
  model::TimestampMs t = 0;
  model::TimestampMs start_t = 0;  // Version 2; 0 = not given.
  model::AnyHistogram value;       // As sent: not checked.
};

struct WriteExemplar {
  std::vector<model::LabelView> labels;  // As those of a series.
  double value = 0;
  model::TimestampMs t = 0;  // 0 = not given.
  std::string bad_reference;
};

/// Of a series; version 2 only.
struct WriteMetadata {
  model::MetricType type = model::MetricType::kUnknown;
  std::string_view help, unit;
};

/// Walks one decompressed body. All views point into the body and live as long as that does.
/// A hostile body costs time in proportion to its length, and memory for the labels of one series
/// and the places of the symbols only: samples, histograms and exemplars are read one by one. What
/// the symbols of version 2 come to has a limit for each series and for all of them, past which
/// they are a bad reference.
///
///   WriteRequestReader reader(version, body);
///   while (reader.NextSeries()) {
///     while (reader.NextSample(sample)) …
///   }
///   NX_RETURN_IF_ERROR(reader.status());
///
/// Thread safety: one thread.
class WriteRequestReader final {
 public:
  WriteRequestReader(WriteVersion version, std::string_view body);
  ~WriteRequestReader();
  WriteRequestReader(const WriteRequestReader&) = delete;
  WriteRequestReader& operator=(const WriteRequestReader&) = delete;

  /// Goes to the next series, whatever was not read of this one. False: there is none, or the body
  /// is broken. A break may show only after series that were good.
  bool NextSeries();

  /// The same in steps, for who knows most series already: goes to the next one and leaves its
  /// labels unread.
  bool NextUnread();
  /// Stands for the labels of the series as they were sent, and for no others. Null when they can't
  /// be looked up, or lie in more places than one.
  std::optional<Hash128> LabelsId();
  /// Reads what NextUnread left. False: the body is broken.
  bool ReadLabels();

  /// Labels of the series as sent: in any order, perhaps repeated, empty or not UTF-8.
  std::span<const model::LabelView> labels() const;
  const WriteMetadata& metadata() const;
  /// Version 2: why labels or metadata could not be looked up among the symbols; else "".
  const std::string& bad_reference() const;
  bool labels_usable() const;
  std::size_t num_samples() const;
  std::size_t num_histograms() const;

  /// Each gives the next one of the series, in the order sent. False: there is none, or the body
  /// is broken. Objects may be reused, so that vectors keep their memory.
  bool NextSample(WriteSample& sample);
  bool NextHistogram(WriteHistogram& histogram);
  bool NextExemplar(WriteExemplar& exemplar);

  /// Errors: kInvalidArgument, where and how the body breaks protobuf's rules.
  Status status() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace narthex::proto

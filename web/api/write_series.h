// SPDX-License-Identifier: Apache-2.0
//
// One series of a remote write request on its way into storage.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "narthex/model/labels.h"
#include "narthex/proto/remote_write.h"
#include "narthex/storage/appender.h"

namespace narthex::web {

/// Labels as they came, checked and brought into order. Reused from series to series.
class IncomingLabels {
 public:
  enum class Problem : std::uint8_t { kNone, kInvalid, kDuplicate };

  Problem Load(std::span<const model::LabelView> labels);
  /// Replaces __type__ and __unit__ by what the metadata say (feature type-and-unit-labels).
  Problem LoadWithMetadata(std::span<const model::LabelView> labels,
                           const proto::WriteMetadata& metadata);

  /// Without empty values; valid when there was no problem.
  const model::Labels& labels() const { return labels_; }
  /// All of them, good or bad, for messages; cut when they are long.
  std::string Text() const;
  std::string_view duplicate() const { return duplicate_; }

 private:
  Problem Check();

  std::vector<model::LabelView> sorted_;
  model::Labels labels_;
  std::string_view duplicate_;
};

/// Why storage did not take a sample.
struct AppendOutcome {
  storage::AppendError error = storage::AppendError::kNone;
  std::string text;  // Prometheus's wording; empty when it was taken.

  bool ok() const { return error == storage::AppendError::kNone; }
  /// The sender's fault, which sending again would not mend.
  bool bad_request() const;
};

/// An appender that refuses what is far in the future and coarsens histograms that are finer than
/// storage takes. Source: Prometheus storage/remote remoteWriteAppender.
class WriteAppender {
 public:
  /// @param max_time     of samples
  /// @param start_zeros  whether a zero is added where a sample says that its series began
  WriteAppender(storage::Appendable& storage, model::TimestampMs max_time, bool start_zeros = false)
      : appender_(storage.NewAppender()), max_time_(max_time), start_zeros_(start_zeros) {}

  AppendOutcome Append(storage::SeriesRef& ref, const model::Labels& labels,
                       const proto::WriteSample& sample);
  AppendOutcome Append(storage::SeriesRef& ref, const model::Labels& labels,
                       proto::WriteHistogram& histogram);
  AppendOutcome Append(storage::SeriesRef ref, const model::Labels& labels,
                       const proto::WriteExemplar& exemplar);
  void UpdateMetadata(storage::SeriesRef ref, const model::Labels& labels,
                      const proto::WriteMetadata& metadata);
  Status Commit() { return appender_->Commit(); }
  void Rollback() { appender_->Rollback(); }

 private:
  AppendOutcome OutcomeOf(storage::AppendError error) const;

  const std::unique_ptr<storage::Appender> appender_;
  const model::TimestampMs max_time_;
  const bool start_zeros_;
};

}  // namespace narthex::web

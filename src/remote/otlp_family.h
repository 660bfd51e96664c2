// SPDX-License-Identifier: Apache-2.0
//
// What OpenTelemetry's metrics are called in Prometheus, and what is known of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "narthex/base/hash.h"
#include "narthex/base/mutex.h"
#include "narthex/base/recent_map.h"
#include "narthex/base/result.h"
#include "narthex/model/metadata.h"
#include "narthex/proto/otlp.h"
#include "src/remote/otlp_names.h"

namespace narthex::remote {

/// What series of one metric share.
struct OtlpFamily {
  std::string name;  // Without the suffixes of the series of a histogram or summary.
  model::Metadata metadata;
  bool has_metadata = false;
  std::string unit_label;  // With type-and-unit-labels; "" = none.
  Hash128 hash;            // Of all of this that goes into labels.
  std::uint64_t metadata_hash = 0;

  /// Fills the members from `has_metadata` on.
  void Complete(const OtlpNaming& naming, bool type_and_unit_labels);
};

/// Makes families and keeps those that were wanted lately. Thread safety: any thread.
class OtlpFamilies {
 public:
  explicit OtlpFamilies(bool type_and_unit_labels) : type_and_unit_labels_(type_and_unit_labels) {}

  /// @param temporality  that of the samples which are stored
  /// Errors: kInvalidArgument, when the name can't be one.
  Result<std::shared_ptr<const OtlpFamily>> Get(const OtlpNaming& naming,
                                                const proto::OtlpMetric& metric,
                                                proto::OtlpTemporality temporality);
  std::size_t memory_bytes() const;

 private:
  using Entry = std::shared_ptr<const OtlpFamily>;
  static constexpr std::size_t kMaxEntries = 16 << 10;
  static constexpr std::size_t kMaxEntryBytes = 4 << 10;  // Larger ones are made each time.

  const bool type_and_unit_labels_;
  mutable Mutex mutex_;
  RecentMap<Entry> families_ NX_GUARDED_BY(mutex_){kMaxEntries};
};

}  // namespace narthex::remote

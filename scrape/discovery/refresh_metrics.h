// SPDX-License-Identifier: Apache-2.0
//
// Metrics of the discoveries that ask again now and then.
#pragma once

#include <string>

#include "narthex/base/metrics.h"

namespace narthex::scrape {

/// The metrics of one mechanism and job. Discoverers of the same ones share them; they are
/// forgotten when the last of these ends. Thread safety: any thread.
class RefreshMetrics final {
 public:
  RefreshMetrics(metrics::Registry& registry, std::string mechanism, std::string config);
  ~RefreshMetrics();
  RefreshMetrics(const RefreshMetrics&) = delete;
  RefreshMetrics& operator=(const RefreshMetrics&) = delete;

  void AddFailure() { failures_->Add(); }
  void ObserveDuration(double seconds);

 private:
  metrics::Registry& registry_;
  const std::string mechanism_;
  const std::string config_;
  // Found under the lock that guards the numbers of users.
  metrics::Counter* failures_ = nullptr;
  metrics::Summary* duration_ = nullptr;
  metrics::Histogram* duration_histogram_ = nullptr;
};

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// What /federate writes: samples of series as metric families, as text or as protobuf.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "narthex/model/histogram.h"
#include "narthex/model/labels.h"
#include "narthex/model/timestamp.h"
#include "narthex/proto/metric_family.h"
#include "web/api/family_text.h"

namespace narthex::web {

/// The newest sample of a series.
struct FederatedSample {
  model::Labels labels;
  model::TimestampMs t = 0;
  double v = 0;
  std::unique_ptr<model::FloatHistogram> histogram;  // Set: counts instead of v.
};

/// Makes families of samples that come in order of their names. A name whose samples are of several
/// kinds has several families, as upstream's.
class FederationPage {
 public:
  /// @param external  labels that are added where a series does not have them
  FederationPage(Exposition form, const model::Labels& external);

  /// Appends what is complete with the sample; samples without a name, and those that the form
  /// can't carry, are left out.
  void Append(const FederatedSample& sample, std::string& out);
  /// Appends what is left.
  void End(std::string& out);

 private:
  void Begin(std::string_view name, proto::FamilyType type, std::string& out);
  void TakeLabels(const model::Labels& labels);

  const Exposition form_;
  std::map<std::string, std::string> added_;
  bool open_ = false;           // Whether there is a family that is not ended.
  std::string name_;            // Its name, as it is stored.
  proto::MetricFamily family_;  // As protobuf: all of it so far.
  std::optional<FamilyText> text_;
  proto::FamilyMetric metric_;  // Keeps its memory from sample to sample.
};

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
//
// Relabelling: the one implementation, used for targets, scraped series, alerts and remote write.
// Source: Prometheus model/relabel; https://prometheus.io/docs/prometheus/latest/configuration/
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "narthex/model/labels.h"
#include "narthex/model/matcher.h"

namespace narthex::model {

enum class RelabelAction : std::uint8_t {
  kReplace,
  kKeep,
  kDrop,
  kKeepEqual,
  kDropEqual,
  kHashMod,
  kLabelMap,
  kLabelDrop,
  kLabelKeep,
  kLowercase,
  kUppercase,
};

/// "replace", "keep", …
std::string_view RelabelActionName(RelabelAction action);

struct RelabelConfig {
  std::vector<std::string> source_labels;
  std::string separator = ";";
  Regex regex;  // Default "(.*)".
  std::uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
  RelabelAction action = RelabelAction::kReplace;
  bool legacy_names = false;  // metric_name_validation_scheme: legacy.

  RelabelConfig();
};

/// Applies the rules in order. @return false when the label set is dropped
/// Errors: kResourceExhausted for a label of more than kMaxLabelBytes, or labels of more than four
/// times that together.
Result<bool> Relabel(LabelsBuilder& labels, std::span<const RelabelConfig> rules);

}  // namespace narthex::model

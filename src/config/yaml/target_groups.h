// SPDX-License-Identifier: Apache-2.0
//
// Lists of target groups: static_configs, and the files of file_sd_configs.
#pragma once

#include <vector>

#include "narthex/config/target_group.h"
#include "narthex/model/labels.h"
#include "src/config/yaml/schema.h"

namespace narthex::config {

const Type& TargetGroupList();
std::vector<TargetGroup> ExtractTargetGroups(const Value& list);

/// The labels of a map of names to values.
model::Labels LabelSet(const Value& map);

}  // namespace narthex::config

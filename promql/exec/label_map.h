// SPDX-License-Identifier: Apache-2.0
//
// Tables keyed by the bytes of label sets.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "narthex/base/hash.h"

namespace narthex::promql {

struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const { return Hash64(bytes); }
};

/// Finds by string_view without making a string.
template <typename Value>
using LabelMap = absl::flat_hash_map<std::string, Value, BytesHash, std::equal_to<>>;
using LabelSet = absl::flat_hash_set<std::string, BytesHash, std::equal_to<>>;
/// Keys are views into label sets that outlive the table.
template <typename Value>
using LabelViewMap = absl::flat_hash_map<std::string_view, Value, BytesHash, std::equal_to<>>;

}  // namespace narthex::promql

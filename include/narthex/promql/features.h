// SPDX-License-Identifier: Apache-2.0
//
// Switches of the query language and engine.
#pragma once

namespace narthex::promql {

/// Which experimental parts of the language are on (--enable-feature).
struct Features {
  bool experimental_functions = false;
  bool duration_expressions = true;  // Stable in 3.14.
  bool extended_range_selectors = false;
  bool binop_fill_modifiers = false;
  bool delayed_name_removal = false;
  bool type_and_unit_labels = false;
  bool use_start_timestamps = false;
  bool per_step_stats = false;
};

}  // namespace narthex::promql

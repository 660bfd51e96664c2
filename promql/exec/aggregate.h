// SPDX-License-Identifier: Apache-2.0
//
// What the aggregations share: grouping, and one maker per family.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "promql/exec/label_map.h"
#include "promql/exec/operator.h"

namespace narthex::promql {

/// Assigns rows to groups; groups are numbered in the order they are first seen.
class Grouping {
 public:
  Grouping(std::vector<std::string> labels, bool without);
  explicit Grouping(const AggregateExpr& expr) : Grouping(expr.grouping, expr.without) {}

  /// Number of the row's group.
  std::size_t GroupOf(const model::Labels& metric);
  std::size_t size() const { return groups_.size(); }
  /// The labels that the group's result has.
  const model::Labels& labels(std::size_t group) const { return groups_[group]; }
  /// Labels of the group that `metric` belongs to.
  model::Labels ResultLabels(const model::Labels& metric) const;
  /// The labels by which rows are told apart, by name and ascending, as long as this lives; null:
  /// by all but some.
  std::optional<std::span<const std::string>> looked_at() const {
    if (without_) return std::nullopt;
    return names_;
  }
  /// Whether the results differ without their names.
  bool unique_without_name() const;
  /// Whether the labels that functions drop make no difference.
  bool ignores_metadata_labels() const;

 private:
  void PickLabels(const model::Labels& metric, model::Labels& result) const;

  std::vector<std::string> names_;  // Sorted, unique.
  const bool without_;
  LabelMap<std::size_t> index_;
  std::vector<model::Labels> groups_;
  model::Labels picked_;  // Of the row at hand; here for its memory.
};

// aggregate_fold.cc: sum, avg, count, min, max, group, stddev, stdvar.
Result<OperatorPtr> BuildFold(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx);
// aggregate_quantile.cc
Result<OperatorPtr> BuildQuantile(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx);
// aggregate_k.cc: topk, bottomk, limitk, limit_ratio.
Result<OperatorPtr> BuildK(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx);
// aggregate_count_values.cc
Result<OperatorPtr> BuildCountValues(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx);

/// The histogram was left out of this aggregation.
void NoteIgnoredHistogram(const AggregateExpr& expr, PositionRange position,
                          storage::Annotations& notes);

}  // namespace narthex::promql

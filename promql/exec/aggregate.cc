// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/aggregate.h"

#include <algorithm>

namespace narthex::promql {

Grouping::Grouping(std::vector<std::string> labels, bool without)
    : names_(std::move(labels)), without_(without) {
  if (without_) names_.emplace_back(model::kMetricName);
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

model::Labels Grouping::ResultLabels(const model::Labels& metric) const {
  model::Labels result;
  PickLabels(metric, result);
  return result;
}

void Grouping::PickLabels(const model::Labels& metric, model::Labels& result) const {
  result.Clear();
  if (names_.empty()) return;
  // Both are sorted, so one walk over both is enough.
  auto name = names_.begin();
  for (const model::LabelView& label : metric) {
    while (name != names_.end() && *name < label.name) ++name;
    const bool listed = name != names_.end() && *name == label.name;
    if (listed != without_) result.AppendSorted(label.name, label.value);
    if (!without_ && name == names_.end()) break;
  }
}

std::size_t Grouping::GroupOf(const model::Labels& metric) {
  PickLabels(metric, picked_);
  const auto it = index_.find(picked_.bytes());
  if (it != index_.end()) return it->second;
  index_.emplace(std::string(picked_.bytes()), groups_.size());
  groups_.push_back(picked_);
  return groups_.size() - 1;
}

bool Grouping::unique_without_name() const {
  if (without_) return true;
  return std::find(names_.begin(), names_.end(), model::kMetricName) == names_.end();
}

bool Grouping::ignores_metadata_labels() const {
  return !without_ && std::none_of(names_.begin(), names_.end(), IsMetadataLabel);
}

void NoteIgnoredHistogram(const AggregateExpr& expr, PositionRange position,
                          storage::Annotations& notes) {
  notes.AddInfo(
      "PromQL info: ignored histogram in " + std::string(AggregateOpName(expr.op)) + " aggregation",
      position);
}

Result<OperatorPtr> BuildAggregate(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx) {
  switch (expr.op) {
    case AggregateOp::kTopk:
    case AggregateOp::kBottomk:
    case AggregateOp::kLimitk:
    case AggregateOp::kLimitRatio:
      return BuildK(expr, grid, ctx);
    case AggregateOp::kQuantile:
      return BuildQuantile(expr, grid, ctx);
    case AggregateOp::kCountValues:
      return BuildCountValues(expr, grid, ctx);
    default:
      return BuildFold(expr, grid, ctx);
  }
}

}  // namespace narthex::promql

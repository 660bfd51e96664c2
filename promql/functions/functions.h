// SPDX-License-Identifier: Apache-2.0
//
// Makers of the operators of functions, by file.
#pragma once

#include "promql/exec/operator.h"
#include "promql/parser/functions.h"

namespace narthex::promql {

// range_call.cc
Result<OperatorPtr> BuildRangeCall(const Call& call, const Grid& grid, ExecContext& ctx);
// math.cc: null when the function is none of these.
Result<OperatorPtr> BuildMath(const Call& call, const Grid& grid, ExecContext& ctx);
// time.cc
bool IsDateFunction(FunctionId id);
Result<OperatorPtr> BuildDate(const Call& call, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildTimestamp(const Call& call, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildStartTimestamp(const Call& call, const Grid& grid, ExecContext& ctx);
// absent.cc
Result<OperatorPtr> BuildAbsent(const Call& call, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildAbsentOverTime(const Call& call, const Grid& grid, ExecContext& ctx);
// label.cc
Result<OperatorPtr> BuildLabelReplace(const Call& call, const Grid& grid, ExecContext& ctx);
Result<OperatorPtr> BuildLabelJoin(const Call& call, const Grid& grid, ExecContext& ctx);
// sort.cc
Result<OperatorPtr> BuildSort(const Call& call, const Grid& grid, ExecContext& ctx);
// histogram.cc
Result<OperatorPtr> BuildHistogramValue(const Call& call, const Grid& grid, ExecContext& ctx);
// histogram_quantile.cc
Result<OperatorPtr> BuildHistogramQuantile(const Call& call, const Grid& grid, ExecContext& ctx);
// info.cc
Result<OperatorPtr> BuildInfo(const Call& call, const Grid& grid, ExecContext& ctx);

/// How upstream counts the samples of what MapRows stands for.
struct MapCost {
  bool new_rows = true;  // The results are held beside the inputs.
  bool gathers = true;   // The inputs of one step are held a second time.
  int num_scalars = 0;   // Arguments beside the vector.
};

/// Changes each row in place; fn(row) gets every row of the child. With `drop_name` names go.
OperatorPtr MapRows(OperatorPtr child, std::function<void(RowRef)> fn, bool drop_name,
                    const MapCost& cost, const Grid& grid, ExecContext& ctx);

}  // namespace narthex::promql

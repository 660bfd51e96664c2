// SPDX-License-Identifier: Apache-2.0
//
// Series of a matrix, some at a time.
#pragma once

#include <memory>

#include "promql/exec/operator.h"

namespace narthex::promql {

class MatrixSource {
 public:
  virtual ~MatrixSource() = default;
  /// Replaces `out` by the next series, in the order of evaluation and each with samples; none =
  /// the end. Their memory is held by `holding`, which the caller releases with them.
  virtual Status Next(Matrix& out, Holding& holding) = 0;
};
using MatrixSourcePtr = std::unique_ptr<MatrixSource>;

/// The samples of a range vector as they are.
Result<MatrixSourcePtr> MakeRangeVectorSource(const MatrixSelector& selector, const Grid& grid,
                                              ExecContext& ctx);

/// The rows of a vector expression. Rows that are equal once their marked names are gone are not
/// joined.
Result<MatrixSourcePtr> MakeRowsSource(const Expr& expr, const Grid& grid, ExecContext& ctx);

/// Removes the names that were marked on the way.
void DropMarkedNames(Batch& rows, const ExecContext& ctx);

/// Memory of the rows as series of a matrix, which have only the samples that are there. The
/// histograms are counted with the rows.
std::size_t MatrixBytes(const Batch& rows);

/// Adds the rows behind the series of the matrix; takes their labels.
void AppendToMatrix(Batch& rows, const Grid& grid, Matrix& matrix);

}  // namespace narthex::promql

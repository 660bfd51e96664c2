// SPDX-License-Identifier: Apache-2.0
#include "promql/exec/sides.h"

#include <algorithm>

#include "promql/plan/same.h"

namespace narthex::promql {
namespace {

/// Watches what an evaluation notes and counts.
class Watch {
 public:
  explicit Watch(ExecContext& ctx)
      : ctx_(ctx),
        notes_before_(std::exchange(ctx.annotations, {})),
        total_(ctx.stats.total_queryable_samples),
        read_(ctx.stats.samples_read),
        total_per_step_(ctx.stats.total_per_step),
        read_per_step_(ctx.stats.read_per_step) {}

  void End(EvaluatedExpr& evaluated) {
    evaluated.notes = ctx_.annotations;
    ctx_.annotations = std::move(notes_before_);
    ctx_.annotations.Merge(evaluated.notes);
    evaluated.total_samples = ctx_.stats.total_queryable_samples - total_;
    evaluated.samples_read = ctx_.stats.samples_read - read_;
    evaluated.total_per_step = Difference(ctx_.stats.total_per_step, total_per_step_);
    evaluated.read_per_step = Difference(ctx_.stats.read_per_step, read_per_step_);
  }

 private:
  static std::vector<std::int64_t> Difference(std::vector<std::int64_t> now,
                                              const std::vector<std::int64_t>& before) {
    for (std::size_t s = 0; s < before.size(); ++s) now[s] -= before[s];
    return now;
  }

  ExecContext& ctx_;
  storage::Annotations notes_before_;
  const std::int64_t total_, read_;
  const std::vector<std::int64_t> total_per_step_, read_per_step_;
};

/// Of a copy of the numbers per step.
std::size_t StepCountBytes(const ExecContext& ctx) {
  return 2 * sizeof(std::int64_t) * ctx.stats.total_per_step.size();
}

void Add(std::vector<std::int64_t>& to, const std::vector<std::int64_t>& from) {
  if (to.size() < from.size()) to.resize(from.size());
  for (std::size_t s = 0; s < from.size(); ++s) to[s] += from[s];
}

void AddSelectors(const Expr& expr, std::vector<const VectorSelector*>& selectors) {
  if (const auto* selector = As<VectorSelector>(expr)) selectors.push_back(selector);
  ForEachChild(expr, [&](const Expr& child) { AddSelectors(child, selectors); });
}

/// Whether what surrounds two equal expressions lets them read the same: histograms with or without
/// their buckets.
bool ReadTheSame(const Expr& a, const Expr& b, const ExecContext& ctx) {
  std::vector<const VectorSelector*> of_a, of_b;
  AddSelectors(a, of_a);
  AddSelectors(b, of_b);
  const auto stats_only = [&](const VectorSelector* selector) {
    const auto it = ctx.selected.find(selector);
    return it != ctx.selected.end() && it->second.histogram_stats;
  };
  return std::equal(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(),
                    [&](const VectorSelector* x, const VectorSelector* y) {
                      return stats_only(x) == stats_only(y);
                    });
}

/// Passes on copies of rows that are there.
class CopyOperator final : public Operator {
 public:
  CopyOperator(const EvaluatedExpr& source, ExecContext& ctx)
      : rows_(*source.rows), holding_(ctx), working_(ctx) {
    unique_without_name = source.unique_without_name;
  }

  Status Next(Batch& out) override {
    NX_RETURN_IF_ERROR(holding_.context().Check());
    const std::size_t count = std::min(RowsPerBatch(rows_.n_steps()), rows_.rows() - next_);
    working_.Release();
    NX_RETURN_IF_ERROR(working_.AddBytes(rows_.BytesOfCopy(next_, count)));
    out = rows_.CopyOf(next_, count);
    next_ += count;
    return holding_.AddSamples(out.SampleCount());
  }

 private:
  const Batch& rows_;
  Holding holding_;
  Holding working_;  // The rows at hand.
  std::size_t next_ = 0;
};

/// What is said of one expression, said of another one of the same layout.
storage::Annotations Moved(const storage::Annotations& notes, int by) {
  const auto moved = [by](std::optional<PositionRange> position) {
    // No place, or the start of the query, which stands for a place that upstream has lost.
    if (!position || (position->start == 0 && position->end == 0)) return position;
    return std::optional(PositionRange{position->start + by, position->end + by});
  };
  storage::Annotations result;
  for (const auto& [text, position] : notes.warnings()) result.AddWarning(text, moved(position));
  for (const auto& [text, position] : notes.infos()) result.AddInfo(text, moved(position));
  notes.ForEachCounted([&](const std::string& text, std::size_t times, PositionRange position) {
    result.CountWarning(text, times, *moved(position));
  });
  return result;
}

}  // namespace

Result<Sides> CollectSides(const BinaryExpr& expr, const Grid& grid, Holding& holding,
                           ExecContext& ctx) {
  Sides sides;
  const bool again = ContainsExpr(*expr.rhs, *expr.lhs);
  EvaluatedExpr left;
  std::optional<Watch> watch;
  if (again) {
    NX_RETURN_IF_ERROR(holding.AddBytes(StepCountBytes(ctx)));
    watch.emplace(ctx);
  }
  NX_ASSIGN_OR_RETURN(sides.left_op, Build(*expr.lhs, grid, ctx));
  NX_ASSIGN_OR_RETURN(sides.left, Collect(*sides.left_op, grid, holding));
  if (again) {
    NX_RETURN_IF_ERROR(holding.AddBytes(StepCountBytes(ctx)));
    watch->End(left);
    left.expr = expr.lhs.get();
    left.grid = grid;
    left.subquery = ctx.subquery;
    left.rows = &sides.left;
    left.unique_without_name = sides.left_op->unique_without_name;
    left.next = ctx.evaluated;
    ctx.evaluated = &left;
  }
  auto right_op = Build(*expr.rhs, grid, ctx);
  Result<Batch> right = right_op ? Collect(**right_op, grid, holding) : Result<Batch>(Batch());
  if (again) ctx.evaluated = left.next;
  NX_ASSIGN_OR_RETURN(sides.right_op, std::move(right_op));
  NX_ASSIGN_OR_RETURN(sides.right, std::move(right));
  return sides;
}

OperatorPtr BuildEvaluated(const Expr& expr, const Grid& grid, ExecContext& ctx) {
  for (const EvaluatedExpr* e = ctx.evaluated; e != nullptr; e = e->next) {
    if (e->grid != grid || e->subquery != ctx.subquery || !SameExpr(*e->expr, expr)) continue;
    if (!ReadTheSame(*e->expr, expr, ctx)) continue;
    if (!e->notes.empty() && !SameLayout(*e->expr, expr)) continue;
    ctx.annotations.Merge(Moved(e->notes, expr.position.start - e->expr->position.start));
    ctx.stats.total_queryable_samples += e->total_samples;
    ctx.stats.samples_read += e->samples_read;
    Add(ctx.stats.total_per_step, e->total_per_step);
    Add(ctx.stats.read_per_step, e->read_per_step);
    return std::make_unique<CopyOperator>(*e, ctx);
  }
  return nullptr;
}

}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
//
// The operator of functions over range vectors: decode, window and reduce in one pass per series.

#include <cmath>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/exec/label_map.h"
#include "promql/functions/functions.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

/// Where annotations point to. Upstream loses the place of a subquery, and so points to the start
/// of the query.
PositionRange ArgumentPosition(const Call& call) {
  if (Unwrapped(*call.args[0]).kind == ExprKind::kSubquery) return {};
  return call.args[0]->position;
}

class RangeCallOperator final : public Operator {
 public:
  RangeCallOperator(const Call& call, std::unique_ptr<RangeSource> source,
                    std::vector<Scalars> scalars, const Grid& grid, ExecContext& ctx)
      : function_(FindRangeFunction(call.function->id)),
        source_(std::move(source)),
        scalars_(std::move(scalars)),
        call_{source_->window, scalars_, ArgumentPosition(call), call.function->id},
        grid_(grid),
        ctx_(ctx),
        holding_(ctx),
        working_(ctx) {
    unique_without_name = source_->one_name;
  }

  void LeaveOutLabels(std::span<const std::string> but) override {
    const bool type_wanted = WantsCounters() && ctx_.features.type_and_unit_labels;
    if (UniqueByItself() && !type_wanted) source_->only_labels = but;
  }

  void KeepMetadataLabels() override { may_keep_metadata_ = source_->one_name; }

  Status Next(Batch& out) override {
    while (true) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      if (next_ == source_->size()) source_->Release();
      const std::size_t rows = std::min(RowsPerBatch(grid_.n), source_->size() - next_);
      NX_RETURN_IF_ERROR(ResetHeld(out, grid_.n, rows, working_));
      if (rows == 0) return {};
      // One window at a time counts as held, beside the results.
      Holding window(ctx_);
      NX_RETURN_IF_ERROR(Fill(out, window));
      next_ += rows;
      out.DropEmptyRows();
      if (out.rows() == 0) continue;
      NX_RETURN_IF_ERROR(CheckUnique(out));
      return holding_.AddSamples(out.SampleCount());
    }
  }

 private:
  struct Portion {
    storage::Annotations notes;
    std::vector<std::int64_t> windowed, read;  // Samples per step: in the window, and new in it.
    std::int64_t largest_window = 0;
    Status outcome;
  };

  Status Fill(Batch& out, Holding& window) {
    std::vector<Portion> portions(source_->max_portions);
    NX_RETURN_IF_ERROR(source_->Visit(next_, out.rows(),
                                      [&](std::size_t r, model::Labels labels, bool drop_name,
                                          const RangeSeries& series, std::size_t p) {
                                        RowRef row = out.row(r);
                                        if (call_.id == FunctionId::kDoubleExponentialSmoothing) {
                                          if (Status valid = CheckFactors(series); !valid)
                                            portions[p].outcome = valid;
                                          if (!portions[p].outcome) return;
                                        }
                                        function_.kernel(call_, series, row, portions[p].notes);
                                        Count(series, portions[p]);
                                        if (row.Empty()) return;
                                        NoteNonCounter(labels, series.name, row, portions[p].notes);
                                        out.drop_name(r) = drop_name;
                                        out.metric(r) = std::move(labels);
                                        if (DropsName(row)) DropName(out, r, ctx_);
                                      }));
    std::int64_t largest = 0;
    for (const Portion& portion : portions) {
      NX_RETURN_IF_ERROR(portion.outcome);
      ctx_.annotations.Merge(portion.notes);
      for (std::size_t s = 0; s < portion.windowed.size(); ++s) {
        NX_RETURN_IF_ERROR(ctx_.CountSamples(grid_, static_cast<int>(s), portion.windowed[s],
                                             source_->is_subquery ? 0 : portion.read[s]));
      }
      largest = std::max(largest, portion.largest_window);
    }
    return window.AddSamples(largest);
  }

  bool DropsName(const RowRef& row) const {
    if (function_.keeps_name) return false;
    return !may_keep_metadata_ || row.HasHistograms() || ctx_.features.delayed_name_removal;
  }

  /// The factors of double exponential smoothing, at the steps that have samples.
  Status CheckFactors(const RangeSeries& series) const {
    static constexpr const char* kFactors[] = {"smoothing factor. Expected: 0 < sf < 1",
                                               "trend factor. Expected: 0 < tf < 1"};
    for (int s = 0; s < grid_.n; ++s) {
      if (series.FloatCount(s) + series.HistogramCount(s) == 0) continue;
      for (int i = 0; i < 2; ++i) {
        const double v = scalars_[i][s];
        if (v > 0 && v < 1) continue;
        if (std::isnan(v)) continue;
        return Fail(Code::kExecution,
                    std::string("invalid ") + kFactors[i] + ", got: " + go::FormatFloatFixed6(v));
      }
    }
    return {};
  }

  /// Without statistics per step, all is counted as of the first one.
  void Count(const RangeSeries& series, Portion& portion) const {
    const std::size_t n = series.lo.size();
    const bool per_step = ctx_.features.per_step_stats;
    portion.windowed.resize(per_step ? n : 1);
    portion.read.resize(per_step ? n : 1);
    const auto count = [&](std::span<const std::uint32_t> lo, std::span<const std::uint32_t> hi,
                           const auto& weight_up_to) {
      std::uint32_t seen = 0;
      std::int64_t windowed = 0, read = 0, largest = 0;
      for (std::size_t s = 0; s < n; ++s) {
        const std::int64_t in_window = weight_up_to(hi[s]) - weight_up_to(lo[s]);
        const std::uint32_t first_new = std::max(lo[s], std::min(seen, hi[s]));
        windowed += in_window;
        read += weight_up_to(hi[s]) - weight_up_to(first_new);
        largest = std::max(largest, in_window);
        seen = hi[s];
        if (!per_step) continue;
        portion.windowed[s] += std::exchange(windowed, 0);
        portion.read[s] += std::exchange(read, 0);
      }
      portion.windowed[0] += windowed;
      portion.read[0] += read;
      portion.largest_window = std::max(portion.largest_window, largest);
    };
    count(series.lo, series.hi, [](std::uint32_t i) { return static_cast<std::int64_t>(i); });
    if (series.h.empty()) return;
    std::vector<std::int64_t> weights(series.h.size() + 1, 0);
    for (std::size_t i = 0; i < series.h.size(); ++i) {
      weights[i + 1] = weights[i] + model::SampleWeight(series.h[i]);
    }
    count(series.hlo, series.hhi, [&](std::uint32_t i) { return weights[i]; });
  }

  /// rate and increase of what does not look like a counter.
  void NoteNonCounter(const model::Labels& labels, std::string_view name, const RowRef& row,
                      storage::Annotations& notes) const {
    if (!WantsCounters() || name.empty()) return;
    if (ctx_.features.type_and_unit_labels) {
      const std::string_view type = labels.Get("__type__");
      if (type == "counter" || type == "histogram" || !HasFloat(row)) return;
      notes.AddInfo(
          "PromQL info: metric might not be a counter, __type__ label is not set to "
          "\"counter\" or \"histogram\", got " +
              go::Quote(type) + ": " + go::Quote(name),
          call_.position);
      return;
    }
    for (const std::string_view suffix : {"_total", "_sum", "_count", "_bucket"}) {
      if (name.ends_with(suffix)) return;
    }
    if (!HasFloat(row)) return;
    notes.AddInfo(
        "PromQL info: metric might not be a counter, name does not end in "
        "_total/_sum/_count/_bucket: " +
            go::Quote(name),
        call_.position);
  }

  static bool HasFloat(const RowRef& row) {
    if (!row.HasHistograms()) return true;
    bool found = false;
    ForEachPresent(row.present, row.n_steps,
                   [&](int s) { found = found || row.HistogramAt(s) == nullptr; });
    return found;
  }

  bool WantsCounters() const {
    return call_.id == FunctionId::kRate || call_.id == FunctionId::kIncrease;
  }

  /// Whether dropping the name can't make rows equal.
  bool UniqueByItself() const {
    return source_->one_name || function_.keeps_name || ctx_.features.delayed_name_removal;
  }

  Status CheckUnique(const Batch& out) {
    if (UniqueByItself()) return {};
    if (call_.id == FunctionId::kAbsentOverTime) return {};  // The rows are not the result.
    for (std::size_t r = 0; r < out.rows(); ++r) {
      if (!seen_.insert(std::string(out.metric(r).bytes())).second) {
        return Fail(SameLabelsetError());
      }
    }
    return {};
  }

  const RangeFunction function_;
  const std::unique_ptr<RangeSource> source_;
  const std::vector<Scalars> scalars_;
  const RangeCall call_;
  const Grid grid_;
  ExecContext& ctx_;
  Holding holding_;
  Holding working_;  // The rows at hand.
  std::size_t next_ = 0;
  bool may_keep_metadata_ = false;
  LabelSet seen_;
};

/// Errors: kExecution for modifiers that the function does not take.
Status CheckCall(const Call& call, const RangeWindow& window) {
  const FunctionId id = call.function->id;
  const bool rate =
      id == FunctionId::kRate || id == FunctionId::kIncrease || id == FunctionId::kDelta;
  const bool count = id == FunctionId::kChanges || id == FunctionId::kResets;
  const std::string name(call.function->name);
  if (window.anchored && !rate && !count) {
    return Fail(Code::kExecution,
                "anchored modifier can only be used with: changes, delta, increase, rate, resets "
                "- not with " +
                    name);
  }
  if (window.smoothed && !rate) {
    return Fail(
        Code::kExecution,
        "smoothed modifier can only be used with: delta, increase, rate - not with " + name);
  }
  return {};
}

}  // namespace

Result<OperatorPtr> BuildRangeCall(const Call& call, const Grid& grid, ExecContext& ctx) {
  std::unique_ptr<RangeSource> source;
  std::vector<Scalars> scalars;
  for (const ExprPtr& arg : call.args) {
    if (arg->type == ValueType::kMatrix) {
      NX_ASSIGN_OR_RETURN(source, BuildRangeSource(*arg, grid, ctx));
    } else {
      NX_ASSIGN_OR_RETURN(Scalars values, EvalScalar(*arg, grid, ctx));
      scalars.push_back(std::move(values));
    }
  }
  NX_RETURN_IF_ERROR(CheckCall(call, source->window));
  return OperatorPtr(
      std::make_unique<RangeCallOperator>(call, std::move(source), std::move(scalars), grid, ctx));
}

}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
//
// topk, bottomk, limitk and limit_ratio: they keep some rows of each group at each step.
#include <algorithm>
#include <cmath>
#include <limits>

#include "narthex/base/go_format.h"
#include "narthex/base/hash.h"
#include "promql/exec/aggregate.h"
#include "promql/functions/go_sort.h"
#include "promql/functions/scalar.h"

namespace narthex::promql {
namespace {

struct Entry {
  double v;
  std::uint32_t row;
};

/// The binary heap of Go's container/heap: which of equal values stays, and the order in which
/// limitk shows its rows, follow from its moves.
class GoHeap {
 public:
  explicit GoHeap(bool largest_on_top) : largest_on_top_(largest_on_top) {}
  void Push(Entry entry) {
    entries_.push_back(entry);
    std::size_t j = entries_.size() - 1;
    while (j > 0) {
      const std::size_t i = (j - 1) / 2;
      if (!Less(entries_[j], entries_[i])) break;
      std::swap(entries_[i], entries_[j]);
      j = i;
    }
  }
  void ReplaceTop(Entry entry) {
    entries_[0] = entry;
    std::size_t i = 0;
    while (2 * i + 1 < entries_.size()) {
      std::size_t j = 2 * i + 1;
      if (j + 1 < entries_.size() && Less(entries_[j + 1], entries_[j])) ++j;
      if (!Less(entries_[j], entries_[i])) break;
      std::swap(entries_[i], entries_[j]);
      i = j;
    }
  }
  /// Best first, NaN last.
  void SortBestFirst() {
    if (entries_.size() < 2) return;
    GoSort(entries_, [this](const Entry& a, const Entry& b) { return Less(b, a); });
  }
  /// Whether `v` is better than the worst one kept.
  bool Beats(double v) const {
    const double top = entries_[0].v;
    if (std::isnan(top)) return !std::isnan(v);
    return largest_on_top_ ? top > v : top < v;
  }
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  void clear() { entries_.clear(); }

 private:
  bool Less(const Entry& a, const Entry& b) const {
    if (std::isnan(a.v)) return true;
    return largest_on_top_ ? a.v > b.v : a.v < b.v;
  }

  bool largest_on_top_;
  std::vector<Entry> entries_;
};

/// Where a label set lies in [0, 1], the same for ever: the classic hash of its labels, each
/// string behind its length.
double SampleOffset(const model::Labels& labels) {
  std::string bytes;
  const auto append = [&](std::string_view text) {
    if (text.size() < 255) {
      bytes += static_cast<char>(text.size());
    } else {
      bytes += '\xff';
      for (int shift = 0; shift < 24; shift += 8) {
        bytes += static_cast<char>((text.size() >> shift) & 0xff);
      }
    }
    bytes += text;
  };
  for (const model::LabelView& label : labels) {
    append(label.name);
    append(label.value);
  }
  return static_cast<double>(XxHash64(bytes)) / 18446744073709551615.0;
}

struct Range {
  double min, max;
  bool any_nan;
};

Range RangeOf(const Scalars& values) {
  Range range{std::numeric_limits<double>::max(), -std::numeric_limits<double>::max(), false};
  for (const double v : values) {
    range.min = GoMin(range.min, v);
    range.max = GoMax(range.max, v);
    range.any_nan = range.any_nan || std::isnan(v);
  }
  return range;
}

/// @return false when the result is empty for all steps
Result<bool> CheckCount(const Scalars& k) {
  const Range range = RangeOf(k);
  if (range.max < 1) return false;
  if (range.any_nan) return Fail(Code::kExecution, "Parameter value is NaN");
  if (range.min <= -9223372036854775808.0) {
    return Fail(Code::kExecution,
                "Scalar value " + go::FormatFloatG(range.min) + " underflows int64");
  }
  if (range.max >= 9223372036854775807.0) {
    return Fail(Code::kExecution,
                "Scalar value " + go::FormatFloatG(range.max) + " overflows int64");
  }
  return true;
}

Result<bool> CheckRatio(const Scalars& ratio, PositionRange position, ExecContext& ctx) {
  const Range range = RangeOf(ratio);
  if (range.max == 0 && range.min == 0) return false;
  if (range.any_nan) return Fail(Code::kExecution, "Ratio value is NaN");
  const auto warn = [&](double v, const char* cap) {
    ctx.annotations.AddWarning("PromQL warning: ratio value should be between -1 and 1, got " +
                                   go::FormatFloatG(v) + ", capping to " + cap,
                               position);
  };
  if (range.max > 1) warn(range.max, "1");
  if (range.min < -1) warn(range.min, "-1");
  return true;
}

class Chooser {
 public:
  Chooser(const AggregateExpr& expr, const Scalars& param, Batch in, const Grid& grid,
          ExecContext& ctx)
      : expr_(expr), param_(param), in_(std::move(in)), grid_(grid), ctx_(ctx), grouping_(expr) {
    for (std::size_t r = 0; r < in_.rows(); ++r) group_.push_back(grouping_.GroupOf(in_.metric(r)));
    heaps_.assign(grouping_.size(), GoHeap(expr.op == AggregateOp::kBottomk));
    if (expr.op == AggregateOp::kLimitRatio) {
      for (std::size_t r = 0; r < in_.rows(); ++r) offset_.push_back(SampleOffset(in_.metric(r)));
    }
  }

  Result<Batch> Run() {
    std::vector<std::uint64_t> kept(in_.rows() * PresenceWords(grid_.n), 0);
    std::vector<std::uint32_t> order;
    for (int s = 0; s < grid_.n; ++s) {
      if (s % 64 == 0) NX_RETURN_IF_ERROR(ctx_.Check());
      ChooseAt(s);
      for (GoHeap& heap : heaps_) {
        if (grid_.n == 1 && IsSorted()) heap.SortBestFirst();
        for (const Entry& entry : heap.entries()) {
          kept[entry.row * PresenceWords(grid_.n) + (s >> 6)] |= std::uint64_t{1} << (s & 63);
          if (grid_.n == 1) order.push_back(entry.row);
        }
      }
    }
    for (std::size_t r = 0; r < in_.rows(); ++r) {
      RowRef row = in_.row(r);
      for (std::size_t w = 0; w < PresenceWords(grid_.n); ++w) {
        row.present[w] &= kept[r * PresenceWords(grid_.n) + w];
      }
      if (!row.HasHistograms()) continue;
      for (int s = 0; s < grid_.n; ++s) {
        if (!row.Has(s)) row.Clear(s);
      }
    }
    if (grid_.n == 1) {
      in_.Reorder(order);
    } else {
      in_.DropEmptyRows();
    }
    return std::move(in_);
  }

 private:
  bool IsSorted() const {
    return expr_.op == AggregateOp::kTopk || expr_.op == AggregateOp::kBottomk;
  }

  void ChooseAt(int s) {
    for (GoHeap& heap : heaps_) heap.clear();
    const double param = param_[s];
    const bool by_ratio = expr_.op == AggregateOp::kLimitRatio;
    const auto k = by_ratio ? 0
                            : static_cast<std::size_t>(
                                  std::max(0.0, std::min(param, static_cast<double>(in_.rows()))));
    if (by_ratio ? param == 0 : k < 1) return;
    const double ratio = std::clamp(param, -1.0, 1.0);
    for (std::size_t r = 0; r < in_.rows(); ++r) {
      const RowRef row = in_.row(r);
      if (!row.Has(s)) continue;
      GoHeap& heap = heaps_[group_[r]];
      const Entry entry{row.v[s], static_cast<std::uint32_t>(r)};
      if (by_ratio) {
        const bool in = ratio >= 0 ? offset_[r] < ratio : offset_[r] >= 1.0 + ratio;
        if (in) heap.Push(entry);
      } else if (expr_.op == AggregateOp::kLimitk) {
        if (heap.size() < k) heap.Push(entry);
      } else if (row.HistogramAt(s) != nullptr) {
        NoteIgnoredHistogram(expr_, expr_.position, ctx_.annotations);
      } else if (heap.size() < k) {
        heap.Push(entry);
      } else if (heap.Beats(entry.v)) {
        heap.ReplaceTop(entry);
      }
    }
  }

  const AggregateExpr& expr_;
  const Scalars& param_;
  Batch in_;
  const Grid grid_;
  ExecContext& ctx_;
  Grouping grouping_;
  std::vector<std::size_t> group_;
  std::vector<double> offset_;
  std::vector<GoHeap> heaps_;
};

}  // namespace

Result<OperatorPtr> BuildK(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(const Scalars param, EvalScalar(*expr.param, grid, ctx));
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*expr.expr, grid, ctx));
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Batch in, Collect(*child, grid, holding));
  const bool unique_without_name = child->unique_without_name;
  NX_ASSIGN_OR_RETURN(const bool any, expr.op == AggregateOp::kLimitRatio
                                          ? CheckRatio(param, expr.param->position, ctx)
                                          : CheckCount(param));
  if (!any) return MakeRowsOperator(Batch(grid.n), ctx);
  NX_ASSIGN_OR_RETURN(Batch out, Chooser(expr, param, std::move(in), grid, ctx).Run());
  child.reset();  // Its samples are no longer held.
  NX_ASSIGN_OR_RETURN(OperatorPtr op, MakeRowsOperator(std::move(out), ctx));
  op->unique_without_name = unique_without_name;
  return op;
}

}  // namespace narthex::promql

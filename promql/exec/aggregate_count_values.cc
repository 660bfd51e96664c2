// SPDX-License-Identifier: Apache-2.0
//
// count_values: one row per group and value, named by a label. Values come and go, so that there
// can be far more rows than series, with few samples each: those are kept as they are, and become
// rows over all steps only when they are passed on.
#include <bit>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/exec/aggregate.h"

namespace narthex::promql {
namespace {

struct CountAt {
  int step;
  double count;
};

class CountValuesOperator final : public Operator {
 public:
  CountValuesOperator(const AggregateExpr& expr, std::vector<std::string> names, std::string label,
                      const Grid& grid, ExecContext& ctx)
      : grid_(grid),
        label_(std::move(label)),
        grouping_(std::move(names), expr.without),
        ctx_(ctx),
        holding_(ctx),
        working_(ctx) {
    unique_without_name = grouping_.unique_without_name();
  }

  Status Count(Batch in) {
    NX_RETURN_IF_ERROR(working_.AddBytes(in.rows() * sizeof(Last)));
    std::vector<Last> lasts(in.rows());
    std::string text;
    for (int s = 0; s < grid_.n; ++s) {
      const std::int64_t samples = samples_;
      NX_RETURN_IF_ERROR(ctx_.Check());
      for (std::size_t r = 0; r < in.rows(); ++r) {
        const RowRef row = in.row(r);
        if (!row.Has(s)) continue;
        Last& last = lasts[r];
        const model::FloatHistogram* h = row.HistogramAt(s);
        if (!last.Is(h, row.v[s])) {
          text.clear();
          if (h != nullptr) {
            text = model::ToString(*h);
          } else {
            go::AppendFloatF(text, row.v[s]);
          }
          NX_ASSIGN_OR_RETURN(const std::size_t group, GroupOf(in.metric(r), text));
          last = {h, std::bit_cast<std::uint64_t>(row.v[s]), group};
        }
        NX_RETURN_IF_ERROR(AddOne(last.group, s));
      }
      NX_RETURN_IF_ERROR(holding_.AddSamples(samples_ - samples));
    }
    working_.Release();
    return {};
  }

  Status Next(Batch& out) override {
    const std::size_t rows = std::min(RowsPerBatch(grid_.n), counts_.size() - next_);
    NX_RETURN_IF_ERROR(ResetHeld(out, grid_.n, rows, working_));
    for (std::size_t r = 0; r < rows; ++r, ++next_) {
      out.metric(r) = grouping_.labels(next_);
      RowRef row = out.row(r);
      for (const CountAt& at : counts_[next_]) row.Set(at.step, at.count);
    }
    return {};
  }

 private:
  /// The value of a row when it was last there. Many stay the same from step to step, and making
  /// the text of one, of a histogram above all, takes much longer than counting it.
  struct Last {
    const model::FloatHistogram* h = nullptr;
    std::uint64_t bits = 0;
    std::size_t group = kNoGroup;

    bool Is(const model::FloatHistogram* other, double v) const {
      if (group == kNoGroup || (h == nullptr) != (other == nullptr)) return false;
      if (h == nullptr) return bits == std::bit_cast<std::uint64_t>(v);
      return h == other || model::SameHistogram(*h, *other);
    }
  };

  Result<std::size_t> GroupOf(const model::Labels& metric, const std::string& text) {
    builder_.Reset(metric);
    builder_.Set(label_, text);
    const std::size_t g = grouping_.GroupOf(builder_.Build());
    if (g == counts_.size()) {
      counts_.emplace_back();
      // The labels are in the group and, once more, in its index.
      NX_RETURN_IF_ERROR(holding_.AddBytes(2 * grouping_.labels(g).bytes().size() + kRowOverhead));
    }
    return g;
  }

  Status AddOne(std::size_t g, int s) {
    std::vector<CountAt>& counts = counts_[g];
    if (!counts.empty() && counts.back().step == s) {
      counts.back().count += 1;
      return {};
    }
    if (counts.size() == counts.capacity()) {
      const std::size_t more = std::max<std::size_t>(counts.size(), 1);
      NX_RETURN_IF_ERROR(holding_.AddBytes(more * sizeof(CountAt)));
      counts.reserve(counts.size() + more);
    }
    counts.push_back({s, 1});
    ++samples_;
    return {};
  }

  static constexpr std::size_t kNoGroup = SIZE_MAX;
  static constexpr std::size_t kRowOverhead = 160;  // Of strings, vectors and the hash table.

  const Grid grid_;
  const std::string label_;
  Grouping grouping_;
  ExecContext& ctx_;
  Holding holding_;
  Holding working_;                           // The rows at hand.
  std::vector<std::vector<CountAt>> counts_;  // Per group, rising steps.
  std::int64_t samples_ = 0;
  std::size_t next_ = 0;
  model::LabelsBuilder builder_;
};

}  // namespace

Result<OperatorPtr> BuildCountValues(const AggregateExpr& expr, const Grid& grid,
                                     ExecContext& ctx) {
  const std::string& label = As<StringLiteral>(Unwrapped(*expr.param))->value;
  if (label.empty() || !model::IsValidUtf8(label)) {
    return Fail(Code::kExecution, "invalid label name " + go::Quote(label));
  }
  std::vector<std::string> names = expr.grouping;
  if (!expr.without) names.push_back(label);

  NX_ASSIGN_OR_RETURN(const OperatorPtr child, Build(*expr.expr, grid, ctx));
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Batch in, Collect(*child, grid, holding));
  const std::int64_t inputs = PerStep(in.PointCount(), grid.n);
  auto op = std::make_unique<CountValuesOperator>(expr, std::move(names), label, grid, ctx);
  NX_RETURN_IF_ERROR(op->Count(std::move(in)));
  NX_RETURN_IF_ERROR(ctx.TouchSamples(inputs));
  return OperatorPtr(std::move(op));
}

}  // namespace narthex::promql

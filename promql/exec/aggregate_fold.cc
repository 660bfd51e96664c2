// SPDX-License-Identifier: Apache-2.0
//
// Aggregations that keep one small state per group and step, and so need no input rows in memory:
// sum, avg, count, min, max, group, stddev, stdvar. Rows are folded in their order, which makes
// the results those of a sequential sum.
#include <cmath>
#include <limits>

#include "narthex/base/go_format.h"
#include "promql/exec/aggregate.h"
#include "promql/functions/histogram_fold.h"
#include "promql/functions/kahan.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// One group over all steps. Only the columns that the operation needs are there.
class Accumulator {
 public:
  virtual ~Accumulator() = default;
  /// Adds all floats of a row that has no histograms.
  virtual void AddRow(const RowRef& row) = 0;
  virtual void AddFloat(int s, double v) = 0;
  /// @return false when histograms are left out of this operation
  virtual bool AddHistogram(int s, const HistogramPtr& h) = 0;
  /// Sets what this group has.
  virtual void Emit(RowRef row) = 0;
};

template <typename Derived>
class FoldBase : public Accumulator {
 public:
  explicit FoldBase(int n_steps) : seen_(PresenceWords(n_steps), 0) {}
  void AddRow(const RowRef& row) override {
    for (std::size_t w = 0; w < seen_.size(); ++w) seen_[w] |= row.present[w];
    ForEachPresent(row.present, row.n_steps,
                   [&](int s) { static_cast<Derived*>(this)->Fold(s, row.v[s]); });
  }
  void AddFloat(int s, double v) override {
    seen_[s >> 6] |= std::uint64_t{1} << (s & 63);
    static_cast<Derived*>(this)->Fold(s, v);
  }
  bool AddHistogram(int, const HistogramPtr&) override { return false; }
  void Emit(RowRef row) override {
    ForEachPresent(seen_.data(), row.n_steps,
                   [&](int s) { row.Set(s, static_cast<Derived*>(this)->Value(s)); });
  }

 protected:
  std::vector<std::uint64_t> seen_;  // Steps with a float.
};

class Count final : public FoldBase<Count> {
 public:
  explicit Count(int n) : FoldBase(n), counts_(n, 0) {}
  void Fold(int s, double) { counts_[s] += 1; }
  bool AddHistogram(int s, const HistogramPtr&) override {
    AddFloat(s, 0);
    return true;
  }
  double Value(int s) const { return counts_[s]; }

 private:
  std::vector<double> counts_;
};

class Group final : public FoldBase<Group> {
 public:
  explicit Group(int n) : FoldBase(n) {}
  void Fold(int, double) {}
  bool AddHistogram(int s, const HistogramPtr&) override {
    AddFloat(s, 0);
    return true;
  }
  double Value(int) const { return 1; }
};

template <bool kMax>
class Extreme final : public FoldBase<Extreme<kMax>> {
 public:
  // NaN gives way to any number, so it is the neutral start.
  explicit Extreme(int n) : FoldBase<Extreme<kMax>>(n), values_(n, kNan) {}
  void Fold(int s, double v) {
    double& best = values_[s];
    if ((kMax ? best < v : best > v) || std::isnan(best)) best = v;
  }
  double Value(int s) const { return values_[s]; }

 private:
  std::vector<double> values_;
};

template <bool kDeviation>
class Variance final : public FoldBase<Variance<kDeviation>> {
 public:
  explicit Variance(int n) : FoldBase<Variance<kDeviation>>(n), states_(n) {}
  void Fold(int s, double v) {
    State& state = states_[s];
    state.count += 1;
    if (state.count == 1) {
      state.mean = v;
      state.squares = std::isfinite(v) ? 0 : kNan;
      return;
    }
    const double delta = v - state.mean;
    state.mean += delta / state.count;
    state.squares += delta * (v - state.mean);
  }
  double Value(int s) const {
    const double variance = states_[s].squares / states_[s].count;
    return kDeviation ? std::sqrt(variance) : variance;
  }

 private:
  struct State {
    double count = 0, mean = 0, squares = 0;
  };
  std::vector<State> states_;
};

/// sum and avg: floats and histograms, but not both at one step.
template <typename Derived>
class WithHistograms : public FoldBase<Derived> {
 public:
  WithHistograms(int n, bool average, PositionRange position, storage::Annotations& notes)
      : FoldBase<Derived>(n), n_(n), average_(average), position_(position), notes_(notes) {}

  bool AddHistogram(int s, const HistogramPtr& h) override {
    if (folds_.empty()) folds_.assign(n_, HistogramFold(average_));
    HistogramFold& fold = folds_[s];
    // A step that began with floats is lost anyway.
    if (fold.empty() && this->Has(s)) {
      fold.Add(*h);
      return true;
    }
    if (!fold.Add(*h)) mixed_ = true;
    return true;
  }
  /// Whether the last histogram did not fit the ones before it.
  bool TakeMixed() { return std::exchange(mixed_, false); }

  void Emit(RowRef row) override {
    FoldBase<Derived>::Emit(row);
    for (std::size_t i = 0; i < folds_.size(); ++i) {
      const int s = static_cast<int>(i);
      const HistogramFold& fold = folds_[i];
      if (fold.empty()) continue;
      if (Has(s)) {
        row.Clear(s);
        notes_.AddWarning(
            "PromQL warning: encountered a mix of histograms and floats for aggregation",
            position_);
        continue;
      }
      fold.Note(position_, notes_);
      if (!fold.compatible()) continue;
      model::FloatHistogram result = fold.Result();
      model::Compact(result);
      row.Set(s, std::move(result));
    }
  }

 protected:
  bool Has(int s) const { return (this->seen_[s >> 6] >> (s & 63)) & 1; }

 private:
  const int n_;
  const bool average_;
  const PositionRange position_;
  storage::Annotations& notes_;
  std::vector<HistogramFold> folds_;
  bool mixed_ = false;
};

class Sum final : public WithHistograms<Sum> {
 public:
  Sum(int n, PositionRange position, storage::Annotations& notes)
      : WithHistograms(n, false, position, notes), sums_(n, 0), compensations_(n, 0) {}

  void AddRow(const RowRef& row) override {
    if (!row.Full()) return WithHistograms::AddRow(row);
    for (std::size_t w = 0; w < seen_.size(); ++w) seen_[w] |= row.present[w];
    // No branches, so that the compiler can use vector instructions.
    double* const sums = sums_.data();
    double* const compensations = compensations_.data();
    const double* const v = row.v;
    for (int s = 0; s < row.n_steps; ++s) {
      const double x = v[s], sum = sums[s], t = sum + x;
      const bool sum_larger = std::fabs(sum) >= std::fabs(x);
      const double larger = sum_larger ? sum : x, smaller = sum_larger ? x : sum;
      const double c = compensations[s] + ((larger - t) + smaller);
      compensations[s] = std::fabs(t) > std::numeric_limits<double>::max() ? 0 : c;
      sums[s] = t;
    }
  }
  void Fold(int s, double v) {
    KahanSum sum{sums_[s], compensations_[s]};
    sum.Add(v);
    sums_[s] = sum.sum;
    compensations_[s] = sum.compensation;
  }
  double Value(int s) const { return sums_[s] + compensations_[s]; }

 private:
  std::vector<double> sums_, compensations_;
};

class Average final : public WithHistograms<Average> {
 public:
  Average(int n, PositionRange position, storage::Annotations& notes)
      : WithHistograms(n, true, position, notes), means_(n) {}
  void Fold(int s, double v) { means_[s].Add(v); }
  double Value(int s) const { return means_[s].Mean(); }

 private:
  std::vector<KahanMean> means_;
};

/// Memory of a group at each step.
std::size_t BytesPerStep(AggregateOp op) {
  switch (op) {
    case AggregateOp::kGroup:
      return 1;  // The presence bits, as of all.
    case AggregateOp::kAvg:
      return 1 + sizeof(KahanMean);
    case AggregateOp::kStddev:
    case AggregateOp::kStdvar:
      return 1 + 3 * sizeof(double);
    default:
      return 1 + 2 * sizeof(double);
  }
}

class FoldOperator final : public Operator {
 public:
  FoldOperator(const AggregateExpr& expr, OperatorPtr child, const Grid& grid, ExecContext& ctx)
      : expr_(expr),
        child_(std::move(child)),
        grid_(grid),
        ctx_(ctx),
        grouping_(expr),
        holding_(ctx) {
    unique_without_name = grouping_.unique_without_name();
    if (const auto looked_at = grouping_.looked_at()) child_->LeaveOutLabels(*looked_at);
    if (grouping_.ignores_metadata_labels()) child_->KeepMetadataLabels();
  }

  Status Next(Batch& out) override {
    out.Reset(grid_.n, 0);
    if (done_) return {};
    done_ = true;
    NX_RETURN_IF_ERROR(FoldAll());
    child_.reset();
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      NX_RETURN_IF_ERROR(AddHeldRow(out, grouping_.labels(g), drop_names_[g] != 0, holding_));
      groups_[g]->Emit(out.row(g));
      groups_[g].reset();
    }
    out.DropEmptyRows();
    return holding_.AddSamples(out.SampleCount());
  }

 private:
  Status FoldAll() {
    Batch batch;
    while (true) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      NX_RETURN_IF_ERROR(child_->Next(batch));
      if (batch.rows() == 0) return {};
      for (std::size_t r = 0; r < batch.rows(); ++r) {
        const std::size_t g = grouping_.GroupOf(batch.metric(r));
        if (g == groups_.size()) {
          NX_RETURN_IF_ERROR(holding_.AddBytes(BytesPerStep(expr_.op) * grid_.n + 256));
          groups_.push_back(MakeAccumulator());
          drop_names_.push_back(0);
        }
        drop_names_[g] |= batch.drop_name(r);
        AddRow(*groups_[g], batch.row(r), batch.metric(r));
      }
    }
  }

  void AddRow(Accumulator& group, const RowRef& row, const model::Labels& metric) {
    if (!row.HasHistograms()) return group.AddRow(row);
    ForEachPresent(row.present, row.n_steps, [&](int s) {
      const HistogramPtr h = row.SharedHistogramAt(s);
      if (h == nullptr) return group.AddFloat(s, row.v[s]);
      if (!group.AddHistogram(s, h)) {
        NoteIgnoredHistogram(expr_, expr_.expr->position, ctx_.annotations);
      }
      if (TakeMixed(group)) {
        ctx_.annotations.AddWarning(
            ForMetricName("PromQL warning: vector contains a mix of histograms with exponential "
                          "and custom buckets schemas",
                          metric.Get(model::kMetricName)),
            expr_.expr->position);
      }
    });
  }

  bool TakeMixed(Accumulator& group) const {
    if (expr_.op == AggregateOp::kSum) return static_cast<Sum&>(group).TakeMixed();
    if (expr_.op == AggregateOp::kAvg) return static_cast<Average&>(group).TakeMixed();
    return false;
  }

  std::unique_ptr<Accumulator> MakeAccumulator() {
    const int n = grid_.n;
    switch (expr_.op) {
      case AggregateOp::kSum:
        return std::make_unique<Sum>(n, expr_.expr->position, ctx_.annotations);
      case AggregateOp::kAvg:
        return std::make_unique<Average>(n, expr_.expr->position, ctx_.annotations);
      case AggregateOp::kCount:
        return std::make_unique<Count>(n);
      case AggregateOp::kMin:
        return std::make_unique<Extreme<false>>(n);
      case AggregateOp::kMax:
        return std::make_unique<Extreme<true>>(n);
      case AggregateOp::kStddev:
        return std::make_unique<Variance<true>>(n);
      case AggregateOp::kStdvar:
        return std::make_unique<Variance<false>>(n);
      default:
        return std::make_unique<Group>(n);
    }
  }

  const AggregateExpr& expr_;
  OperatorPtr child_;
  const Grid grid_;
  ExecContext& ctx_;
  Grouping grouping_;
  Holding holding_;
  std::vector<std::unique_ptr<Accumulator>> groups_;
  std::vector<std::uint8_t> drop_names_;
  bool done_ = false;
};

}  // namespace

Result<OperatorPtr> BuildFold(const AggregateExpr& expr, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(OperatorPtr child, Build(*expr.expr, grid, ctx));
  return OperatorPtr(std::make_unique<FoldOperator>(expr, std::move(child), grid, ctx));
}

}  // namespace narthex::promql

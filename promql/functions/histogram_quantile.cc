// SPDX-License-Identifier: Apache-2.0
//
// histogram_quantile, histogram_quantiles and histogram_fraction over classic buckets (rows with
// le) and native histograms.
#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/model/float_histogram.h"
#include "promql/exec/label_map.h"
#include "promql/functions/classic_histogram.h"
#include "promql/functions/functions.h"
#include "promql/functions/range_function.h"

namespace narthex::promql {
namespace {

/// What is asked of every histogram: a quantile, or a fraction between two bounds.
struct Question {
  bool fraction = false;
  Scalars q;          // Or the lower bound.
  Scalars upper;      // Of a fraction.
  std::string label;  // Of histogram_quantiles: set to the quantile.
};

/// Repairs of falling counts over the whole query, as one info tells them.
struct MonotonicityNote {
  double min_bucket = std::numeric_limits<double>::infinity();
  double max_bucket = -std::numeric_limits<double>::infinity();
  double max_diff = 0;
  int count = 0;
  model::TimestampMs min_t = model::kMaxTime, max_t = model::kMinTime;
};

/// The rows of one classic histogram, by rising bound.
struct ClassicGroup {
  model::Labels labels;  // Without le.
  std::vector<std::pair<double, std::uint32_t>> rows;
};

class QuantileEvaluator {
 public:
  /// @param holding  holds the memory of the answers
  QuantileEvaluator(Batch in, PositionRange position, const Grid& grid, Holding& holding,
                    ExecContext& ctx)
      : in_(std::move(in)), position_(position), grid_(grid), holding_(holding), ctx_(ctx) {
    GroupClassic();
    FindConflicts();
  }

  Status Answer(const Question& question, Batch& out) {
    for (std::size_t r = 0; r < in_.rows(); ++r) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      if (!in_.row(r).HasHistograms()) continue;
      NX_RETURN_IF_ERROR(AnswerNative(question, r, out));
    }
    for (std::size_t g = 0; g < groups_.size(); ++g) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      NX_RETURN_IF_ERROR(AnswerClassic(question, g, out));
    }
    return {};
  }

  void NoteRepairs() {
    for (const auto& [name, note] : repairs_) {
      std::string text = WithMetricName(
          "PromQL info: input to histogram_quantile needed to be fixed for monotonicity (see "
          "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
          name);
      text += fmt::format(
          ", from buckets {} to {}, with a max diff of {:.2g}, over {} samples from {} to {}",
          go::FormatFloatG(note.min_bucket), go::FormatFloatG(note.max_bucket), note.max_diff,
          note.count, go::FormatTime(note.min_t / 1000 * 1'000'000'000),
          go::FormatTime(note.max_t / 1000 * 1'000'000'000));
      ctx_.annotations.AddInfo(std::move(text), position_);
    }
  }

 private:
  std::string NoteName(const model::Labels& labels) const {
    if (!ctx_.features.delayed_name_removal) return {};
    return std::string(labels.Get(model::kMetricName));
  }

  static bool HasFloats(const RowRef& row) {
    if (!row.HasHistograms()) return !row.Empty();
    for (int s = 0; s < row.n_steps; ++s) {
      if (row.Has(s) && row.HistogramAt(s) == nullptr) return true;
    }
    return false;
  }

  void GroupClassic() {
    for (std::size_t r = 0; r < in_.rows(); ++r) {
      if (!HasFloats(in_.row(r))) continue;
      const std::string le(in_.metric(r).Get(model::kBucketLabel));
      const auto bound = go::ParseFloat(le);
      if (!bound) {
        ctx_.annotations.AddWarning(
            WithMetricName("PromQL warning: bucket label \"le\" is missing or has a malformed "
                           "value of " +
                               go::Quote(le),
                           NoteName(in_.metric(r))),
            position_);
        continue;
      }
      model::Labels labels =
          model::LabelsBuilder(in_.metric(r)).Delete(model::kBucketLabel).Build();
      const auto [it, inserted] =
          group_of_.try_emplace(std::string(labels.bytes()), groups_.size());
      if (inserted) groups_.push_back({std::move(labels), {}});
      groups_[it->second].rows.emplace_back(*bound, static_cast<std::uint32_t>(r));
    }
    for (ClassicGroup& group : groups_) {
      std::stable_sort(group.rows.begin(), group.rows.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
    }
  }

  /// Steps at which a native histogram and classic buckets have the same labels: neither counts.
  void FindConflicts() {
    for (std::size_t r = 0; r < in_.rows(); ++r) {
      const RowRef native = in_.row(r);
      if (!native.HasHistograms()) continue;
      const auto it = group_of_.find(in_.metric(r).bytes());
      if (it == group_of_.end()) continue;
      std::vector<std::uint8_t> conflict(grid_.n, 0);
      bool any = false;
      for (int s = 0; s < grid_.n; ++s) {
        if (native.HistogramAt(s) == nullptr) continue;
        for (const auto& [bound, row] : groups_[it->second].rows) {
          if (FloatAt(row, s)) conflict[s] = any = true;
        }
      }
      if (!any) continue;
      ctx_.annotations.AddWarning(
          WithMetricName("PromQL warning: vector contains a mix of classic and native histograms",
                         NoteName(in_.metric(r))),
          position_);
      native_conflicts_[r] = conflict;
      classic_conflicts_[it->second] = std::move(conflict);
    }
  }

  bool FloatAt(std::size_t r, int s) {
    const RowRef row = in_.row(r);
    return row.Has(s) && row.HistogramAt(s) == nullptr;
  }

  static bool In(const std::map<std::size_t, std::vector<std::uint8_t>>& conflicts, std::size_t i,
                 int s) {
    const auto it = conflicts.find(i);
    return it != conflicts.end() && it->second[s] != 0;
  }

  /// Adds the result as a row, or as one per value that the quantile takes over the steps.
  Status Emit(const Question& question, const model::Labels& labels,
              const std::vector<std::pair<int, double>>& values, Batch& out) {
    if (values.empty()) return {};
    if (question.label.empty()) {
      NX_RETURN_IF_ERROR(AddHeldRow(out, labels, false, holding_));
      RowRef row = out.row(out.rows() - 1);
      for (const auto& [s, v] : values) row.Set(s, v);
      DropName(out, out.rows() - 1, ctx_);
      return {};
    }
    std::map<std::string, std::size_t> row_of;
    for (const auto& [s, v] : values) {
      const std::string text = OpenMetricsFloat(question.q[s]);
      auto [it, inserted] = row_of.try_emplace(text, out.rows());
      if (inserted) {
        NX_RETURN_IF_ERROR(AddHeldRow(out, labels, false, holding_));
        DropName(out, out.rows() - 1, ctx_);
        out.metric(it->second) =
            model::LabelsBuilder(out.metric(it->second)).Set(question.label, text).Build();
      }
      out.row(it->second).Set(s, v);
    }
    return {};
  }

  /// As OpenMetrics writes label values that are numbers: always with a dot or an exponent.
  static std::string OpenMetricsFloat(double v) {
    if (v == 1) return "1.0";
    if (v == 0) return "0.0";
    if (v == -1) return "-1.0";
    std::string text = go::FormatFloatG(v);
    if (std::isfinite(v) && text.find_first_of("e.") == std::string::npos) text += ".0";
    return text;
  }

  Status AnswerNative(const Question& question, std::size_t r, Batch& out) {
    std::vector<std::pair<int, double>> values;
    const RowRef row = in_.row(r);
    for (int s = 0; s < grid_.n; ++s) {
      const model::FloatHistogram* h = row.HistogramAt(s);
      if (h == nullptr || In(native_conflicts_, r, s)) continue;
      auto note = model::NanNote::kNone;
      const double v = question.fraction
                           ? model::Fraction(question.q[s], question.upper[s], *h, scratch_, note)
                           : model::Quantile(question.q[s], *h, scratch_, note);
      if (note != model::NanNote::kNone) NoteNan(question, note, in_.metric(r));
      values.emplace_back(s, v);
    }
    return Emit(question, in_.metric(r), values, out);
  }

  void NoteNan(const Question& question, model::NanNote note, const model::Labels& labels) {
    const char* text =
        "PromQL info: input to histogram_quantile has NaN observations, result is NaN";
    if (question.fraction) {
      text =
          "PromQL info: input to histogram_fraction has NaN observations, which are excluded from "
          "all fractions";
    } else if (note == model::NanNote::kSkewed) {
      text =
          "PromQL info: input to histogram_quantile has NaN observations, result is skewed higher";
    }
    ctx_.annotations.AddInfo(WithMetricName(text, NoteName(labels)), position_);
  }

  Status AnswerClassic(const Question& question, std::size_t g, Batch& out) {
    const ClassicGroup& group = groups_[g];
    std::vector<std::pair<int, double>> values;
    for (int s = 0; s < grid_.n; ++s) {
      if (In(classic_conflicts_, g, s)) continue;
      buckets_.clear();
      for (const auto& [bound, r] : group.rows) {
        if (FloatAt(r, s)) buckets_.push_back({bound, in_.values(r)[s]});
      }
      if (buckets_.empty()) continue;
      if (question.fraction) {
        values.emplace_back(s, ClassicFraction(question.q[s], question.upper[s], buckets_));
        continue;
      }
      MonotonicityFix fix;
      values.emplace_back(s, ClassicQuantile(question.q[s], buckets_, fix));
      if (fix.forced) Remember(fix, grid_.At(s), NoteName(group.labels));
    }
    return Emit(question, group.labels, values, out);
  }

  void Remember(const MonotonicityFix& fix, model::TimestampMs t, const std::string& name) {
    MonotonicityNote& note = repairs_[name];
    note.min_bucket = std::min(note.min_bucket, fix.min_bucket);
    note.max_bucket = std::max(note.max_bucket, fix.max_bucket);
    note.max_diff = std::max(note.max_diff, fix.max_diff);
    note.min_t = std::min(note.min_t, t);
    note.max_t = std::max(note.max_t, t);
    ++note.count;
  }

  Batch in_;
  const PositionRange position_;
  const Grid grid_;
  Holding& holding_;
  ExecContext& ctx_;
  std::vector<ClassicGroup> groups_;
  LabelMap<std::size_t> group_of_;
  std::map<std::size_t, std::vector<std::uint8_t>> native_conflicts_, classic_conflicts_;
  std::map<std::string, MonotonicityNote> repairs_;
  std::vector<model::Bucket> scratch_;
  std::vector<ClassicBucket> buckets_;
};

void CheckQuantiles(const Scalars& q, PositionRange position, ExecContext& ctx) {
  for (const double v : q) {
    if (!std::isnan(v) && v >= 0 && v <= 1) continue;
    ctx.annotations.AddWarning(
        "PromQL warning: quantile value should be between 0 and 1, got " + go::FormatFloatG(v),
        position);
  }
}

}  // namespace

Result<OperatorPtr> BuildHistogramQuantile(const Call& call, const Grid& grid, ExecContext& ctx) {
  const FunctionId id = call.function->id;
  const bool many = id == FunctionId::kHistogramQuantiles;
  const bool fraction = id == FunctionId::kHistogramFraction;
  const Expr& vector = *call.args[many ? 0 : fraction ? 2 : 1];
  std::vector<Question> questions;
  if (fraction) {
    NX_ASSIGN_OR_RETURN(Scalars lower, EvalScalar(*call.args[0], grid, ctx));
    NX_ASSIGN_OR_RETURN(Scalars upper, EvalScalar(*call.args[1], grid, ctx));
    questions.push_back({true, std::move(lower), std::move(upper), ""});
  } else {
    for (std::size_t i = many ? 2 : 0; i < (many ? call.args.size() : 1); ++i) {
      NX_ASSIGN_OR_RETURN(Scalars q, EvalScalar(*call.args[i], grid, ctx));
      CheckQuantiles(q, call.args[i]->position, ctx);
      questions.push_back({false, std::move(q), {}, ""});
      if (many) questions.back().label = As<StringLiteral>(Unwrapped(*call.args[1]))->value;
    }
  }
  NX_ASSIGN_OR_RETURN(const OperatorPtr child, Build(vector, grid, ctx));
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Batch in, Collect(*child, grid, holding));
  const auto num_scalars = static_cast<std::int64_t>(call.args.size()) - (many ? 2 : 1);
  const std::int64_t inputs = PerStep(in.PointCount(), grid.n) + num_scalars;
  QuantileEvaluator evaluator(std::move(in), vector.position, grid, holding, ctx);
  Batch out(grid.n);
  for (const Question& question : questions) NX_RETURN_IF_ERROR(evaluator.Answer(question, out));
  evaluator.NoteRepairs();
  NX_ASSIGN_OR_RETURN(OperatorPtr rows, MakeRowsOperator(std::move(out), ctx));
  NX_RETURN_IF_ERROR(ctx.TouchSamples(inputs));
  return JoinEqualRows(std::move(rows), grid, ctx);
}

}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
//
// Arithmetic and comparisons between two vectors. When labels alone decide which rows pair up,
// whole columns are combined; otherwise (several rows of a match group on the one side at
// different times, fill values) the pairing is done step by step.
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include "promql/exec/aggregate.h"
#include "promql/exec/binary.h"
#include "promql/exec/label_map.h"
#include "promql/exec/sides.h"

namespace narthex::promql {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

class Matcher {
 public:
  /// @param holding  holds the memory of the result
  Matcher(const BinaryExpr& expr, Batch many, Batch one, const Grid& grid, Holding& holding,
          ExecContext& ctx)
      : expr_(expr),
        matching_(*expr.matching),
        swapped_(matching_.card == MatchCardinality::kOneToMany),
        many_(std::move(many)),
        one_(std::move(one)),
        grid_(grid),
        holding_(holding),
        ctx_(ctx),
        notes_{expr.op, expr.return_bool, expr.position, &ctx.annotations},
        grouping_(matching_.labels, !matching_.on),
        out_(grid.n) {
    for (std::size_t r = 0; r < one_.rows(); ++r) {
      one_group_.push_back(grouping_.GroupOf(one_.metric(r)));
    }
    for (std::size_t r = 0; r < many_.rows(); ++r) {
      many_group_.push_back(grouping_.GroupOf(many_.metric(r)));
    }
  }

  Result<Batch> Run() {
    if (many_.rows() == 0 && one_.rows() == 0) return Batch(grid_.n);
    NX_ASSIGN_OR_RETURN(const bool matched, MatchColumns());
    if (!matched) NX_RETURN_IF_ERROR(MatchSteps());
    out_.DropEmptyRows();
    return std::move(out_);
  }

 private:
  bool one_to_one() const { return matching_.card == MatchCardinality::kOneToOne; }
  /// The values that stand for a missing row. As upstream, fill_left is that of the many side, even
  /// when group_right makes it the right one.
  const std::optional<double>& fill_many() const { return matching_.fill_lhs; }
  const std::optional<double>& fill_one() const { return matching_.fill_rhs; }

  model::Labels ResultLabels(const model::Labels& many, const model::Labels& one) const {
    model::LabelsBuilder labels(many);
    if (ChangesQuantity(expr_.op) || (expr_.return_bool && !ctx_.features.delayed_name_removal)) {
      labels.Delete(model::kMetricName).Delete("__type__").Delete("__unit__");
    }
    if (one_to_one()) {
      if (matching_.on) {
        labels.Keep(matching_.labels);
      } else {
        for (const std::string& name : matching_.labels) labels.Delete(name);
      }
    }
    for (const std::string& name : matching_.include) labels.Set(name, one.Get(name));
    return labels.Build();
  }

  /// Pairs whole rows. @return false when the pairing can differ from step to step
  Result<bool> MatchColumns() {
    if (matching_.fill_lhs || matching_.fill_rhs) return false;
    std::vector<std::uint32_t> one_of(grouping_.size(), kNone);
    for (std::size_t r = 0; r < one_.rows(); ++r) {
      if (one_of[one_group_[r]] != kNone) return false;
      one_of[one_group_[r]] = static_cast<std::uint32_t>(r);
    }
    std::vector<std::uint8_t> many_seen(grouping_.size(), 0);
    LabelSet labels_seen;
    struct Pair {
      std::uint32_t many, one;
      model::Labels labels;
    };
    std::vector<Pair> pairs;
    for (std::size_t r = 0; r < many_.rows(); ++r) {
      const std::size_t g = many_group_[r];
      if (one_of[g] == kNone) continue;
      if (one_to_one() && many_seen[g]++) return false;
      Pair pair{static_cast<std::uint32_t>(r), one_of[g],
                ResultLabels(many_.metric(r), one_.metric(one_of[g]))};
      if (!one_to_one() && !labels_seen.insert(std::string(pair.labels.bytes())).second) {
        return false;
      }
      pairs.push_back(std::move(pair));
    }
    for (Pair& pair : pairs) {
      NX_RETURN_IF_ERROR(AddHeldRow(out_, std::move(pair.labels), expr_.return_bool, holding_));
      RowRef out = out_.row(out_.rows() - 1);
      const Column many = ColumnOf(many_.row(pair.many)), one = ColumnOf(one_.row(pair.one));
      ApplyBinary(notes_, swapped_ ? one : many, swapped_ ? many : one, false, out);
    }
    return true;
  }

  Status MatchSteps() {
    one_at_.assign(grouping_.size(), kNone);
    for (int s = 0; s < grid_.n; ++s) {
      if (s % 64 == 0) NX_RETURN_IF_ERROR(ctx_.Check());
      NX_RETURN_IF_ERROR(MatchStep(s));
    }
    return {};
  }

  static bool AnyAt(Batch& rows, int s) {
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      if (rows.row(r).Has(s)) return true;
    }
    return false;
  }

  Status MatchStep(int s) {
    std::fill(one_at_.begin(), one_at_.end(), kNone);
    matched_.clear();
    const bool fills = matching_.fill_lhs || matching_.fill_rhs;
    if (!fills && (!AnyAt(many_, s) || !AnyAt(one_, s))) return {};
    for (std::size_t r = 0; r < one_.rows(); ++r) {
      if (!one_.row(r).Has(s)) continue;
      std::uint32_t& at = one_at_[one_group_[r]];
      if (at != kNone) return Fail(DuplicateOnOneSide(r, at));
      at = static_cast<std::uint32_t>(r);
    }
    for (std::size_t r = 0; r < many_.rows(); ++r) {
      if (!many_.row(r).Has(s)) continue;
      const std::uint32_t one = one_at_[many_group_[r]];
      if (one == kNone && !fill_one()) continue;
      NX_RETURN_IF_ERROR(CombineAt(s, static_cast<std::uint32_t>(r), one, many_group_[r]));
    }
    if (!fill_many()) return {};
    for (std::size_t r = 0; r < one_.rows(); ++r) {
      if (!one_.row(r).Has(s) || matched_.contains(one_group_[r])) continue;
      NX_RETURN_IF_ERROR(CombineAt(s, kNone, static_cast<std::uint32_t>(r), one_group_[r]));
    }
    return {};
  }

  struct Operand {
    double v;
    const HistogramPtr* h;
  };
  static Operand At(Batch& rows, std::uint32_t r, int s, const std::optional<double>& fill) {
    if (r == kNone) return {*fill, nullptr};
    const RowRef row = rows.row(r);
    return {row.v[s], ColumnOf(row).HistogramAt(s)};
  }

  /// Combines two rows at a step; kNone stands for the fill value.
  Status CombineAt(int s, std::uint32_t many, std::uint32_t one, std::size_t group) {
    Operand l = At(many_, many, s, fill_many()), r = At(one_, one, s, fill_one());
    if (swapped_) std::swap(l, r);
    const BinaryOutcome outcome = ApplyToStep(notes_, l.v, l.h, r.v, r.h);
    if (!outcome.valid) return {};
    NX_ASSIGN_OR_RETURN(const std::size_t row, RowOf(many, one, group));
    if (const char* conflict = FindConflict(group, row)) return Fail(Code::kExecution, conflict);
    RowRef out = out_.row(row);
    if (!outcome.keep && !expr_.return_bool) return {};
    // Rows of different groups can come to have the same labels.
    if (out.Has(s)) return Fail(SameLabelsetError());
    if (expr_.return_bool) {
      out.Set(s, outcome.keep ? 1 : 0);
    } else if (outcome.h != nullptr) {
      out.Set(s, outcome.h);
    } else {
      out.Set(s, outcome.v);
    }
    return {};
  }

  /// The result row of a pair; pairs that give the same labels share one.
  Result<std::size_t> RowOf(std::uint32_t many, std::uint32_t one, std::size_t group) {
    const auto [it, inserted] =
        row_of_pair_.try_emplace((std::uint64_t{many} << 32) | one, std::size_t{0});
    if (!inserted) return it->second;
    const model::Labels& filled = grouping_.labels(group);
    model::Labels labels = ResultLabels(many == kNone ? filled : many_.metric(many),
                                        one == kNone ? filled : one_.metric(one));
    const auto [row, is_new] = row_of_labels_.try_emplace(std::string(labels.bytes()), out_.rows());
    if (is_new) {
      NX_RETURN_IF_ERROR(AddHeldRow(out_, std::move(labels), expr_.return_bool, holding_));
    }
    return it->second = row->second;
  }

  /// Notes that the group gave this row at the current step. @return what is wrong with that
  const char* FindConflict(std::size_t group, std::size_t row) {
    auto& rows = matched_[group];
    if (one_to_one() && !rows.empty()) {
      return "multiple matches for labels: many-to-one matching must be explicit "
             "(group_left/group_right)";
    }
    if (!rows.insert(row).second) {
      return "multiple matches for labels: grouping labels must ensure unique matches";
    }
    return nullptr;
  }

  Error DuplicateOnOneSide(std::size_t a, std::size_t b) const {
    std::string first = one_.metric(a).ToString(), second = one_.metric(b).ToString();
    if (first > second) std::swap(first, second);
    return Error(Code::kExecution,
                 "found duplicate series for the match group " +
                     grouping_.ResultLabels(one_.metric(a)).ToString() + " on the " +
                     (swapped_ ? "left" : "right") + " hand-side of the operation: [" + first +
                     ", " + second +
                     "];many-to-many matching not allowed: matching labels must be unique on one "
                     "side");
  }

  const BinaryExpr& expr_;
  const VectorMatching& matching_;
  const bool swapped_;
  Batch many_, one_;  // Of one-to-one: left and right.
  const Grid grid_;
  Holding& holding_;
  ExecContext& ctx_;
  const BinaryNotes notes_;
  Grouping grouping_;
  Batch out_;
  std::vector<std::size_t> many_group_, one_group_;
  std::vector<std::uint32_t> one_at_;  // At the current step: row of the one side, per group.
  absl::flat_hash_map<std::size_t, absl::flat_hash_set<std::size_t>> matched_;  // Group, rows.
  absl::flat_hash_map<std::uint64_t, std::size_t> row_of_pair_;
  LabelMap<std::size_t> row_of_labels_;
};

}  // namespace

Result<OperatorPtr> BuildMatch(const BinaryExpr& expr, const Grid& grid, ExecContext& ctx) {
  Holding holding(ctx);
  NX_ASSIGN_OR_RETURN(Sides sides, CollectSides(expr, grid, holding, ctx));
  Batch &left = sides.left, &right = sides.right;
  const std::int64_t inputs = PerStep(left.PointCount() + right.PointCount(), grid.n);
  if (expr.matching->card == MatchCardinality::kOneToMany) std::swap(left, right);
  NX_ASSIGN_OR_RETURN(Batch out,
                      Matcher(expr, std::move(left), std::move(right), grid, holding, ctx).Run());
  NX_ASSIGN_OR_RETURN(OperatorPtr rows, MakeRowsOperator(std::move(out), ctx));
  NX_RETURN_IF_ERROR(ctx.TouchSamples(inputs));
  rows->unique_without_name = ChangesQuantity(expr.op);
  return JoinRows(std::move(rows), grid, ctx);
}

}  // namespace narthex::promql

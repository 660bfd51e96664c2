// SPDX-License-Identifier: Apache-2.0
#include "promql/plan/select.h"

#include <algorithm>

#include "promql/plan/plan.h"

namespace narthex::promql {
namespace {

/// For selectors that want nothing, because their subquery has no steps.
class NoSeries final : public storage::SeriesSet {
 public:
  std::size_t size() const override { return 0; }
  model::Labels LabelsAt(std::size_t) const override { return {}; }
  Status Read(std::size_t, model::TimestampMs, model::TimestampMs,
              storage::SampleColumns&) const override {
    return {};
  }
};

bool SameSeries(const SelectorUse& a, const SelectorUse& b) {
  return a.hints.start_ms == b.hints.start_ms && a.hints.end_ms == b.hints.end_ms &&
         a.selector->matchers == b.selector->matchers;
}

// What is selected once for several is sorted when one of them asks for it.
void AgreeOnOrder(std::vector<SelectorUse>& uses) {
  for (SelectorUse& use : uses) {
    use.hints.any_order = use.hints.any_order &&
                          std::none_of(uses.begin(), uses.end(), [&](const SelectorUse& other) {
                            return !other.hints.any_order && SameSeries(use, other);
                          });
  }
}

}  // namespace

Status SelectAll(const Expr& expr, const Grid& grid, storage::Queryable& queryable,
                 ExecContext& ctx) {
  ctx.queryable = &queryable;
  std::vector<SelectorUse> uses =
      SelectorUses(expr, grid, {ctx.lookback_ms, ctx.options.default_subquery_step_ms});
  if (uses.empty()) return {};
  AgreeOnOrder(uses);
  model::TimestampMs mint = model::kMaxTime, maxt = model::kMinTime;
  for (const SelectorUse& use : uses) {
    mint = std::min(mint, use.hints.start_ms);
    maxt = std::max(maxt, use.hints.end_ms);
  }
  const auto storage_error = [](const Error& error) {
    if (error.code() == Code::kCancelled) {
      return Error(Code::kCancelled, "query was canceled in expression evaluation");
    }
    return Error(Code::kExecution, "expanding series: " + error.message());
  };
  auto querier = queryable.NewQuerier(mint, maxt);
  if (!querier) return Fail(storage_error(querier.error()));
  NX_RETURN_IF_ERROR(ctx.Check());
  constexpr std::size_t kNothing = SIZE_MAX;
  std::vector<std::size_t> selection_of(uses.size(), kNothing);
  std::vector<storage::Selection> selections;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const SelectorUse& use = uses[i];
    if (use.hints.end_ms < use.hints.start_ms) continue;
    for (std::size_t j = 0; j < i && selection_of[i] == kNothing; ++j) {
      if (SameSeries(uses[j], use)) selection_of[i] = selection_of[j];
    }
    if (selection_of[i] != kNothing) continue;
    selection_of[i] = selections.size();
    selections.push_back({use.selector->matchers, use.hints});
    selections.back().hints.deadline_ns = ctx.deadline_ns();
  }
  auto sets = (*querier)->SelectAll(selections, ctx.stop);
  if (!sets) return Fail(storage_error(sets.error()));
  (*querier)->CollectWarnings(ctx.annotations);
  const std::vector<std::shared_ptr<const storage::SeriesSet>> shared(
      std::make_move_iterator(sets->begin()), std::make_move_iterator(sets->end()));
  for (std::size_t i = 0; i < uses.size(); ++i) {
    const SelectorUse& use = uses[i];
    SelectedSeries selected{nullptr, use.hints.start_ms, use.hints.end_ms, use.histogram_stats};
    if (selection_of[i] == kNothing) {
      selected.set = std::make_shared<NoSeries>();
    } else {
      selected.set = shared[selection_of[i]];
    }
    ctx.selected[use.selector] = std::move(selected);
  }
  return ctx.Check();
}

}  // namespace narthex::promql

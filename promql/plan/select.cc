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
  for (std::size_t i = 0; i < uses.size(); ++i) {
    NX_RETURN_IF_ERROR(ctx.Check());
    const SelectorUse& use = uses[i];
    SelectedSeries selected{nullptr, use.hints.start_ms, use.hints.end_ms, use.histogram_stats};
    if (use.hints.end_ms < use.hints.start_ms) selected.set = std::make_shared<NoSeries>();
    for (std::size_t j = 0; j < i && selected.set == nullptr; ++j) {
      if (SameSeries(uses[j], use)) selected.set = ctx.selected[uses[j].selector].set;
    }
    if (selected.set == nullptr) {
      auto set = (*querier)->Select(use.selector->matchers, use.hints, ctx.stop);
      if (!set) return Fail(storage_error(set.error()));
      selected.set = std::move(*set);
    }
    ctx.selected[use.selector] = std::move(selected);
  }
  return {};
}

}  // namespace narthex::promql

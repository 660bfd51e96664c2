// SPDX-License-Identifier: Apache-2.0
//
// info(): adds the labels of info metrics (target_info) to the rows that they describe.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/core.h>

#include "promql/exec/label_map.h"
#include "promql/exec/selector.h"
#include "promql/functions/functions.h"
#include "promql/plan/plan.h"

namespace narthex::promql {
namespace {

using model::MatchType;

// Prometheus has these fixed as well.
constexpr std::string_view kIdentifying[] = {model::kInstanceLabel, model::kJobLabel};

/// The label selector in the second argument, split by what each matcher is for.
struct InfoSelector {
  std::vector<model::Matcher> names;                        // Which info metrics.
  std::map<std::string, std::vector<model::Matcher>> data;  // Wanted labels.
};

InfoSelector SelectorOf(const Call& call) {
  InfoSelector selector;
  if (call.args.size() > 1) {
    for (const model::Matcher& m : As<VectorSelector>(Unwrapped(*call.args[1]))->matchers) {
      if (m.name() == model::kMetricName) {
        selector.names.push_back(m);
      } else {
        selector.data[m.name()].push_back(m);
      }
    }
  }
  const bool any_positive =
      std::any_of(selector.names.begin(), selector.names.end(), [](const model::Matcher& m) {
        return m.type() == MatchType::kEqual || m.type() == MatchType::kRegex;
      });
  if (selector.names.empty()) {
    selector.names.push_back(model::Matcher::Equal(model::kMetricName, "target_info"));
  } else if (!any_positive) {
    auto any_info = model::Matcher::Create(MatchType::kRegex, model::kMetricName, ".+_info");
    if (any_info) selector.names.insert(selector.names.begin(), std::move(*any_info));
  }
  return selector;
}

/// When the info series are looked at: as the first selector inside of the argument.
struct InfoTime {
  bool found = false;
  EvalTimes time;
};

void FindTime(const Expr& expr, InfoTime& result) {
  if (result.found) return;
  if (const auto* selector = As<VectorSelector>(expr)) {
    result.found = true;
    result.time = EvalTimes(selector->time);
    return;
  }
  ForEachChild(expr, [&](const Expr& child) { FindTime(child, result); });
  // Offsets of enclosing subqueries add up, until an @ fixes the time.
  const auto* subquery = As<SubqueryExpr>(expr);
  if (subquery == nullptr || !result.found || result.time.fixed) return;
  result.time.offset_ms += subquery->time.offset_ms;
  result.time.fixed = subquery->time.at != AtKind::kNone;
  result.time.fixed_ms = subquery->time.at_ms;
}

std::string QuoteRegex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

class InfoJoiner {
 public:
  InfoJoiner(const Call& call, const Grid& grid, ExecContext& ctx)
      : call_(call), grid_(grid), ctx_(ctx), selector_(SelectorOf(call)), holding_(ctx) {}

  Result<Batch> Run() {
    InfoTime when;
    FindTime(*call_.args[0], when);
    NX_ASSIGN_OR_RETURN(const OperatorPtr base, Build(*call_.args[0], grid_, ctx_));
    NX_ASSIGN_OR_RETURN(base_, Collect(*base, grid_, holding_));
    for (std::size_t r = 0; r < base_.rows(); ++r) {
      const std::string_view name = base_.metric(r).Get(model::kMetricName);
      is_info_.push_back(std::all_of(selector_.names.begin(), selector_.names.end(),
                                     [&](const model::Matcher& m) { return m.Matches(name); }));
    }
    NX_RETURN_IF_ERROR(FetchInfo(when.time));
    Batch out(grid_.n);
    for (int s = 0; s < grid_.n; ++s) {
      NX_RETURN_IF_ERROR(ctx_.Check());
      NX_RETURN_IF_ERROR(JoinAt(s, out));
    }
    return out;
  }

 private:
  /// Matchers for info series that can describe any row; empty when none can.
  Result<std::vector<model::Matcher>> InfoMatchers() const {
    std::vector<model::Matcher> matchers;
    for (const std::string_view label : kIdentifying) {
      std::set<std::string> values;
      for (std::size_t r = 0; r < base_.rows(); ++r) {
        const std::string_view value = base_.metric(r).Get(label);
        if (!is_info_[r] && !value.empty()) values.insert(QuoteRegex(value));
      }
      if (values.empty()) continue;
      std::string pattern;
      for (const std::string& value : values) {
        if (!pattern.empty()) pattern += '|';
        pattern += value;
      }
      NX_ASSIGN_OR_RETURN(auto matcher, model::Matcher::Create(MatchType::kRegex, label, pattern));
      matchers.push_back(std::move(matcher));
    }
    if (matchers.empty()) return matchers;
    for (const auto& [label, wanted] : selector_.data) {
      matchers.insert(matchers.end(), wanted.begin(), wanted.end());
    }
    matchers.insert(matchers.end(), selector_.names.begin(), selector_.names.end());
    return matchers;
  }

  /// The info series with their samples' own times as values.
  Status FetchInfo(const EvalTimes& time) {
    info_ = Batch(grid_.n);
    NX_ASSIGN_OR_RETURN(const auto matchers, InfoMatchers());
    if (matchers.empty() || grid_.n == 0) return {};
    storage::SelectHints hints;
    hints.start_ms = time.At(grid_.start) - ctx_.lookback_ms + 1;
    hints.end_ms = time.At(grid_.end());
    hints.step_ms = grid_.step;
    hints.func = "info";
    hints.deadline_ns = ctx_.deadline_ns();
    NX_ASSIGN_OR_RETURN(const auto querier,
                        ctx_.queryable->NewQuerier(hints.start_ms, hints.end_ms));
    NX_ASSIGN_OR_RETURN(auto set, querier->Select(matchers, hints, ctx_.stop));
    querier->CollectWarnings(ctx_.annotations);
    const SelectedSeries series{std::move(set), hints.start_ms, hints.end_ms};
    InstantWindow window;
    window.grid = grid_;
    window.time = time;
    window.lookback_ms = ctx_.lookback_ms;
    window.part = SamplePart::kTime;
    NX_RETURN_IF_ERROR(holding_.AddRows(series.set->size(), grid_.n));
    info_.Reset(grid_.n, series.set->size());
    NX_RETURN_IF_ERROR(ReadSeries(ctx_, series, {}, 0, series.set->size(),
                                  [&](std::size_t r, storage::SampleColumns& columns, std::size_t) {
                                    info_.metric(r) = series.set->LabelsAt(r);
                                    if (!columns.histograms.empty()) has_histograms_ = true;
                                    FillInstantRow(window, columns, info_.row(r));
                                  }));
    if (has_histograms_) {
      return Fail(Code::kExecution, "info sample should be float");
    }
    info_.DropEmptyRows();
    NX_RETURN_IF_ERROR(CountInfo());
    for (std::size_t r = 0; r < info_.rows(); ++r) {
      info_key_.push_back(KeyOf(info_.metric(r)));
      info_name_.emplace_back(info_.metric(r).Get(model::kMetricName));
    }
    return {};
  }

  /// What is read of info series counts as of any selector.
  Status CountInfo() {
    std::vector<std::int64_t> counts(static_cast<std::size_t>(grid_.n), 0);
    for (std::size_t r = 0; r < info_.rows(); ++r) {
      ForEachPresent(info_.present(r), grid_.n, [&](int s) { ++counts[s]; });
    }
    for (int s = 0; s < grid_.n; ++s) {
      NX_RETURN_IF_ERROR(ctx_.CountSamples(grid_, s, counts[s], counts[s]));
    }
    return holding_.AddSamples(info_.PointCount());
  }

  static std::string KeyOf(const model::Labels& labels) {
    std::string key;
    for (const std::string_view label : kIdentifying) {
      key += labels.Get(label);
      key += '\xff';
    }
    return key;
  }

  /// For each info metric and key the newest row at step s.
  using Current = std::map<std::string, LabelMap<std::size_t>>;
  Status CurrentInfo(int s, Current& current) {
    for (std::size_t r = 0; r < info_.rows(); ++r) {
      const RowRef row = info_.row(r);
      if (!row.Has(s)) continue;
      const auto [it, inserted] = current[info_name_[r]].try_emplace(info_key_[r], r);
      if (inserted) continue;
      const double old_t = info_.values(it->second)[s], new_t = row.v[s];
      if (old_t < new_t) {
        it->second = r;
      } else if (old_t == new_t) {
        const auto ms = static_cast<std::int64_t>(std::llround(new_t * 1000));
        return Fail(
            Code::kExecution,
            fmt::format("found duplicate series for info metric: existing {} @ {}, new {} "
                        "@ {}",
                        info_.metric(it->second).ToString(), ms, info_.metric(r).ToString(), ms));
      }
    }
    return {};
  }

  Status JoinAt(int s, Batch& out) {
    Current current;
    NX_RETURN_IF_ERROR(CurrentInfo(s, current));
    for (std::size_t r = 0; r < base_.rows(); ++r) {
      const RowRef row = base_.row(r);
      if (!row.Has(s)) continue;
      model::LabelsBuilder added;
      bool matched = is_info_[r];
      if (!matched) {
        NX_RETURN_IF_ERROR(AddLabels(base_.metric(r), current, added, matched));
      }
      if (!matched && !AcceptsNoInfo()) continue;
      model::LabelsBuilder labels(base_.metric(r));
      for (const auto& [name, value] : added.pairs()) labels.Set(name, value);
      NX_RETURN_IF_ERROR(Emit(row, s, labels.Build(), base_.drop_name(r), out));
    }
    return {};
  }

  Status AddLabels(const model::Labels& base, const Current& current, model::LabelsBuilder& added,
                   bool& matched) {
    const std::string key = KeyOf(base);
    for (const auto& [name, rows] : current) {
      const auto it = rows.find(key);
      if (it == rows.end()) continue;
      matched = true;
      for (const model::LabelView& label : info_.metric(it->second)) {
        if (label.name == model::kMetricName) continue;
        if (!selector_.data.empty() && !selector_.data.contains(std::string(label.name))) continue;
        const std::string_view had = added.Get(label.name);
        if (!had.empty() && had != label.value) {
          return Fail(Code::kExecution, "conflicting label: " + std::string(label.name));
        }
        if (!base.Has(label.name)) added.Set(label.name, label.value);
      }
    }
    return {};
  }

  /// Whether rows without info stay: when every wanted label may be missing.
  bool AcceptsNoInfo() const {
    for (const auto& [label, matchers] : selector_.data) {
      for (const model::Matcher& m : matchers) {
        if (!m.MatchesEmpty()) return false;
      }
    }
    return true;
  }

  Status Emit(const RowRef& from, int s, model::Labels labels, bool drop_name, Batch& out) {
    const auto [it, inserted] = row_of_.try_emplace(std::string(labels.bytes()), out.rows());
    if (inserted) NX_RETURN_IF_ERROR(AddHeldRow(out, std::move(labels), drop_name, holding_));
    RowRef to = out.row(it->second);
    if (to.Has(s)) return Fail(SameLabelsetError());
    if (HistogramPtr h = from.SharedHistogramAt(s)) {
      to.Set(s, std::move(h));
    } else {
      to.Set(s, from.v[s]);
    }
    return {};
  }

  const Call& call_;
  const Grid grid_;
  ExecContext& ctx_;
  const InfoSelector selector_;
  Holding holding_;
  Batch base_, info_;
  std::vector<std::uint8_t> is_info_;  // Base rows that are info series themselves.
  std::vector<std::string> info_key_, info_name_;
  LabelMap<std::size_t> row_of_;
  std::atomic<bool> has_histograms_{false};
};

}  // namespace

Result<OperatorPtr> BuildInfo(const Call& call, const Grid& grid, ExecContext& ctx) {
  NX_ASSIGN_OR_RETURN(Batch out, InfoJoiner(call, grid, ctx).Run());
  return MakeRowsOperator(std::move(out), ctx);
}

}  // namespace narthex::promql

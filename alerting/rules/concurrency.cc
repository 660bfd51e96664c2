// SPDX-License-Identifier: Apache-2.0
#include "alerting/rules/concurrency.h"

#include <exception>
#include <optional>
#include <string_view>

#include "narthex/base/log.h"
#include "narthex/base/mutex.h"
#include "narthex/model/matcher.h"
#include "narthex/promql/ast.h"
#include "narthex/promql/parser.h"

namespace narthex::alerting {
namespace {

constexpr std::string_view kAlerts = "ALERTS";
constexpr std::string_view kAlertsForState = "ALERTS_FOR_STATE";

const model::Matcher* FindMatcher(const promql::VectorSelector& selector, std::string_view name) {
  for (const model::Matcher& matcher : selector.matchers) {
    if (matcher.name() == name) return &matcher;
  }
  return nullptr;
}

/// Whether the selector may read what the rule writes.
bool Reads(const promql::VectorSelector& selector, const model::Matcher& name,
           const RuleSpec& rule) {
  if (name.Matches(rule.name)) return true;
  if (!rule.alerting || !(name.Matches(kAlerts) || name.Matches(kAlertsForState))) return false;
  const model::Matcher* alert = FindMatcher(selector, model::kAlertName);
  return alert == nullptr || alert->Matches(rule.name);
}

struct Needs {
  std::vector<bool> needs, needed;  // By index of the rule.
};

/// Marks what rule `index` needs of those before it. @return false when that can't be told
bool AddNeeds(const promql::Expr& expr, std::span<const RuleSpec> rules, std::size_t index,
              Needs& out) {
  if (const auto* selector = promql::As<promql::VectorSelector>(expr)) {
    const model::Matcher* name = FindMatcher(*selector, model::kMetricName);
    if (name == nullptr) return false;
    for (std::size_t i = 0; i < index; ++i) {
      if (Reads(*selector, *name, rules[i])) out.needs[index] = out.needed[i] = true;
    }
  }
  bool known = true;
  promql::ForEachChild(expr, [&](const promql::Expr& child) {
    known = known && AddNeeds(child, rules, index, out);
  });
  return known;
}

std::optional<Needs> FindNeeds(std::span<const RuleSpec> rules, const promql::Features& features) {
  Needs out{std::vector<bool>(rules.size()), std::vector<bool>(rules.size())};
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto expr = promql::ParseExpr(rules[i].query, features);
    if (!expr || !AddNeeds(**expr, rules, i, out)) return std::nullopt;
  }
  return out;
}

}  // namespace

std::vector<RuleBatch> SplitIntoBatches(std::span<const RuleSpec> rules,
                                        const promql::Features& features) {
  const std::optional<Needs> found = rules.size() > 1 ? FindNeeds(rules, features) : std::nullopt;
  RuleBatch first, last;
  std::vector<RuleBatch> batches;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (!found || (found->needs[i] && found->needed[i])) {
      batches.push_back({i});
    } else {
      (found->needs[i] ? last : first).push_back(i);
    }
  }
  if (!first.empty()) batches.insert(batches.begin(), std::move(first));
  if (!last.empty()) batches.push_back(std::move(last));
  return batches;
}

bool RuleSlots::TryTake() {
  std::size_t free = free_.load();
  while (free > 0) {
    if (free_.compare_exchange_weak(free, free - 1)) return true;
  }
  return false;
}

void RuleSlots::RunBatch(const RuleBatch& batch, const std::function<void(std::size_t)>& fn) {
  Mutex mutex;
  CondVar ended;
  std::size_t running = 0;
  // An exception (no memory) must not leave while other threads use this frame, nor keep a slot.
  const auto run = [&fn](std::size_t index) {
    try {
      fn(index);
    } catch (const std::exception& error) {
      log::Error("Evaluating a rule failed", {{"index", index}, {"err", error.what()}});
    }
  };
  for (const std::size_t index : batch) {
    if (batch.size() == 1 || !TryTake()) {
      run(index);
      continue;
    }
    {
      MutexLock lock(mutex);
      ++running;
    }
    pool_.Submit([&, index] {
      run(index);
      ++free_;
      MutexLock lock(mutex);
      --running;
      ended.NotifyAll();
    });
  }
  MutexLock lock(mutex);
  while (running > 0) ended.Wait(mutex);
}

}  // namespace narthex::alerting

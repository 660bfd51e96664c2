// SPDX-License-Identifier: Apache-2.0
#include "narthex/alerting/rule_runner.h"

#include <algorithm>
#include <utility>

#include "alerting/rules/group.h"
#include "alerting/rules/group_metrics.h"
#include "alerting/rules/spec.h"
#include "narthex/base/clock.h"
#include "narthex/base/metrics.h"
#include "narthex/config/config.h"

namespace narthex::alerting {

struct RuleRunner::Impl {
  promql::Engine& engine;
  storage::Queryable& queryable;
  storage::Appendable& appendable;
  metrics::Registry registry = {};
  RuleMetrics rule_metrics{registry};
  std::vector<std::unique_ptr<RuleGroup>> groups = {};
};

RuleRunner::RuleRunner(promql::Engine& engine, storage::Queryable& queryable,
                       storage::Appendable& appendable)
    : impl_(new Impl{engine, queryable, appendable}) {}
RuleRunner::~RuleRunner() = default;

std::vector<std::string> RuleRunner::Load(std::span<const std::string> files,
                                          const RuleRunnerOptions& options) {
  config::GlobalConfig global;
  global.evaluation_interval_ms = options.interval_ms;
  global.external_labels = options.external_labels;
  LoadedGroups loaded =
      LoadGroupsOf(files, global, options.features, options.ignore_unknown_fields);
  std::vector<GroupSpec>& specs = loaded.groups;
  const auto& order = options.group_order;
  const auto position = [&order](const GroupSpec& spec) {
    const auto at = std::find(order.begin(), order.end(), spec.name);
    return at == order.end() ? 0 : at - order.begin();
  };
  std::stable_sort(specs.begin(), specs.end(), [&](const GroupSpec& a, const GroupSpec& b) {
    return position(a) < position(b);
  });
  // Nothing is restored: where that would be does not matter.
  GroupDeps deps{impl_->engine,       impl_->queryable, impl_->queryable,    impl_->appendable,
                 SystemClock(),       impl_->registry,  impl_->rule_metrics, {},
                 options.external_url};
  impl_->groups.clear();
  for (GroupSpec& spec : specs) {
    impl_->groups.push_back(std::make_unique<RuleGroup>(std::move(spec), deps, false));
  }
  return std::move(loaded.problems);
}

void RuleRunner::Evaluate(std::int64_t at_ns) {
  for (const auto& group : impl_->groups) group->Evaluate(at_ns, 0, {});
}

std::vector<GroupSnapshot> RuleRunner::Groups(bool with_alerts) const {
  std::vector<GroupSnapshot> groups;
  for (const auto& group : impl_->groups) groups.push_back(group->Snapshot(with_alerts));
  return groups;
}

}  // namespace narthex::alerting

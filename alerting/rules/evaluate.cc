// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/evaluate.h"

#include <unordered_set>
#include <utility>

#include <fmt/core.h>

#include "alerting/rules/labels_hash.h"

namespace narthex::alerting {

Result<promql::Vector> QueryVector(promql::Engine& engine, storage::Queryable& queryable,
                                   const std::string& query, model::TimestampMs t,
                                   const promql::QueryOptions& options) {
  NX_ASSIGN_OR_RETURN(auto result, engine.Instant(queryable, query, t, options));
  if (auto* vector = std::get_if<promql::Vector>(&result.value)) return std::move(*vector);
  if (const auto* scalar = std::get_if<promql::ScalarValue>(&result.value)) {
    promql::Vector vector(1);
    vector[0].t = scalar->t;
    vector[0].v = scalar->v;
    return vector;
  }
  return Fail(Code::kExecution, "rule result is not a vector or scalar");
}

Status NameRecorded(const RuleSpec& rule, int limit, promql::Vector& samples) {
  model::LabelsBuilder builder;
  std::unordered_set<model::Labels, LabelsHash> seen;
  for (promql::VectorSample& sample : samples) {
    builder.Reset(sample.metric);
    builder.Set(model::kMetricName, rule.name);
    for (const auto& [name, value] : rule.labels) builder.Set(name, value);
    sample.metric = builder.Build();
    if (!seen.insert(sample.metric).second) {
      return Fail(Code::kExecution,
                  "vector contains metrics with the same labelset after applying rule labels");
    }
  }
  if (limit > 0 && samples.size() > static_cast<std::size_t>(limit)) {
    return Fail(Code::kExecution,
                fmt::format("exceeded limit of {} with {} series", limit, samples.size()));
  }
  return {};
}

}  // namespace narthex::alerting

// SPDX-License-Identifier: Apache-2.0

#include "alerting/rules/evaluate.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <absl/container/flat_hash_set.h>
#include <fmt/core.h>

namespace narthex::alerting {

namespace {

Result<promql::Vector> ToVector(Result<promql::QueryResult> result) {
  if (!result) return Fail(std::move(result).error());
  if (auto* vector = std::get_if<promql::Vector>(&result->value)) return std::move(*vector);
  if (const auto* scalar = std::get_if<promql::ScalarValue>(&result->value)) {
    promql::Vector vector(1);
    vector[0].t = scalar->t;
    vector[0].v = scalar->v;
    return vector;
  }
  return Fail(Code::kExecution, "rule result is not a vector or scalar");
}

bool HasEqualLabels(const promql::Vector& samples) {
  if (samples.size() < 2) return false;
  absl::flat_hash_set<std::string_view> seen;
  seen.reserve(samples.size());
  return std::any_of(samples.begin(), samples.end(), [&](const promql::VectorSample& sample) {
    return !seen.insert(sample.metric.bytes()).second;
  });
}

}  // namespace

Result<promql::Vector> QueryVector(promql::Engine& engine, storage::Queryable& queryable,
                                   const std::string& query, model::TimestampMs t,
                                   const promql::QueryOptions& options) {
  return ToVector(engine.Instant(queryable, query, t, options));
}

Result<promql::Vector> QueryVector(promql::Engine& engine, storage::Queryable& queryable,
                                   const promql::InstantQuery& query, model::TimestampMs t,
                                   const promql::QueryOptions& options) {
  return ToVector(engine.Instant(queryable, query, t, options));
}

Status NameRecorded(const RuleSpec& rule, int limit, promql::Vector& samples) {
  const model::Labels changes = LabelsOfRecorded(rule.name, rule.labels);
  for (promql::VectorSample& sample : samples) sample.metric = sample.metric.With(changes);
  if (HasEqualLabels(samples)) {
    return Fail(Code::kExecution,
                "vector contains metrics with the same labelset after applying rule labels");
  }
  if (limit > 0 && samples.size() > static_cast<std::size_t>(limit)) {
    return Fail(Code::kExecution,
                fmt::format("exceeded limit of {} with {} series", limit, samples.size()));
  }
  return {};
}

}  // namespace narthex::alerting

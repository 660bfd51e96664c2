// SPDX-License-Identifier: Apache-2.0
//
// One evaluation of one rule, up to the samples that it gives.
#pragma once

#include <string>

#include "alerting/rules/spec.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/promql/engine.h"

namespace narthex::alerting {

/// The result of an expression as a vector; a scalar becomes one sample without labels.
/// Errors: as Engine::Instant; kExecution for strings and matrices.
Result<promql::Vector> QueryVector(promql::Engine& engine, storage::Queryable& queryable,
                                   const std::string& query, model::TimestampMs t,
                                   const promql::QueryOptions& options);
Result<promql::Vector> QueryVector(promql::Engine& engine, storage::Queryable& queryable,
                                   const promql::InstantQuery& query, model::TimestampMs t,
                                   const promql::QueryOptions& options);

/// Gives each sample of a recording rule its name and labels.
/// Errors: kExecution for two samples with equal labels, and for more than `limit` (0 = no limit).
Status NameRecorded(const RuleSpec& rule, int limit, promql::Vector& samples);

}  // namespace narthex::alerting

// SPDX-License-Identifier: Apache-2.0
//
// global.query_log_file: one JSON object for each query. Source: Prometheus promql.Engine.exec.
#pragma once

#include <memory>
#include <string>

#include "narthex/base/clock.h"
#include "narthex/base/json_file_log.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "narthex/promql/engine.h"
#include "promql/plan/plan.h"

namespace narthex::metrics {
class Counter;
class Gauge;
}  // namespace narthex::metrics

namespace narthex::promql {

/// A query that has ended.
struct EndedQuery {
  const std::string& text;
  const QueryTimes& times;
  const QueryOptions& options;
  const QueryStats& stats;
  const Error* error = nullptr;  // Null = it has a value.
};

/// Thread safety: any thread.
class QueryLog final {
 public:
  QueryLog(const Clock& clock, metrics::Registry& registry);

  /// Null = none.
  void SetFile(std::shared_ptr<JsonFileLog> file);
  /// A log that can't be written is counted and logged, and does not disturb the query.
  void Note(const EndedQuery& query);

 private:
  std::shared_ptr<JsonFileLog> file() const {
    MutexLock lock(mutex_);
    return file_;
  }

  const Clock& clock_;
  metrics::Gauge& enabled_;
  metrics::Counter& failures_;
  MinuteLog failure_log_;
  mutable Mutex mutex_;  // Leaf.
  std::shared_ptr<JsonFileLog> file_ NX_GUARDED_BY(mutex_);
};

}  // namespace narthex::promql

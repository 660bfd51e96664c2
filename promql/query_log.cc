// SPDX-License-Identifier: Apache-2.0
#include "promql/query_log.h"

#include <utility>

#include "narthex/base/metrics.h"

namespace narthex::promql {
namespace {

constexpr std::int64_t kMsPerSecond = 1000;

void WriteParameters(const EndedQuery& query, JsonWriter& out) {
  out.Key("params");
  out.BeginObject();
  out.Key("end");
  out.String(LogTimeText(query.times.end));
  out.Key("query");
  out.PlainString(query.text);
  out.Key("start");
  out.String(LogTimeText(query.times.start));
  out.Key("step");
  out.Int(query.times.step / kMsPerSecond);
  out.EndObject();
}

void WriteOrigin(const QueryOrigin& origin, JsonWriter& out) {
  out.Key(origin.kind);
  out.BeginObject();
  for (const auto& [name, value] : origin.fields) {
    out.Key(name);
    out.PlainString(value);
  }
  out.EndObject();
}

void Write(const EndedQuery& query, JsonWriter& out) {
  WriteParameters(query, out);
  if (query.error != nullptr) {
    out.Key("error");
    out.PlainString(query.error->message());
  }
  out.Key("stats");
  WriteStats(query.stats, query.options.wants_per_step_stats, query.times.start, query.times.step,
             out);
  // What queries without a trace have.
  out.Key("spanID");
  out.String("0000000000000000");
  out.Key("traceID");
  out.String("00000000000000000000000000000000");
  if (query.options.origin != nullptr) WriteOrigin(*query.options.origin, out);
}

}  // namespace

QueryLog::QueryLog(const Clock& clock, metrics::Registry& registry)
    : clock_(clock),
      enabled_(registry.AddGauge("prometheus_engine_query_log_enabled", "State of the query log.")),
      failures_(registry.AddCounter("prometheus_engine_query_log_failures_total",
                                    "The number of query log failures.")),
      failure_log_(clock) {}

void QueryLog::SetFile(std::shared_ptr<JsonFileLog> file) {
  MutexLock lock(mutex_);
  enabled_.Set(file == nullptr ? 0 : 1);
  file_.swap(file);  // The one before is closed when the last query has been noted in it.
}

void QueryLog::Note(const EndedQuery& query) {
  const auto log = file();
  if (log == nullptr) return;
  const Status written = log->Write(clock_.NowNs(), log::Level::kInfo, "promql query logged",
                                    [&query](JsonWriter& out) { Write(query, out); });
  if (written) return;
  failures_.Add();
  failure_log_.Error("can't log query", {{"err", written.error().message()}});
}

}  // namespace narthex::promql

// SPDX-License-Identifier: Apache-2.0
//
// /query, /query_range, /format_query, /parse_query, /query_exemplars.
#include <fmt/core.h>

#include "narthex/base/clock.h"
#include "narthex/base/log.h"
#include "narthex/promql/engine.h"
#include "narthex/promql/parser.h"
#include "narthex/promql/printer.h"
#include "web/api/handlers.h"
#include "web/api/parameters.h"
#include "web/api/query_origin.h"
#include "web/api/value_json.h"

namespace narthex::web {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kMaxPoints = 11'000;

bool WantsPerStepStats(const Call& call) {
  return call.form.Get("stats") == "all" && call.api.options.per_step_stats;
}

Result<promql::QueryOptions> ReadQueryOptions(const Call& call, const promql::QueryOrigin& origin) {
  promql::QueryOptions options;
  options.stop = call.request.stop;
  options.origin = &origin;
  options.wants_per_step_stats = WantsPerStepStats(call);
  options.stream_above_bytes = call.api.options.stream_above_bytes;
  options.trace = call.form.Get("explain") == "true";
  if (const std::string& text = call.form.Get("timeout"); !text.empty()) {
    auto ns = ParseDurationNs(text);
    if (!ns) return Fail(BadParameter("timeout", ns.error().message()));
    if (*ns <= 0) return Fail(Code::kTimeout, "query timed out in query execution");
    options.timeout_ms = std::max<std::int64_t>(*ns / kNsPerMs, 1);
  }
  if (const std::string& text = call.form.Get("lookback_delta"); !text.empty()) {
    auto ns = ParseDurationNs(text);
    if (!ns) {
      return Fail(Code::kInvalidArgument,
                  "error parsing lookback delta duration: " + ns.error().message());
    }
    options.lookback_delta_ms = std::max<std::int64_t>(*ns / kNsPerMs, 0);
  }
  return options;
}

/// Engine errors: a query that can't be parsed is a bad parameter.
Error QueryError(const Error& error) {
  return error.code() == Code::kInvalidArgument ? BadParameter("query", error.message()) : error;
}

void Truncate(std::size_t limit, promql::QueryResult& result) {
  if (limit == 0) return;
  bool cut = result.stream != nullptr && result.stream->size() > limit;
  const auto shorten = [&](auto& rows) {
    if (rows.size() <= limit) return;
    rows.resize(limit);
    cut = true;
  };
  if (auto* vector = std::get_if<promql::Vector>(&result.value)) shorten(*vector);
  if (auto* matrix = std::get_if<promql::Matrix>(&result.value)) shorten(*matrix);
  if (cut) result.annotations.AddWarning("results truncated due to limit");
}

/// The rows of a result, at most `limit` of them.
void WriteResult(const promql::QueryResult& result, std::size_t limit, Call& call,
                 JsonWriter& out) {
  const auto gone = [&call] { return call.reply.gone(); };
  if (result.stream == nullptr) return WriteValue(result.value, gone, out);
  const Status written = WriteStream(*result.stream, limit, gone, out);
  if (written) return;
  call.reply.Break();
  if (written.error().code() == Code::kCancelled) return;  // By the client, or at the server's end.
  log::Warn("The answer to a query ended before its end", {{"query", call.form.Get("query")},
                                                           {"client", call.request.remote_address},
                                                           {"err", written.error().message()}});
}

void Answer(Call& call, promql::QueryResult result, std::size_t limit, model::TimestampMs start,
            model::DurationMs step) {
  Truncate(limit, result);
  const std::string& stats = call.form.Get("stats");
  if (!stats.empty() && stats != "all" && stats != "true") {
    result.annotations.AddWarning(fmt::format(
        "value \"{}\" for parameter \"stats\" is deprecated and will be rejected in the next major "
        "release, use \"true\" or \"all\"",
        stats));
  }
  call.reply.Data(
      [&](JsonWriter& out) {
        out.BeginObject();
        out.Key("resultType");
        out.String(ResultType(result.value));
        out.Key("result");
        WriteResult(result, limit, call, out);
        if (!stats.empty()) {
          out.Key("stats");
          promql::WriteStats(result.stats, WantsPerStepStats(call), start, step, out);
        }
        if (result.trace != nullptr) {
          out.Key("explain");
          promql::WriteTrace(*result.trace, out);
        }
        out.EndObject();
      },
      result.annotations, call.form.Get("query"));
}

Result<promql::ExprPtr> ParseParameter(const Call& call) {
  auto expr = promql::ParseExpr(call.form.Get("query"), call.api.engine->options().features);
  if (!expr) return Fail(QueryError(expr.error()));
  return expr;
}

void CollectSelectors(const promql::Expr& expr, std::vector<MatcherSet>& out) {
  if (const auto* selector = promql::As<promql::VectorSelector>(expr)) {
    out.push_back(selector->matchers);
  }
  promql::ForEachChild(expr, [&](const promql::Expr& child) { CollectSelectors(child, out); });
}

void WriteExemplars(const model::Labels& series, std::span<const model::Exemplar> exemplars,
                    JsonWriter& out) {
  out.BeginObject();
  out.Key("seriesLabels");
  WriteLabels(series, out);
  out.Key("exemplars");
  out.BeginArray();
  for (const model::Exemplar& exemplar : exemplars) {
    out.BeginObject();
    out.Key("labels");
    WriteLabels(exemplar.labels, out);
    out.Key("value");
    out.SampleValue(exemplar.value);
    out.Key("timestamp");
    out.TimestampSeconds(exemplar.t);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

}  // namespace

Status QueryInstant(Call& call) {
  NX_ASSIGN_OR_RETURN(const std::size_t limit, LimitParameter(call.form));
  const std::int64_t now_ns = call.api.clock.NowNs();
  NX_ASSIGN_OR_RETURN(
      const ApiTime time,
      TimeParameter(call.form, "time", {now_ns / kNsPerSecond, now_ns % kNsPerSecond}));
  const model::TimestampMs t = time.EngineMs();
  const promql::QueryOrigin origin = OriginOf(call.request);
  NX_ASSIGN_OR_RETURN(const promql::QueryOptions options, ReadQueryOptions(call, origin));
  auto result = call.api.engine->Instant(call.api.queryable, call.form.Get("query"), t, options);
  if (!result) return Fail(QueryError(result.error()));
  Answer(call, std::move(*result), limit, t, 0);
  return {};
}

Status QueryRange(Call& call) {
  NX_ASSIGN_OR_RETURN(const std::size_t limit, LimitParameter(call.form));
  auto start = ParseTime(call.form.Get("start"));
  if (!start) return Fail(BadParameter("start", start.error().message()));
  auto end = ParseTime(call.form.Get("end"));
  if (!end) return Fail(BadParameter("end", end.error().message()));
  if (*end < *start) {
    return Fail(BadParameter("end", "end timestamp must not be before start time"));
  }
  auto step_ns = ParseDurationNs(call.form.Get("step"));
  if (!step_ns) return Fail(BadParameter("step", step_ns.error().message()));
  if (*step_ns <= 0) {
    return Fail(BadParameter("step",
                             "zero or negative query resolution step widths are not accepted. Try "
                             "a positive integer"));
  }
  // In 128 bits: the range may span all of time.
  const __int128 range_ns = (static_cast<__int128>(end->seconds) - start->seconds) * kNsPerSecond +
                            end->nanoseconds - start->nanoseconds;
  if (std::min<__int128>(range_ns, INT64_MAX) / *step_ns > kMaxPoints) {
    return Fail(Code::kInvalidArgument,
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
                "query resolution (?step=XX)");
  }
  const model::DurationMs step = std::max<std::int64_t>(*step_ns / kNsPerMs, 1);
  const promql::QueryOrigin origin = OriginOf(call.request);
  NX_ASSIGN_OR_RETURN(const promql::QueryOptions options, ReadQueryOptions(call, origin));
  auto result = call.api.engine->Range(call.api.queryable, call.form.Get("query"),
                                       start->EngineMs(), end->EngineMs(), step, options);
  if (!result) return Fail(QueryError(result.error()));
  Answer(call, std::move(*result), limit, start->EngineMs(), step);
  return {};
}

Status FormatQuery(Call& call) {
  NX_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseParameter(call));
  call.reply.Data([&](JsonWriter& out) { out.String(promql::Pretty(*expr)); });
  return {};
}

Status ParseQuery(Call& call) {
  NX_ASSIGN_OR_RETURN(const promql::ExprPtr expr, ParseParameter(call));
  call.reply.Data([&](JsonWriter& out) { promql::WriteJson(*expr, out); });
  return {};
}

Status QueryExemplars(Call& call) {
  NX_ASSIGN_OR_RETURN(const TimeRange range, RangeParameters(call.form));
  if (range.end < range.start) {
    return Fail(Code::kInvalidArgument, "end timestamp must not be before start timestamp");
  }
  NX_ASSIGN_OR_RETURN(
      const promql::ExprPtr expr,
      promql::ParseExpr(call.form.Get("query"), call.api.engine->options().features));
  std::vector<MatcherSet> selectors;
  CollectSelectors(*expr, selectors);
  if (selectors.empty()) {
    call.reply.NoContent();
    return {};
  }
  // Gathered first: an error must not come in the middle of an answer.
  JsonWriter list;
  list.BeginArray();
  if (call.api.exemplars != nullptr) {
    NX_RETURN_IF_ERROR(FromStorage(call.api.exemplars->SelectExemplars(
        range.start, range.end, selectors,
        [&](const model::Labels& series, std::span<const model::Exemplar> exemplars) {
          WriteExemplars(series, exemplars, list);
        })));
  }
  list.EndArray();
  const std::string text = list.TakeText();
  call.reply.Data([&](JsonWriter& out) { out.Raw(text); });
  return {};
}

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
//
// The paths of InfluxDB 1.x and 2.x that clients write to and ask whether it is there.
#include <array>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "narthex/base/clock.h"
#include "narthex/base/json_writer.h"
#include "narthex/base/minute_log.h"
#include "narthex/base/mutex.h"
#include "narthex/model/labels.h"
#include "web/api/gzip_body.h"
#include "web/api/middleware.h"
#include "web/api/routes.h"
#include "web/influx/line_store.h"

namespace narthex::web {
namespace {

using net::ResponseWriter;
using net::ServerRequest;

constexpr double kRefBytes = 64;            // That SeriesRefs takes for a series.
constexpr const char* kVersion = "1.8.10";  // Clients choose what they send by it.

/// Version 1 and 2 differ in their errors and in the names of some parameters.
enum class Dialect : std::uint8_t { kV1, kV2 };

std::optional<InfluxPrecision> PrecisionOf(std::string_view name, Dialect dialect) {
  const bool v1 = dialect == Dialect::kV1;
  if (name.empty() || name == "ns" || (v1 && name == "n")) return InfluxPrecision{};
  if (name == "us" || (v1 && (name == "u" || name == "µ"))) return InfluxPrecision{1000, 1};
  if (name == "ms") return InfluxPrecision{1, 1};
  if (name == "s") return InfluxPrecision{1, 1000};
  if (v1 && name == "m") return InfluxPrecision{1, 60'000};
  if (v1 && name == "h") return InfluxPrecision{1, 3'600'000};
  return std::nullopt;
}

std::string AnswerText(const InfluxOutcome& outcome) {
  std::string reasons = outcome.bad_line_text;
  for (std::size_t i = 0; i < kNumInfluxDrops; ++i) {
    const auto drop = static_cast<InfluxDrop>(i);
    if (drop == InfluxDrop::kString || outcome.dropped[i] == 0) continue;
    if (!reasons.empty()) reasons += '\n';
    reasons += fmt::format("{} values dropped: {}", outcome.dropped[i], InfluxDropText(drop));
  }
  if (outcome.stored == 0 && outcome.dropped_values() == 0) return reasons;
  return fmt::format("partial write: {} dropped={}", reasons, outcome.dropped_values());
}

/// Thread safety: any thread.
class InfluxReceiver final {
 public:
  explicit InfluxReceiver(const ApiDependencies& api)
      : api_(api),
        stored_(api.registry.AddCounter("narthex_influx_samples_total",
                                        "Samples stored from line protocol.")),
        bad_lines_(api.registry.AddCounter("narthex_influx_invalid_lines_total",
                                           "Lines of line protocol that could not be read.")),
        series_(api.registry.AddGauge("narthex_influx_series",
                                      "Series that lines of the last hours were of.")),
        log_(api.clock),
        refs_(api.options.influx_max_series) {
    api.registry.AddGaugeList(
        "narthex_memory_bytes", "Bytes that each part of the server holds.", "part",
        [&series = series_] {
          return metrics::GaugeList{{"web/influx_series", series.value() * kRefBytes}};
        });
    for (std::size_t i = 0; i < kNumInfluxDrops; ++i) {
      dropped_[i] = &api.registry.AddCounter(
          "narthex_influx_dropped_samples_total",
          "Values of line protocol that were not stored, by the reason.",
          {{"reason", std::string(InfluxDropText(static_cast<InfluxDrop>(i)))}});
    }
  }

  void Write(const ServerRequest& request, Dialect dialect, ResponseWriter& writer) {
    net::Params query;
    query.AddEncoded(request.raw_query);
    const auto precision = PrecisionOf(query.Get("precision"), dialect);
    if (!precision) {
      return Refuse(
          400, dialect,
          fmt::format("invalid precision \"{}\" (use {})", query.Get("precision"),
                      dialect == Dialect::kV1 ? "n, u, ms, s, m or h" : "ns, us, ms or s"),
          writer);
    }
    std::string db = query.Get("db");
    if (db.empty() && dialect == Dialect::kV2) db = query.Get("bucket");
    if (!model::IsValidUtf8(db)) {
      return Refuse(400, dialect, "invalid name of a database: not UTF-8", writer);
    }
    InfluxOutcome outcome;
    auto appender = Append(request, db, *precision, outcome);
    if (appender) {
      if (const Status status = (*appender)->Commit(); status) {
        outcome.committed = outcome.stored;
      } else {
        appender = Fail(status.error());
      }
    }
    Count(outcome);
    if (!appender) return Refuse(appender.error(), dialect, writer);
    Answer(outcome, dialect, writer);
  }

  static void Ping(const ServerRequest& request, ResponseWriter& writer) {
    writer.SetHeader("X-Influxdb-Version", kVersion);
    writer.SetHeader("X-Influxdb-Build", "OSS");
    net::Params query;
    query.AddEncoded(request.raw_query);
    const std::string& verbose = query.Get("verbose");
    if (verbose.empty() || verbose == "0" || verbose == "false") return writer.SetStatus(204);
    writer.SetHeader("Content-Type", "application/json");
    JsonWriter out;
    out.BeginObject();
    out.Key("version");
    out.String(kVersion);
    out.EndObject();
    writer.Write(out.TakeText());
  }

  static void Health(ResponseWriter& writer) {
    writer.SetHeader("X-Influxdb-Version", kVersion);
    writer.SetHeader("Content-Type", "application/json; charset=utf-8");
    JsonWriter out;
    out.BeginObject();
    for (const auto& [key, value] :
         {std::pair{"name", "influxdb"}, std::pair{"message", "ready for queries and writes"},
          std::pair{"status", "pass"}, std::pair{"version", kVersion}}) {
      out.Key(key);
      out.String(value);
    }
    out.Key("checks");
    out.BeginArray();
    out.EndArray();
    out.EndObject();
    writer.Write(out.TakeText());
  }

 private:
  /// What storage is to commit. A body that is no gzip gives kInvalidArgument or
  /// kResourceExhausted.
  Result<std::unique_ptr<storage::Appender>> Append(const ServerRequest& request,
                                                    const std::string& db,
                                                    InfluxPrecision precision,
                                                    InfluxOutcome& outcome) {
    std::optional<MutexLock> turn;
    if (IsGzip(request)) turn.emplace(decompressed_);
    std::string decompressed;
    NX_ASSIGN_OR_RETURN(const std::string_view body, OpenBody(request, decompressed));
    const MutexLock lock(mutex_);
    refs_.Turn(api_.clock.MonotonicNs());
    auto appender = AppendInfluxLines(
        body, {*api_.appendable, refs_, db, precision, api_.clock.NowMs()}, outcome);
    series_.Set(static_cast<double>(refs_.size()));
    return appender;
  }

  void Count(const InfluxOutcome& outcome) {
    stored_.Add(outcome.committed);
    bad_lines_.Add(outcome.bad_lines);
    for (std::size_t i = 0; i < kNumInfluxDrops; ++i) dropped_[i]->Add(outcome.dropped[i]);
  }

  void Answer(const InfluxOutcome& outcome, Dialect dialect, ResponseWriter& writer) {
    if (outcome.bad_lines == 0 && outcome.dropped_values() == 0) {
      writer.SetHeader("X-Influxdb-Version", kVersion);
      return writer.SetStatus(204);
    }
    const std::string text = AnswerText(outcome);
    log_.Warn("Line protocol was stored in part",
              {{"bad_lines", outcome.bad_lines},
               {"dropped", outcome.dropped_values()},
               {"err", std::string_view(text).substr(0, 1024)}});
    Refuse(400, dialect, text, writer, outcome.first_bad_line);
  }

  void Refuse(const Error& error, Dialect dialect, ResponseWriter& writer) {
    switch (error.code()) {
      case Code::kInvalidArgument:
        return Refuse(400, dialect, error.message(), writer);
      case Code::kResourceExhausted:
        return Refuse(413, dialect, "Request Entity Too Large", writer);
      default:
        log_.Warn("Lines were not stored", {{"err", error.message()}});
        Refuse(500, dialect, error.message(), writer);
    }
  }

  static void Refuse(int status, Dialect dialect, std::string_view text, ResponseWriter& writer,
                     std::size_t line = 0) {
    writer.SetHeader("X-Influxdb-Version", kVersion);
    std::string header(text.substr(0, 1024));
    for (char& c : header) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    writer.SetHeader("X-Influxdb-Error", header);
    writer.SetHeader("Content-Type", "application/json");
    writer.SetStatus(status);
    JsonWriter out;
    out.BeginObject();
    if (dialect == Dialect::kV1) {
      out.Key("error");
    } else {
      out.Key("code");
      out.String(status == 413   ? "request too large"
                 : status >= 500 ? "internal error"
                                 : "invalid");
      if (line != 0) {
        out.Key("line");
        out.Uint(line);
      }
      out.Key("message");
    }
    out.PlainString(text);
    out.EndObject();
    writer.Write(out.TakeText() + "\n");
  }

  const ApiDependencies& api_;  // Of the context.
  metrics::Counter& stored_;
  metrics::Counter& bad_lines_;
  std::array<metrics::Counter*, kNumInfluxDrops> dropped_{};
  metrics::Gauge& series_;
  MinuteLog log_;
  Mutex decompressed_;  // Held by whoever has a decompressed body.
  // Bodies are read one after the other: the table is asked for each value, and reading keeps up
  // with more than one sender.
  Mutex mutex_;
  SeriesRefs refs_ NX_GUARDED_BY(mutex_);
};

}  // namespace

void AddInfluxReceiver(const ContextPtr& context, const AddRoute& add) {
  if (!context->api.options.enable_influx_receiver || context->api.appendable == nullptr) return;
  const auto receiver = std::make_shared<InfluxReceiver>(context->api);
  for (const auto& [path, dialect] :
       {std::pair{"/write", Dialect::kV1}, std::pair{"/api/v2/write", Dialect::kV2}}) {
    add("POST", path,
        [context, receiver, dialect = dialect](const ServerRequest& request, auto& writer) {
          const Admission admission(context->api.status, writer);
          if (admission) receiver->Write(request, dialect, writer);
        });
  }
  for (const char* method : {"GET", "HEAD"}) {
    add(method, "/ping", [context](const ServerRequest& request, auto& writer) {
      const Admission admission(context->api.status, writer);
      if (admission) InfluxReceiver::Ping(request, writer);
    });
  }
  add("GET", "/health", [context](const ServerRequest&, auto& writer) {
    const Admission admission(context->api.status, writer);
    if (admission) InfluxReceiver::Health(writer);
  });
}

}  // namespace narthex::web

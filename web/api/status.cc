// SPDX-License-Identifier: Apache-2.0
//
// /status/*, /features, /notifications.
#include "web/api/status.h"

#include "narthex/base/clock.h"
#include "web/api/handlers.h"
#include "web/api/parameters.h"
#include "web/api/time_json.h"

namespace narthex::web {
namespace {

void WriteText(std::string_view key, std::string_view value, JsonWriter& out) {
  out.Key(key);
  out.String(value);
}

void WriteTopList(std::string_view key, const TsdbStatus::TopList& list, JsonWriter& out) {
  out.Key(key);
  out.BeginArray();
  for (const auto& [name, value] : list) {
    out.BeginObject();
    WriteText("name", name, out);
    out.Key("value");
    out.Uint(value);
    out.EndObject();
  }
  out.EndArray();
}

}  // namespace

void WriteBuildInfo(const BuildInfo& info, JsonWriter& out) {
  // Nothing more: Grafana takes a server whose build info has "features" for Mimir.
  out.BeginObject();
  WriteText("version", info.version, out);
  WriteText("revision", info.revision, out);
  WriteText("branch", info.branch, out);
  WriteText("buildUser", info.build_user, out);
  WriteText("buildDate", info.build_date, out);
  WriteText("goVersion", info.go_version, out);
  out.EndObject();
}

Status StatusConfig(Call& call) {
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    WriteText("yaml", call.api.status.ConfigYaml(), out);
    out.EndObject();
  });
  return {};
}

Status StatusFlags(Call& call) {
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    for (const auto& [name, value] : call.api.status.Flags()) WriteText(name, value, out);
    out.EndObject();
  });
  return {};
}

Status StatusRuntimeInfo(Call& call) {
  const RuntimeInfo info = call.api.status.Runtime();
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("startTime");
    WriteTime(info.start_time_ns, out);
    WriteText("CWD", info.cwd, out);
    WriteText("hostname", info.hostname, out);
    out.Key("serverTime");
    WriteTime(call.api.clock.NowNs(), out);
    out.Key("reloadConfigSuccess");
    out.Bool(info.reload_config_success);
    out.Key("lastConfigTime");
    WriteTime(info.last_config_time_ns, out);
    out.Key("corruptionCount");
    out.Int(info.corruption_count);
    out.Key("goroutineCount");
    out.Int(info.num_threads);
    out.Key("GOMAXPROCS");
    out.Int(info.max_threads);
    out.Key("GOMEMLIMIT");
    out.Int(info.memory_limit);
    WriteText("GOGC", "", out);
    WriteText("GODEBUG", "", out);
    WriteText("storageRetention", info.storage_retention, out);
    out.EndObject();
  });
  return {};
}

Status StatusBuildInfo(Call& call) {
  call.reply.Data([&](JsonWriter& out) { WriteBuildInfo(call.api.status.Build(), out); });
  return {};
}

Status StatusTsdb(Call& call) {
  std::int64_t limit = 10;
  if (const std::string& text = call.form.Get("limit"); !text.empty()) {
    limit = ParseInt(text).value_or(0);
    if (limit < 1) return Fail(Code::kInvalidArgument, "limit must be a positive number");
    if (limit > 10000) return Fail(Code::kInvalidArgument, "limit must not exceed 10000");
  }
  NX_ASSIGN_OR_RETURN(const TsdbStatus tsdb, call.api.status.Tsdb(static_cast<std::size_t>(limit)));
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("headStats");
    out.BeginObject();
    out.Key("numSeries");
    out.Uint(tsdb.num_series);
    out.Key("numLabelPairs");
    out.Uint(tsdb.num_label_pairs);
    out.Key("chunkCount");
    out.Uint(tsdb.chunk_count);
    out.Key("minTime");
    out.Int(tsdb.min_time);
    out.Key("maxTime");
    out.Int(tsdb.max_time);
    out.EndObject();
    WriteTopList("seriesCountByMetricName", tsdb.series_by_metric_name, out);
    WriteTopList("labelValueCountByLabelName", tsdb.values_by_label_name, out);
    WriteTopList("memoryInBytesByLabelName", tsdb.bytes_by_label_name, out);
    WriteTopList("seriesCountByLabelValuePair", tsdb.series_by_label_pair, out);
    out.EndObject();
  });
  return {};
}

Status StatusTsdbBlocks(Call& call) {
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("blocks");
    out.BeginArray();
    for (const std::string& meta : call.api.status.BlockMetas()) out.Raw(meta);
    out.EndArray();
    out.EndObject();
  });
  return {};
}

Status StatusWalReplay(Call& call) {
  const WalReplayStatus replay = call.api.status.WalReplay();
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    out.Key("min");
    out.Int(replay.min);
    out.Key("max");
    out.Int(replay.max);
    out.Key("current");
    out.Int(replay.current);
    out.EndObject();
  });
  return {};
}

Status Features(Call& call) {
  call.reply.Data([&](JsonWriter& out) {
    out.BeginObject();
    for (const auto& [category, features] : call.api.status.Features()) {
      out.PlainKey(category);
      out.BeginObject();
      for (const auto& [name, on] : features) {
        out.PlainKey(name);
        out.Bool(on);
      }
      out.EndObject();
    }
    out.EndObject();
  });
  return {};
}

void WriteNotification(const Notification& notification, JsonWriter& out) {
  out.BeginObject();
  WriteText("text", notification.text, out);
  out.Key("date");
  WriteTime(notification.date_ns, out);
  out.Key("active");
  out.Bool(notification.active);
  out.EndObject();
}

Status Notifications(Call& call) {
  call.reply.Data([&](JsonWriter& out) {
    out.BeginArray();
    for (const Notification& notification : call.api.status.Notifications()) {
      WriteNotification(notification, out);
    }
    out.EndArray();
  });
  return {};
}

}  // namespace narthex::web

// SPDX-License-Identifier: Apache-2.0
#include "src/server/flags.h"

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "narthex/base/fs.h"
#include "narthex/base/go_format.h"
#include "narthex/model/matcher.h"
#include "narthex/net/url.h"
#include "src/server/flag_arguments.h"
#include "src/server/flag_table.h"
#include "src/server/flag_values.h"
#include "src/server/retention.h"
#include "src/server/version.h"

namespace narthex::server {
namespace {

constexpr model::DurationMs kDayMs = 86'400'000;
constexpr model::DurationMs kDefaultRetentionMs = 15 * kDayMs;

log::Level LogLevel(const std::string& text) {
  switch (text.empty() ? 'i' : text[0] | 0x20) {
    case 'd':
      return log::Level::kDebug;
    case 'w':
      return log::Level::kWarn;
    case 'e':
      return log::Level::kError;
    default:
      return log::Level::kInfo;
  }
}

std::string HostName() {
  char name[256] = "localhost";
  gethostname(name, sizeof name - 1);
  return name;
}

// What is wrong with the URL of a flag; "" = nothing.
std::string UrlProblem(const std::string& flag, const std::string& url) {
  const auto is_quote = [](char c) { return c == '"' || c == '\''; };
  if (is_quote(flag.front()) || is_quote(flag.back())) {
    return "URL must not begin or end with quotes";  // Of a shell script or unit file, most often.
  }
  const bool path_alone = flag.starts_with('/');
  if (const auto parsed = net::ParseUrl(url); !parsed && !path_alone) {
    return parsed.error().message();
  }
  const std::string escape = net::BadEscape(std::string_view(url).substr(0, url.find('?')));
  if (escape.empty()) return "";
  return fmt::format("parse {}: invalid URL escape {}", go::Quote(flag), escape);
}

// "http://HOST:PORT/" of this machine when the flag is empty. Without a trailing slash.
std::string ExternalUrl(FlagValues& values, const std::string& listen_address) {
  const std::string flag = values.Text("web.external-url");
  std::string url = flag;
  if (url.empty()) {
    const auto colon = listen_address.rfind(':');
    url = fmt::format("http://{}:{}", HostName(),
                      colon == std::string::npos ? "9090" : listen_address.substr(colon + 1));
  } else {
    if (url.find("://") == std::string::npos) url = "http://" + url;
    if (const std::string problem = UrlProblem(flag, url); !problem.empty()) {
      values.Reject(fmt::format("parse external URL {}: {}", go::Quote(flag), problem));
    }
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string RoutePrefix(const FlagValues& values, const std::string& external_url) {
  std::string prefix = values.Text("web.route-prefix");
  if (prefix.empty()) {
    const auto path = external_url.find('/', external_url.find("://") + 3);
    prefix = path == std::string::npos ? "" : external_url.substr(path);
  }
  const auto first = prefix.find_first_not_of('/');
  if (first == std::string::npos) return "/";
  prefix = prefix.substr(first);
  while (prefix.ends_with('/')) prefix.pop_back();
  return "/" + prefix;
}

int DelayPercent(FlagValues& values, ServerFlags& flags) {
  constexpr int kDefault = 10;
  const std::int64_t percent = values.Int("storage.tsdb.delayed-compaction.max-percent");
  if (percent > 0 && percent <= 100) return static_cast<int>(percent);
  flags.warnings.emplace_back(
      "The --storage.tsdb.delayed-compaction.max-percent should have a value between 1 and 100. "
      "Using default");
  return kDefault;
}

// The size of a log's files; 0 = the default. Nothing when it is out of bounds.
std::optional<std::uint64_t> SegmentBytes(FlagValues& values, std::string_view flag) {
  constexpr std::uint64_t kMiB = 1 << 20;
  const std::uint64_t bytes = values.Bytes(flag);
  if (bytes != 0 && (bytes < 10 * kMiB || bytes > 256 * kMiB)) return std::nullopt;
  return bytes;
}

std::string SegmentBytesRefusal(std::string_view flag) {
  return fmt::format("flag '{}' must be set between 10MB and 256MB", flag);
}

tsdb::WalCompression WalCompressionOf(const FlagValues& values, const std::string& prefix) {
  if (!values.Bool(prefix + "wal-compression")) return tsdb::WalCompression::kNone;
  return values.Text(prefix + "wal-compression-type") == "zstd" ? tsdb::WalCompression::kZstd
                                                                : tsdb::WalCompression::kSnappy;
}

void ReadStorage(FlagValues& values, ServerFlags& flags) {
  tsdb::DbOptions& db = flags.db;
  flags.storage_path = values.Text("storage.tsdb.path");
  db.min_block_duration_ms = values.Duration("storage.tsdb.min-block-duration");
  db.retention_ms = values.Duration("storage.tsdb.retention.time");
  db.retention_bytes = values.Bytes("storage.tsdb.retention.size");
  if (db.retention_ms == 0 && db.retention_bytes == 0) db.retention_ms = kDefaultRetentionMs;
  db.max_block_duration_ms = values.Duration("storage.tsdb.max-block-duration");
  if (db.min_block_duration_ms <= 0) {
    values.Reject("storage.tsdb.min-block-duration must be greater than 0");
  }
  constexpr std::uint64_t kMiB = 1 << 20;
  const auto segment_bytes = SegmentBytes(values, "storage.tsdb.wal-segment-size");
  if (!segment_bytes) values.Reject(SegmentBytesRefusal("storage.tsdb.wal-segment-size"));
  if (segment_bytes.value_or(0) != 0) db.wal_segment_bytes = *segment_bytes;
  if (const auto bytes = values.Bytes("storage.tsdb.max-block-chunk-segment-size"); bytes != 0) {
    if (bytes < kMiB) {
      values.Reject("flag 'storage.tsdb.max-block-chunk-segment-size' must be set over 1MB");
    }
    db.max_chunk_segment_bytes = bytes;
  }
  db.no_lockfile = values.Bool("storage.tsdb.no-lockfile");
  db.merge_overlapping_blocks = values.Bool("storage.tsdb.allow-overlapping-compaction");
  db.uploaded_blocks_file = values.Text("storage.tsdb.delay-compact-file.path");
  db.metadata_wal_records = flags.features.metadata_wal_records;
  db.bypass_cache = flags.features.uncached_io;
  db.xor2_allowed = flags.features.xor2_encoding;
  db.start_times = flags.features.start_times;
  db.histogram_start_times = flags.features.histogram_start_times;
  if (flags.features.delayed_compaction)
    db.compaction_delay_max_percent = DelayPercent(values, flags);
  db.samples_per_chunk = static_cast<int>(values.Int("storage.tsdb.samples-per-chunk"));
  db.reload_interval_ms =
      std::max<model::DurationMs>(1000, values.Duration("storage.tsdb.block-reload-interval"));
  db.wal_compression = WalCompressionOf(values, "storage.tsdb.");
}

void ReadAgentStorage(FlagValues& values, ServerFlags& flags) {
  tsdb::AgentOptions& agent = flags.agent_db;
  flags.storage_path = values.Text("storage.agent.path");
  const std::uint64_t segment_bytes =
      SegmentBytes(values, "storage.agent.wal-segment-size").value_or(0);
  if (segment_bytes != 0) agent.wal_segment_bytes = segment_bytes;
  agent.wal_compression = WalCompressionOf(values, "storage.agent.");
  // What is 0 here is the default, and what does not fit is made fit by the storage.
  agent.truncate_interval_ms = values.Duration("storage.agent.wal-truncate-frequency");
  agent.min_keep_ms = values.Duration("storage.agent.retention.min-time");
  agent.max_keep_ms = values.Duration("storage.agent.retention.max-time");
  agent.no_lockfile = values.Bool("storage.agent.no-lockfile");
  agent.start_times = flags.features.start_times;
  agent.checkpoint_from_memory = values.Bool("storage.agent.checkpoint-from-in-memory-series");
  agent.checkpoint_batch =
      static_cast<std::size_t>(values.Int("storage.agent.checkpoint-batch-size"));
}

void ReadRemoteWriteReceiver(FlagValues& values, ServerFlags& flags) {
  flags.enable_remote_write_receiver = values.Bool("web.enable-remote-write-receiver");
  constexpr std::string_view kV1 = "prometheus.WriteRequest";
  constexpr std::string_view kV2 = "io.prometheus.write.v2.Request";
  for (const std::string& list :
       values.List("web.remote-write-receiver.accepted-protobuf-messages")) {
    for (std::string& message : SplitCommas(list)) {
      auto& accepted = flags.accepted_write_messages;
      if (message != kV1 && message != kV2) {
        values.Reject(
            fmt::format("unknown type for remote write protobuf message {}, supported: {}, {}",
                        message, kV1, kV2));
      }
      if (std::find(accepted.begin(), accepted.end(), message) != accepted.end()) {
        values.Reject(fmt::format("duplicate remote write protobuf message {}", message));
      }
      accepted.push_back(std::move(message));
    }
  }
}

/// After ReadStorage.
void ReadPush(FlagValues& values, ServerFlags& flags) {
  flags.enable_push_gateway = values.Bool("web.enable-push-gateway");
  flags.push_persistence_file = values.Text("push.persistence-file");
  if (flags.push_persistence_file.empty()) {
    flags.push_persistence_file = JoinPath(flags.storage_path, "push_groups");
  }
  flags.push_persistence_interval_ms = values.Duration("push.persistence-interval");
  flags.push_utf8_names = values.Bool("push.enable-utf8-names");
  flags.enable_influx_receiver = values.Bool("web.enable-influx-receiver");
  flags.influx_max_series =
      static_cast<std::size_t>(std::max<std::int64_t>(0, values.Int("influx.max-series")));
}

void ReadRemoteRead(FlagValues& values, ServerFlags& flags) {
  const auto limit = [&](std::string_view flag) {
    return static_cast<std::size_t>(std::max<std::int64_t>(0, values.Int(flag)));
  };
  flags.remote_read_sample_limit = limit("storage.remote.read-sample-limit");
  flags.remote_read_concurrent_limit = limit("storage.remote.read-concurrent-limit");
  flags.remote_read_max_bytes_in_frame = limit("storage.remote.read-max-bytes-in-frame");
}

void ReadWeb(FlagValues& values, ServerFlags& flags) {
  flags.listen_addresses = values.List("web.listen-address");
  flags.systemd_socket = values.Bool("web.systemd-socket");
  flags.external_url_given = !values.Text("web.external-url").empty();
  flags.external_url = ExternalUrl(values, flags.listen_addresses.front());
  flags.route_prefix = RoutePrefix(values, flags.external_url);
  flags.page_title = values.Text("web.page-title");
  flags.console_templates = values.Text("web.console.templates");
  flags.console_libraries = values.Text("web.console.libraries");
  flags.user_assets = values.Text("web.user-assets");
  flags.max_notification_subscribers = static_cast<int>(
      std::clamp<std::int64_t>(values.Int("web.max-notifications-subscribers"), 0, 100'000));
  flags.cors_origin = values.Text("web.cors.origin");
  if (const auto regex = model::Regex::Compile(flags.cors_origin); !regex) {
    values.Reject(fmt::format("could not compile CORS regex string: {}: {}", flags.cors_origin,
                              regex.error().message()));
  }
  flags.enable_lifecycle = values.Bool("web.enable-lifecycle");
  flags.enable_admin_api = values.Bool("web.enable-admin-api");
  flags.read_timeout_ms = values.Duration("web.read-timeout");
  flags.max_connections =
      static_cast<std::size_t>(std::max<std::int64_t>(1, values.Int("web.max-connections")));
  flags.max_search_limit =
      static_cast<std::size_t>(std::max<std::int64_t>(0, values.Int("web.search.max-limit")));
  ReadRemoteWriteReceiver(values, flags);
  flags.enable_otlp_receiver = values.Bool("web.enable-otlp-receiver");
  flags.web_config_file = values.Text("web.config.file");
}

void ReadEngine(FlagValues& values, ServerFlags& flags) {
  promql::EngineOptions& engine = flags.engine;
  engine.lookback_delta_ms = values.Duration("query.lookback-delta");
  engine.timeout_ms = values.Duration("query.timeout");
  engine.max_concurrency =
      static_cast<int>(std::clamp<std::int64_t>(values.Int("query.max-concurrency"), 1, 100'000));
  engine.max_samples = values.Int("query.max-samples");
  const auto bytes = [&values](std::string_view name) {
    const std::uint64_t given = values.Bytes(name);
    return given == 0 ? std::numeric_limits<std::size_t>::max() : given;
  };
  engine.max_query_bytes = bytes("query.max-bytes");
  engine.max_total_bytes = bytes("query.max-total-bytes");
  engine.features = flags.features.promql;
}

void ReadAlerting(FlagValues& values, ServerFlags& flags) {
  const auto count = [&values](std::string_view name, std::int64_t least) {
    return static_cast<std::size_t>(std::max(least, values.Int(name)));
  };
  flags.for_outage_tolerance_ms = values.Duration("rules.alert.for-outage-tolerance");
  flags.for_grace_period_ms = values.Duration("rules.alert.for-grace-period");
  flags.resend_delay_ms = values.Duration("rules.alert.resend-delay");
  if (flags.features.concurrent_rule_eval) {
    flags.max_concurrent_rules = count("rules.max-concurrent-evals", 0);
  }
  flags.remote_flush_deadline_ms = values.Duration("storage.remote.flush-deadline");
  flags.notification_queue_capacity = count("alertmanager.notification-queue-capacity", 0);
  flags.notification_batch_size = count("alertmanager.notification-batch-size", 0);
  if (flags.notification_batch_size == 0) flags.notification_batch_size = 256;  // As upstream.
  flags.drain_notifications = values.Bool("alertmanager.drain-notification-queue-on-shutdown");
}

ServerFlags MakeFlags(FlagValues& values) {
  ServerFlags flags;
  flags.config_file = values.Text("config.file");
  flags.log_level = LogLevel(values.Text("log.level"));
  flags.log_format =
      values.Text("log.format") == "json" ? log::Format::kJson : log::Format::kLogfmt;
  std::vector<std::string> features;
  for (const std::string& list : values.List("enable-feature")) {
    for (std::string& name : SplitCommas(list)) features.push_back(std::move(name));
  }
  flags.features = ParseFeatures(features);
  flags.warnings = flags.features.warnings;
  flags.notes = flags.features.notes;
  if (values.Bool("config.auto-reload") || flags.features.auto_reload_config) {
    // Looking more often than once a second is not worth it.
    flags.auto_reload_interval_ms =
        std::max<model::DurationMs>(1000, values.Duration("config.auto-reload-interval"));
  }
  ReadWeb(values, flags);
  flags.agent = values.Bool("agent");
  ReadStorage(values, flags);
  if (flags.agent) ReadAgentStorage(values, flags);
  ReadPush(values, flags);
  ReadRemoteRead(values, flags);
  ReadEngine(values, flags);
  ReadAlerting(values, flags);
  flags.adjust_timestamps = values.Bool("scrape.adjust-timestamps");
  flags.timestamp_tolerance_ms = values.GoDurationNs("scrape.timestamp-tolerance") / 1'000'000;
  flags.discovery_reload_interval_ms = values.Duration("scrape.discovery-reload-interval");
  for (const FlagSpec& flag : AllFlags()) {
    flags.effective.emplace_back(flag.name, values.Printed(flag));
  }
  const auto set = [&flags](std::string_view name, const std::string& text) {
    for (auto& [key, value] : flags.effective) {
      if (key == name) value = text;
    }
  };
  set("web.route-prefix", flags.route_prefix);
  set("storage.tsdb.retention.time", model::FormatDuration(flags.db.retention_ms));
  if (flags.agent) return flags;
  // Until the configuration file, which may say something of the retention, is read.
  set("storage.tsdb.max-block-duration",
      model::FormatDuration(MaxBlockDuration(flags.db, {.time_ms = flags.db.retention_ms})));
  return flags;
}

ParsedCommandLine Refuse(const std::string& message, int exit_code) {
  ParsedCommandLine outcome;
  outcome.text_err = fmt::format("Error parsing command line arguments: {}\n", message);
  if (exit_code == 1) outcome.text_err += fmt::format("narthex: error: {}\n", message);
  if (exit_code == 2) outcome.text_out = FlagHelp();
  outcome.exit_code = exit_code;
  return outcome;
}

// Flags of one mode are errors in the other. They are told in the order in which they were given.
std::optional<std::string> ModeConflict(const FlagValues& values,
                                        const std::vector<std::string>& order) {
  const bool agent = values.Bool("agent");
  const FlagMode wrong = agent ? FlagMode::kServer : FlagMode::kAgent;
  std::string names;
  for (const std::string& name : order) {
    const auto flags = AllFlags();
    const auto flag = std::find_if(flags.begin(), flags.end(),
                                   [&](const FlagSpec& spec) { return spec.name == name; });
    if (flag == flags.end() || flag->mode != wrong) continue;
    if (!names.empty()) names += ' ';
    names += go::Quote(fmt::format("--{}", name));
  }
  if (names.empty()) return std::nullopt;
  return fmt::format("The following flag(s) can {} be used in agent mode: [{}]",
                     agent ? "not" : "only", names);
}

// What is wrong with the values of the agent's own flags.
std::optional<std::string> AgentRefusal(FlagValues& values) {
  if (!values.Bool("agent")) return std::nullopt;
  if (values.Int("storage.agent.checkpoint-batch-size") <= 0) {
    return "--storage.agent.checkpoint-batch-size must be greater than 0.";
  }
  constexpr std::string_view kSegment = "storage.agent.wal-segment-size";
  if (!SegmentBytes(values, kSegment)) return SegmentBytesRefusal(kSegment);
  return std::nullopt;
}

ParsedCommandLine End(std::string text_err, int exit_code) {
  ParsedCommandLine outcome;
  outcome.text_err = std::move(text_err);
  outcome.exit_code = exit_code;
  return outcome;
}

}  // namespace

ParsedCommandLine ParseCommandLine(std::vector<std::string> arguments) {
  int exit_code = 1;
  auto parsed = ReadFlagArguments(std::move(arguments), exit_code);
  if (!parsed) return Refuse(parsed.error().message(), exit_code);
  ParsedCommandLine outcome;
  if (parsed->help) {
    outcome.text_out = FlagHelp();
    return outcome;
  }
  if (parsed->version) {
    outcome.text_out = VersionText();
    return outcome;
  }
  if (const auto it = parsed->given.find("write-documentation");
      it != parsed->given.end() && it->second.front() == "true") {
    outcome.text_out = FlagDocumentation();
    return outcome;
  }
  FlagValues values(std::move(parsed->given));
  values.CheckAll();
  if (values.failure()) return Refuse(values.failure()->message(), 2);
  if (auto conflict = ModeConflict(values, parsed->order)) return End(std::move(*conflict), 3);
  if (const auto refusal = AgentRefusal(values)) return End(*refusal + "\n", 1);
  outcome.flags = MakeFlags(values);
  if (values.failure()) return Refuse(values.failure()->message(), 2);
  if (outcome.flags.features.otlp_sum_deltas && outcome.flags.features.otlp_store_deltas) {
    return End(
        "Error parsing feature list: cannot enable otlp-deltatocumulative and "
        "otlp-native-delta-ingestion features at the same time\n",
        1);
  }
  if (const std::int64_t limit = values.Int("web.search.max-limit"); limit < 0) {
    outcome.text_err = fmt::format(
        "--web.search.max-limit must be non-negative; got {} (use 0 to disable the cap)\n", limit);
    outcome.exit_code = 1;
    return outcome;
  }
  outcome.run = true;
  return outcome;
}

}  // namespace narthex::server

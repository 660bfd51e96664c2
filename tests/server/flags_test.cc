// SPDX-License-Identifier: Apache-2.0
#include "src/server/flags.h"

#include <iterator>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/fs.h"

namespace narthex::server {
namespace {

std::string Effective(const ServerFlags& flags, std::string_view name) {
  for (const auto& [key, value] : flags.effective) {
    if (key == name) return value;
  }
  return "(no such flag)";
}

TEST(FlagsTest, DefaultsAreThoseOfPrometheus) {
  const auto parsed = ParseCommandLine({});
  ASSERT_TRUE(parsed.run);
  const ServerFlags& flags = parsed.flags;
  EXPECT_EQ(flags.config_file, "prometheus.yml");
  EXPECT_EQ(flags.storage_path, "data/");
  EXPECT_EQ(flags.listen_addresses, std::vector<std::string>{"0.0.0.0:9090"});
  EXPECT_EQ(flags.route_prefix, "/");
  EXPECT_FALSE(flags.enable_lifecycle);
  EXPECT_EQ(flags.engine.lookback_delta_ms, 300'000);
  EXPECT_EQ(flags.db.min_block_duration_ms, 7'200'000);
  EXPECT_EQ(Effective(flags, "storage.tsdb.retention.time"), "15d");
  EXPECT_EQ(Effective(flags, "storage.tsdb.max-block-duration"), "1d12h");
  EXPECT_EQ(Effective(flags, "query.max-samples"), "50000000");
  EXPECT_EQ(Effective(flags, "storage.tsdb.retention.size"), "0B");
  EXPECT_EQ(Effective(flags, "scrape.timestamp-tolerance"), "2ms");
  EXPECT_EQ(Effective(flags, "web.enable-lifecycle"), "false");
}

TEST(FlagsTest, TakesTheCommandLineOfAnExistingUnit) {
  const auto parsed = ParseCommandLine(
      {"--config.file", "/etc/prometheus/prometheus.yaml", "--storage.tsdb.path",
       "/var/lib/prometheus", "--web.console.templates=/etc/prometheus/consoles",
       "--web.console.libraries=/etc/prometheus/console_libraries",
       "--storage.tsdb.max-block-duration=1m", "--storage.tsdb.min-block-duration=1m",
       "--web.enable-lifecycle", "--web.enable-admin-api", "--log.level=info"});
  ASSERT_TRUE(parsed.run) << parsed.text_err;
  EXPECT_EQ(parsed.flags.config_file, "/etc/prometheus/prometheus.yaml");
  EXPECT_EQ(parsed.flags.storage_path, "/var/lib/prometheus");
  EXPECT_EQ(parsed.flags.db.min_block_duration_ms, 60'000);
  EXPECT_EQ(parsed.flags.db.max_block_duration_ms, 60'000);
  EXPECT_TRUE(parsed.flags.enable_lifecycle);
  EXPECT_TRUE(parsed.flags.enable_admin_api);
}

TEST(FlagsTest, RepeatsNegationsAndLists) {
  const auto parsed = ParseCommandLine(
      {"--web.listen-address=127.0.0.1:1", "--web.listen-address", "[::1]:2",
       "--no-scrape.adjust-timestamps", "--enable-feature=promql-experimental-functions,nonsense",
       "--enable-feature=exemplar-storage", "--web.enable-otlp-receiver",
       "--storage.tsdb.retention.size=512MB", "--web.external-url=http://example.org/prom/",
       "--log.level=WARN"});
  ASSERT_TRUE(parsed.run) << parsed.text_err;
  const ServerFlags& flags = parsed.flags;
  EXPECT_EQ(flags.listen_addresses, (std::vector<std::string>{"127.0.0.1:1", "[::1]:2"}));
  EXPECT_FALSE(flags.adjust_timestamps);
  EXPECT_TRUE(flags.engine.features.experimental_functions);
  EXPECT_TRUE(flags.features.exemplar_storage);
  EXPECT_EQ(flags.warnings,
            (std::vector<std::string>{"Unknown option for --enable-feature: nonsense"}));
  EXPECT_TRUE(flags.enable_otlp_receiver);
  EXPECT_EQ(flags.db.retention_bytes, std::uint64_t{512} << 20);
  EXPECT_EQ(flags.db.retention_ms, 0);  // A size alone means no limit in time.
  EXPECT_EQ(flags.external_url, "http://example.org/prom");
  const std::pair<std::string, std::string> shown{"web.external-url", "http://example.org/prom/"};
  EXPECT_NE(std::find(flags.effective.begin(), flags.effective.end(), shown),
            flags.effective.end());
  EXPECT_EQ(flags.route_prefix, "/prom");
  EXPECT_EQ(flags.log_level, log::Level::kWarn);
}

// The unit file that we give away.
TEST(FlagsTest, TheSampleUnitListensOnItsSocket) {
  const std::string unit = SystemFs().ReadFile("configs/systemd/narthex.service").value();
  const std::string key = "\nExecStart=";
  const std::size_t begin = unit.find(key) + key.size();
  std::istringstream words(unit.substr(begin, unit.find('\n', begin) - begin));
  std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
  arguments.erase(arguments.begin());
  const auto parsed = ParseCommandLine(arguments);
  ASSERT_TRUE(parsed.run) << parsed.text_err;
  EXPECT_TRUE(parsed.flags.systemd_socket);
  EXPECT_FALSE(ParseCommandLine({}).flags.systemd_socket);
}

TEST(FlagsTest, ExternalUrlGivesTheRoutePrefix) {
  const struct {
    const char* url;
    const char* prefix;
  } cases[] = {{"http://a", "/"},
               {"https://a:9/p/q/", "/p/q"},
               {"/p/", "/p"},
               {"http://[::1]:9/", "/"},
               {"http://a/%20", "/%20"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    const auto parsed = ParseCommandLine({std::string("--web.external-url=") + c.url});
    ASSERT_TRUE(parsed.run) << parsed.text_err;
    EXPECT_EQ(parsed.flags.route_prefix, c.prefix);
  }
}

TEST(FlagsTest, StartTimes) {
  const auto plain = ParseCommandLine({});
  ASSERT_TRUE(plain.run) << plain.text_err;
  EXPECT_FALSE(plain.flags.db.start_times || plain.flags.db.histogram_start_times ||
               plain.flags.db.xor2_allowed);
  const auto parsed = ParseCommandLine(
      {"--enable-feature=st-storage,xor2-encoding,histograms-st-encoding,use-start-timestamps"});
  ASSERT_TRUE(parsed.run) << parsed.text_err;
  EXPECT_TRUE(parsed.flags.db.start_times);
  EXPECT_TRUE(parsed.flags.db.histogram_start_times);
  EXPECT_TRUE(parsed.flags.db.xor2_allowed);
  EXPECT_TRUE(parsed.flags.engine.features.use_start_timestamps);
  EXPECT_TRUE(parsed.flags.warnings.empty());
}

TEST(FlagsTest, DeltasOfOtlpAreSummedOrStored) {
  EXPECT_TRUE(
      ParseCommandLine({"--enable-feature=otlp-deltatocumulative"}).flags.features.otlp_sum_deltas);
  EXPECT_TRUE(ParseCommandLine({"--enable-feature=otlp-native-delta-ingestion"})
                  .flags.features.otlp_store_deltas);
  const auto both =
      ParseCommandLine({"--enable-feature=otlp-deltatocumulative,otlp-native-delta-ingestion"});
  EXPECT_FALSE(both.run);
  EXPECT_EQ(both.exit_code, 1);
  EXPECT_EQ(both.text_err,
            "Error parsing feature list: cannot enable otlp-deltatocumulative and "
            "otlp-native-delta-ingestion features at the same time\n");
}

TEST(FlagsTest, FeaturesThatAreThereAnyway) {
  const auto parsed =
      ParseCommandLine({"--enable-feature=fast-startup,memory-snapshot-on-shutdown,old-ui"});
  ASSERT_TRUE(parsed.run) << parsed.text_err;
  EXPECT_TRUE(parsed.flags.warnings.empty());
  EXPECT_EQ(3U, parsed.flags.notes.size());
  EXPECT_TRUE(parsed.flags.notes[0].starts_with("--enable-feature=fast-startup: "));
}

TEST(FlagsTest, AutoReload) {
  const auto interval = [](std::vector<std::string> arguments) {
    const auto parsed = ParseCommandLine(std::move(arguments));
    EXPECT_TRUE(parsed.run) << parsed.text_err;
    return parsed.flags.auto_reload_interval_ms;
  };
  EXPECT_EQ(0, interval({}));
  EXPECT_EQ(0, interval({"--config.auto-reload-interval=5s"}));
  EXPECT_EQ(30'000, interval({"--config.auto-reload"}));
  EXPECT_EQ(5000, interval({"--config.auto-reload", "--config.auto-reload-interval=5s"}));
  EXPECT_EQ(1000, interval({"--config.auto-reload", "--config.auto-reload-interval=1ms"}));
  const auto feature = ParseCommandLine({"--enable-feature=auto-reload-config"});
  EXPECT_EQ(30'000, feature.flags.auto_reload_interval_ms);
  EXPECT_EQ(1U, feature.flags.warnings.size()) << "it is deprecated";
}

TEST(FlagsTest, Documentation) {
  const auto parsed = ParseCommandLine({"--write-documentation"});
  EXPECT_FALSE(parsed.run);
  EXPECT_EQ(0, parsed.exit_code);
  EXPECT_NE(parsed.text_out.find("| <code class=\"text-nowrap\">--query.timeout</code> | Longest "
                                 "time of a query. | `2m` |\n"),
            std::string::npos);
  EXPECT_EQ(parsed.text_out.find("scrape.adjust-timestamps"), std::string::npos) << "it is hidden";
  EXPECT_EQ("false", Effective(ParseCommandLine({}).flags, "write-documentation"));
}

TEST(FlagsTest, SearchLimit) {
  EXPECT_EQ(10'000U, ParseCommandLine({}).flags.max_search_limit);
  EXPECT_EQ(0U, ParseCommandLine({"--web.search.max-limit=0"}).flags.max_search_limit);
  const auto negative = ParseCommandLine({"--web.search.max-limit=-1"});
  EXPECT_FALSE(negative.run);
  EXPECT_EQ(1, negative.exit_code);
  EXPECT_EQ("--web.search.max-limit must be non-negative; got -1 (use 0 to disable the cap)\n",
            negative.text_err);
}

TEST(FlagsTest, RefusesWithPrometheusWordingAndExitCode) {
  const struct {
    std::vector<std::string> arguments;
    const char* error;
    int exit_code;
  } cases[] = {
      {{"--bogus"}, "unknown long flag '--bogus'", 1},
      {{"--bogus=1"}, "unknown long flag '--bogus'", 1},
      {{"extra"}, "unexpected extra", 1},
      {{"--log.level=xx"}, "unrecognized log level xx", 2},
      {{"--query.timeout=1m", "--query.timeout=2m"}, "flag 'query.timeout' cannot be repeated", 2},
      {{"--query.timeout=abc"}, "not a valid duration string: \"abc\"", 2},
      {{"--query.max-samples=x"}, "strconv.ParseInt: parsing \"x\": invalid syntax", 2},
      {{"--storage.tsdb.retention.size=5"}, "units: unknown unit", 2},
      {{"--storage.tsdb.wal-segment-size=1MB"}, "must be set between 10MB and 256MB", 2},
      {{"--web.cors.origin=("}, "could not compile CORS regex string", 2},
      {{"--web.external-url='http://a/'"},
       "parse external URL \"'http://a/'\": URL must not begin or end with quotes",
       2},
      {{"--web.external-url=http://a/\""}, "URL must not begin or end with quotes", 2},
      {{"--web.external-url=http://a:x/"},
       "parse external URL \"http://a:x/\": parse \"http://a:x/\": invalid port",
       2},
      {{"--web.external-url=http://a/%zz"},
       "parse external URL \"http://a/%zz\": parse \"http://a/%zz\": invalid URL escape \"%zz\"",
       2},
      {{"--web.external-url=/%zz"}, "invalid URL escape \"%zz\"", 2},
      {{"--web.external-url=http://a\x01/"}, "net/url: invalid control character in URL", 2},
      {{"--storage.agent.path=x"}, "can only be used in agent mode: [\"--storage.agent.path\"]", 3},
      {{"--agent", "--storage.agent.wal-compression-type=lz4"},
       "enum value must be one of snappy,zstd, got 'lz4'",
       2},
      {{"--agent=true"}, "unexpected true", 1},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.arguments.front());
    const auto parsed = ParseCommandLine(c.arguments);
    EXPECT_FALSE(parsed.run);
    EXPECT_EQ(parsed.exit_code, c.exit_code);
    EXPECT_NE(parsed.text_err.find(c.error), std::string::npos) << parsed.text_err;
  }
}

// In the order in which they were given; before anything that they say is looked at.
TEST(FlagsTest, FlagsOfTheOtherModeAreListed) {
  const struct {
    std::vector<std::string> arguments;
    const char* error;
  } cases[] = {
      {{"--agent", "--storage.tsdb.path=x", "--query.timeout=1m",
        "--no-storage.tsdb.wal-compression", "--query.lookback-delta=1m"},
       "The following flag(s) can not be used in agent mode: [\"--storage.tsdb.path\" "
       "\"--query.timeout\" \"--storage.tsdb.wal-compression\" \"--query.lookback-delta\"]"},
      {{"--query.timeout", "1m", "--web.cors.origin=(", "--storage.tsdb.wal-segment-size=1MB",
        "--agent"},
       "The following flag(s) can not be used in agent mode: [\"--query.timeout\" "
       "\"--storage.tsdb.wal-segment-size\"]"},
      {{"--storage.agent.path=x", "--storage.agent.no-lockfile",
        "--no-storage.agent.wal-compression", "--storage.agent.retention.max-time=1h",
        "--no-agent"},
       "The following flag(s) can only be used in agent mode: [\"--storage.agent.path\" "
       "\"--storage.agent.no-lockfile\" \"--storage.agent.wal-compression\" "
       "\"--storage.agent.retention.max-time\"]"},
  };
  for (const auto& c : cases) {
    const auto parsed = ParseCommandLine(c.arguments);
    EXPECT_FALSE(parsed.run);
    EXPECT_EQ(parsed.exit_code, 3);
    EXPECT_EQ(parsed.text_err, c.error);
    EXPECT_EQ(parsed.text_out, "");
  }
}

TEST(FlagsTest, Agent) {
  EXPECT_FALSE(ParseCommandLine({}).flags.agent);
  const auto parsed = ParseCommandLine({"--agent", "--web.enable-lifecycle"});
  ASSERT_TRUE(parsed.run) << parsed.text_err;
  EXPECT_TRUE(parsed.flags.agent);
  EXPECT_EQ(parsed.flags.storage_path, "data-agent/");
  const tsdb::AgentOptions& defaults = parsed.flags.agent_db;
  EXPECT_EQ(defaults.wal_segment_bytes, 128U << 20);
  EXPECT_EQ(defaults.wal_compression, tsdb::WalCompression::kSnappy);
  EXPECT_EQ(defaults.truncate_interval_ms, 0) << "the storage's default";
  EXPECT_EQ(defaults.min_keep_ms, 300'000);
  EXPECT_EQ(defaults.max_keep_ms, 14'400'000);
  EXPECT_FALSE(defaults.checkpoint_from_memory || defaults.no_lockfile || defaults.start_times);
  EXPECT_EQ(defaults.checkpoint_batch, 1000U);
  EXPECT_EQ(Effective(parsed.flags, "agent"), "true");
  EXPECT_EQ(Effective(parsed.flags, "storage.agent.path"), "data-agent/");
  EXPECT_EQ(Effective(parsed.flags, "storage.agent.wal-truncate-frequency"), "0s");
  EXPECT_EQ(Effective(parsed.flags, "storage.tsdb.retention.time"), "15d");
  EXPECT_EQ(Effective(parsed.flags, "storage.tsdb.max-block-duration"), "0s");

  const auto set = ParseCommandLine(
      {"--agent", "--storage.agent.path=x/", "--storage.agent.wal-segment-size=10MB",
       "--storage.agent.wal-compression-type=zstd", "--storage.agent.wal-truncate-frequency=1h",
       "--storage.agent.retention.min-time=1m", "--storage.agent.retention.max-time=2h",
       "--storage.agent.no-lockfile", "--storage.agent.checkpoint-from-in-memory-series",
       "--storage.agent.checkpoint-batch-size=7", "--enable-feature=st-storage"});
  ASSERT_TRUE(set.run) << set.text_err;
  EXPECT_EQ(set.flags.storage_path, "x/");
  const tsdb::AgentOptions& options = set.flags.agent_db;
  EXPECT_EQ(options.wal_segment_bytes, 10U << 20);
  EXPECT_EQ(options.wal_compression, tsdb::WalCompression::kZstd);
  EXPECT_EQ(options.truncate_interval_ms, 3'600'000);
  EXPECT_EQ(options.min_keep_ms, 60'000);
  EXPECT_EQ(options.max_keep_ms, 7'200'000);
  EXPECT_TRUE(options.checkpoint_from_memory && options.no_lockfile && options.start_times);
  EXPECT_EQ(options.checkpoint_batch, 7U);
  EXPECT_EQ(ParseCommandLine({"--agent", "--no-storage.agent.wal-compression"})
                .flags.agent_db.wal_compression,
            tsdb::WalCompression::kNone);
}

TEST(FlagsTest, AgentFlagsThatAreOutOfBounds) {
  const struct {
    const char* argument;
    const char* error;
  } cases[] = {
      {"--storage.agent.checkpoint-batch-size=0",
       "--storage.agent.checkpoint-batch-size must be greater than 0.\n"},
      {"--storage.agent.checkpoint-batch-size=-1",
       "--storage.agent.checkpoint-batch-size must be greater than 0.\n"},
      {"--storage.agent.wal-segment-size=9MB",
       "flag 'storage.agent.wal-segment-size' must be set between 10MB and 256MB\n"},
      {"--storage.agent.wal-segment-size=257MB",
       "flag 'storage.agent.wal-segment-size' must be set between 10MB and 256MB\n"},
  };
  for (const auto& c : cases) {
    const auto parsed = ParseCommandLine({"--agent", c.argument});
    EXPECT_FALSE(parsed.run);
    EXPECT_EQ(parsed.exit_code, 1) << c.argument;
    EXPECT_EQ(parsed.text_err, c.error);
  }
}

TEST(FlagsTest, CompactionAndItsFeatures) {
  const auto defaults = ParseCommandLine({}).flags.db;
  EXPECT_TRUE(defaults.merge_overlapping_blocks);
  EXPECT_EQ(defaults.compaction_delay_max_percent, 0);
  EXPECT_FALSE(defaults.metadata_wal_records);
  const auto set =
      ParseCommandLine({"--no-storage.tsdb.allow-overlapping-compaction",
                        "--storage.tsdb.delay-compact-file.path=/data/thanos.shipper.json",
                        "--enable-feature=delayed-compaction,metadata-wal-records",
                        "--storage.tsdb.delayed-compaction.max-percent=30"})
          .flags;
  EXPECT_FALSE(set.db.merge_overlapping_blocks);
  EXPECT_EQ(set.db.uploaded_blocks_file, "/data/thanos.shipper.json");
  EXPECT_EQ(set.db.compaction_delay_max_percent, 30);
  EXPECT_TRUE(set.db.metadata_wal_records);
  EXPECT_TRUE(set.warnings.empty());
  const auto wrong = ParseCommandLine({"--enable-feature=delayed-compaction",
                                       "--storage.tsdb.delayed-compaction.max-percent=101"})
                         .flags;
  EXPECT_EQ(wrong.db.compaction_delay_max_percent, 10);
  EXPECT_EQ(wrong.warnings.size(), 1U);
}

TEST(FlagsTest, HelpAndVersion) {
  const auto help = ParseCommandLine({"--help"});
  EXPECT_FALSE(help.run);
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_NE(help.text_out.find("--web.listen-address=0.0.0.0:9090"), std::string::npos);
  const auto version = ParseCommandLine({"--version"});
  EXPECT_NE(version.text_out.find("behaves as prometheus 3.14.0"), std::string::npos);
}

TEST(FlagsTest, MemoryOfQueries) {
  const auto engine_of = [](const std::vector<std::string>& arguments) {
    const auto parsed = ParseCommandLine(arguments);
    EXPECT_TRUE(parsed.run) << parsed.text_err;
    return parsed.flags.engine;
  };
  const promql::EngineOptions usual = engine_of({});
  EXPECT_EQ(usual.max_query_bytes, promql::EngineOptions().max_query_bytes);
  EXPECT_EQ(usual.max_total_bytes, promql::EngineOptions().max_total_bytes);
  const auto small = engine_of({"--query.max-bytes=512MB", "--query.max-total-bytes=1GiB"});
  EXPECT_EQ(small.max_query_bytes, 512U << 20);
  EXPECT_EQ(small.max_total_bytes, 1U << 30);
  const auto any = engine_of({"--query.max-bytes=0B", "--query.max-total-bytes=0B"});
  EXPECT_EQ(any.max_query_bytes, std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(any.max_total_bytes, std::numeric_limits<std::size_t>::max());
  EXPECT_FALSE(ParseCommandLine({"--query.max-bytes=x"}).run);
}

TEST(FlagsTest, PushesAreOffAndKeptBesideTheDatabase) {
  const ServerFlags off = ParseCommandLine({"--storage.tsdb.path=/d"}).flags;
  EXPECT_FALSE(off.enable_push_gateway);
  EXPECT_FALSE(off.enable_influx_receiver);
  EXPECT_EQ("/d/push_groups", off.push_persistence_file);
  EXPECT_EQ(300'000, off.push_persistence_interval_ms);
  EXPECT_EQ(1'000'000U, off.influx_max_series);
  const ServerFlags on =
      ParseCommandLine({"--web.enable-push-gateway", "--push.persistence-file=/p/f",
                        "--push.persistence-interval=1m", "--push.enable-utf8-names",
                        "--web.enable-influx-receiver", "--influx.max-series=5"})
          .flags;
  EXPECT_TRUE(on.enable_push_gateway);
  EXPECT_TRUE(on.push_utf8_names);
  EXPECT_TRUE(on.enable_influx_receiver);
  EXPECT_EQ("/p/f", on.push_persistence_file);
  EXPECT_EQ(60'000, on.push_persistence_interval_ms);
  EXPECT_EQ(5U, on.influx_max_series);
}

}  // namespace
}  // namespace narthex::server

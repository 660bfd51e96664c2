// SPDX-License-Identifier: Apache-2.0
//
// What a configuration file becomes: the structs that others read, and the text that is shown.
#include <cstdlib>
#include <fstream>
#include <string>

#include "narthex/config/config.h"
#include "tests/support/temp_dir.h"

namespace narthex::config {
namespace {

constexpr const char* kText = R"(global:
  scrape_interval: 15s
  evaluation_interval: 1m30s
  query_log_file: q.log
  external_labels: {zone: "a b", region: 'x:y', "10": "1", "9": "on"}
rule_files: [rules/*.yml, /abs/r.yml]
scrape_configs:
- job_name: one
  params: {module: [http_2xx, "5"], a: []}
  metrics_path: /m
  basic_auth: {username: u, password: geheim}
  static_configs:
  - targets: ['a:1', 'b:2']
    labels: {x: y}
  relabel_configs:
  - source_labels: [__address__, job]
    regex: '(.+):(\d+)'
    target_label: instance
    replacement: '${1} # not a comment'
  - {action: LabelDrop, regex: 'tmp_.*'}
- job_name: two
  scheme: https
  scrape_interval: 5s
  body_size_limit: 15MB
  sample_limit: 1000
  authorization: {credentials_file: token}
  tls_config: {ca_file: ca.pem, key_file: /k.pem, cert_file: c.pem, min_version: TLS12}
  proxy_url: http://user:geheim@proxy:3128/
  file_sd_configs: [{files: ['t/*.json', x.yml], refresh_interval: 30s}]
  http_headers: {X-Tenant: {values: [a], secrets: [geheim], files: [f]}}
  scrape_protocols: [PrometheusText0.0.4]
alerting:
  alertmanagers:
  - {static_configs: [{targets: ['am:9093']}], path_prefix: /p, timeout: 3s}
storage:
  tsdb: {out_of_order_time_window: 30m, stale_series_compaction_threshold: 0.25,
         chunk_encoding: {floats: xor2}}
)";

TEST(ConfigLoadTest, FillsTheStructs) {
  const auto loaded = LoadText(kText, "/etc/n/f.yml");
  ASSERT_TRUE(loaded) << loaded.error().message();
  const Config& config = **loaded;
  EXPECT_EQ(15'000, config.global.scrape_interval_ms);
  EXPECT_EQ(90'000, config.global.evaluation_interval_ms);
  EXPECT_EQ("/etc/n/q.log", config.global.query_log_file);
  EXPECT_EQ("x:y", config.global.external_labels.Get("region"));
  EXPECT_EQ((std::vector<std::string>{"/etc/n/rules/*.yml", "/abs/r.yml"}), config.rule_files);
  EXPECT_EQ(30 * 60'000, config.storage.out_of_order_window_ms);
  EXPECT_EQ(0.25, config.storage.stale_series_compaction_threshold);
  EXPECT_EQ("xor2", config.storage.float_chunk_encoding);
  EXPECT_EQ(-1, config.storage.retention_ms) << "the flags decide";
  ASSERT_EQ(2u, config.scrape_configs.size());

  const ScrapeConfig& one = config.scrape_configs[0];
  EXPECT_EQ(15'000, one.scrape_interval_ms);
  EXPECT_EQ(10'000, one.scrape_timeout_ms);
  EXPECT_EQ("geheim", one.http.basic_password);
  ASSERT_EQ(2u, one.params.size());
  EXPECT_EQ((std::vector<std::string>{"http_2xx", "5"}), one.params[1].second);
  ASSERT_EQ(1u, one.static_configs.size());
  EXPECT_EQ("b:2", one.static_configs[0].targets.at(1).Get("__address__"));
  EXPECT_EQ("y", one.static_configs[0].labels.Get("x"));
  ASSERT_EQ(2u, one.relabel_configs.size());
  EXPECT_EQ("${1} # not a comment", one.relabel_configs[0].replacement);
  EXPECT_EQ(model::RelabelAction::kLabelDrop, one.relabel_configs[1].action);

  const ScrapeConfig& two = config.scrape_configs[1];
  EXPECT_EQ(5'000, two.scrape_timeout_ms) << "never longer than the interval";
  EXPECT_EQ(15u << 20, two.body_size_limit);
  EXPECT_EQ(1000u, two.sample_limit);
  EXPECT_EQ("Bearer", two.http.authorization_type);
  EXPECT_EQ("/etc/n/token", two.http.authorization_credentials_file);
  EXPECT_EQ("/etc/n/ca.pem", two.http.tls.ca_file);
  EXPECT_EQ("/k.pem", two.http.tls.key_file);
  EXPECT_EQ("http://user:geheim@proxy:3128/", two.http.proxy.url);
  ASSERT_EQ(1u, two.http.http_headers.size());
  EXPECT_EQ("/etc/n/f", two.http.http_headers[0].files.at(0));
  EXPECT_EQ((std::vector<std::string>{"/etc/n/t/*.json", "/etc/n/x.yml"}),
            std::get<FileSdConfig>(two.discovery_configs.at(0).settings).files);
  EXPECT_EQ(30'000,
            std::get<FileSdConfig>(two.discovery_configs.at(0).settings).refresh_interval_ms);
  EXPECT_EQ(std::vector<std::string>{"PrometheusText0.0.4"}, two.scrape_protocols);

  ASSERT_EQ(1u, config.alerting.alertmanagers.size());
  EXPECT_EQ(3'000, config.alerting.alertmanagers[0].timeout_ms);
  EXPECT_EQ("/p", config.alerting.alertmanagers[0].path_prefix);
}

// The job as /api/v1/status/config of Prometheus 3.5.3 shows it, and the two lines that later
// versions add: scrape_native_histograms and extra_scrape_metrics.
TEST(ConfigLoadTest, PrintsLikePrometheusWithoutSecrets) {
  const auto loaded = LoadText(kText, "f.yml");
  ASSERT_TRUE(loaded);
  const std::string& yaml = (*loaded)->yaml;
  EXPECT_NE(std::string::npos, yaml.find(R"(- job_name: two
  honor_timestamps: true
  track_timestamps_staleness: false
  scrape_interval: 5s
  scrape_timeout: 5s
  scrape_protocols:
  - PrometheusText0.0.4
  scrape_native_histograms: false
  always_scrape_classic_histograms: false
  convert_classic_histograms_to_nhcb: false
  metrics_path: /metrics
  scheme: https
  enable_compression: true
  body_size_limit: 15MiB
  sample_limit: 1000
  metric_name_validation_scheme: utf8
  metric_name_escaping_scheme: allow-utf-8
  extra_scrape_metrics: false
  authorization:
    type: Bearer
    credentials_file: token
  tls_config:
    ca_file: ca.pem
    cert_file: c.pem
    key_file: /k.pem
    insecure_skip_verify: false
    min_version: TLS12
  follow_redirects: true
  enable_http2: true
  proxy_url: http://user:xxxxx@proxy:3128/
  http_headers:
    X-Tenant:
      values:
      - a
      secrets:
      - <secret>
      files:
      - f
  file_sd_configs:
  - files:
    - t/*.json
    - x.yml
    refresh_interval: 30s
)")) << yaml;
  EXPECT_NE(std::string::npos, yaml.find(R"(  external_labels:
    "9": "on"
    "10": "1"
    region: x:y
    zone: a b
)")) << yaml;
  EXPECT_NE(std::string::npos, yaml.find(R"(  relabel_configs:
  - source_labels: [__address__, job]
    separator: ;
    regex: (.+):(\d+)
    target_label: instance
    replacement: '${1} # not a comment'
    action: replace
  - separator: ;
    regex: tmp_.*
    replacement: $1
    action: labeldrop
)")) << yaml;
  EXPECT_EQ(std::string::npos, yaml.find("geheim"));
  EXPECT_EQ(yaml, (*LoadText(yaml, "f.yml"))->yaml) << "reads back as the same";
}

// A secret that is always shown, and is not there because a file has it.
TEST(ConfigLoadTest, PrintsEmptySecretsAsNull) {
  const auto loaded = LoadText(
      "scrape_configs:\n- job_name: a\n  oauth2: {client_id: i, client_secret_file: /f, token_url: "
      "'http://t'}\n",
      "f.yml");
  ASSERT_TRUE(loaded) << loaded.error().message();
  const std::string& yaml = (*loaded)->yaml;
  EXPECT_NE(std::string::npos, yaml.find(R"(    client_id: i
    client_secret: null
    client_secret_file: /f
    client_secret_ref: ""
)")) << yaml;
  EXPECT_EQ(yaml, (*LoadText(yaml, "f.yml"))->yaml) << "reads back as the same";
}

// As Prometheus 3.5.3 breaks long lines.
TEST(ConfigLoadTest, FoldsLongLines) {
  std::string names, words;
  for (int i = 0; i < 10; ++i)
    names += (i == 0 ? "label_number_" : ", label_number_") + std::to_string(i);
  for (int i = 0; i < 25; ++i) words += "word ";
  const auto loaded =
      LoadText("global: {external_labels: {a: '" + words + "end', c: '# " + words + "end'}}\n" +
                   "scrape_configs:\n- job_name: a\n  relabel_configs:\n  - {source_labels: [" +
                   names + "], target_label: b}\n",
               "f.yml");
  ASSERT_TRUE(loaded) << loaded.error().message();
  const std::string& yaml = (*loaded)->yaml;
  EXPECT_NE(std::string::npos, yaml.find(R"(
  - source_labels: [label_number_0, label_number_1, label_number_2, label_number_3,
      label_number_4, label_number_5, label_number_6, label_number_7, label_number_8,
      label_number_9]
)")) << yaml;
  EXPECT_NE(std::string::npos, yaml.find(R"(
  external_labels:
    a: word word word word word word word word word word word word word word word
      word word word word word word word word word word end
    c: '# word word word word word word word word word word word word word word word
      word word word word word word word word word word end'
)")) << yaml;
}

TEST(ConfigLoadTest, FingerprintsTellWhatChanged) {
  const auto fingerprint = [](std::string_view job) {
    const auto loaded = LoadText("scrape_configs:\n- " + std::string(job) + "\n", "f.yml");
    return loaded ? (*loaded)->scrape_configs.at(0).fingerprint : loaded.error().message();
  };
  const std::string base = fingerprint("{job_name: a, basic_auth: {password: x}}");
  EXPECT_EQ(base, fingerprint("{basic_auth: {password: 'x'}, job_name: \"a\"} # the same"));
  EXPECT_NE(base, fingerprint("{job_name: a, basic_auth: {password: y}}")) << "secrets count";
  EXPECT_NE(base, fingerprint("{job_name: a, basic_auth: {password: x}, sample_limit: 1}"));
}

TEST(ConfigLoadTest, FillsEnvironmentVariablesIntoExternalLabels) {
  setenv("NARTHEX_TEST_ZONE", "z1", 1);
  const auto loaded = LoadText(
      "global:\n  external_labels: {a: $NARTHEX_TEST_ZONE, b: 'x-${NARTHEX_TEST_ZONE}y', c: '$$1', "
      "d: '${NARTHEX_TEST_UNSET}', e: '100$'}\n",
      "f.yml");
  ASSERT_TRUE(loaded) << loaded.error().message();
  EXPECT_EQ(R"({a="z1", b="x-z1y", c="$1", e="100$"})",
            (*loaded)->global.external_labels.ToString());
}

TEST(ConfigLoadTest, AgentModeRefusesWhatItHasNot) {
  for (const char* section : {"alerting", "rule_files", "remote_read"}) {
    SCOPED_TRACE(section);
    const std::string name = section;
    const std::string text = name == "alerting"     ? "alerting: {alertmanagers: [{}]}\n"
                             : name == "rule_files" ? "rule_files: [a]\n"
                                                    : "remote_read: [{url: http://a}]\n";
    EXPECT_TRUE(LoadText(text, "f.yml"));
    const auto loaded = LoadText(text, "f.yml", {.agent_mode = true});
    ASSERT_FALSE(loaded);
    EXPECT_EQ("field " + name + " is not allowed in agent mode", loaded.error().message());
  }
}

TEST(ConfigLoadTest, ReadsScrapeConfigFiles) {
  testing::TempDir dir;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(dir.path() + "/" + name) << text;
  };
  const std::string main = dir.path() + "/main.yml";
  write("main.yml",
        "global: {scrape_interval: 7s}\nscrape_config_files: ['jobs*.yml']\n"
        "scrape_configs: [{job_name: a}]\n");
  write("jobs1.yml", "scrape_configs: [{job_name: b, bearer_token_file: t}]\n");
  const auto loaded = LoadFile(main);
  ASSERT_TRUE(loaded) << loaded.error().message();
  ASSERT_EQ(2u, (*loaded)->scrape_configs.size());
  const ScrapeConfig& b = (*loaded)->scrape_configs[1];
  EXPECT_EQ("b", b.job_name);
  EXPECT_EQ(7'000, b.scrape_interval_ms);
  EXPECT_EQ(dir.path() + "/t", b.http.authorization_credentials_file);

  write("jobs2.yml", "scrape_configs: [{job_name: a}]\n");
  const auto twice = LoadFile(main);
  ASSERT_FALSE(twice);
  EXPECT_EQ("\"" + dir.path() +
                "/jobs2.yml\": found multiple scrape configs with job name \"a\", first found in "
                "main config file",
            twice.error().message());
  write("jobs2.yml", "global: {}\n");
  EXPECT_FALSE(LoadFile(main)) << "nothing but scrape_configs";
}

TEST(ConfigLoadTest, MissingFileIsNamed) {
  const auto loaded = LoadFile("/no/such.yml");
  ASSERT_FALSE(loaded);
  EXPECT_EQ(Code::kNotFound, loaded.error().code());
  EXPECT_EQ("open /no/such.yml: no such file or directory", loaded.error().message());
}

TEST(ConfigLoadTest, ProtobufFirst) {
  testing::TempDir dir;
  std::ofstream(dir.path() + "/more.yml") << "scrape_configs: [{job_name: file}]\n";
  const std::string jobs =
      "scrape_configs: [{job_name: none}, {job_name: own, scrape_protocols: "
      "[PrometheusText0.0.4]}]\n"
      "scrape_config_files: [more.yml]\n";
  const LoadOptions first{.protobuf_first = true};
  const auto front = [&](const std::string& text) {
    const auto config = LoadText(text, dir.path() + "/a.yml", first);
    EXPECT_TRUE(config) << config.error().message();
    std::string out;
    for (const auto& job : (*config)->scrape_configs) out += job.scrape_protocols.front() + " ";
    return out;
  };
  EXPECT_EQ("PrometheusProto PrometheusText0.0.4 PrometheusProto ", front(jobs));
  EXPECT_EQ("OpenMetricsText0.0.1 PrometheusText0.0.4 OpenMetricsText0.0.1 ",
            front("global: {scrape_protocols: [OpenMetricsText0.0.1]}\n" + jobs));
  const auto empty = LoadText("", "a.yml", first);
  ASSERT_TRUE(empty) << empty.error().message();
  // As Prometheus shows it: the default of `global` is another one.
  EXPECT_NE((*empty)->yaml.find("  scrape_protocols:\n  - PrometheusProto\n"), std::string::npos);
}

}  // namespace
}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
//
// Errors of configuration files. The wording is what promtool 3.5.3 prints for the same text.
#include <string>

#include "narthex/config/config.h"

namespace narthex::config {
namespace {

const std::string kJob = "scrape_configs:\n- job_name: a\n";

/// Cuts " (line 3)" from the end: ours alone say where.
std::string WithoutLine(std::string text) {
  const std::size_t at = text.rfind(" (line ");
  if (at != std::string::npos && text.ends_with(')')) text.erase(at);
  return text;
}

TEST(ConfigErrorsTest, AreThoseOfPrometheus) {
  const struct {
    std::string text;
    const char* want;
  } cases[] = {
      {"hello\n",
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `hello` into config.plain"},
      {"- a\n", "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!seq into config.plain"},
      {"globl: {}\n",
       "yaml: unmarshal errors:\n  line 1: field globl not found in type config.plain"},
      {"global: {scrape_intervl: 1s}\n",
       "yaml: unmarshal errors:\n  line 1: field scrape_intervl not found in type config.plain"},
      {"global: {scrape_interval: 1s, scrape_interval: 2s}\n",
       "yaml: unmarshal errors:\n  line 1: field scrape_interval already set in type config.plain"},
      {"global: {scrape_interval: 1x}\n", "unknown unit \"x\" in duration \"1x\""},
      {"global: {scrape_interval: 15}\n", "not a valid duration string: \"15\""},
      {"global: {scrape_interval: -1s}\n", "not a valid duration string: \"-1s\""},
      {"global: {scrape_interval: 1s1s}\n", "not a valid duration string: \"1s1s\""},
      {"global: {scrape_interval: 300y}\n", "duration out of range"},
      {"global: {scrape_interval: 5s, scrape_timeout: 10s}\n",
       "global scrape timeout greater than scrape interval"},
      {kJob + "  scrape_interval: 5s\n  scrape_timeout: 10s\n",
       "scrape timeout greater than scrape interval for scrape config with job name \"a\""},
      {kJob + "  scrape_timeout: 2m\n",
       "scrape timeout greater than scrape interval for scrape config with job name \"a\""},
      {"scrape_configs:\n- {metrics_path: /x}\n", "job_name is empty"},
      {"scrape_configs:\n- job_name: ''\n", "job_name is empty"},
      {"scrape_configs:\n- \n", "empty or null scrape config section"},
      {kJob + "- job_name: a\n", "found multiple scrape configs with job name \"a\""},
      {"global:\n  external_labels: {'': x}\n", "\"\" is not a valid label name"},
      {kJob + "  sample_limit: -1\n",
       "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!int `-1` into uint"},
      {kJob + "  sample_limit: '5'\n",
       "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `5` into uint"},
      {kJob + "  honor_labels: 'true'\n",
       "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `true` into bool"},
      {kJob + "  honor_labels: 1\n",
       "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!int `1` into bool"},
      {kJob + "  body_size_limit: 10\n", "units: unknown unit  in 10"},
      {kJob + "  body_size_limit: 10Mb\n", "units: unknown unit Mb in 10Mb"},
      {kJob + "  body_size_limit: 10 MB\n", "units: unknown unit  MB in 10 MB"},
      {kJob + "  relabel_configs:\n  - regex: '*'\n",
       "error parsing regexp: missing argument to repetition operator: `*`"},
      {kJob + "  relabel_configs:\n  - action: foo\n", "unknown relabel action \"foo\""},
      {kJob + "  relabel_configs:\n  - source_labels: [a]\n",
       "relabel configuration for replace action requires 'target_label' value"},
      {kJob + "  relabel_configs:\n  - action: hashmod\n    target_label: x\n",
       "relabel configuration for hashmod requires non-zero modulus"},
      {kJob + "  relabel_configs:\n  - action: labeldrop\n    source_labels: [a]\n",
       "labeldrop action requires only 'regex', and no other fields"},
      {kJob +
           "  relabel_configs:\n  - action: lowercase\n    target_label: a\n    replacement: x\n",
       "'replacement' can not be set for lowercase action"},
      {kJob + "  relabel_configs:\n  - action: keepequal\n    target_label: a\n    regex: x\n",
       "keepequal action requires only 'source_labels' and `target_label`, and no other fields"},
      {kJob + "  relabel_configs:\n  - \n",
       "empty or null target relabeling rule in scrape config"},
      {kJob + "  metric_relabel_configs:\n  - \n",
       "empty or null metric relabeling rule in scrape config"},
      {kJob + "  relabel_configs:\n  - action: labelmap\n    replacement: ''\n",
       "\"\" is invalid 'replacement' for labelmap action"},
      {kJob + "  static_configs:\n  - targets: ['http://a:1']\n",
       "\"http://a:1\" is not a valid hostname"},
      {kJob + "  static_configs:\n  - \n", "empty or null section in static_configs"},
      {kJob + "  static_configs:\n  - targets: a:1\n",
       "yaml: unmarshal errors:\n  line 4: cannot unmarshal !!str `a:1` into []string"},
      {kJob + "  static_configs:\n  - targets: ['a:1']\n    labels: {'': x}\n",
       "\"\" is not a valid label name"},
      {kJob + "  file_sd_configs:\n  - files: []\n",
       "file service discovery config must contain at least one path name"},
      {kJob + "  file_sd_configs:\n  - files: [x.txt]\n",
       "path name \"x.txt\" is not valid for file discovery"},
      {kJob + "  file_sd_configs:\n  - files: ['*/x.yml']\n",
       "path name \"*/x.yml\" is not valid for file discovery"},
      {kJob + "  file_sd_configs:\n  - files: [x.Yml]\n",
       "path name \"x.Yml\" is not valid for file discovery"},
      {kJob + "  basic_auth: {username: a, username_file: b}\n",
       "at most one of basic_auth username, username_file & username_ref must be configured"},
      {kJob + "  basic_auth: {password: a, password_file: b}\n",
       "at most one of basic_auth password, password_file & password_ref must be configured"},
      {kJob + "  basic_auth: {username: a}\n  authorization: {credentials: x}\n",
       "at most one of basic_auth, oauth2 & authorization must be configured"},
      {kJob + "  bearer_token: a\n  bearer_token_file: b\n",
       "at most one of bearer_token & bearer_token_file must be configured"},
      {kJob + "  bearer_token: a\n  basic_auth: {username: b}\n",
       "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured"},
      {kJob + "  authorization: {type: Basic, credentials: x}\n",
       "authorization type cannot be set to \"basic\", use \"basic_auth\" instead"},
      {kJob + "  authorization: {credentials: x, credentials_file: y}\n",
       "at most one of authorization credentials & credentials_file must be configured"},
      {kJob + "  authorization: {credentials: x}\n  bearer_token: y\n",
       "authorization is not compatible with bearer_token & bearer_token_file"},
      {kJob + "  tls_config: {cert_file: a}\n",
       "exactly one of key or key_file must be configured when a client certificate is configured"},
      {kJob + "  tls_config: {key_file: a}\n",
       "exactly one of cert or cert_file must be configured when a client key is configured"},
      {kJob + "  tls_config: {min_version: TLS9}\n", "unknown TLS version: TLS9"},
      {kJob + "  tls_config: {ca: a, ca_file: b}\n",
       "at most one of ca, ca_file & ca_ref must be configured"},
      {kJob + "  no_proxy: a\n", "if no_proxy is configured, proxy_url must also be configured"},
      {kJob + "  proxy_url: http://a\n  proxy_from_environment: true\n",
       "if proxy_from_environment is configured, proxy_url must not be configured"},
      {kJob + "  proxy_url: ':x'\n", "parse \":x\": missing protocol scheme"},
      {kJob + "  oauth2: {client_id: a}\n", "oauth2 token_url must be configured"},
      {kJob + "  oauth2: {token_url: a}\n", "oauth2 client_id must be configured"},
      {kJob + "  oauth2: {client_id: a, token_url: b}\n  basic_auth: {username: x}\n",
       "at most one of basic_auth, oauth2 & authorization must be configured"},
      {kJob + "  http_headers: {Host: {values: [a]}}\n", "setting header \"Host\" is not allowed"},
      {kJob + "  scrape_protocols: [foo]\n",
       "scrape_protocols: unknown scrape protocol foo, supported: [OpenMetricsText0.0.1 "
       "OpenMetricsText1.0.0 PrometheusProto PrometheusText0.0.4 PrometheusText1.0.0] for scrape "
       "config with job name \"a\""},
      {kJob + "  scrape_protocols: []\n",
       "scrape_protocols cannot be empty for scrape config with job name \"a\""},
      {kJob + "  scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]\n",
       "duplicated protocol in scrape_protocols, got [PrometheusText0.0.4 PrometheusText0.0.4] for "
       "scrape config with job name \"a\""},
      {kJob + "  fallback_scrape_protocol: foo\n",
       "invalid fallback_scrape_protocol for scrape config with job name \"a\": unknown scrape "
       "protocol foo, supported: [OpenMetricsText0.0.1 OpenMetricsText1.0.0 PrometheusProto "
       "PrometheusText0.0.4 PrometheusText1.0.0]"},
      {"rule_files: ['a*/b']\n", "invalid rule file path \"a*/b\""},
      {"rule_files: a\n",
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `a` into []string"},
      {"alerting:\n  alertmanagers:\n  - api_version: v1\n",
       "expected Alertmanager api version to be one of [v2] but got v1"},
      {"alerting:\n  alert_relabel_configs:\n  - \n", "empty or null alert relabeling rule"},
      {"alerting:\n  alertmanagers:\n  - timeout: x\n", "not a valid duration string: \"x\""},
      {"remote_write:\n- {}\n", "url for remote_write is empty"},
      {"remote_write:\n- \n", "empty or null remote write config section"},
      {"remote_write:\n- url: http://a\n  name: x\n- url: http://b\n  name: x\n",
       "found multiple remote write configs with job name \"x\""},
      {"remote_write:\n- url: 'http://a b'\n",
       "parse \"http://a b\": invalid character \" \" in host name"},
      {"remote_read:\n- {}\n", "url for remote_read is empty"},
      {"storage: {tsdb: {out_of_order_time_window: -1m}}\n",
       "not a valid duration string: \"-1m\""},
      {"tracing: {}\n", "tracing endpoint must be set"},
      {"tracing: {endpoint: a, client_type: x}\n",
       "expected tracing client type to be to be http or grpc, but got x"},
      {"otlp: {promote_resource_attributes: [a, a]}\n",
       "invalid 'promote_resource_attributes': duplicated promoted OTel resource attribute \"a\""},
      {"otlp: {translation_strategy: x}\n", "unsupported OTLP translation strategy \"x\""},
      {"x: &x {scrape_interval: 1s}\nglobal: {<<: *x}\n",
       "yaml: unmarshal errors:\n  line 1: field x not found in type config.plain"},
      {kJob + "  metrics_path: !!binary '@'\n",
       "yaml: !!binary value contains invalid base64 data"},
      {"runtime: {gogc: x}\n",
       "yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str `x` into int"},
      {kJob + "  params: {a: b}\n",
       "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `b` into []string"},
      {"1: x\n", "yaml: unmarshal errors:\n  line 1: field 1 not found in type config.plain"},
      {"~: x\n", "yaml: unmarshal errors:\n  line 1: field  not found in type config.plain"},
      {kJob + "  native_histogram_min_bucket_factor: x\n",
       "yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str `x` into float64"},
      {kJob + "  relabel_configs:\n  - source_labels: ['']\n    target_label: b\n",
       "\"\" is not a valid label name"},
      {kJob + "  proxy_url: 'http://a:b'\n",
       "parse \"http://a:b\": invalid port \":b\" after host"},
      {kJob + "  proxy_url: 'http://a/%zz'\n",
       "parse \"http://a/%zz\": invalid URL escape \"%zz\""},
      {kJob + "  proxy_url: 'http://[::1'\n", "parse \"http://[::1\": missing ']' in host"},
      {kJob + "  proxy_url: '1a:b'\n",
       "parse \"1a:b\": first path segment in URL cannot contain colon"},
      {kJob + "  proxy_url: \"http://a\\tb\"\n",
       "parse \"http://a\\tb\": net/url: invalid control character in URL"},
      {kJob + "  proxy_url: 'http://a%41b'\n",
       "parse \"http://a%41b\": invalid URL escape \"%41\""},
      {kJob + "  proxy_url: 'http://u ser@a'\n",
       "parse \"http://u ser@a\": net/url: invalid userinfo"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    const auto config = LoadText(c.text, "f.yml");
    ASSERT_FALSE(config);
    EXPECT_EQ(Code::kInvalidArgument, config.error().code());
    EXPECT_EQ(std::string("parsing YAML file f.yml: ") + c.want,
              WithoutLine(config.error().message()));
  }
}

TEST(ConfigErrorsTest, SayWhichLine) {
  const auto config = LoadText("global: {}\n\n" + kJob + "  scrape_interval: 1x\n", "f.yml");
  ASSERT_FALSE(config);
  EXPECT_EQ("parsing YAML file f.yml: unknown unit \"x\" in duration \"1x\" (line 5)",
            config.error().message());
}

TEST(ConfigErrorsTest, NoneForWhatPrometheusTakes) {
  const std::string texts[] = {
      "global: {scrape_interval: 0s}\n",
      "global: {evaluation_interval: 0s}\n",
      "global:\n  external_labels: {a: \"\\xff\"}\n",
      kJob + "  sample_limit: 5.0\n",
      kJob + "  sample_limit: 1e3\n",
      kJob + "  sample_limit: 0x10\n",
      kJob + "  sample_limit: 010\n",
      kJob + "  sample_limit: 1_000\n",
      kJob + "  honor_labels: yes\n",
      kJob + "  body_size_limit: 10MB\n",
      kJob + "  body_size_limit: 1.5GB\n",
      kJob + "  body_size_limit: 0\n",
      kJob + "  body_size_limit: -1MB\n",
      kJob + "  relabel_configs:\n  - action: KEEP\n    source_labels: [a]\n",
      kJob + "  static_configs:\n  - targets: ['a:1']\n    labels: {a-b: x}\n",
      kJob + "  static_configs:\n  - targets: ['a:1']\n    labels: {a: 1}\n",
      kJob + "  authorization: {}\n",
      kJob + "  http_headers: {X-A: {values: [a]}}\n",
      "global: {metric_name_validation_scheme: legacy}\nscrape_configs:\n- job_name: a\n",
      kJob + "  metrics_path: !!binary aGk=\n",
      "scrape_configs:\n- job_name: \"\\xff\"\n",
      kJob + "  metrics_path: 5\n",
      kJob + "  params: {a: [b, c]}\n",
      kJob + "  scheme: ftp\n",
      "global: {query_log_file: 5}\n",
      "global:\nscrape_configs:\n",
      "global: {external_labels: ~}\n",
  };
  for (const std::string& text : texts) {
    SCOPED_TRACE(text);
    const auto config = LoadText(text, "f.yml");
    EXPECT_TRUE(config) << config.error().message();
  }
}

}  // namespace
}  // namespace narthex::config

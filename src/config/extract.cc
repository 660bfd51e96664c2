// SPDX-License-Identifier: Apache-2.0
#include "src/config/extract.h"

#include <fmt/core.h>

#include "src/config/tables.h"
#include "src/config/yaml/target_groups.h"
#include "src/config/yaml/writer.h"

namespace narthex::config {

namespace {

ProxyConfig ExtractProxy(const Value& section) {
  ProxyConfig proxy{.url = section["proxy_url"].text,
                    .no_proxy = section["no_proxy"].text,
                    .from_environment = section["proxy_from_environment"].flag(),
                    .connect_headers = {}};
  const Value& headers = section["proxy_connect_header"];
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    for (const Value& value : headers.items[i].items) {
      proxy.connect_headers.emplace_back(headers.keys[i], value.text);
    }
  }
  return proxy;
}

Oauth2Config ExtractOauth2(const Value& oauth2) {
  Oauth2Config config{.grant_type = oauth2["grant_type"].text,
                      .client_id = oauth2["client_id"].text,
                      .client_secret = oauth2["client_secret"].text,
                      .client_secret_file = oauth2["client_secret_file"].text,
                      .token_url = oauth2["token_url"].text,
                      .scopes = Strings(oauth2["scopes"]),
                      .endpoint_params = {},
                      .tls = ExtractTls(oauth2["tls_config"]),
                      .proxy = ExtractProxy(oauth2)};
  const Value& params = oauth2["endpoint_params"];
  for (std::size_t i = 0; i < params.keys.size(); ++i) {
    config.endpoint_params.emplace_back(params.keys[i], params.items[i].text);
  }
  return config;
}

model::RelabelAction ActionOf(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(model::RelabelAction::kUppercase); ++i) {
    const auto action = static_cast<model::RelabelAction>(i);
    if (model::RelabelActionName(action) == name) return action;
  }
  return model::RelabelAction::kReplace;  // The checks let no other name through.
}

std::uint64_t Unsigned(const Value& value) { return static_cast<std::uint64_t>(value.number); }

void ExtractLimits(const Value& job, ScrapeConfig& config) {
  config.body_size_limit = Unsigned(job["body_size_limit"]);
  config.sample_limit = Unsigned(job["sample_limit"]);
  config.target_limit = Unsigned(job["target_limit"]);
  config.label_limit = Unsigned(job["label_limit"]);
  config.label_name_length_limit = Unsigned(job["label_name_length_limit"]);
  config.label_value_length_limit = Unsigned(job["label_value_length_limit"]);
  config.keep_dropped_targets = Unsigned(job["keep_dropped_targets"]);
  config.native_histogram_bucket_limit = Unsigned(job["native_histogram_bucket_limit"]);
  config.native_histogram_min_bucket_factor = job["native_histogram_min_bucket_factor"].real;
}

}  // namespace

Sigv4Config ExtractSigv4(const Value& sigv4) {
  return {.region = sigv4["region"].text,
          .access_key = sigv4["access_key"].text,
          .secret_key = sigv4["secret_key"].text,
          .profile = sigv4["profile"].text,
          .role_arn = sigv4["role_arn"].text,
          .external_id = sigv4["external_id"].text,
          .service_name = sigv4["service_name"].text,
          .use_fips_sts_endpoint = sigv4["use_fips_sts_endpoint"].flag()};
}

Result<std::vector<model::RelabelConfig>> ExtractRelabel(const Value& list, bool legacy_names) {
  std::vector<model::RelabelConfig> rules;
  rules.reserve(list.items.size());
  for (const Value& item : list.items) {
    model::RelabelConfig& rule = rules.emplace_back();
    rule.source_labels = Strings(item["source_labels"]);
    rule.separator = item["separator"].text;
    if (item["regex"].set) {
      NX_ASSIGN_OR_RETURN(rule.regex, model::Regex::Compile(item["regex"].text));
    }
    rule.modulus = static_cast<std::uint64_t>(item["modulus"].number);
    rule.target_label = item["target_label"].text;
    rule.replacement = item["replacement"].text;
    rule.action = ActionOf(item["action"].text);
    rule.legacy_names = legacy_names;
  }
  return rules;
}

TlsConfig ExtractTls(const Value& tls) {
  return {.ca = tls["ca"].text,
          .ca_file = tls["ca_file"].text,
          .cert = tls["cert"].text,
          .cert_file = tls["cert_file"].text,
          .key = tls["key"].text,
          .key_file = tls["key_file"].text,
          .server_name = tls["server_name"].text,
          .min_version = tls["min_version"].text,
          .max_version = tls["max_version"].text,
          .insecure_skip_verify = tls["insecure_skip_verify"].flag()};
}

HttpConfig ExtractHttp(const Value& section) {
  HttpConfig http;
  if (const Value& basic = section["basic_auth"]; basic.set) {
    http.basic_username = basic["username"].text;
    http.basic_username_file = basic["username_file"].text;
    http.basic_password = basic["password"].text;
    http.basic_password_file = basic["password_file"].text;
  }
  if (const Value& authorization = section["authorization"]; authorization.set) {
    http.authorization_type = authorization["type"].text;
    http.authorization_credentials = authorization["credentials"].text;
    http.authorization_credentials_file = authorization["credentials_file"].text;
  }
  if (const Value& oauth2 = section["oauth2"]; oauth2.set) http.oauth2 = ExtractOauth2(oauth2);
  http.tls = ExtractTls(section["tls_config"]);
  http.follow_redirects = section["follow_redirects"].flag();
  http.enable_http2 = section["enable_http2"].flag();
  http.proxy = ExtractProxy(section);
  const Value& headers = section["http_headers"];
  for (std::size_t i = 0; i < headers.keys.size(); ++i) {
    const Value& header = headers.items[i];
    if (!header.IsOpen()) continue;
    http.http_headers.push_back({headers.keys[i], Strings(header["values"]),
                                 Strings(header["secrets"]), Strings(header["files"])});
  }
  return http;
}

GlobalConfig ExtractGlobal(const Value& global) {
  return {.scrape_interval_ms = global["scrape_interval"].number,
          .scrape_timeout_ms = global["scrape_timeout"].number,
          .evaluation_interval_ms = global["evaluation_interval"].number,
          .rule_query_offset_ms = global["rule_query_offset"].number,
          .query_log_file = global["query_log_file"].text,
          .external_labels = LabelSet(global["external_labels"]),
          .legacy_names = global["metric_name_validation_scheme"].text == "legacy"};
}

StorageConfig ExtractStorage(const Value& storage) {
  StorageConfig config;
  if (const Value& tsdb = storage["tsdb"]; tsdb.set) {
    config.out_of_order_window_ms = tsdb["out_of_order_time_window"].number;
    config.float_chunk_encoding = tsdb["chunk_encoding"]["floats"].text;
    config.stale_series_compaction_threshold = tsdb["stale_series_compaction_threshold"].real;
    // The section switches off what it does not name; without it the flags decide.
    if (const Value& retention = tsdb["retention"]; retention.line > 0) {
      config.retention_ms = retention["time"].number;
      config.retention_bytes = retention["size"].number;
      config.retention_percentage = retention["percentage"].real;
    }
  }
  if (storage["exemplars"].set) {
    config.max_exemplars = storage["exemplars"]["max_exemplars"].number;
  }
  return config;
}

Result<ScrapeConfig> ExtractScrapeConfig(const Value& job) {
  ScrapeConfig config;
  config.job_name = job["job_name"].text;
  config.scrape_interval_ms = job["scrape_interval"].number;
  config.scrape_timeout_ms = job["scrape_timeout"].number;
  config.metrics_path = job["metrics_path"].text;
  config.scheme = job["scheme"].text;
  const Value& params = job["params"];
  for (std::size_t i = 0; i < params.keys.size(); ++i) {
    config.params.emplace_back(params.keys[i], Strings(params.items[i]));
  }
  std::sort(config.params.begin(), config.params.end());
  config.honor_labels = job["honor_labels"].flag();
  config.honor_timestamps = job["honor_timestamps"].flag();
  config.track_timestamps_staleness = job["track_timestamps_staleness"].flag();
  config.enable_compression = job["enable_compression"].flag();
  config.scrape_protocols = Strings(job["scrape_protocols"]);
  config.fallback_scrape_protocol = job["fallback_scrape_protocol"].text;
  ExtractLimits(job, config);
  config.legacy_names = job["metric_name_validation_scheme"].text == "legacy";
  config.escaping_scheme = job["metric_name_escaping_scheme"].text;
  config.extra_scrape_metrics = job["extra_scrape_metrics"].flag();
  config.scrape_native_histograms = job["scrape_native_histograms"].flag();
  config.always_scrape_classic_histograms = job["always_scrape_classic_histograms"].flag();
  config.convert_classic_histograms_to_nhcb = job["convert_classic_histograms_to_nhcb"].flag();
  config.scrape_failure_log_file = job["scrape_failure_log_file"].text;
  config.http = ExtractHttp(job);
  config.static_configs = ExtractTargetGroups(job["static_configs"]);
  config.discovery_configs = ExtractDiscoveries(job);
  NX_ASSIGN_OR_RETURN(config.relabel_configs,
                      ExtractRelabel(job["relabel_configs"], config.legacy_names));
  NX_ASSIGN_OR_RETURN(config.metric_relabel_configs,
                      ExtractRelabel(job["metric_relabel_configs"], config.legacy_names));
  config.fingerprint = WriteYaml(job, true);
  Value series = job;
  for (const std::string_view name : {"scrape_interval", "scrape_timeout", "sample_limit"}) {
    series[name].Clear();
  }
  for (const Field& field : HttpFields()) series[field.name].Clear();
  config.series_fingerprint = WriteYaml(series, true);
  return config;
}

Result<AlertingConfig> ExtractAlerting(const Value& alerting, bool legacy_names) {
  AlertingConfig config;
  NX_ASSIGN_OR_RETURN(config.alert_relabel_configs,
                      ExtractRelabel(alerting["alert_relabel_configs"], legacy_names));
  for (const Value& item : alerting["alertmanagers"].items) {
    AlertmanagerConfig& manager = config.alertmanagers.emplace_back();
    manager.scheme = item["scheme"].text;
    manager.path_prefix = item["path_prefix"].text;
    manager.timeout_ms = item["timeout"].number;
    manager.http = ExtractHttp(item);
    if (const Value& sigv4 = item["sigv4"]; sigv4.set) manager.sigv4 = ExtractSigv4(sigv4);
    manager.static_configs = ExtractTargetGroups(item["static_configs"]);
    manager.discovery_configs = ExtractDiscoveries(item);
    NX_ASSIGN_OR_RETURN(manager.relabel_configs,
                        ExtractRelabel(item["relabel_configs"], legacy_names));
    NX_ASSIGN_OR_RETURN(manager.alert_relabel_configs,
                        ExtractRelabel(item["alert_relabel_configs"], legacy_names));
    manager.fingerprint = WriteYaml(item, true);
  }
  return config;
}

}  // namespace narthex::config

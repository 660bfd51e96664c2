// SPDX-License-Identifier: Apache-2.0
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/yaml/writer.h"

namespace narthex::config {

namespace {

std::vector<std::pair<std::string, std::string>> Pairs(const Value& map) {
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(map.keys.size());
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    pairs.emplace_back(map.keys[i], map.items[i].text);
  }
  return pairs;
}

AzureAdConfig ExtractAzureAd(const Value& azure) {
  AzureAdConfig config;
  config.cloud = azure["cloud"].text;
  config.scope = azure["scope"].text;
  if (const Value& managed = azure["managed_identity"]; managed.set) {
    config.managed_identity = {.client_id = managed["client_id"].text};
  }
  if (const Value& workload = azure["workload_identity"]; workload.set) {
    config.workload_identity = {.client_id = workload["client_id"].text,
                                .tenant_id = workload["tenant_id"].text,
                                .token_file_path = workload["token_file_path"].text};
  }
  if (const Value& oauth = azure["oauth"]; oauth.set) {
    config.oauth = {.client_id = oauth["client_id"].text,
                    .client_secret = oauth["client_secret"].text,
                    .tenant_id = oauth["tenant_id"].text};
  }
  if (const Value& certificate = azure["certificate"]; certificate.set) {
    config.certificate = {.client_id = certificate["client_id"].text,
                          .tenant_id = certificate["tenant_id"].text,
                          .certificate_path = certificate["certificate_path"].text,
                          .certificate_key_path = certificate["certificate_key_path"].text,
                          .certificate_password = certificate["certificate_password"].text,
                          .send_certificate_chain = certificate["send_certificate_chain"].flag()};
  }
  if (const Value& sdk = azure["sdk"]; sdk.set) config.sdk = {.tenant_id = sdk["tenant_id"].text};
  return config;
}

RemoteQueueConfig ExtractQueue(const Value& queue) {
  return {.capacity = static_cast<int>(queue["capacity"].number),
          .max_shards = static_cast<int>(queue["max_shards"].number),
          .min_shards = static_cast<int>(queue["min_shards"].number),
          .max_samples_per_send = static_cast<int>(queue["max_samples_per_send"].number),
          .batch_send_deadline_ms = queue["batch_send_deadline"].number,
          .min_backoff_ms = queue["min_backoff"].number,
          .max_backoff_ms = queue["max_backoff"].number,
          .retry_on_http_429 = queue["retry_on_http_429"].flag(),
          .sample_age_limit_ms = queue["sample_age_limit"].number};
}

RemoteMetadataConfig ExtractMetadataConfig(const Value& metadata) {
  return {.send = metadata["send"].flag(),
          .send_interval_ms = metadata["send_interval"].number,
          .max_samples_per_send = static_cast<int>(metadata["max_samples_per_send"].number)};
}

OtlpTranslation TranslationOf(std::string_view name) {
  if (name == "NoUTF8EscapingWithSuffixes") return OtlpTranslation::kNoUtf8EscapingWithSuffixes;
  if (name == "UnderscoreEscapingWithoutSuffixes") {
    return OtlpTranslation::kUnderscoreEscapingWithoutSuffixes;
  }
  if (name == "NoTranslation") return OtlpTranslation::kNoTranslation;
  return OtlpTranslation::kUnderscoreEscapingWithSuffixes;  // The checks let no other through.
}

}  // namespace

Result<std::vector<RemoteWriteConfig>> ExtractRemoteWrite(const Value& list, bool legacy_names) {
  std::vector<RemoteWriteConfig> configs;
  configs.reserve(list.items.size());
  for (const Value& item : list.items) {
    RemoteWriteConfig& config = configs.emplace_back();
    config.url = item["url"].text;
    config.name = item["name"].text;
    config.timeout_ms = item["remote_timeout"].number;
    config.headers = Pairs(item["headers"]);
    NX_ASSIGN_OR_RETURN(config.write_relabel_configs,
                        ExtractRelabel(item["write_relabel_configs"], legacy_names));
    config.send_exemplars = item["send_exemplars"].flag();
    config.send_native_histograms = item["send_native_histograms"].flag();
    config.round_robin_dns = item["round_robin_dns"].flag();
    if (item["protobuf_message"].text == "io.prometheus.write.v2.Request") {
      config.message = RemoteWriteMessage::kV2;
    }
    config.http = ExtractHttp(item);
    config.queue = ExtractQueue(item["queue_config"]);
    config.metadata = ExtractMetadataConfig(item["metadata_config"]);
    if (const Value& sigv4 = item["sigv4"]; sigv4.set) config.sigv4 = ExtractSigv4(sigv4);
    if (const Value& azure = item["azuread"]; azure.set) config.azure_ad = ExtractAzureAd(azure);
    if (const Value& google = item["google_iam"]; google.set) {
      config.google_iam = {.credentials_file = google["credentials_file"].text};
    }
    config.fingerprint = WriteYaml(item, true);
  }
  return configs;
}

std::vector<RemoteReadConfig> ExtractRemoteRead(const Value& list) {
  std::vector<RemoteReadConfig> configs;
  configs.reserve(list.items.size());
  for (const Value& item : list.items) {
    RemoteReadConfig& config = configs.emplace_back();
    config.url = item["url"].text;
    config.name = item["name"].text;
    config.timeout_ms = item["remote_timeout"].number;
    config.chunked_read_limit_bytes = static_cast<std::uint64_t>(item["chunked_read_limit"].number);
    config.headers = Pairs(item["headers"]);
    config.read_recent = item["read_recent"].flag();
    config.required_matchers = Pairs(item["required_matchers"]);
    config.filter_external_labels = item["filter_external_labels"].flag();
    config.http = ExtractHttp(item);
    config.shown = WriteYaml(item);
    config.fingerprint = WriteYaml(item, true);
  }
  return configs;
}

OtlpConfig ExtractOtlp(const Value& otlp) {
  return {
      .translation = TranslationOf(otlp["translation_strategy"].text),
      .promote_resource_attributes = Strings(otlp["promote_resource_attributes"]),
      .promote_all_resource_attributes = otlp["promote_all_resource_attributes"].flag(),
      .ignore_resource_attributes = Strings(otlp["ignore_resource_attributes"]),
      .keep_identifying_resource_attributes = otlp["keep_identifying_resource_attributes"].flag(),
      .convert_histograms_to_nhcb = otlp["convert_histograms_to_nhcb"].flag(),
      .promote_scope_metadata = otlp["promote_scope_metadata"].flag(),
      .label_name_underscore_sanitization = otlp["label_name_underscore_sanitization"].flag(),
      .label_name_preserve_multiple_underscores =
          otlp["label_name_preserve_multiple_underscores"].flag()};
}

}  // namespace narthex::config

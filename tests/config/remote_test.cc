// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "narthex/config/config.h"
#include "narthex/config/remote_config.h"

namespace narthex::config {
namespace {

std::shared_ptr<const Config> Load(const std::string& text) {
  auto config = LoadText(text, "/etc/n/f.yml");
  EXPECT_TRUE(config.has_value()) << config.error().message();
  return config ? *config : std::make_shared<const Config>();
}

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(RemoteConfigTest, DefaultsOfSending) {
  const auto config = Load("remote_write: [{url: 'http://a/w'}]\n");
  ASSERT_EQ(1U, config->remote_write.size());
  const RemoteWriteConfig& write = config->remote_write[0];
  EXPECT_EQ("http://a/w", write.url);
  EXPECT_EQ("", write.name);
  EXPECT_EQ(30'000, write.timeout_ms);
  EXPECT_EQ(RemoteWriteMessage::kV1, write.message);
  EXPECT_FALSE(write.send_exemplars || write.send_native_histograms || write.round_robin_dns);
  EXPECT_FALSE(write.http.enable_http2);
  EXPECT_EQ(10'000, write.queue.capacity);
  EXPECT_EQ(50, write.queue.max_shards);
  EXPECT_EQ(1, write.queue.min_shards);
  EXPECT_EQ(2'000, write.queue.max_samples_per_send);
  EXPECT_EQ(5'000, write.queue.batch_send_deadline_ms);
  EXPECT_EQ(30, write.queue.min_backoff_ms);
  EXPECT_EQ(5'000, write.queue.max_backoff_ms);
  EXPECT_EQ(0, write.queue.sample_age_limit_ms);
  EXPECT_FALSE(write.queue.retry_on_http_429);
  EXPECT_TRUE(write.metadata.send);
  EXPECT_EQ(60'000, write.metadata.send_interval_ms);
  EXPECT_EQ(2'000, write.metadata.max_samples_per_send);
  EXPECT_FALSE(write.sigv4 || write.azure_ad || write.google_iam);
}

TEST(RemoteConfigTest, WhatSendingCanBeTold) {
  const auto config = Load(R"(
remote_write:
- url: https://a/w
  name: one
  remote_timeout: 3s
  headers: {X-A: b}
  write_relabel_configs: [{action: drop, regex: x}]
  send_exemplars: true
  send_native_histograms: true
  round_robin_dns: true
  protobuf_message: io.prometheus.write.v2.Request
  proxy_from_environment: true
  proxy_connect_header: {X-P: [q, r]}
  queue_config: {capacity: 1, max_shards: 3, min_shards: 2, max_samples_per_send: 4,
                 batch_send_deadline: 1s, min_backoff: 1ms, max_backoff: 2s, retry_on_http_429: true,
                 sample_age_limit: 1h}
  metadata_config: {send: false, send_interval: 2m, max_samples_per_send: 7}
  azuread:
    cloud: AzureChina
    certificate: {client_id: 00000000-0000-0000-0000-00000000000a, tenant_id: t,
                  certificate_path: /c, certificate_key_path: /k, certificate_password: p,
                  send_certificate_chain: true}
- {url: 'http://b/w', sigv4: {region: r, role_arn: role}}
- {url: 'http://c/w', google_iam: {credentials_file: f}}
)");
  ASSERT_EQ(3U, config->remote_write.size());
  const RemoteWriteConfig& write = config->remote_write[0];
  EXPECT_EQ("one", write.name);
  EXPECT_EQ(3'000, write.timeout_ms);
  EXPECT_EQ((Pairs{{"X-A", "b"}}), write.headers);
  ASSERT_EQ(1U, write.write_relabel_configs.size());
  EXPECT_EQ(model::RelabelAction::kDrop, write.write_relabel_configs[0].action);
  EXPECT_TRUE(write.send_exemplars && write.send_native_histograms && write.round_robin_dns);
  EXPECT_EQ(RemoteWriteMessage::kV2, write.message);
  EXPECT_TRUE(write.http.proxy.from_environment);
  EXPECT_EQ((Pairs{{"X-P", "q"}, {"X-P", "r"}}), write.http.proxy.connect_headers);
  EXPECT_EQ(1, write.queue.capacity);
  EXPECT_EQ(3, write.queue.max_shards);
  EXPECT_EQ(2, write.queue.min_shards);
  EXPECT_EQ(4, write.queue.max_samples_per_send);
  EXPECT_EQ(1'000, write.queue.batch_send_deadline_ms);
  EXPECT_EQ(1, write.queue.min_backoff_ms);
  EXPECT_EQ(2'000, write.queue.max_backoff_ms);
  EXPECT_TRUE(write.queue.retry_on_http_429);
  EXPECT_EQ(3'600'000, write.queue.sample_age_limit_ms);
  EXPECT_FALSE(write.metadata.send);
  EXPECT_EQ(120'000, write.metadata.send_interval_ms);
  EXPECT_EQ(7, write.metadata.max_samples_per_send);
  ASSERT_TRUE(write.azure_ad && write.azure_ad->certificate);
  EXPECT_EQ("AzureChina", write.azure_ad->cloud);
  EXPECT_EQ("/k", write.azure_ad->certificate->certificate_key_path);
  EXPECT_TRUE(write.azure_ad->certificate->send_certificate_chain);
  EXPECT_FALSE(write.azure_ad->oauth);
  ASSERT_TRUE(config->remote_write[1].sigv4);
  EXPECT_EQ("role", config->remote_write[1].sigv4->role_arn);
  ASSERT_TRUE(config->remote_write[2].google_iam);
  EXPECT_EQ("f", config->remote_write[2].google_iam->credentials_file) << "as it is written";
  EXPECT_NE(write.fingerprint, config->remote_write[1].fingerprint);
}

TEST(RemoteConfigTest, Reading) {
  const auto config = Load(
      "remote_read:\n- {url: 'http://a/r'}\n"
      "- {url: 'http://b/r', name: n, remote_timeout: 2s, chunked_read_limit: 5, read_recent: "
      "true,\n"
      "   headers: {X-A: b}, required_matchers: {job: j}, filter_external_labels: false}\n");
  ASSERT_EQ(2U, config->remote_read.size());
  const RemoteReadConfig& plain = config->remote_read[0];
  EXPECT_EQ(60'000, plain.timeout_ms);
  EXPECT_EQ(50'000'000U, plain.chunked_read_limit_bytes);
  EXPECT_TRUE(plain.filter_external_labels && !plain.read_recent);
  EXPECT_TRUE(plain.required_matchers.empty());
  const RemoteReadConfig& told = config->remote_read[1];
  EXPECT_EQ("http://b/r", told.url);
  EXPECT_EQ("n", told.name);
  EXPECT_EQ(2'000, told.timeout_ms);
  EXPECT_EQ(5U, told.chunked_read_limit_bytes);
  EXPECT_TRUE(told.read_recent && !told.filter_external_labels);
  EXPECT_EQ((Pairs{{"X-A", "b"}}), told.headers);
  EXPECT_EQ((Pairs{{"job", "j"}}), told.required_matchers);
}

TEST(RemoteConfigTest, Otlp) {
  for (const char* text : {"", "global: {}\n", "otlp: {}\n", "otlp:\n"}) {
    SCOPED_TRACE(text);
    const OtlpConfig plain = Load(text)->otlp;
    EXPECT_EQ(OtlpTranslation::kUnderscoreEscapingWithSuffixes, plain.translation);
    EXPECT_TRUE(plain.label_name_underscore_sanitization);
    EXPECT_TRUE(plain.label_name_preserve_multiple_underscores);
    EXPECT_FALSE(plain.promote_all_resource_attributes);
  }
  const OtlpConfig told = Load(R"(
otlp: {translation_strategy: NoUTF8EscapingWithSuffixes, promote_resource_attributes: [a, b],
       keep_identifying_resource_attributes: true, convert_histograms_to_nhcb: true,
       promote_scope_metadata: true, label_name_underscore_sanitization: false,
       label_name_preserve_multiple_underscores: false}
)")
                              ->otlp;
  EXPECT_EQ(OtlpTranslation::kNoUtf8EscapingWithSuffixes, told.translation);
  EXPECT_EQ((std::vector<std::string>{"a", "b"}), told.promote_resource_attributes);
  EXPECT_TRUE(told.keep_identifying_resource_attributes && told.convert_histograms_to_nhcb &&
              told.promote_scope_metadata);
  EXPECT_FALSE(told.label_name_underscore_sanitization ||
               told.label_name_preserve_multiple_underscores);
}

}  // namespace
}  // namespace narthex::config

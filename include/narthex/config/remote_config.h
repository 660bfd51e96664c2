// SPDX-License-Identifier: Apache-2.0
//
// The sections remote_write, remote_read and otlp: where samples go, where they are read from
// besides the own storage, and what OpenTelemetry's metrics become.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "narthex/config/http_config.h"
#include "narthex/model/relabel.h"
#include "narthex/model/timestamp.h"

namespace narthex::config {

/// Tokens of Microsoft Entra ID. At most one of the ways to get one is set.
struct AzureAdConfig {
  struct ManagedIdentity {
    std::string client_id;  // "" = that of the system.
  };
  struct WorkloadIdentity {
    std::string client_id, tenant_id, token_file_path;
  };
  struct OAuth {
    std::string client_id, client_secret, tenant_id;
  };
  struct Certificate {
    std::string client_id, tenant_id, certificate_path, certificate_key_path, certificate_password;
    bool send_certificate_chain = false;
  };
  struct Sdk {
    std::string tenant_id;
  };
  std::string cloud = "AzurePublic";  // Or AzureChina, AzureGovernment.
  std::string scope;                  // "" = that of the cloud's monitor ingestion.
  std::optional<ManagedIdentity> managed_identity;
  std::optional<WorkloadIdentity> workload_identity;
  std::optional<OAuth> oauth;
  std::optional<Certificate> certificate;
  std::optional<Sdk> sdk;
};

struct GoogleIamConfig {
  std::string credentials_file;  // "" = the application default credentials.
};

struct RemoteQueueConfig {
  int capacity = 10'000;  // Samples that a shard keeps in memory.
  int max_shards = 50;
  int min_shards = 1;
  int max_samples_per_send = 2'000;
  model::DurationMs batch_send_deadline_ms = 5'000;  // A batch that is not full goes then.
  model::DurationMs min_backoff_ms = 30, max_backoff_ms = 5'000;
  bool retry_on_http_429 = false;
  model::DurationMs sample_age_limit_ms = 0;  // Older samples are dropped; 0 = none are.
};

struct RemoteMetadataConfig {
  bool send = true;
  model::DurationMs send_interval_ms = 60'000;
  int max_samples_per_send = 2'000;  // Entries of a request.
};

enum class RemoteWriteMessage : std::uint8_t { kV1, kV2 };

struct RemoteWriteConfig {
  std::string url;
  std::string name;  // As in the file; "" = made from the section.
  model::DurationMs timeout_ms = 30'000;
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<model::RelabelConfig> write_relabel_configs;
  bool send_exemplars = false;
  bool send_native_histograms = false;  // Version 2 always does.
  bool round_robin_dns = false;
  RemoteWriteMessage message = RemoteWriteMessage::kV1;
  HttpConfig http;
  RemoteQueueConfig queue;
  RemoteMetadataConfig metadata;
  std::optional<Sigv4Config> sigv4;
  std::optional<AzureAdConfig> azure_ad;
  std::optional<GoogleIamConfig> google_iam;
  /// The entry as YAML with secrets in clear: equal texts mean that nothing changed. Never shown.
  std::string fingerprint;
};

struct RemoteReadConfig {
  std::string url;
  std::string name;  // As in the file; "" = made from the section.
  model::DurationMs timeout_ms = 60'000;
  std::uint64_t chunked_read_limit_bytes = 50'000'000;  // Of a frame.
  std::vector<std::pair<std::string, std::string>> headers;
  bool read_recent = false;  // Also for times that the own storage has.
  std::vector<std::pair<std::string, std::string>> required_matchers;  // label = value.
  bool filter_external_labels = true;
  HttpConfig http;
  std::string shown;        // The entry as YAML without secrets, as Prometheus writes it.
  std::string fingerprint;  // As above.
};

enum class OtlpTranslation : std::uint8_t {
  kUnderscoreEscapingWithSuffixes,
  kNoUtf8EscapingWithSuffixes,
  kUnderscoreEscapingWithoutSuffixes,
  kNoTranslation,
};

struct OtlpConfig {
  OtlpTranslation translation = OtlpTranslation::kUnderscoreEscapingWithSuffixes;
  std::vector<std::string> promote_resource_attributes;
  bool promote_all_resource_attributes = false;
  std::vector<std::string> ignore_resource_attributes;
  bool keep_identifying_resource_attributes = false;
  bool convert_histograms_to_nhcb = false;
  bool promote_scope_metadata = false;
  bool label_name_underscore_sanitization = true;
  bool label_name_preserve_multiple_underscores = true;
};

}  // namespace narthex::config

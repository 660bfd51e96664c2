// SPDX-License-Identifier: Apache-2.0
//
// alerting, remote_write and remote_read. Source: Prometheus config package.
#include <fmt/core.h>

#include "src/config/tables.h"

namespace narthex::config {

namespace {

Status CheckSigv4(Value& sigv4) {
  if (sigv4["access_key"].text.empty() != sigv4["secret_key"].text.empty()) {
    return Reject(sigv4,
                  "must provide a AWS SigV4 Access key and Secret Key if credentials are specified "
                  "in the SigV4 config");
  }
  if (!sigv4["external_id"].text.empty() && sigv4["role_arn"].text.empty()) {
    return Reject(sigv4, "external_id can only be used with role_arn");
  }
  return {};
}

const Type& Sigv4Type() {
  static const Schema schema{"sigv4.plain",
                             {{"region", &kStringType},
                              {"access_key", &kStringType},
                              {"secret_key", &kSecretType},
                              {"profile", &kStringType},
                              {"role_arn", &kStringType},
                              {"external_id", &kStringType},
                              {"use_fips_sts_endpoint", &kBoolType},
                              {"service_name", &kStringType}},
                             CheckSigv4};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& AzureAdType() {
  static const Schema managed{"azuread.ManagedIdentityConfig", {{"client_id", &kStringType}}};
  static const Schema workload{"azuread.WorkloadIdentityConfig",
                               {{"client_id", &kStringType},
                                {"tenant_id", &kStringType},
                                {"token_file_path", &kStringType}}};
  static const Schema oauth{
      "azuread.OAuthConfig",
      {{"client_id", &kStringType}, {"client_secret", &kSecretType}, {"tenant_id", &kStringType}}};
  static const Schema certificate{"azuread.CertificateConfig",
                                  {{"client_id", &kStringType},
                                   {"tenant_id", &kStringType},
                                   {"certificate_path", &kStringType},
                                   {"certificate_key_path", &kStringType},
                                   {"certificate_password", &kSecretType},
                                   {"send_certificate_chain", &kBoolType}}};
  static const Schema sdk{"azuread.SDKConfig", {{"tenant_id", &kStringType}}};
  static const Type managed_type{Kind::kStruct, "", &managed};
  static const Type workload_type{Kind::kStruct, "", &workload};
  static const Type oauth_type{Kind::kStruct, "", &oauth};
  static const Type certificate_type{Kind::kStruct, "", &certificate};
  static const Type sdk_type{Kind::kStruct, "", &sdk};
  static const Schema schema{"azuread.plain",
                             {{"managed_identity", &managed_type, Show::kIfSet},
                              {"workload_identity", &workload_type, Show::kIfSet},
                              {"oauth", &oauth_type, Show::kIfSet},
                              {"certificate", &certificate_type, Show::kIfSet},
                              {"sdk", &sdk_type, Show::kIfSet},
                              {"cloud", &kStringType, Show::kUnlessEmpty, "AzurePublic"},
                              {"scope", &kStringType}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& GoogleIamType() {
  static const Schema schema{"googleiam.Config", {{"credentials_file", &kStringType}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

Status CheckQueue(const Value& queue) {
  const auto fail = [&](std::string_view what) {
    return Reject(queue, fmt::format("remote write queue {}", what));
  };
  if (queue["max_shards"].number <= 0) return fail("max_shards must be positive");
  if (queue["min_shards"].number <= 0) return fail("min_shards must be positive");
  if (queue["min_shards"].number > queue["max_shards"].number) {
    return fail("min_shards must not be greater than max_shards");
  }
  if (queue["max_samples_per_send"].number <= 0) {
    return fail("max_samples_per_send must be positive");
  }
  if (queue["capacity"].number <= 0) return fail("capacity must be positive");
  if (queue["max_backoff"].number < queue["min_backoff"].number) {
    return fail("max_backoff must not be less than min_backoff");
  }
  return {};
}

const Type& QueueType() {
  constexpr Show kShow = Show::kUnlessEmpty;
  static const Schema schema{"config.QueueConfig",
                             {{"capacity", &kIntType, kShow, "10000"},
                              {"max_shards", &kIntType, kShow, "50"},
                              {"min_shards", &kIntType, kShow, "1"},
                              {"max_samples_per_send", &kIntType, kShow, "2000"},
                              {"batch_send_deadline", &kDurationType, kShow, "5s"},
                              {"min_backoff", &kDurationType, kShow, "30ms"},
                              {"max_backoff", &kDurationType, kShow, "5s"},
                              {"retry_on_http_429", &kBoolType},
                              {"sample_age_limit", &kDurationType}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& MetadataSendType() {
  static const Schema schema{"config.MetadataConfig",
                             {{"send", &kBoolType, Show::kAlways, "true"},
                              {"send_interval", &kDurationType, Show::kAlways, "1m"},
                              {"max_samples_per_send", &kIntType, Show::kUnlessEmpty, "2000"}}};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

Status CheckRemoteWrite(Value& section) {
  if (!section["url"].set) return Reject(section, "url for remote_write is empty");
  NX_RETURN_IF_ERROR(CheckNoNull(section["write_relabel_configs"],
                                 "empty or null relabeling rule in remote write config"));
  NX_RETURN_IF_ERROR(CheckHeaders(section["headers"]));
  const std::string& message = section["protobuf_message"].text;
  if (message != "prometheus.WriteRequest" && message != "io.prometheus.write.v2.Request") {
    return Reject(section["protobuf_message"],
                  fmt::format("invalid protobuf_message value: unknown type for remote write "
                              "protobuf message {}, supported: prometheus.WriteRequest, "
                              "io.prometheus.write.v2.Request",
                              message));
  }
  NX_RETURN_IF_ERROR(CheckHttp(section));
  NX_RETURN_IF_ERROR(CheckQueue(section["queue_config"]));
  std::string configured;
  int count = 0;
  for (const std::string_view name :
       {"basic_auth", "authorization", "oauth2", "sigv4", "azuread", "google_iam"}) {
    if (!section[name].set) continue;
    if (count++ > 0) configured += ' ';
    configured += name;
  }
  if (count > 1) {
    return Reject(section, fmt::format("at most one of basic_auth, authorization, oauth2, sigv4, "
                                       "azuread or google_iam must be configured. Currently "
                                       "configured: [{}]",
                                       configured));
  }
  return {};
}

Status CheckRemoteRead(Value& section) {
  if (!section["url"].set) return Reject(section, "url for remote_read is empty");
  NX_RETURN_IF_ERROR(CheckHeaders(section["headers"]));
  return CheckHttp(section);
}

Status CheckAlertmanager(Value& section) {
  NX_RETURN_IF_ERROR(CheckDiscovery(section));
  NX_RETURN_IF_ERROR(CheckHttp(section));
  const bool auth =
      section["basic_auth"].set || section["authorization"].set || section["oauth2"].set;
  if (auth && section["sigv4"].set) {
    return Reject(section,
                  "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured");
  }
  const std::string& version = section["api_version"].text;
  if (version != "v2") {
    return Reject(
        section["api_version"],
        fmt::format("expected Alertmanager api version to be one of [v2] but got {}", version));
  }
  NX_RETURN_IF_ERROR(
      CheckNoNull(section["relabel_configs"], "empty or null Alertmanager target relabeling rule"));
  return CheckNoNull(section["alert_relabel_configs"],
                     "empty or null Alertmanager alert relabeling rule");
}

const Type& AlertmanagerListType() {
  static const Schema schema{"config.AlertmanagerConfig",
                             Concat({HttpFields(),
                                     {{"sigv4", &Sigv4Type(), Show::kIfSet},
                                      {"scheme", &kStringType, Show::kUnlessEmpty, "http"},
                                      {"path_prefix", &kStringType},
                                      {"timeout", &kDurationType, Show::kUnlessEmpty, "10s"},
                                      {"api_version", &kStringType, Show::kAlways, "v2"},
                                      {"relabel_configs", &RelabelListType()},
                                      {"alert_relabel_configs", &RelabelListType()}},
                                     DiscoveryFields()}),
                             CheckAlertmanager};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "config.AlertmanagerConfigs", nullptr, &entry};
  return list;
}

Status CheckAlerting(Value& section) {
  return CheckNoNull(section["alert_relabel_configs"], "empty or null alert relabeling rule");
}

}  // namespace

const Type& AlertingType() {
  static const Schema schema{
      "config.plain",
      {{"alert_relabel_configs", &RelabelListType()}, {"alertmanagers", &AlertmanagerListType()}},
      CheckAlerting};
  static const Type type{Kind::kStruct, "", &schema};
  return type;
}

const Type& RemoteWriteListType() {
  static const Schema schema{
      "config.plain",
      Concat({{{"url", &kUrlType, Show::kAlways},
               {"remote_timeout", &kDurationType, Show::kUnlessEmpty, "30s"},
               {"headers", &kStringMapType},
               {"write_relabel_configs", &RelabelListType()},
               {"name", &kStringType},
               {"send_exemplars", &kBoolType},
               {"send_native_histograms", &kBoolType},
               {"round_robin_dns", &kBoolType},
               {"protobuf_message", &kStringType, Show::kUnlessEmpty, "prometheus.WriteRequest"},
               {"failed_request_logging", &kBoolType}},
              HttpFields("false"),
              {{"queue_config", &QueueType()},
               {"metadata_config", &MetadataSendType()},
               {"sigv4", &Sigv4Type(), Show::kIfSet},
               {"azuread", &AzureAdType(), Show::kIfSet},
               {"google_iam", &GoogleIamType(), Show::kIfSet}}}),
      CheckRemoteWrite};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*config.RemoteWriteConfig", nullptr, &entry};
  return list;
}

const Type& RemoteReadListType() {
  static const Schema schema{
      "config.plain",
      Concat({{{"url", &kUrlType, Show::kAlways},
               {"remote_timeout", &kDurationType, Show::kUnlessEmpty, "1m"},
               {"chunked_read_limit", &kUint64Type, Show::kUnlessEmpty, "50000000"},
               {"headers", &kStringMapType},
               {"read_recent", &kBoolType},
               {"name", &kStringType}},
              HttpFields(),
              {{"required_matchers", &kStringMapType},
               {"filter_external_labels", &kBoolType, Show::kUnlessEmpty, "true"}}}),
      CheckRemoteRead};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*config.RemoteReadConfig", nullptr, &entry};
  return list;
}

}  // namespace narthex::config

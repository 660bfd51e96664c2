// SPDX-License-Identifier: Apache-2.0
//
// aws_sd_configs and those of its roles: ec2_sd_configs, lightsail_sd_configs, msk_sd_configs.
// Source: Prometheus discovery/aws.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

Status CheckEc2(Value& sd) {
  for (const Value& filter : sd["filters"].items) {
    if (!filter.IsOpen() || filter["values"].items.empty()) {
      return Reject(sd["filters"], "EC2 SD configuration filter values cannot be empty");
    }
  }
  return CheckHttp(sd);
}

/// The roles are services that have sections of their own.
Status CheckAws(Value& sd) {
  const std::string& role = sd["role"].text;
  if (role == "ecs" || role == "elasticache" || role == "rds") {
    return Reject(sd["role"],
                  fmt::format("the role {} of aws_sd_configs is known to Prometheus but not "
                              "available in Narthex yet; use file_sd_configs or static_configs",
                              role));
  }
  if (role != "ec2" && role != "lightsail" && role != "msk") {
    return Reject(sd["role"].set ? sd["role"] : sd,
                  fmt::format("unknown AWS SD role {}", go::Quote(role)));
  }
  return CheckHttp(sd);
}

const Type& FilterListType() {
  static const Schema schema{
      "aws.Filter",
      {{"name", &kStringType, Show::kAlways}, {"values", &kStringListType, Show::kAlways}}};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*aws.Filter", nullptr, &entry};
  return list;
}

std::vector<Field> CredentialFields() {
  return {{"access_key", &kStringType},
          {"secret_key", &kSecretType},
          {"profile", &kStringType},
          {"role_arn", &kStringType},
          {"external_id", &kStringType}};
}

std::vector<Field> AccessFields() {
  return Concat(
      {{{"endpoint", &kStringType, Show::kAlways}, {"region", &kStringType, Show::kAlways}},
       CredentialFields(),
       {{"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"},
        {"port", &kIntType, Show::kAlways, "80"}}});
}

/// Prometheus gives aws_sd_configs no defaults. What is 0 or empty has that of the role, but for
/// redirects, which are not followed.
std::vector<Field> HttpFieldsWithoutDefaults() {
  std::vector<Field> fields = HttpFields("false");
  for (Field& field : fields) {
    if (field.name == "follow_redirects") field.default_text = "false";
  }
  return fields;
}

AwsAccess ExtractAccess(const Value& sd) {
  return {.endpoint = sd["endpoint"].text,
          .region = sd["region"].text,
          .access_key = sd["access_key"].text,
          .secret_key = sd["secret_key"].text,
          .profile = sd["profile"].text,
          .role_arn = sd["role_arn"].text,
          .external_id = sd["external_id"].text};
}

}  // namespace

const Type& AwsSdListType() {
  static const Schema schema{
      "aws.plain",
      Concat({{{"role", &kStringType, Show::kAlways},
               {"region", &kStringType},
               {"endpoint", &kStringType}},
              CredentialFields(),
              {{"refresh_interval", &kDurationType}, {"port", &kIntType}},
              HttpFieldsWithoutDefaults(),
              {{"filters", &FilterListType()}, {"clusters", &kStringListType}}}),
      CheckAws};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*aws.SDConfig", nullptr, &entry};
  return list;
}

DiscoverySettings ExtractAwsSd(const Value& sd) {
  const auto fill = [&](auto config) -> DiscoverySettings {
    config.access = ExtractAccess(sd);
    if (sd["port"].number != 0) config.port = sd["port"].number;
    if (const auto interval = sd["refresh_interval"].number; interval != 0) {
      config.refresh_interval_ms = interval;
    }
    config.http = ExtractHttp(sd);
    return config;
  };
  if (sd["role"].text == "lightsail") return fill(LightsailSdConfig());
  if (sd["role"].text == "msk") {
    MskSdConfig msk;
    msk.clusters = Strings(sd["clusters"]);
    return fill(std::move(msk));
  }
  Ec2SdConfig ec2;
  ec2.filters = ExtractFilters(sd["filters"]);
  return fill(std::move(ec2));
}

const Type& Ec2SdListType() {
  static const Schema schema{
      "aws.plain",
      Concat({AccessFields(), {{"filters", &FilterListType(), Show::kAlways}}, HttpFields()}),
      CheckEc2};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*aws.EC2SDConfig", nullptr, &entry};
  return list;
}

Ec2SdConfig ExtractEc2Sd(const Value& sd) {
  return {.access = ExtractAccess(sd),
          .port = sd["port"].number,
          .filters = ExtractFilters(sd["filters"]),
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

const Type& LightsailSdListType() {
  static const Schema schema{"aws.plain", Concat({AccessFields(), HttpFields()}), CheckHttp};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*aws.LightsailSDConfig", nullptr, &entry};
  return list;
}

LightsailSdConfig ExtractLightsailSd(const Value& sd) {
  return {.access = ExtractAccess(sd),
          .port = sd["port"].number,
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

const Type& MskSdListType() {
  static const Schema schema{
      "aws.plain",
      Concat({{{"region", &kStringType, Show::kAlways}, {"endpoint", &kStringType, Show::kAlways}},
              CredentialFields(),
              {{"clusters", &kStringListType},
               {"port", &kIntType, Show::kAlways, "80"},
               {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"},
               {"request_concurrency", &kIntType, Show::kUnlessEmpty, "10"}},
              HttpFields()}),
      CheckHttp};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*aws.MSKSDConfig", nullptr, &entry};
  return list;
}

/// Requests are sent one after the other, whatever `request_concurrency` is.
MskSdConfig ExtractMskSd(const Value& sd) {
  return {.access = ExtractAccess(sd),
          .port = sd["port"].number,
          .clusters = Strings(sd["clusters"]),
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

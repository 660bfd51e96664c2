// SPDX-License-Identifier: Apache-2.0
//
// ec2_sd_configs and lightsail_sd_configs. Source: Prometheus discovery/aws.
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

const Type& FilterListType() {
  static const Schema schema{
      "aws.Filter",
      {{"name", &kStringType, Show::kAlways}, {"values", &kStringListType, Show::kAlways}}};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*aws.Filter", nullptr, &entry};
  return list;
}

std::vector<Field> AccessFields() {
  return {{"endpoint", &kStringType, Show::kAlways},
          {"region", &kStringType, Show::kAlways},
          {"access_key", &kStringType},
          {"secret_key", &kSecretType},
          {"profile", &kStringType},
          {"role_arn", &kStringType},
          {"external_id", &kStringType},
          {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"},
          {"port", &kIntType, Show::kAlways, "80"}};
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

}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
//
// eureka_sd_configs. Source: Prometheus discovery/eureka.
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/url_check.h"

namespace narthex::config {

namespace {

Status CheckEurekaSd(Value& sd) {
  const Value& server = sd["server"];
  if (server.text.empty()) return Reject(sd, "eureka_sd: empty or null eureka server");
  NX_RETURN_IF_ERROR(CheckUrl(server.text));
  const UrlParts parts = SplitUrl(server.text);
  if (parts.scheme.empty() || parts.host.empty()) {
    return Reject(server, "eureka_sd: invalid eureka server URL");
  }
  return CheckHttp(sd);
}

}  // namespace

const Type& EurekaSdListType() {
  static const Schema schema{
      "eureka.plain",
      Concat({{{"server", &kStringType}},
              HttpFields(),
              {{"refresh_interval", &kDurationType, Show::kUnlessEmpty, "30s"}}}),
      CheckEurekaSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*eureka.SDConfig", nullptr, &entry};
  return list;
}

EurekaSdConfig ExtractEurekaSd(const Value& sd) {
  return {.server = sd["server"].text,
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

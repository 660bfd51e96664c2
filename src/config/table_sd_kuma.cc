// SPDX-License-Identifier: Apache-2.0
//
// kuma_sd_configs. Source: Prometheus discovery/xds.
#include <fmt/core.h>

#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/url_check.h"

namespace narthex::config {

namespace {

Status CheckKumaSd(Value& sd) {
  const Value& server = sd["server"];
  if (server.text.empty()) return Reject(sd, "kuma SD server must not be empty: ");
  NX_RETURN_IF_ERROR(CheckUrl(server.text));
  const UrlParts parts = SplitUrl(server.text);
  if (parts.scheme.empty() || parts.host.empty()) {
    return Reject(
        server, fmt::format("kuma SD server must not be empty and have a scheme: {}", server.text));
  }
  return CheckHttp(sd);
}

}  // namespace

const Type& KumaSdListType() {
  static const Schema schema{
      "xds.plainKumaConf",
      Concat({HttpFields(),
              {{"refresh_interval", &kDurationType, Show::kUnlessEmpty, "15s"},
               {"fetch_timeout", &kDurationType, Show::kUnlessEmpty, "2m"},
               {"server", &kStringType},
               {"client_id", &kStringType}}}),
      CheckKumaSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*xds.SDConfig", nullptr, &entry};
  return list;
}

KumaSdConfig ExtractKumaSd(const Value& sd) {
  return {.server = sd["server"].text,
          .client_id = sd["client_id"].text,
          .refresh_interval_ms = sd["refresh_interval"].number,
          .fetch_timeout_ms = sd["fetch_timeout"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

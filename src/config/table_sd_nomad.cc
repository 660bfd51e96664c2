// SPDX-License-Identifier: Apache-2.0
//
// nomad_sd_configs. Source: Prometheus discovery/nomad.
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

Status CheckNomadSd(Value& sd) {
  if (sd["server"].text.find_first_not_of(" \t\r\n\v\f") == std::string::npos) {
    return Reject(sd, "nomad SD configuration requires a server address");
  }
  return CheckHttp(sd);
}

}  // namespace

const Type& NomadSdListType() {
  static const Schema schema{
      "nomad.plain",
      Concat({{{"allow_stale", &kBoolType, Show::kAlways, "true"}},
              HttpFields(),
              {{"namespace", &kStringType, Show::kAlways, "default"},
               {"refresh_interval", &kDurationType, Show::kAlways, "1m"},
               {"region", &kStringType, Show::kAlways, "global"},
               {"server", &kStringType, Show::kAlways, "http://localhost:4646"},
               {"tag_separator", &kStringType, Show::kUnlessEmpty, ","}}}),
      CheckNomadSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*nomad.SDConfig", nullptr, &entry};
  return list;
}

NomadSdConfig ExtractNomadSd(const Value& sd) {
  return {.server = sd["server"].text,
          .region = sd["region"].text,
          .name_space = sd["namespace"].text,
          .tag_separator = sd["tag_separator"].text,
          .allow_stale = sd["allow_stale"].flag(),
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

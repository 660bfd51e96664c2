// SPDX-License-Identifier: Apache-2.0
//
// puppetdb_sd_configs. Source: Prometheus discovery/puppetdb.
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

Status CheckPuppetdbSd(Value& sd) {
  NX_RETURN_IF_ERROR(CheckHttpUrl(sd));
  if (sd["query"].text.empty()) return Reject(sd, "query missing");
  return CheckHttp(sd);
}

}  // namespace

const Type& PuppetdbSdListType() {
  static const Schema schema{
      "puppetdb.plain",
      Concat({HttpFields(),
              {{"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"},
               {"url", &kStringType, Show::kAlways},
               {"query", &kStringType, Show::kAlways},
               {"include_parameters", &kBoolType, Show::kAlways},
               {"port", &kIntType, Show::kAlways, "80"}}}),
      CheckPuppetdbSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*puppetdb.SDConfig", nullptr, &entry};
  return list;
}

PuppetdbSdConfig ExtractPuppetdbSd(const Value& sd) {
  return {.url = sd["url"].text,
          .query = sd["query"].text,
          .include_parameters = sd["include_parameters"].flag(),
          .port = sd["port"].number,
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

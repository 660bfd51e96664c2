// SPDX-License-Identifier: Apache-2.0
//
// file_sd_configs. Source: Prometheus discovery/file.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/config/extract.h"
#include "src/config/patterns.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

Status CheckFileSd(Value& sd) {
  if (sd["files"].items.empty()) {
    return Reject(sd, "file service discovery config must contain at least one path name");
  }
  for (const Value& file : sd["files"].items) {
    if (!IsFileDiscoveryPath(file.text)) {
      return Reject(
          file, fmt::format("path name {} is not valid for file discovery", go::Quote(file.text)));
    }
  }
  return {};
}

}  // namespace

const Type& FileSdListType() {
  static const Schema schema{"file.plain",
                             {{"files", &kStringListType, Show::kAlways},
                              {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "5m"}},
                             CheckFileSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*file.SDConfig", nullptr, &entry};
  return list;
}

FileSdConfig ExtractFileSd(const Value& sd) {
  return {.files = Strings(sd["files"]), .refresh_interval_ms = sd["refresh_interval"].number};
}

}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
//
// marathon_sd_configs. Source: Prometheus discovery/marathon.
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"

namespace narthex::config {

namespace {

/// DC/OS has a header of its own, which leaves no room for any other authorization.
Status CheckAuthToken(const Value& sd) {
  const bool token = !sd["auth_token"].text.empty();
  const bool file = !sd["auth_token_file"].text.empty();
  if (token && file) {
    return Reject(sd,
                  "marathon_sd: at most one of auth_token & auth_token_file must be configured");
  }
  if (!token && !file) return {};
  if (sd["basic_auth"].set) {
    return Reject(sd,
                  "marathon_sd: at most one of basic_auth, auth_token & auth_token_file must be "
                  "configured");
  }
  if (!sd["bearer_token"].text.empty() || !sd["bearer_token_file"].text.empty()) {
    return Reject(sd,
                  "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & "
                  "auth_token_file must be configured");
  }
  if (sd["authorization"].set) {
    return Reject(sd,
                  "marathon_sd: at most one of auth_token, auth_token_file & authorization must be "
                  "configured");
  }
  return {};
}

Status CheckMarathonSd(Value& sd) {
  if (sd["servers"].items.empty()) {
    return Reject(sd, "marathon_sd: must contain at least one Marathon server");
  }
  NX_RETURN_IF_ERROR(CheckAuthToken(sd));
  return CheckHttp(sd);
}

}  // namespace

const Type& MarathonSdListType() {
  static const Schema schema{
      "marathon.plain",
      Concat({{{"servers", &kStringListType},
               {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "30s"},
               {"auth_token", &kSecretType},
               {"auth_token_file", &kStringType}},
              HttpFields()}),
      CheckMarathonSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*marathon.SDConfig", nullptr, &entry};
  return list;
}

MarathonSdConfig ExtractMarathonSd(const Value& sd) {
  return {.servers = Strings(sd["servers"]),
          .auth_token = sd["auth_token"].text,
          .auth_token_file = sd["auth_token_file"].text,
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

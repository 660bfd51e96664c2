// SPDX-License-Identifier: Apache-2.0
//
// http_sd_configs. Source: Prometheus discovery/http.
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/url_check.h"

namespace narthex::config {

namespace {

Status CheckHttpSd(Value& sd) {
  NX_RETURN_IF_ERROR(CheckHttpUrl(sd));
  return CheckHttp(sd);
}

}  // namespace

Status CheckHttpUrl(const Value& sd) {
  const Value& url = sd["url"];
  if (url.text.empty()) return Reject(sd, "URL is missing");
  NX_RETURN_IF_ERROR(CheckUrl(url.text));
  const UrlParts parts = SplitUrl(url.text);
  if (parts.scheme != "http" && parts.scheme != "https") {
    return Reject(url, "URL scheme must be 'http' or 'https'");
  }
  if (parts.host.empty()) return Reject(url, "host is missing in URL");
  return {};
}

const Type& HttpSdListType() {
  static const Schema schema{
      "http.plain",
      Concat({HttpFields(),
              {{"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"},
               {"url", &kStringType, Show::kAlways}}}),
      CheckHttpSd};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list{Kind::kList, "[]*http.SDConfig", nullptr, &entry};
  return list;
}

HttpSdConfig ExtractHttpSd(const Value& sd) {
  return {.url = sd["url"].text,
          .refresh_interval_ms = sd["refresh_interval"].number,
          .http = ExtractHttp(sd)};
}

}  // namespace narthex::config

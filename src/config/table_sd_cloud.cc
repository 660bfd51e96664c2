// SPDX-License-Identifier: Apache-2.0
//
// *_sd_configs of cloud providers. Source: Prometheus discovery/{azure,digitalocean,gce,hetzner,
// ionos,linode,scaleway,vultr}.
#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "src/config/extract.h"
#include "src/config/tables.h"
#include "src/config/tables_sd.h"
#include "src/config/yaml/url_check.h"

namespace narthex::config {

namespace {

/// Refresh interval and port as most of them have them.
std::vector<Field> PollFields() {
  return {{"refresh_interval", &kDurationType, Show::kAlways, "1m"},
          {"port", &kIntType, Show::kAlways, "80"}};
}

/// What all have; `http` tells whether they have an HTTP client's settings.
void ExtractBase(const Value& sd, CloudSdBase& base, bool http = true) {
  base.port = sd["port"].number;
  base.refresh_interval_ms = sd["refresh_interval"].number;
  if (http) base.http = ExtractHttp(sd);
}

/// The list of sections with this schema.
Type ListOf(std::string_view go_name, const Type& entry) {
  return {Kind::kList, go_name, nullptr, &entry};
}

Status CheckDigitalOcean(Value& sd) {
  const std::string& role = sd["role"].text;
  if (role != "droplets" && role != "databases") {
    return Reject(sd["role"], fmt::format("unknown DigitalOcean SD role {}", go::Quote(role)));
  }
  return CheckHttp(sd);
}

Status CheckHetzner(Value& sd) {
  const std::string& role = sd["role"].text;
  if (!sd["role"].set) return Reject(sd, "role missing (one of: robot, hcloud)");
  if (role != "robot" && role != "hcloud") {
    return Reject(sd["role"], fmt::format("unknown role {}", go::Quote(role)));
  }
  return CheckHttp(sd);
}

Status CheckIonos(Value& sd) {
  if (sd["datacenter_id"].text.empty()) return Reject(sd, "datacenter id can't be empty");
  return CheckHttp(sd);
}

bool IsUuid(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::equal(text.begin(), text.end(), kForm.begin(), kForm.end(), [](char c, char form) {
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    return form == '-' ? c == '-' : hex;
  });
}

bool IsScalewayAccessKey(std::string_view text) {
  return text.size() == 20 && text.starts_with("SCW") &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

/// "fr-par-1": two letters, three to seven, a number of one or two digits.
bool IsScalewayZone(std::string_view text) {
  const std::size_t last = text.rfind('-');
  if (last == std::string_view::npos || last < 6 || last > 10 || text[2] != '-') return false;
  const std::string_view number = text.substr(last + 1);
  if (number.empty() || number.size() > 2) return false;
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  const std::string_view area = text.substr(3, last - 3);
  return is_letter(text[0]) && is_letter(text[1]) &&
         std::all_of(area.begin(), area.end(), is_letter) &&
         std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// What Scaleway's library checks. The secret is not shown, unlike there.
Status CheckScalewayForms(const Value& sd) {
  const auto fail = [](const Value& where, std::string why) {
    return Reject(where, "scaleway-sdk-go: " + std::move(why));
  };
  if (const Value& key = sd["access_key"]; !IsScalewayAccessKey(key.text)) {
    return fail(key, fmt::format("invalid access key format '{}', expected SCWXXXXXXXXXXXXXXXXX "
                                 "format",
                                 key.text));
  }
  constexpr std::string_view kUuid = "expected a UUID: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (const Value& key = sd["secret_key"]; !key.text.empty() && !IsUuid(key.text)) {
    return fail(key, fmt::format("invalid secret key format, {}", kUuid));
  }
  if (const Value& id = sd["project_id"]; !IsUuid(id.text)) {
    return fail(id, fmt::format("invalid project ID format '{}', {}", id.text, kUuid));
  }
  if (sd["zone"].text.empty()) return fail(sd, "default zone cannot be empty");
  if (const Value& zone = sd["zone"]; !IsScalewayZone(zone.text)) {
    return fail(zone,
                fmt::format("invalid default zone format '{}', available zones are: fr-par-1, "
                            "fr-par-2, fr-par-3, nl-ams-1, nl-ams-2, nl-ams-3, pl-waw-1, "
                            "pl-waw-2, pl-waw-3",
                            zone.text));
  }
  const Value& url = sd["api_url"];
  if (url.text.empty() || !CheckUrl(url.text)) {
    return fail(url, fmt::format("invalid API url '{}'", url.text));
  }
  if (url.text.ends_with('/')) {
    return fail(url,
                fmt::format("invalid API url '{}' it should not have a trailing slash", url.text));
  }
  return {};
}

Status CheckScaleway(Value& sd) {
  const std::string& role = sd["role"].text;
  if (!sd["role"].set) return Reject(sd, "role missing (one of: instance, baremetal)");
  if (role != "instance" && role != "baremetal") {
    return Reject(sd["role"], fmt::format("unknown role {}", go::Quote(role)));
  }
  if (sd["project_id"].text.empty()) return Reject(sd, "project_id is mandatory");
  const bool key = !sd["secret_key"].text.empty();
  const bool file = !sd["secret_key_file"].text.empty();
  if (!key && !file) return Reject(sd, "one of secret_key & secret_key_file must be configured");
  if (key && file) {
    return Reject(sd, "at most one of secret_key & secret_key_file must be configured");
  }
  if (sd["access_key"].text.empty()) return Reject(sd, "access_key is mandatory");
  NX_RETURN_IF_ERROR(CheckScalewayForms(sd));
  return CheckHttp(sd);
}

Status CheckGce(Value& sd) {
  if (sd["project"].text.empty()) return Reject(sd, "GCE SD configuration requires a project");
  if (sd["zone"].text.empty()) return Reject(sd, "GCE SD configuration requires a zone");
  return {};
}

Status CheckAzure(Value& sd) {
  const std::string& method = sd["authentication_method"].text;
  std::vector<std::string_view> required = {"subscription_id"};
  if (method == "OAuth")
    required.insert(required.end(), {"tenant_id", "client_id", "client_secret"});
  for (const std::string_view name : required) {
    if (!sd[name].text.empty()) continue;
    return Reject(sd, fmt::format("azure SD configuration requires a {}", name));
  }
  if (method != "OAuth" && method != "ManagedIdentity" && method != "SDK" &&
      method != "WorkloadIdentity") {
    return Reject(sd["authentication_method"],
                  fmt::format("unknown authentication_type {}. Supported types are \"OAuth\", "
                              "\"ManagedIdentity\", \"SDK\" or \"WorkloadIdentity\"",
                              go::Quote(method)));
  }
  return CheckHttp(sd);
}

}  // namespace

const Type& AzureSdListType() {
  static const Schema schema{
      "azure.plain",
      Concat({{{"environment", &kStringType, Show::kUnlessEmpty, "AzurePublicCloud"},
               {"port", &kIntType, Show::kAlways, "80"},
               {"subscription_id", &kStringType, Show::kAlways},
               {"tenant_id", &kStringType},
               {"client_id", &kStringType},
               {"client_secret", &kSecretType},
               {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "5m"},
               {"authentication_method", &kStringType, Show::kUnlessEmpty, "OAuth"},
               {"resource_group", &kStringType}},
              HttpFields()}),
      CheckAzure};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*azure.SDConfig", entry);
  return list;
}

AzureSdConfig ExtractAzureSd(const Value& sd) {
  AzureSdConfig config;
  ExtractBase(sd, config);
  config.environment = sd["environment"].text;
  config.subscription_id = sd["subscription_id"].text;
  config.tenant_id = sd["tenant_id"].text;
  config.client_id = sd["client_id"].text;
  config.client_secret = sd["client_secret"].text;
  config.resource_group = sd["resource_group"].text;
  config.authentication_method = sd["authentication_method"].text;
  return config;
}

const Type& DigitalOceanSdListType() {
  static const Schema schema{
      "digitalocean.plain",
      Concat({HttpFields(), PollFields(), {{"role", &kStringType, Show::kAlways, "droplets"}}}),
      CheckDigitalOcean};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*digitalocean.SDConfig", entry);
  return list;
}

DigitalOceanSdConfig ExtractDigitalOceanSd(const Value& sd) {
  DigitalOceanSdConfig config;
  ExtractBase(sd, config);
  config.role = sd["role"].text;
  return config;
}

const Type& GceSdListType() {
  static const Schema schema{"gce.plain",
                             {{"project", &kStringType, Show::kAlways},
                              {"zone", &kStringType, Show::kAlways},
                              {"filter", &kStringType},
                              {"refresh_interval", &kDurationType, Show::kUnlessEmpty, "1m"},
                              {"port", &kIntType, Show::kAlways, "80"},
                              {"tag_separator", &kStringType, Show::kUnlessEmpty, ","}},
                             CheckGce};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*gce.SDConfig", entry);
  return list;
}

GceSdConfig ExtractGceSd(const Value& sd) {
  GceSdConfig config;
  ExtractBase(sd, config, false);
  config.project = sd["project"].text;
  config.zone = sd["zone"].text;
  config.filter = sd["filter"].text;
  config.tag_separator = sd["tag_separator"].text;
  return config;
}

const Type& HetznerSdListType() {
  static const Schema schema{
      "hetzner.plain",
      Concat({HttpFields(),
              PollFields(),
              {{"role", &kStringType, Show::kAlways}, {"label_selector", &kStringType}}}),
      CheckHetzner};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*hetzner.SDConfig", entry);
  return list;
}

HetznerSdConfig ExtractHetznerSd(const Value& sd) {
  HetznerSdConfig config;
  ExtractBase(sd, config);
  config.role = sd["role"].text;
  config.label_selector = sd["label_selector"].text;
  return config;
}

const Type& IonosSdListType() {
  static const Schema schema{
      "ionos.plain",
      Concat({{{"datacenter_id", &kStringType, Show::kAlways}}, HttpFields(), PollFields()}),
      CheckIonos};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*ionos.SDConfig", entry);
  return list;
}

IonosSdConfig ExtractIonosSd(const Value& sd) {
  IonosSdConfig config;
  ExtractBase(sd, config);
  config.datacenter_id = sd["datacenter_id"].text;
  return config;
}

const Type& LinodeSdListType() {
  static const Schema schema{"linode.plain",
                             Concat({HttpFields(),
                                     PollFields(),
                                     {{"tag_separator", &kStringType, Show::kUnlessEmpty, ","},
                                      {"region", &kStringType}}}),
                             CheckHttp};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*linode.SDConfig", entry);
  return list;
}

LinodeSdConfig ExtractLinodeSd(const Value& sd) {
  LinodeSdConfig config;
  ExtractBase(sd, config);
  config.region = sd["region"].text;
  config.tag_separator = sd["tag_separator"].text;
  return config;
}

const Type& ScalewaySdListType() {
  static const Schema schema{
      "scaleway.plain",
      Concat({{{"project_id", &kStringType, Show::kAlways},
               {"api_url", &kStringType, Show::kUnlessEmpty, "https://api.scaleway.com"},
               {"zone", &kStringType, Show::kAlways, "fr-par-1"},
               {"access_key", &kStringType, Show::kAlways},
               {"secret_key", &kSecretType, Show::kAlways},
               {"secret_key_file", &kStringType, Show::kAlways},
               {"name_filter", &kStringType},
               {"tags_filter", &kStringListType}},
              HttpFields(),
              PollFields(),
              {{"role", &kStringType, Show::kAlways}}}),
      CheckScaleway};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*scaleway.SDConfig", entry);
  return list;
}

ScalewaySdConfig ExtractScalewaySd(const Value& sd) {
  ScalewaySdConfig config;
  ExtractBase(sd, config);
  config.role = sd["role"].text;
  config.project_id = sd["project_id"].text;
  config.zone = sd["zone"].text;
  config.api_url = sd["api_url"].text;
  config.access_key = sd["access_key"].text;
  config.secret_key = sd["secret_key"].text;
  config.secret_key_file = sd["secret_key_file"].text;
  config.name_filter = sd["name_filter"].text;
  config.tags_filter = Strings(sd["tags_filter"]);
  return config;
}

const Type& VultrSdListType() {
  static const Schema schema{"vultr.plain", Concat({HttpFields(), PollFields()}), CheckHttp};
  static const Type entry{Kind::kStruct, "", &schema};
  static const Type list = ListOf("[]*vultr.SDConfig", entry);
  return list;
}

VultrSdConfig ExtractVultrSd(const Value& sd) {
  VultrSdConfig config;
  ExtractBase(sd, config);
  return config;
}

}  // namespace narthex::config

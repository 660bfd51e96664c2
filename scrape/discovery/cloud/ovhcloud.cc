// SPDX-License-Identifier: Apache-2.0
//
// Source: Prometheus discovery/ovhcloud; the API: https://eu.api.ovh.com/console, and how its
// requests are signed: https://help.ovhcloud.com/csm/en-api-getting-started-ovhcloud-api
#include <fmt/core.h>
#include <openssl/evp.h>

#include "narthex/base/check.h"
#include "narthex/base/log.h"
#include "narthex/base/short_text.h"
#include "narthex/net/url.h"
#include "scrape/answers/ip_text.h"
#include "scrape/answers/target_budget.h"
#include "scrape/discovery/cloud/cloud_source.h"
#include "scrape/discovery/cloud/sources.h"

namespace narthex::scrape {

namespace {

constexpr LabelRow kVps[] = {{"offer", "model.offer"},
                             {"model_vcore", "model.vcore", LabelForm::kInt},
                             {"maximum_additional_ip", "model.maximumAdditionnalIp",  // As it is.
                              LabelForm::kInt},
                             {"version", "model.version"},
                             {"model_name", "model.name"},
                             {"disk", "model.disk", LabelForm::kInt},
                             {"memory", "model.memory", LabelForm::kInt},
                             {"zone", "zone"},
                             {"display_name", "displayName"},
                             {"cluster", "cluster"},
                             {"state", "state"},
                             {"name", "name"},
                             {"netboot_mode", "netbootMode"},
                             {"memory_limit", "memoryLimit", LabelForm::kInt},
                             {"offer_type", "offerType"},
                             {"vcore", "vcore", LabelForm::kInt}};

constexpr LabelRow kDedicatedServer[] = {{"state", "state"},
                                         {"commercial_range", "commercialRange"},
                                         {"link_speed", "linkSpeed", LabelForm::kInt},
                                         {"rack", "rack"},
                                         {"no_intervention", "noIntervention", LabelForm::kBool},
                                         {"os", "os"},
                                         {"support_level", "supportLevel"},
                                         {"server_id", "serverId", LabelForm::kInt},
                                         {"reverse", "reverse"},
                                         {"datacenter", "datacenter"},
                                         {"name", "name"}};

/// What is asked for, and what is made of it.
struct Service {
  std::string_view name;  // In the settings, and in the labels' names.
  std::string_view path;
  std::span<const LabelRow> rows;
};

constexpr Service kServices[] = {{"vps", "/vps", kVps},
                                 {"dedicated_server", "/dedicated/server", kDedicatedServer}};

/// Errors: a name that is none of OVHcloud's, nor a URL.
Result<std::string> EndpointUrl(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"ovh-eu", "https://eu.api.ovh.com/1.0"},
      {"ovh-ca", "https://ca.api.ovh.com/1.0"},
      {"ovh-us", "https://api.us.ovhcloud.com/1.0"},
      {"kimsufi-eu", "https://eu.api.kimsufi.com/1.0"},
      {"kimsufi-ca", "https://ca.api.kimsufi.com/1.0"},
      {"soyoustart-eu", "https://eu.api.soyoustart.com/1.0"},
      {"soyoustart-ca", "https://ca.api.soyoustart.com/1.0"}};
  if (name.ends_with('/')) {
    return Fail(Code::kInvalidArgument, "endpoint name cannot have a trailing slash");
  }
  if (name.find('/') != std::string::npos) return name;
  for (const auto& [known, url] : kNames) {
    if (name == known) return std::string(url);
  }
  return Fail(
      Code::kInvalidArgument,
      fmt::format("unknown endpoint '{}', consider checking 'Endpoints' list or using an URL",
                  name));
}

std::string Sha1Hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const int ok = EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  NX_CHECK(ok == 1, "SHA-1 is part of OpenSSL");
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

/// The last address of each family counts.
struct Addresses {
  std::string v4, v6;
};

/// Addresses, alone or as networks of 32 bits. Errors: none of them, or something else among them.
Result<Addresses> ReadAddresses(const std::vector<std::string>& texts) {
  const auto fail = [] {
    return Fail(Code::kInvalidArgument, "could not parse IP addresses from list");
  };
  Addresses found;
  for (const std::string& text : texts) {
    auto address = CanonicalIp(text);
    if (!address) {
      address = IpOfPrefix(text);
      if (!address) return fail();
      if (!text.ends_with("/32")) continue;  // Also a network that is one address of version 6.
    }
    if (*address == "0.0.0.0" || *address == "::") continue;
    const bool v6 = address->find(':') != std::string::npos;
    (v6 ? found.v6 : found.v4) = *address;
  }
  if (found.v4.empty() && found.v6.empty()) return fail();
  return found;
}

/// "[SBG1 SBG2]": as Go prints a list.
std::string PrintedList(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : " ") + item;
  return "[" + text + "]";
}

/// One refresh.
class Ovhcloud {
 public:
  Ovhcloud(ApiClient& api, const config::OvhcloudSdConfig& config, const Service& service,
           std::string endpoint, Clock& clock)
      : api_(api),
        config_(config),
        service_(service),
        prefix_(fmt::format("__meta_ovhcloud_{}_", service.name)),
        endpoint_(std::move(endpoint)),
        clock_(clock) {}

  Result<config::TargetGroup> Targets();

 private:
  using Document = Result<std::unique_ptr<JsonDocument>>;

  std::int64_t NowSeconds() const { return clock_.NowMs() / 1000; }
  /// How far our clock is ahead of theirs: a signature has the time in it.
  Result<std::int64_t> ClockDifference();
  Document GetSigned(const std::string& path);
  Result<LabelMap> Labels(const std::string& name);

  ApiClient& api_;
  const config::OvhcloudSdConfig& config_;
  const Service& service_;
  const std::string prefix_;
  const std::string endpoint_;
  Clock& clock_;
  std::int64_t ahead_seconds_ = 0;
};

Result<std::int64_t> Ovhcloud::ClockDifference() {
  NX_ASSIGN_OR_RETURN(
      const auto answer,
      api_.GetJson(endpoint_ + "/auth/time", {{"X-Ovh-Application", config_.application_key},
                                              {"Accept", "application/json"}}));
  const std::int64_t theirs = answer->root().Int();
  NX_RETURN_IF_ERROR(answer->status());
  return NowSeconds() - theirs;
}

Ovhcloud::Document Ovhcloud::GetSigned(const std::string& path) {
  const std::string url = endpoint_ + path;
  const std::int64_t time = NowSeconds() - ahead_seconds_;
  const std::string signature =
      "$1$" + Sha1Hex(fmt::format("{}+{}+GET+{}++{}", config_.application_secret,
                                  config_.consumer_key, url, time));
  return api_.GetJson(url, {{"X-Ovh-Application", config_.application_key},
                            {"Accept", "application/json"},
                            {"X-Ovh-Timestamp", std::to_string(time)},
                            {"X-Ovh-Consumer", config_.consumer_key},
                            {"X-Ovh-Signature", signature}});
}

Result<LabelMap> Ovhcloud::Labels(const std::string& name) {
  const std::string path = fmt::format("{}/{}", service_.path, net::EscapeQuery(name));
  NX_ASSIGN_OR_RETURN(const auto details, GetSigned(path));
  NX_ASSIGN_OR_RETURN(const auto ips, GetSigned(path + "/ips"));
  const std::vector<std::string> texts = ips->root().Texts();
  NX_RETURN_IF_ERROR(ips->status());
  NX_ASSIGN_OR_RETURN(const Addresses addresses, ReadAddresses(texts));
  const JsonView server = details->root();
  LabelMap labels;
  AddLabels(server, prefix_, service_.rows, labels);
  if (service_.name == "vps") {
    labels[prefix_ + "datacenter"] = PrintedList(server.At("model.datacenter").Texts());
  }
  labels["instance"] = labels[prefix_ + "name"];
  labels[prefix_ + "ipv4"] = addresses.v4;
  labels[prefix_ + "ipv6"] = addresses.v6;
  labels[kAddressLabel] = addresses.v4.empty() ? addresses.v6 : addresses.v4;
  NX_RETURN_IF_ERROR(details->status());
  return labels;
}

Result<config::TargetGroup> Ovhcloud::Targets() {
  NX_ASSIGN_OR_RETURN(ahead_seconds_, ClockDifference());
  NX_ASSIGN_OR_RETURN(const auto list, GetSigned(std::string(service_.path)));
  const std::vector<std::string> names = list->root().Texts();
  NX_RETURN_IF_ERROR(list->status());
  config::TargetGroup group;
  TargetBudget budget;
  group.source = fmt::format("ovhcloud_{}", service_.name);
  for (const std::string& name : names) {
    const auto labels = Labels(name);
    if (labels) {
      NX_RETURN_IF_ERROR(budget.Add(ToLabels(*labels), group));
      continue;
    }
    if (labels.error().code() == Code::kCancelled) return Fail(labels.error());
    log::Warn(fmt::format("{}: Could not get details of {}", group.source, ShortText(name)),
              {{"err", labels.error().message()}});
  }
  return group;
}

}  // namespace

MadeSource MakeOvhcloudSource(const config::OvhcloudSdConfig& config, Clock& clock) {
  const Service& service = config.service == kServices[0].name ? kServices[0] : kServices[1];
  return MakeCloudSource(
      config, [config, &service, &clock](ApiClient& api) -> Result<config::TargetGroup> {
        // What is wrong with it is an error of each refresh, not of the configuration.
        NX_ASSIGN_OR_RETURN(std::string endpoint, EndpointUrl(config.endpoint));
        return Ovhcloud(api, config, service, std::move(endpoint), clock).Targets();
      });
}

}  // namespace narthex::scrape

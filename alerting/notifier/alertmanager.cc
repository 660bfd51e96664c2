// SPDX-License-Identifier: Apache-2.0
#include "alerting/notifier/alertmanager.h"

#include <set>
#include <utility>

#include <fmt/core.h>

#include "narthex/alerting/alertmanager_check.h"
#include "narthex/base/go_format.h"
#include "narthex/base/log.h"
#include "narthex/base/result.h"
#include "narthex/model/labels.h"

namespace narthex::alerting {
namespace {

constexpr std::string_view kAddress = "__address__";
constexpr std::string_view kScheme = "__scheme__";
constexpr std::string_view kPath = "__alerts_path__";

/// As Go's net/url escapes a path.
std::string EscapePath(std::string_view path) {
  constexpr std::string_view kPlain = "-_.~$&+,/:;=@";
  std::string out;
  for (const char c : path) {
    const bool alphanumeric =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alphanumeric || kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string UrlOf(const model::LabelsBuilder& labels) {
  const std::string path = EscapePath(labels.Get(kPath));
  return fmt::format("{}://{}{}{}", labels.Get(kScheme), labels.Get(kAddress),
                     path.empty() || path[0] == '/' ? "" : "/", path);
}

/// Errors: kInvalidArgument for an address with a path, kResourceExhausted of relabelling.
Result<AlertmanagerUrls> FromGroup(const config::TargetGroup& group,
                                   const config::AlertmanagerConfig& config) {
  AlertmanagerUrls urls;
  for (const model::Labels& target : group.targets) {
    model::LabelsBuilder labels(target);
    labels.Set(kScheme, config.scheme);
    labels.Set(kPath, PostPath(config.path_prefix));
    for (const auto& [name, value] : group.labels) {
      if (!target.Has(name)) labels.Set(name, value);
    }
    const std::string before = UrlOf(labels);
    NX_ASSIGN_OR_RETURN(const bool kept, model::Relabel(labels, config.relabel_configs));
    if (!kept) {
      urls.dropped.push_back(before);
      continue;
    }
    const std::string_view address = labels.Get(kAddress);
    if (address.find('/') != std::string_view::npos) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("{} is not a valid hostname", go::Quote(address)));
    }
    urls.active.push_back(UrlOf(labels));
  }
  return urls;
}

}  // namespace

std::string PostPath(std::string_view prefix) {
  std::vector<std::string_view> parts;
  while (!prefix.empty()) {
    const std::size_t slash = prefix.find('/');
    const std::string_view part = prefix.substr(0, slash);
    prefix.remove_prefix(slash == std::string_view::npos ? prefix.size() : slash + 1);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  std::string path;
  for (const std::string_view part : parts) path.append("/").append(part);
  return path + "/api/v2/alerts";
}

Status CheckAlertmanagers(std::span<const config::TargetGroup> groups,
                          const config::AlertmanagerConfig& config) {
  for (const config::TargetGroup& group : groups) NX_RETURN_IF_ERROR(FromGroup(group, config));
  return {};
}

AlertmanagerUrls FindAlertmanagers(std::span<const config::TargetGroup> groups,
                                   const config::AlertmanagerConfig& config) {
  AlertmanagerUrls all;
  std::set<std::string> seen;
  for (const config::TargetGroup& group : groups) {
    auto urls = FromGroup(group, config);
    if (!urls) {
      log::Error("Creating discovered Alertmanagers failed", {{"err", urls.error().message()}});
      continue;
    }
    for (std::string& url : urls->active) {
      if (seen.insert(url).second) all.active.push_back(std::move(url));
    }
    all.dropped.insert(all.dropped.end(), urls->dropped.begin(), urls->dropped.end());
  }
  return all;
}

}  // namespace narthex::alerting

// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/openstack_session.h"

#include <charconv>

#include <fmt/core.h>

#include "narthex/base/go_format.h"
#include "narthex/base/letter_case.h"
#include "narthex/base/short_text.h"

namespace narthex::scrape {

namespace {

std::string WithSlash(std::string url) {
  if (!url.ends_with('/')) url += '/';
  return url;
}

/// A URL without query and fragment, in parts.
struct VersionedUrl {
  std::string before;   // "http://host/compute/"; all of it when there is no version.
  std::string version;  // "v2.1/"; what follows it is left out.
};

/// Where the path begins; at the end when there is none.
std::size_t PathBegin(std::string_view url) {
  const std::size_t scheme = url.find("://");
  return std::min(url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3), url.size());
}

VersionedUrl FindVersion(const std::string& text) {
  const std::string url = text.substr(0, text.find_first_of("?#"));
  constexpr std::string_view kVersion = "0123456789.";
  for (std::size_t at = url.find('v', PathBegin(url)); at != std::string::npos;
       at = url.find('v', at + 1)) {
    std::size_t end = std::min(url.find_first_not_of(kVersion, at + 1), url.size());
    if (end == at + 1) continue;
    if (end < url.size() && url[end] == '/') ++end;
    return {url.substr(0, at), url.substr(at, end - at)};
  }
  return {url, ""};
}

/// The last part of a URL's path: "v2.1" of "http://h/compute/v2.1/".
std::string_view LastPart(std::string_view url) {
  url.remove_prefix(PathBegin(url));
  while (url.ends_with('/')) url.remove_suffix(1);
  return url.substr(url.rfind('/') + 1);
}

/// The identity service, in the version that is spoken with it.
struct Identity {
  std::string url;
  bool v2 = false;
};

/// Versions of the identity service that are named "v3", "v3.14", "v2.0", and can be spoken. The
/// one at the URL of the settings counts, or else the highest one.
Result<Identity> ChooseIdentity(ApiClient& api, const std::string& endpoint) {
  const std::string given = WithSlash(endpoint);
  if (given.ends_with("/v2.0/")) return Identity{given, true};
  if (given.ends_with("/v3/")) return Identity{given};
  const std::string base = WithSlash(FindVersion(endpoint).before);
  NX_ASSIGN_OR_RETURN(const ApiAnswer answer, api.Get(base, {{"Accept", "application/json"}}));
  if (answer.response.status != 200 && answer.response.status != 300) {
    return Fail(UnexpectedStatus("Get " + UrlText(base), answer));
  }
  NX_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(answer.body));
  Identity best;
  bool found = false;
  for (const JsonView& value : document->root().At("versions.values").Items()) {
    const std::string id = value["id"].Text();
    const bool v3 = id.find("v3") != std::string::npos;
    if (!v3 && id.find("v2.0") == std::string::npos) continue;
    std::string self;
    for (const JsonView& link : value["links"].Items()) {
      if (link["rel"].Text() == "self") self = WithSlash(link["href"].Text());
    }
    if (self == given) return Identity{self, !v3};
    const std::string status = ToLowerCase(value["status"].Text());
    if (status != "current" && status != "supported" && status != "stable") continue;
    if (found && !(best.v2 && v3)) continue;
    best = {self, !v3};
    found = true;
  }
  NX_RETURN_IF_ERROR(document->status());
  if (!found) {
    return Fail(Code::kUnavailable,
                fmt::format("no supported version available from endpoint {}", UrlText(base)));
  }
  if (best.url.empty()) {
    return Fail(Code::kUnavailable, fmt::format("endpoint missing in version {} response from {}",
                                                best.v2 ? "v2.0" : "v3", UrlText(base)));
  }
  return best;
}

/// Asks for a token. Errors: another status than those of success.
Result<ApiAnswer> PostLogin(ApiClient& api, const std::string& url, std::string body) {
  net::ClientRequest request;
  request.method = "POST";
  NX_ASSIGN_OR_RETURN(request.url, net::ParseUrl(url));
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  request.body = std::move(body);
  NX_ASSIGN_OR_RETURN(ApiAnswer answer, api.Do(std::move(request)));
  if (answer.response.status / 100 != 2) {
    return Fail(UnexpectedStatus("Post " + UrlText(url), answer));
  }
  return answer;
}

std::vector<OpenstackEndpoint> ReadCatalogue(const JsonView& services) {
  std::vector<OpenstackEndpoint> catalogue;
  for (const JsonView& service : services.Items()) {
    for (const JsonView& endpoint : service["endpoints"].Items()) {
      catalogue.push_back({.service = service["type"].Text(),
                           .interface = endpoint["interface"].Text(),
                           .region = endpoint["region"].Text(),
                           .region_id = endpoint["region_id"].Text(),
                           .url = endpoint["url"].Text()});
    }
  }
  return catalogue;
}

/// Version 2 has one line for all interfaces of an endpoint.
std::vector<OpenstackEndpoint> ReadCatalogueV2(const JsonView& services) {
  std::vector<OpenstackEndpoint> catalogue;
  for (const JsonView& service : services.Items()) {
    for (const JsonView& endpoint : service["endpoints"].Items()) {
      for (const char* interface : {"public", "internal", "admin"}) {
        catalogue.push_back({.service = service["type"].Text(),
                             .interface = interface,
                             .region = endpoint["region"].Text(),
                             .region_id = "",
                             .url = endpoint[fmt::format("{}URL", interface)].Text()});
      }
    }
  }
  return catalogue;
}

/// A status of a version that is known, spelled as it may be.
bool IsKnownStatus(const std::string& text) {
  const std::string status = ToLowerCase(text);
  return status.empty() || status == "current" || status == "stable" || status == "supported" ||
         status == "deprecated";
}

}  // namespace

int OpenstackMajorVersion(std::string_view text) {
  if (text.starts_with('v')) text.remove_prefix(1);
  const auto is_number = [](std::string_view part) {
    return !part.empty() && part.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::size_t dot = text.find('.');
  const std::string_view minor = dot == std::string_view::npos ? "0" : text.substr(dot + 1);
  const std::string_view major = text.substr(0, dot);
  int number = -1;
  if (!is_number(major) || !is_number(minor)) return -1;
  const auto parsed = std::from_chars(major.data(), major.data() + major.size(), number);
  return parsed.ec == std::errc() ? number : -1;
}

Result<std::vector<int>> ReadOpenstackVersions(const JsonView& answer) {
  std::vector<JsonView> versions;
  const JsonView list = answer["versions"];
  if (answer["version"].present()) {
    versions = {answer["version"]};
  } else if (list.present()) {
    versions = list.IsList() ? list.Items() : list["values"].Items();
  } else if (!answer["id"].Text().empty()) {
    versions = {answer};
  } else {
    return Fail(Code::kInvalidArgument, "failed to unmarshal versions document");
  }
  std::vector<int> majors;
  for (const JsonView& version : versions) {
    const std::string id = version["id"].Text();
    const std::string status = version["status"].Text();
    const int major = OpenstackMajorVersion(id);
    if (major < 0) {
      return Fail(Code::kInvalidArgument, fmt::format("invalid format: {}", go::Quote(id)));
    }
    if (!IsKnownStatus(status)) {
      return Fail(Code::kInvalidArgument, fmt::format("invalid status: {}", go::Quote(status)));
    }
    majors.push_back(major);
  }
  return majors;
}

Result<OpenstackSession> OpenstackSession::Open(ApiClient& api, const OpenstackLogin& login) {
  NX_ASSIGN_OR_RETURN(const Identity identity, ChooseIdentity(api, login.endpoint));
  NX_ASSIGN_OR_RETURN(std::string body,
                      identity.v2 ? OpenstackTokenRequestV2(login) : OpenstackTokenRequest(login));
  const std::string url = identity.url + (identity.v2 ? "tokens" : "auth/tokens");
  NX_ASSIGN_OR_RETURN(const ApiAnswer answer, PostLogin(api, url, std::move(body)));
  NX_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(answer.body));
  const JsonView root = document->root();
  const std::string token =
      identity.v2 ? root.At("access.token.id").Text() : answer.Header("X-Subject-Token");
  auto catalogue = identity.v2 ? ReadCatalogueV2(root.At("access.serviceCatalog"))
                               : ReadCatalogue(root.At("token.catalog"));
  NX_RETURN_IF_ERROR(document->status());
  if (token.empty()) {
    return Fail(Code::kUnavailable, fmt::format("Post {}: the answer has no token", UrlText(url)));
  }
  return OpenstackSession(api, token, std::move(catalogue));
}

Result<bool> OpenstackSession::HasVersion2(const std::string& url) const {
  // What follows the version is a project, behind which nobody tells versions.
  const VersionedUrl versioned = FindVersion(url);
  const std::string root = versioned.before + versioned.version;
  if (const int major = OpenstackMajorVersion(LastPart(root)); major >= 0) return major == 2;
  NX_ASSIGN_OR_RETURN(const ApiAnswer answer, api_->Get(root, headers_));
  if (answer.response.status != 200 && answer.response.status != 300) {
    return Fail(UnexpectedStatus("Get " + UrlText(root), answer));
  }
  NX_ASSIGN_OR_RETURN(const auto document, JsonDocument::Parse(answer.body));
  NX_ASSIGN_OR_RETURN(const std::vector<int> versions, ReadOpenstackVersions(document->root()));
  NX_RETURN_IF_ERROR(document->status());
  return std::find(versions.begin(), versions.end(), 2) != versions.end();
}

Result<std::string> OpenstackSession::Endpoint(std::string_view service,
                                               const OpenstackPlace& place) const {
  for (const OpenstackEndpoint& endpoint : catalogue_) {
    if (endpoint.service != service || endpoint.interface != place.availability) continue;
    if (endpoint.region != place.region && endpoint.region_id != place.region) continue;
    std::string url = WithSlash(endpoint.url);
    auto usable = HasVersion2(url);
    if (!usable) return Fail(std::move(usable).error().Wrap(fmt::format("service {}", service)));
    if (*usable) return url;
  }
  return Fail(Code::kNotFound, "No suitable endpoint could be found in the service catalog.");
}

}  // namespace narthex::scrape

// SPDX-License-Identifier: Apache-2.0
//
// A token of OpenStack's identity service, and where the other services are that take it.
// Source: https://docs.openstack.org/api-ref/identity/v3; which of several endpoints and versions
// counts: gophercloud, by which Prometheus asks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "narthex/base/result.h"
#include "narthex/net/http_client.h"
#include "scrape/answers/json_view.h"
#include "scrape/discovery/api_client.h"
#include "scrape/discovery/cloud/openstack_login.h"

namespace narthex::scrape {

/// One line of the catalogue of services that comes with a token.
struct OpenstackEndpoint {
  std::string service;  // "compute"
  std::string interface;
  std::string region, region_id;
  std::string url;
};

/// Which of the endpoints is asked for.
struct OpenstackPlace {
  std::string region, availability;
};

/// Thread safety: one thread at a time.
class OpenstackSession final {
 public:
  /// Asks for a token; by version 3 of the identity service, or 2 where there is no 3.
  /// @param api  not owned; outlives the session
  /// Errors: what does not say who asks; an answer that has no token; those of the client.
  static Result<OpenstackSession> Open(ApiClient& api, const OpenstackLogin& login);

  /// The URL of a service, with "/" at its end: the first one in the catalogue that has version 2
  /// of the service's API, for which it is asked when its URL does not tell.
  /// Errors: kNotFound without one; those of the client.
  Result<std::string> Endpoint(std::string_view service, const OpenstackPlace& place) const;

  /// The headers by which a service knows the token.
  const net::Headers& headers() const { return headers_; }

 private:
  OpenstackSession(ApiClient& api, const std::string& token,
                   std::vector<OpenstackEndpoint> catalogue)
      : api_(&api),
        headers_{{"X-Auth-Token", token}, {"Accept", "application/json"}},
        catalogue_(std::move(catalogue)) {}

  Result<bool> HasVersion2(const std::string& url) const;

  ApiClient* api_;
  net::Headers headers_;
  std::vector<OpenstackEndpoint> catalogue_;
};

/// The major version that a text like "v2.1" or "3" names; < 0 = none.
int OpenstackMajorVersion(std::string_view text);

/// The major versions that a service's answer at its root names. All three forms are in use:
/// {"versions": […]}, {"versions": {"values": […]}} and one version alone, in "version" or not.
/// Errors: kInvalidArgument for another form, or a version or status that nobody knows.
Result<std::vector<int>> ReadOpenstackVersions(const JsonView& answer);

}  // namespace narthex::scrape

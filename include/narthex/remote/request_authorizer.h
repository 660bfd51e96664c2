// SPDX-License-Identifier: Apache-2.0
//
// Who we are for an endpoint whose requests carry more than fixed credentials: signatures, tokens
// that end.
#pragma once

#include <memory>

#include "narthex/base/result.h"
#include "narthex/config/remote_config.h"
#include "narthex/net/http_client.h"

namespace narthex {
class Clock;
}

namespace narthex::remote {

/// Thread safety: any thread.
class RequestAuthorizer {
 public:
  virtual ~RequestAuthorizer() = default;
  /// Adds the headers by which the endpoint knows us, last of all, as they may be about the others.
  /// May wait for the network. Errors: no token or credentials could be had; the request may be
  /// tried again later.
  virtual Status Authorize(net::ClientRequest& request) = 0;
  /// The endpoint did not take what was made for it (401, 403): it may have been taken back before
  /// its time, so it is to be got anew.
  virtual void Forget() {}
  /// A running Authorize and all later ones that need the network fail with kCancelled.
  virtual void Cancel() {}
};

/// The one that the section asks for; null when it asks for none.
/// @param client  options of the endpoint's client: proxy and TLS of requests for tokens
/// Errors: kInvalidArgument, what is missing; kIo for files that can't be read.
Result<std::unique_ptr<RequestAuthorizer>> MakeAuthorizer(const config::RemoteWriteConfig& config,
                                                          const net::HttpClientOptions& client,
                                                          Clock& clock);

}  // namespace narthex::remote

// SPDX-License-Identifier: Apache-2.0
//
// Who we are for Google: Application Default Credentials.
// Source: https://cloud.google.com/docs/authentication/application-default-credentials
#pragma once

#include "narthex/base/clock.h"
#include "narthex/base/result.h"
#include "narthex/net/environment.h"
#include "scrape/discovery/cloud/token.h"

namespace narthex::scrape {

/// The file that GOOGLE_APPLICATION_CREDENTIALS names, that of the gcloud program, or the metadata
/// service of the machine. Files are of a service account (signs a JWT) or of a user (a refresh
/// token). Errors: a file that can't be read or is of another kind.
/// @param scope  what the token is for
Result<CloudToken::MakeRequest> GoogleTokenRequest(const std::string& scope,
                                                   const net::Environment& environment,
                                                   Clock& clock);

}  // namespace narthex::scrape

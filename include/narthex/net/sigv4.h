// SPDX-License-Identifier: Apache-2.0
//
// AWS Signature Version 4: the headers by which AWS knows who sent a request.
// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "narthex/net/http_client.h"

namespace narthex::net {

struct AwsCredentials {
  std::string access_key{}, secret_key{};
  std::string session_token{};       // "" = of a user, not of a session.
  std::int64_t expires_seconds = 0;  // Unix time; 0 = never.
};

/// Sets X-Amz-Date, X-Amz-Security-Token and Authorization. All headers of the request are signed
/// and the Host header, so nothing that is signed may change afterwards; what the client adds on
/// its own may be added.
/// @param region, service  "eu-west-1", "ec2"
/// @param unix_seconds     now; AWS accepts a few minutes of difference
void SignV4(ClientRequest& request, const AwsCredentials& credentials, std::string_view region,
            std::string_view service, std::int64_t unix_seconds);

}  // namespace narthex::net

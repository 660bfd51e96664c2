// SPDX-License-Identifier: Apache-2.0
#include "web/api/gzip_body.h"

#include <algorithm>
#include <cstddef>

#include "narthex/net/gzip.h"

namespace narthex::web {
namespace {

constexpr std::size_t kMaxBodyBytes = std::size_t{64} << 20;  // Decompressed.

}  // namespace

bool IsGzip(const net::ServerRequest& request) {
  constexpr std::string_view kGzip = "gzip";
  const std::string_view coding = request.Header("Content-Encoding");
  return std::equal(coding.begin(), coding.end(), kGzip.begin(), kGzip.end(),
                    [](char c, char lower) { return (c | 0x20) == lower; });
}

Result<std::string_view> OpenBody(const net::ServerRequest& request, std::string& decompressed) {
  if (!IsGzip(request)) return request.body;
  switch (net::Gunzip(request.body, kMaxBodyBytes, decompressed)) {
    case net::DecodeOutcome::kOk:
      return decompressed;
    case net::DecodeOutcome::kTooLarge:
      return Fail(Code::kResourceExhausted, "http: request body too large");
    case net::DecodeOutcome::kTruncated:
      return Fail(Code::kInvalidArgument, request.body.empty() ? "EOF" : "unexpected EOF");
    case net::DecodeOutcome::kBadHeader:
      return Fail(Code::kInvalidArgument, "gzip: invalid header");
    case net::DecodeOutcome::kBadSum:
      return Fail(Code::kInvalidArgument, "gzip: invalid checksum");
    case net::DecodeOutcome::kCorrupt:
      break;
  }
  return Fail(Code::kInvalidArgument, "gzip: corrupt input");
}

}  // namespace narthex::web

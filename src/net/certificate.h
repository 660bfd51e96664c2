// SPDX-License-Identifier: Apache-2.0
//
// A certificate with its key, by which a program proves who it is in what it signs.
#pragma once

#include <string>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::net {

struct CertificateIdentity {
  std::string private_key{};         // PEM, without a password.
  std::string thumbprint{};          // SHA-1 of the certificate, as base64 for URLs.
  std::vector<std::string> chain{};  // Base64 of the certificates (DER), that of the key first.
};

/// From PEM, or from PKCS #12 ("PFX"). Errors: kInvalidArgument, without anything of the text.
Result<CertificateIdentity> ReadCertificate(const std::string& text, const std::string& password);

}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <openssl/x509.h>

namespace narthex::net {

/// The subject alternative names of a certificate: DNS names, e-mails, URIs, and addresses as Go's
/// net.IP prints them.
std::vector<std::string> AlternativeNames(const X509* certificate);

}  // namespace narthex::net

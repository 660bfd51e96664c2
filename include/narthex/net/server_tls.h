// SPDX-License-Identifier: Apache-2.0
//
// OpenSSL contexts for listeners.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "narthex/base/result.h"

namespace boost::asio::ssl {
class context;
}

namespace narthex::net {

struct ServerTlsOptions {
  std::string cert, key, client_ca;                 // PEM texts.
  std::string cert_file, key_file, client_ca_file;  // PEM files; they win over the texts.

  bool request_client_cert = false;
  bool require_client_cert = false;  // As of the next, only with request_client_cert.
  bool verify_client_cert = false;   // By client_ca, or by the system's authorities without one.
  /// A client's certificate must be there and have one of client_allowed_sans, even if that is
  /// empty: as DNS name, address, e-mail or URI, compared as text. Only with request_client_cert,
  /// and worth something only with verify_client_cert: whoever signs a certificate chooses its
  /// names.
  bool check_client_sans = false;
  std::vector<std::string> client_allowed_sans;

  int min_version = 12;  // 10 … 13: TLS 1.0 … 1.3.
  int max_version = 13;
  std::vector<std::string> cipher_suites;  // Go's names, in order; those of TLS 1.3 are always on.
  std::vector<std::string> curves;         // Go's names: "CurveP256", "CurveP384", …, "X25519".
  bool prefer_server_ciphers = true;
};

using TlsContext = std::shared_ptr<boost::asio::ssl::context>;

/// Opens the files. Errors: kIo or kInvalidArgument that name the file, in the words of Go's
/// crypto/tls; never with what is in the key.
Result<TlsContext> LoadServerTls(const ServerTlsOptions& options);

}  // namespace narthex::net

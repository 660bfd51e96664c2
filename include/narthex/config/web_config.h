// SPDX-License-Identifier: Apache-2.0
//
// The file of --web.config.file: TLS, passwords and security headers of the listeners.
// Source: Prometheus's exporter-toolkit, docs/web-configuration.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "narthex/base/result.h"

namespace narthex::config {

/// Go's crypto/tls.ClientAuthType, in its order.
enum class ClientAuth : std::uint8_t {
  kNone,
  kRequest,          // Asked for, not needed, not checked.
  kRequireAny,       // Needed, not checked.
  kVerifyIfGiven,    // Not needed; checked when there is one.
  kRequireAndVerify  // The only one that keeps anybody out.
};

struct WebTlsConfig {
  std::string cert, key, client_ca;                 // PEM texts.
  std::string cert_file, key_file, client_ca_file;  // Absolute or from here; they win over texts.
  std::string client_auth_type;                     // As written; see ParseClientAuth.
  bool check_client_sans = false;                   // client_allowed_sans is there, maybe empty.
  std::vector<std::string> client_allowed_sans;
  std::vector<std::string> cipher_suites;      // Go's names, known ones only.
  std::vector<std::string> curve_preferences;  // "CurveP256", "CurveP384", "CurveP521", "X25519".
  int min_version = 12;                        // 10 … 13: TLS 1.0 … 1.3.
  int max_version = 13;
  bool prefer_server_cipher_suites = true;
  int line = 0;  // Where the section is; 0 = not in the file.

  /// Whether the listeners speak TLS: any of its main keys is set.
  bool IsEnabled() const;
};

struct WebUser {
  std::string name;
  std::string password_hash;  // bcrypt.
  int line = 0;               // Where it is written.
};

struct WebConfig {
  WebTlsConfig tls;
  std::vector<std::pair<std::string, std::string>> headers;  // Of every answer.
  std::vector<WebUser> users;                                // Empty = no password is asked for.
  bool names_users = false;           // basic_auth_users is there with a value, maybe an empty one.
  std::int64_t rate_interval_ns = 0;  // Between two requests; 0 or less = no limit.
  std::int64_t rate_burst = 0;
};

/// Reads the form of the file: keys, types, names of ciphers and headers. Relative paths are joined
/// with the file's folder. Errors: kNotFound or kIo when it can't be read, else kInvalidArgument
/// with upstream's words and the line. No error holds a secret.
Result<WebConfig> LoadWebConfig(const std::string& path);
Result<WebConfig> LoadWebConfigText(std::string_view text, const std::string& path);

/// Whether all hashes have the form of one. Kept apart because a running server takes a file that
/// fails here: a user whose hash is bad can't log in, the others can. Errors: kInvalidArgument.
Status CheckWebUsers(const WebConfig& config);

/// Whether the keys of an enabled section go together. Errors: kInvalidArgument.
Status CheckWebTls(const WebTlsConfig& tls);

/// What client_auth_type means. Errors: kInvalidArgument "invalid ClientAuth: x".
Result<ClientAuth> ParseClientAuth(std::string_view text);

}  // namespace narthex::config

// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/server_tls.h"

#include <algorithm>
#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/context.hpp>
#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "src/net/client_names.h"
#include "src/net/file.h"

namespace narthex::net {
namespace asio = boost::asio;
namespace ssl = asio::ssl;
using boost::system::error_code;

namespace {

struct ServerContext {
  ssl::context context{ssl::context::tls_server};
  bool verify_chain = false;
  bool check_sans = false;
  std::vector<std::string> allowed_sans;
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 10> kCiphers = {{
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384"},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305"},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA"},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA"},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA"},
}};
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kCurves = {
    {{"X25519", "X25519"}, {"CurveP256", "P-256"}, {"CurveP384", "P-384"}, {"CurveP521", "P-521"}}};

/// OpenSSL's list for Go's names, all known ones for none. Unknown names are left out.
template <std::size_t n>
std::string NameList(const std::vector<std::string>& names,
                     const std::array<std::pair<std::string_view, std::string_view>, n>& known) {
  std::string list;
  const auto add = [&list](std::string_view name) {
    if (!list.empty()) list += ':';
    list += name;
  };
  if (names.empty()) {
    for (const auto& entry : known) add(entry.second);
  }
  for (const std::string& name : names) {
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (found != known.end()) add(found->second);
  }
  return list;
}

std::string LastOpenSslError() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "unknown error" : reason;
}

/// "CERTIFICATE", "PRIVATE KEY", …: the kinds of blocks in a PEM text.
std::vector<std::string> PemBlocks(const std::string& text) {
  std::vector<std::string> kinds;
  BIO* const bio = BIO_new_mem_buf(text.data(), static_cast<int>(text.size()));
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  while (PEM_read_bio(bio, &name, &header, &data, &size) == 1) {
    kinds.emplace_back(name);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
  BIO_free(bio);
  ERR_clear_error();
  return kinds;
}

Status CheckBlocks(const std::string& cert, const std::string& key) {
  const auto fail = [](std::string_view why) {
    return Fail(Code::kInvalidArgument, fmt::format("tls: {}", why));
  };
  const std::vector<std::string> in_cert = PemBlocks(cert);
  const auto is_key = [](const std::string& kind) { return kind.ends_with("PRIVATE KEY"); };
  if (in_cert.empty()) return fail("failed to find any PEM data in certificate input");
  if (std::find(in_cert.begin(), in_cert.end(), "CERTIFICATE") == in_cert.end()) {
    if (std::any_of(in_cert.begin(), in_cert.end(), is_key)) {
      return fail(
          "failed to find certificate PEM data in certificate input, but did find a private key; "
          "PEM inputs may have been switched");
    }
    return fail("failed to find \"CERTIFICATE\" PEM block in certificate input");
  }
  const std::vector<std::string> in_key = PemBlocks(key);
  if (in_key.empty()) return fail("failed to find any PEM data in key input");
  if (std::any_of(in_key.begin(), in_key.end(), is_key)) return {};
  if (std::find(in_key.begin(), in_key.end(), "CERTIFICATE") != in_key.end()) {
    return fail("found a certificate rather than a key in the PEM for the private key");
  }
  return fail("failed to find PEM block with type ending in \"PRIVATE KEY\" in key input");
}

/// Without it OpenSSL asks on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

Result<std::string> FileOrText(const std::string& file, const std::string& text,
                               std::string_view what) {
  if (file.empty()) return text;
  auto content = ReadSmallFile(file);
  if (content) return content;
  return Fail(std::move(content).error().Wrap(fmt::format("failed to read {} ({})", what, file)));
}

Status UseKeyPair(ssl::context& context, const ServerTlsOptions& options) {
  NX_ASSIGN_OR_RETURN(const std::string cert,
                      FileOrText(options.cert_file, options.cert, "cert_file"));
  NX_ASSIGN_OR_RETURN(const std::string key, FileOrText(options.key_file, options.key, "key_file"));
  constexpr std::string_view kFailed = "failed to load X509KeyPair";
  if (Status status = CheckBlocks(cert, key); !status) {
    return Fail(std::move(status).error().Wrap(kFailed));
  }
  SSL_CTX_set_default_passwd_cb(context.native_handle(), NoPassphrase);
  error_code ec;
  context.use_certificate_chain(asio::buffer(cert), ec);
  const X509* const leaf = SSL_CTX_get0_certificate(context.native_handle());
  if (!ec) context.use_private_key(asio::buffer(key), ssl::context::pem, ec);
  std::string why = ec.message();
  auto reason = ERR_GET_REASON(static_cast<unsigned long>(ec.value()));
  if (!ec) {
    // A context takes a key of another type than the certificate's, for a certificate to come.
    ERR_clear_error();
    if (X509_check_private_key(leaf, SSL_CTX_get0_privatekey(context.native_handle())) == 1) {
      return {};
    }
    why = LastOpenSslError();
    reason = ERR_GET_REASON(ERR_peek_last_error());
  }
  switch (reason) {
    case X509_R_KEY_VALUES_MISMATCH:
      why = "tls: private key does not match public key";
      break;
    case X509_R_KEY_TYPE_MISMATCH:
      why = "tls: private key type does not match public key type";
      break;
    default:
      break;
  }
  return Fail(Code::kInvalidArgument,
              fmt::format("{}: {}{}", kFailed, why,
                          options.cert_file.empty()
                              ? ""
                              : fmt::format(" ({}, {})", options.cert_file, options.key_file)));
}

/// Names the authorities that a client's certificate may come from; browsers choose by them.
void AnnounceAuthorities(SSL_CTX* handle, const std::string& pem) {
  BIO* const bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  while (X509* const authority = PEM_read_bio_X509(bio, nullptr, NoPassphrase, nullptr)) {
    SSL_CTX_add_client_CA(handle, authority);
    X509_free(authority);
  }
  BIO_free(bio);
  ERR_clear_error();
}

/// Replaces OpenSSL's check of the client's certificate. Called only when there is one.
int VerifyClient(X509_STORE_CTX* store, void* data) {
  const auto& server = *static_cast<const ServerContext*>(data);
  if (server.verify_chain && X509_verify_cert(store) != 1) return 0;
  if (!server.check_sans) return 1;
  for (const std::string& name : AlternativeNames(X509_STORE_CTX_get0_cert(store))) {
    const auto& allowed = server.allowed_sans;
    if (std::find(allowed.begin(), allowed.end(), name) != allowed.end()) return 1;
  }
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

Status UseClientAuth(ServerContext& server, const ServerTlsOptions& options) {
  SSL_CTX* const handle = server.context.native_handle();
  NX_ASSIGN_OR_RETURN(const std::string ca,
                      FileOrText(options.client_ca_file, options.client_ca, "client_ca_file"));
  error_code ec;
  if (!ca.empty() || !options.client_ca_file.empty()) {
    server.context.add_certificate_authority(asio::buffer(ca), ec);
    if (ec) {
      return Fail(Code::kInvalidArgument, fmt::format("no certificate in client_ca_file ({}): {}",
                                                      options.client_ca_file, ec.message()));
    }
    AnnounceAuthorities(handle, ca);
    // As in Go, whatever certificate is listed is trusted, whoever has signed it.
    X509_STORE_set_flags(SSL_CTX_get_cert_store(handle), X509_V_FLAG_PARTIAL_CHAIN);
  } else if (options.verify_client_cert) {
    server.context.set_default_verify_paths(ec);
  }
  if (!options.request_client_cert) return {};
  server.verify_chain = options.verify_client_cert;
  server.check_sans = options.check_client_sans;
  server.allowed_sans = options.client_allowed_sans;
  int mode = SSL_VERIFY_PEER;
  if (options.require_client_cert || options.check_client_sans) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  SSL_CTX_set_verify(handle, mode, nullptr);
  SSL_CTX_set_cert_verify_callback(handle, VerifyClient, &server);
  return {};
}

/// HTTP/1.1, which is all that the server speaks; a client that insists on something else fails.
int ChooseProtocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned int offered_size, void* /*data*/) {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int outcome =
      SSL_select_next_proto(&chosen, out_size, kOurs, sizeof(kOurs) - 1, offered, offered_size);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int WireVersion(int version) { return TLS1_VERSION + (version - 10); }

Status UseVersionsAndCiphers(SSL_CTX* handle, const ServerTlsOptions& options) {
  const auto fail = [](std::string_view what) {
    return Fail(Code::kInvalidArgument, fmt::format("{}: {}", what, LastOpenSslError()));
  };
  int min_version = options.min_version;
  std::string ciphers = NameList(options.cipher_suites, kCiphers);
  if (ciphers.empty()) {
    min_version = 13;  // Only suites of TLS 1.3 are listed, so there is none for older versions.
    ciphers = NameList({}, kCiphers);
  }
  // OpenSSL has TLS 1.0 and 1.1 only on the level without any demands; the next one takes RSA keys
  // of 1024 bits, as Go does.
  SSL_CTX_set_security_level(handle, min_version < 12 ? 0 : 1);
  if (SSL_CTX_set_cipher_list(handle, ciphers.c_str()) != 1) return fail("cipher_suites");
  const std::string curves = NameList(options.curves, kCurves);
  if (SSL_CTX_set1_groups_list(handle, curves.c_str()) != 1) return fail("curve_preferences");
  if (SSL_CTX_set_min_proto_version(handle, WireVersion(min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(handle, WireVersion(options.max_version)) != 1) {
    return fail("min_version and max_version");
  }
  // Go's order. It is faster than OpenSSL's, and not weaker in any way that matters.
  constexpr const char* kTls13Ciphers =
      "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
  if (SSL_CTX_set_ciphersuites(handle, kTls13Ciphers) != 1) return fail("ciphers of TLS 1.3");
  if (options.prefer_server_ciphers) {
    // Except for clients without AES in hardware, who put ChaCha first.
    SSL_CTX_set_options(handle, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  }
  return {};
}

}  // namespace

Result<TlsContext> LoadServerTls(const ServerTlsOptions& options) {
  const auto server = std::make_shared<ServerContext>();
  SSL_CTX* const handle = server->context.native_handle();
  // First, because it says which keys are good enough.
  NX_RETURN_IF_ERROR(UseVersionsAndCiphers(handle, options));
  NX_RETURN_IF_ERROR(UseKeyPair(server->context, options));
  NX_RETURN_IF_ERROR(UseClientAuth(*server, options));
  // No session is resumed: the client's certificate is looked at each time, and no ticket key lives
  // for months. Clients keep their connections anyway.
  SSL_CTX_set_options(handle, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(handle, 0);
  SSL_CTX_set_session_cache_mode(handle, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(handle, ChooseProtocol, nullptr);
  return TlsContext(server, &server->context);
}

}  // namespace narthex::net

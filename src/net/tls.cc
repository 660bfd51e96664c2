// SPDX-License-Identifier: Apache-2.0
#include "src/net/tls.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "narthex/base/hash.h"
#include "narthex/base/mutex.h"
#include "src/net/file.h"
#include "src/net/openssl_handles.h"

namespace narthex::net {
namespace asio = boost::asio;
namespace ssl = asio::ssl;

namespace {

/// The text itself, or the content of the file; empty when neither is given.
Result<std::string> TextOrFile(const std::string& text, const std::string& file,
                               std::string_view what) {
  if (!text.empty() || file.empty()) return text;
  auto content = ReadSmallFile(file);
  if (!content) {
    return Fail(std::move(content).error().Wrap(
        fmt::format("unable to read {}: unable to read file {}", what, file)));
  }
  return content;
}

std::string SourceOf(const std::string& file) { return file.empty() ? "inline" : "file " + file; }

Status LoadClientCertificate(ssl::context& context, const TlsOptions& options) {
  NX_ASSIGN_OR_RETURN(const std::string cert,
                      TextOrFile(options.cert, options.cert_file, "specified client cert"));
  NX_ASSIGN_OR_RETURN(const std::string key,
                      TextOrFile(options.key, options.key_file, "specified client key"));
  if (cert.empty() && key.empty()) return {};
  boost::system::error_code ec;
  context.use_certificate_chain(asio::buffer(cert), ec);
  if (!ec) context.use_private_key(asio::buffer(key), ssl::context::pem, ec);
  if (!ec) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("unable to use specified client cert ({}) & key ({}): {}",
                          SourceOf(options.cert_file), SourceOf(options.key_file), ec.message()));
}

}  // namespace

namespace {

int VersionOf(std::string_view name, int otherwise) {
  constexpr std::pair<std::string_view, int> kVersions[] = {{"TLS10", TLS1_VERSION},
                                                            {"TLS11", TLS1_1_VERSION},
                                                            {"TLS12", TLS1_2_VERSION},
                                                            {"TLS13", TLS1_3_VERSION}};
  for (const auto& [known, version] : kVersions) {
    if (known == name) return version;
  }
  return otherwise;
}

Result<std::shared_ptr<ssl::context>> LoadContext(const TlsOptions& options) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(),
                                VersionOf(options.min_version, TLS1_2_VERSION));
  SSL_CTX_set_max_proto_version(context->native_handle(), VersionOf(options.max_version, 0));
  boost::system::error_code ec;
  context->set_verify_mode(options.insecure_skip_verify ? ssl::verify_none : ssl::verify_peer, ec);
  NX_ASSIGN_OR_RETURN(const std::string ca, TextOrFile(options.ca, options.ca_file, "CA cert"));
  if (ca.empty()) {
    context->set_default_verify_paths(ec);
  } else {
    context->add_certificate_authority(asio::buffer(ca), ec);
    if (ec) {
      return Fail(Code::kInvalidArgument,
                  fmt::format("unable to use specified CA cert {}", SourceOf(options.ca_file)));
    }
  }
  NX_RETURN_IF_ERROR(LoadClientCertificate(*context, options));
  return context;
}

/// Equal for options that give equal contexts while their files stay as they are.
Hash128 ContextKey(const TlsOptions& o) {
  std::string text = o.insecure_skip_verify ? "1" : "0";
  for (const std::string* part : {&o.ca, &o.ca_file, &o.cert, &o.cert_file, &o.key, &o.key_file,
                                  &o.min_version, &o.max_version}) {
    text += fmt::format("{}:{}", part->size(), *part);
  }
  return HashBytes128(text + TlsFilesState(o));
}

}  // namespace

Result<std::shared_ptr<ssl::context>> ClientTls(const TlsOptions& options) {
  static Mutex mutex;  // Also held while loading: others want the same files.
  static std::map<std::pair<std::uint64_t, std::uint64_t>, std::weak_ptr<ssl::context>> known;
  const Hash128 hash = ContextKey(options);
  MutexLock lock(mutex);
  const std::pair key(hash.low, hash.high);
  if (const auto it = known.find(key); it != known.end()) {
    if (auto context = it->second.lock()) return context;
  }
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  NX_ASSIGN_OR_RETURN(auto context, LoadContext(options));
  known[key] = context;
  return context;
}

std::string_view AlertText(int reason) {
  // OpenSSL makes errors of alerts by adding this; the texts are those of Go's crypto/tls.
  constexpr std::pair<int, std::string_view> kAlerts[] = {{10, "unexpected message"},
                                                          {20, "bad record MAC"},
                                                          {40, "handshake failure"},
                                                          {42, "bad certificate"},
                                                          {43, "unsupported certificate"},
                                                          {44, "revoked certificate"},
                                                          {45, "expired certificate"},
                                                          {46, "unknown certificate"},
                                                          {47, "illegal parameter"},
                                                          {48, "unknown certificate authority"},
                                                          {49, "access denied"},
                                                          {50, "error decoding message"},
                                                          {51, "error decrypting message"},
                                                          {70, "protocol version not supported"},
                                                          {71, "insufficient security level"},
                                                          {80, "internal error"},
                                                          {112, "unrecognized name"},
                                                          {116, "certificate required"},
                                                          {120, "no application protocol"}};
  for (const auto& [number, text] : kAlerts) {
    if (reason == SSL_AD_REASON_OFFSET + number) return text;
  }
  return "";
}

namespace {

/// The names of one kind in a certificate, as Go lists them.
std::vector<std::string> NamesOf(const GENERAL_NAMES* all, int kind) {
  std::vector<std::string> names;
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all, i);
    if (name->type != kind) continue;
    const ASN1_STRING* value = kind == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    const unsigned char* bytes = ASN1_STRING_get0_data(value);
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(value));
    if (kind == GEN_DNS) {
      names.emplace_back(reinterpret_cast<const char*>(bytes), size);
    } else if (asio::ip::address_v4::bytes_type v4{}; size == v4.size()) {
      std::copy_n(bytes, size, v4.begin());
      names.push_back(asio::ip::address_v4(v4).to_string());
    } else if (asio::ip::address_v6::bytes_type v6{}; size == v6.size()) {
      std::copy_n(bytes, size, v6.begin());
      names.push_back(asio::ip::address_v6(v6).to_string());
    }
  }
  return names;
}

/// What a certificate is valid for, since it is not for this host; in the words of Go's x509.
std::string NamesInstead(SSL* handle, const std::string& host) {
  // It does not count as the peer's, as it was refused.
  const STACK_OF(X509)* chain = SSL_get_peer_cert_chain(handle);
  X509* const certificate = sk_X509_num(chain) > 0 ? sk_X509_value(chain, 0) : nullptr;
  const std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>> all(
      certificate == nullptr ? nullptr
                             : static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(
                                   certificate, NID_subject_alt_name, nullptr, nullptr)));
  boost::system::error_code no_address;
  asio::ip::make_address(host, no_address);
  if (certificate != nullptr && all == nullptr && no_address &&
      X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1) {
    return "certificate relies on legacy Common Name field, use SANs instead";
  }
  constexpr std::size_t kMaxListed = 100;
  const auto names = NamesOf(all.get(), no_address ? GEN_DNS : GEN_IPADD);
  if (names.empty()) {
    return no_address ? "certificate is not valid for any names, but wanted to match " + host
                      : fmt::format(
                            "cannot validate certificate for {} because it doesn't contain "
                            "any IP SANs",
                            host);
  }
  if (names.size() >= kMaxListed) {
    return fmt::format("certificate is valid for {} {}, but none matched {}", names.size(),
                       no_address ? "names" : "IP SANs", host);
  }
  return fmt::format("certificate is valid for {}, not {}", fmt::join(names, ", "), host);
}

}  // namespace

std::string TlsFilesState(const TlsOptions& options) {
  std::string out;
  for (const std::string* file : {&options.ca_file, &options.cert_file, &options.key_file}) {
    struct stat info {};
    if (!file->empty() && stat(file->c_str(), &info) == 0) {
      out += fmt::format("{}.{}.{}/", info.st_mtim.tv_sec, info.st_mtim.tv_nsec, info.st_size);
    }
  }
  return out;
}

std::string DescribeTlsFailure(SSL* handle, const boost::system::error_code& error,
                               const std::string& host) {
  const long verify = handle == nullptr ? X509_V_OK : SSL_get_verify_result(handle);
  switch (verify) {
    case X509_V_OK:
      break;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "tls: failed to verify certificate: x509: " + NamesInstead(handle, host);
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      return "tls: failed to verify certificate: x509: certificate signed by unknown authority";
    default:
      return fmt::format("tls: failed to verify certificate: x509: {}",
                         X509_verify_cert_error_string(verify));
  }
  if (error.category() == asio::error::get_ssl_category()) {
    const int reason = ERR_GET_REASON(static_cast<unsigned long>(error.value()));
    if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST) {
      return "http: server gave HTTP response to HTTPS client";
    }
    const std::string_view alert = AlertText(reason);
    return fmt::format("remote error: tls: {}", alert.empty() ? error.message() : alert);
  }
  return error == asio::error::eof || error == ssl::error::stream_truncated ? "EOF"
                                                                            : error.message();
}

}  // namespace narthex::net

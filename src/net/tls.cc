// SPDX-License-Identifier: Apache-2.0
#include "src/net/tls.h"

#include <sys/stat.h>

#include <map>

#include <fmt/core.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "narthex/base/hash.h"
#include "narthex/base/mutex.h"
#include "src/net/file.h"

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
        fmt::format("unable to load specified {} (\"{}\")", what, file)));
  }
  return content;
}

Status LoadClientCertificate(ssl::context& context, const TlsOptions& options) {
  NX_ASSIGN_OR_RETURN(const std::string cert,
                      TextOrFile(options.cert, options.cert_file, "client cert"));
  NX_ASSIGN_OR_RETURN(const std::string key,
                      TextOrFile(options.key, options.key_file, "client key"));
  if (cert.empty() && key.empty()) return {};
  boost::system::error_code ec;
  context.use_certificate_chain(asio::buffer(cert), ec);
  if (!ec) context.use_private_key(asio::buffer(key), ssl::context::pem, ec);
  if (!ec) return {};
  return Fail(Code::kInvalidArgument,
              fmt::format("unable to use specified client cert ({}) & key ({}): {}",
                          options.cert_file, options.key_file, ec.message()));
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
      return Fail(
          Code::kInvalidArgument,
          fmt::format("unable to use specified CA cert {}: {}",
                      options.ca_file.empty() ? "<inline>" : options.ca_file, ec.message()));
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
      return fmt::format("tls: failed to verify certificate: x509: certificate is not valid for {}",
                         host);
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
    return fmt::format("remote error: tls: {}", error.message());
  }
  return error == asio::error::eof || error == ssl::error::stream_truncated ? "EOF"
                                                                            : error.message();
}

}  // namespace narthex::net

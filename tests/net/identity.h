// SPDX-License-Identifier: Apache-2.0
//
// Keys and certificates, made when a test needs them.
#pragma once

#include <functional>
#include <string>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace narthex::net {

inline std::string PemOf(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  EXPECT_EQ(1, write(bio));
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

/// A key and a certificate that vouches for itself.
struct Identity {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  std::string cert_pem, key_pem;

  /// @param names      subject alternative names: "DNS:localhost,IP:127.0.0.1"
  /// @param valid_for  seconds from now; negative = expired
  /// @param subject    its name; who trusts several looks for them by that
  explicit Identity(const std::string& names, long valid_for = 3600,
                    const std::string& subject = "test") {
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
    X509_gmtime_adj(X509_getm_notAfter(certificate), valid_for);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
    X509_set_issuer_name(certificate, name);
    AddExtension(NID_basic_constraints, "critical,CA:TRUE");
    if (!names.empty()) AddExtension(NID_subject_alt_name, names);
    X509_sign(certificate, key, EVP_sha256());
    cert_pem = PemOf([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
    key_pem = PemOf([&](BIO* bio) {
      return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  ~Identity() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

 private:
  void AddExtension(int nid, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    ASSERT_NE(nullptr, extension);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
};

}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
#include "src/net/certificate.h"

#include <algorithm>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "src/net/client_request.h"
#include "src/net/openssl_handles.h"

namespace narthex::net {
namespace {

using Certificates = std::vector<X509Ptr>;

/// OpenSSL asks for the password of a key; without one it must not ask on the terminal.
int GivePassword(char* buffer, int size, int, void* password) {
  const auto& text = *static_cast<const std::string*>(password);
  if (text.empty() || text.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(text.begin(), text.end(), buffer);
  return static_cast<int>(text.size());
}

void ReadPem(const std::string& text, const std::string& password, KeyPtr& key,
             Certificates& certificates) {
  const BioPtr of_key = ReadBio(text);
  key.reset(PEM_read_bio_PrivateKey(of_key.get(), nullptr, GivePassword,
                                    const_cast<std::string*>(&password)));
  const BioPtr of_certificates = ReadBio(text);
  while (X509* const one = PEM_read_bio_X509(of_certificates.get(), nullptr, GivePassword,
                                             const_cast<std::string*>(&password))) {
    certificates.emplace_back(one);
  }
}

/// @return false when the text is something else, or the password another one
bool ReadPkcs12(const std::string& text, const std::string& password, KeyPtr& key,
                Certificates& certificates) {
  const BioPtr bio = ReadBio(text);
  const std::unique_ptr<PKCS12, OpensslFree<PKCS12_free>> file(d2i_PKCS12_bio(bio.get(), nullptr));
  if (file == nullptr) return false;
  EVP_PKEY* found_key = nullptr;
  X509* found = nullptr;
  STACK_OF(X509)* others = nullptr;
  const int ok = PKCS12_parse(file.get(), password.c_str(), &found_key, &found, &others);
  key.reset(found_key);
  if (found != nullptr) certificates.emplace_back(found);
  while (others != nullptr && sk_X509_num(others) > 0) {
    certificates.emplace_back(sk_X509_shift(others));
  }
  sk_X509_free(others);
  return ok == 1;
}

std::string DerOf(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

std::string PemOf(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return {};
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Result<CertificateIdentity> ReadCertificate(const std::string& text, const std::string& password) {
  KeyPtr key;
  Certificates certificates;
  if (text.find("-----BEGIN ") != std::string::npos) {
    ReadPem(text, password, key, certificates);
  } else if (!ReadPkcs12(text, password, key, certificates)) {
    ERR_clear_error();
    return Fail(Code::kInvalidArgument, "neither PEM nor PKCS #12, or not with this password");
  }
  ERR_clear_error();
  if (key == nullptr) return Fail(Code::kInvalidArgument, "found no private key that can be read");
  if (EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return Fail(Code::kInvalidArgument, "the private key is no RSA key");
  }
  const auto own = std::find_if(certificates.begin(), certificates.end(), [&](const X509Ptr& one) {
    return X509_check_private_key(one.get(), key.get()) == 1;
  });
  ERR_clear_error();
  if (own == certificates.end()) {
    return Fail(Code::kInvalidArgument, "found no certificate of the private key");
  }
  std::rotate(certificates.begin(), own, own + 1);
  CertificateIdentity identity{.private_key = PemOf(key.get())};
  for (const X509Ptr& one : certificates) identity.chain.push_back(Base64(DerOf(one.get())));
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (X509_digest(certificates[0].get(), EVP_sha1(), digest, &size) != 1) {
    return Fail(Code::kInternal, "OpenSSL has no SHA-1");
  }
  identity.thumbprint = UrlBase64(std::string(reinterpret_cast<const char*>(digest), size));
  return identity;
}

}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/jwt.h"

#include <memory>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "narthex/base/json_writer.h"
#include "src/net/client_request.h"

namespace narthex::net {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>>;

/// Base64 for URLs: "-" and "_", nothing at the end.
std::string UrlBase64(const std::string& bytes) {
  std::string text = Base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

/// No program asks for a password of a key on a terminal that it does not have.
int NoPassword(char*, int, int, void*) { return -1; }

}  // namespace

Result<std::string> SignJwt(const std::string& claims, const std::string& private_key,
                            const std::string& key_id) {
  const Bio bio(BIO_new_mem_buf(private_key.data(), static_cast<int>(private_key.size())));
  const Key key(bio == nullptr ? nullptr
                               : PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return Fail(Code::kInvalidArgument, "the private key is no RSA key in PEM form");
  }
  JsonWriter header;
  header.BeginObject();
  header.Key("alg");
  header.String("RS256");
  header.Key("typ");
  header.String("JWT");
  if (!key_id.empty()) {
    header.Key("kid");
    header.String(key_id);
  }
  header.EndObject();
  const std::string text = UrlBase64(header.TakeText()) + "." + UrlBase64(claims);
  const Digest digest(EVP_MD_CTX_new());
  std::size_t size = 0;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::string signature;
  bool ok = digest != nullptr &&
            EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
            EVP_DigestSign(digest.get(), nullptr, &size, bytes, text.size()) == 1;
  if (ok) {
    signature.resize(size);
    ok = EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                        bytes, text.size()) == 1;
  }
  if (!ok) return Fail(Code::kInternal, "OpenSSL can't sign with the private key");
  signature.resize(size);
  return text + "." + UrlBase64(signature);
}

}  // namespace narthex::net

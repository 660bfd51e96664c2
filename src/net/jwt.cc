// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/jwt.h"

#include <openssl/pem.h>

#include "narthex/base/json_writer.h"
#include "src/net/client_request.h"
#include "src/net/openssl_handles.h"

namespace narthex::net {
namespace {

/// No program asks for a password of a key on a terminal that it does not have.
int NoPassword(char*, int, int, void*) { return -1; }

std::string HeaderText(const JwtHeader& header) {
  JsonWriter json;
  json.BeginObject();
  json.Key("alg");
  json.String("RS256");
  json.Key("typ");
  json.String("JWT");
  for (const auto& [name, value] :
       {std::pair("kid", &header.key_id), std::pair("x5t", &header.x5t)}) {
    if (value->empty()) continue;
    json.Key(name);
    json.String(*value);
  }
  if (!header.x5c.empty()) {
    json.Key("x5c");
    json.BeginArray();
    for (const std::string& certificate : header.x5c) json.String(certificate);
    json.EndArray();
  }
  json.EndObject();
  return json.TakeText();
}

}  // namespace

Result<std::string> SignJwt(const std::string& claims, const std::string& private_key,
                            const JwtHeader& header) {
  const BioPtr bio = ReadBio(private_key);
  const KeyPtr key(
      bio == nullptr ? nullptr : PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return Fail(Code::kInvalidArgument, "the private key is no RSA key in PEM form");
  }
  const std::string text = UrlBase64(HeaderText(header)) + "." + UrlBase64(claims);
  const DigestPtr digest(EVP_MD_CTX_new());
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

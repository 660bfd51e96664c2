// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/jwt.h"

#include <memory>

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

namespace narthex::net {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string Pem(EVP_PKEY* key) {
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

std::string Decode(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const std::size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string out(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  out.resize(out.size() - padding);
  return out;
}

TEST(JwtTest, PartsAndSignature) {
  const Key key(EVP_RSA_gen(2048), EVP_PKEY_free);
  const auto token = SignJwt(R"({"iss":"me"})", Pem(key.get()), {.key_id = "k1"});
  ASSERT_TRUE(token) << token.error().message();
  const std::size_t first = token->find('.');
  const std::size_t second = token->rfind('.');
  EXPECT_EQ(Decode(token->substr(0, first)), R"({"alg":"RS256","typ":"JWT","kid":"k1"})");
  EXPECT_EQ(Decode(token->substr(first + 1, second - first - 1)), R"({"iss":"me"})");
  const std::string signature = Decode(token->substr(second + 1));
  EVP_MD_CTX* const digest = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(digest, nullptr, EVP_sha256(), nullptr, key.get());
  EXPECT_EQ(1, EVP_DigestVerify(digest, reinterpret_cast<const unsigned char*>(signature.data()),
                                signature.size(),
                                reinterpret_cast<const unsigned char*>(token->data()), second));
  EVP_MD_CTX_free(digest);
}

TEST(JwtTest, WhatIsNoRsaKey) {
  const Key other(EVP_EC_gen("P-256"), EVP_PKEY_free);
  for (const std::string& bad : {std::string(), std::string("key"), Pem(other.get())}) {
    const auto token = SignJwt("{}", bad);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().message(), "the private key is no RSA key in PEM form");
  }
}

}  // namespace
}  // namespace narthex::net

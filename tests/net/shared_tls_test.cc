// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <fstream>

#include "src/net/tls.h"
#include "tests/support/temp_dir.h"

namespace narthex::net {
namespace {

// Self-signed, for nothing; what counts is that it parses.
constexpr const char* kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUNKp2VKjRIkoW6tVTJQgZMnJX6rkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjAxMzQxNTRaGA8yMTI2MTAyNzEzNDE1
NFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABP8i
jVpvehmLSXBSnwz9xp30SghIgubPnlwL3xwbDUzZqInOJGKadkla6xHRx075mzXH
sOmtUcuHv3Iklcg9tMijUzBRMB0GA1UdDgQWBBSqaEFTJw1qCk0wul88bR9IVjnA
gTAfBgNVHSMEGDAWgBSqaEFTJw1qCk0wul88bR9IVjnAgTAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCIQDCkqgdo1Z20VvguH/hJsYoQzOO6YZ6ltt5
r7+QoLph2QIgX6HQsm/xdrZFs2kbWEIeRzbLIs0HtklNZH45JZD8brs=
-----END CERTIFICATE-----
)";

TEST(ClientTlsTest, IsSharedByUsersOfEqualOptions) {
  TlsOptions options;
  options.ca = kCertificate;
  auto first = ClientTls(options);
  ASSERT_TRUE(first) << first.error().message();
  options.server_name = "another name";  // Checked per connection.
  EXPECT_EQ(*first, *ClientTls(options));
  options.insecure_skip_verify = true;
  EXPECT_NE(*first, *ClientTls(options));
  options.insecure_skip_verify = false;
  options.ca += "\n";
  EXPECT_NE(*first, *ClientTls(options));

  const std::weak_ptr<boost::asio::ssl::context> gone = *first;
  first = Fail(Code::kInternal, "");
  EXPECT_TRUE(gone.expired()) << "kept although nobody uses it";
}

TEST(ClientTlsTest, ChangedFilesGiveANewContext) {
  testing::TempDir dir;
  TlsOptions options;
  options.ca_file = dir.path() + "/ca.pem";
  const auto missing = ClientTls(options);
  ASSERT_FALSE(missing);
  EXPECT_EQ("unable to read CA cert: unable to read file " + options.ca_file + ": open " +
                options.ca_file + ": no such file or directory",
            missing.error().message());
  std::ofstream(options.ca_file) << kCertificate;
  const auto first = ClientTls(options);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(*first, *ClientTls(options));
  std::ofstream(options.ca_file) << kCertificate << "\n# renewed\n";
  EXPECT_NE(*first, *ClientTls(options));
  std::ofstream(options.ca_file) << "no certificate";
  EXPECT_FALSE(ClientTls(options));
}

}  // namespace
}  // namespace narthex::net

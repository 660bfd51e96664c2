// SPDX-License-Identifier: Apache-2.0
//
// Statuses and texts: Prometheus's OTLP receiver.
#include "narthex/web/otlp.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

constexpr const char* kPath = "/api/v1/otlp/v1/metrics";

class RecordingReceiver final : public OtlpReceiver {
 public:
  OtlpAnswer Receive(OtlpForm form, std::string_view body) override {
    received.emplace_back(form, body);
    return answer;
  }
  std::vector<std::pair<OtlpForm, std::string>> received;
  OtlpAnswer answer;
};

std::string Gzip(const std::string& text) {
  std::string out(text.size() / 100 + 1000, '\0');
  z_stream z{};
  EXPECT_EQ(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&z, Z_FINISH), Z_STREAM_END);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

class OtlpApiTest : public ::testing::Test {
 protected:
  OtlpApiTest() { server_.otlp = &receiver_; }
  Answer Post(const std::string& body, const std::string& type, const std::string& encoding = "") {
    std::vector<std::pair<std::string, std::string>> headers = {{"Content-Type", type}};
    if (!encoding.empty()) headers.emplace_back("Content-Encoding", encoding);
    return server_.Post(kPath, body, headers);
  }

  FakeServer server_;
  RecordingReceiver receiver_;
};

TEST_F(OtlpApiTest, IsSwitchedOffByDefault) {
  server_.otlp = nullptr;
  const Answer answer = server_.Post(kPath, "");
  EXPECT_EQ(answer.status, 404);
  EXPECT_EQ(answer.body,
            "otlp write receiver needs to be enabled with --web.enable-otlp-receiver\n");
}

TEST_F(OtlpApiTest, NegotiatesContent) {
  const std::string protobuf = "application/x-protobuf";
  const std::string zipped = Gzip("text");
  const struct {
    const char* name;
    std::string body, type, encoding;
    const char* error;
  } cases[] = {
      {"no type", "", "", "",
       "unsupported content type: , supported: [application/json, application/x-protobuf]\n"},
      {"parameter", "", protobuf + "; charset=utf-8", "",
       "unsupported content type: application/x-protobuf; charset=utf-8, supported: "
       "[application/json, application/x-protobuf]\n"},
      {"snappy", "", protobuf, "snappy",
       "unsupported compression: snappy. Only \"gzip\" or no compression supported\n"},
      {"not gzip", "plain text as it is", protobuf, "gzip", "gzip: invalid header\n"},
      {"empty", "", protobuf, "gzip", "EOF\n"},
      {"cut", zipped.substr(0, zipped.size() - 3), protobuf, "gzip", "unexpected EOF\n"},
      {"too large", std::string((32 << 20) + 1, 'x'), protobuf, "",
       "request body is larger than 33554432 bytes\n"},
      {"too large once it is unpacked", Gzip(std::string((32 << 20) + 1, 'x')), protobuf, "gzip",
       "request body is larger than 33554432 bytes\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Answer answer = Post(c.body, c.type, c.encoding);
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, c.error);
  }
  EXPECT_TRUE(receiver_.received.empty());
}

TEST_F(OtlpApiTest, HandsBodiesOn) {
  EXPECT_EQ(Post("wire", "application/x-protobuf").status, 200);
  EXPECT_EQ(Post(Gzip("{}"), "application/json", "gzip").status, 200);
  const std::vector<std::pair<OtlpForm, std::string>> received = {{OtlpForm::kProtobuf, "wire"},
                                                                  {OtlpForm::kJson, "{}"}};
  EXPECT_EQ(receiver_.received, received);
}

TEST_F(OtlpApiTest, TellsWhatWentWrong) {
  receiver_.answer = {.status = 500, .error = "one\ntwo"};
  const Answer answer = Post("", "application/json");
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, "one\ntwo\n");
}

}  // namespace
}  // namespace narthex::web

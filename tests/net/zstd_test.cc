// SPDX-License-Identifier: Apache-2.0
//
// Answers in zstd: alone, by pieces, and through the client.
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zstd.h>

#include "narthex/net/http_client.h"
#include "src/net/coding/zstd_decoder.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

using namespace std::string_literals;

struct Settings {
  bool sum = true;
  bool size = true;     // The frame tells how long the text is.
  int window_log = 23;  // Without a size; with one the window is no larger than the text.
};

std::string Zstd(std::string_view text, Settings settings = {}) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, settings.sum ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, settings.window_log);
  std::string bytes(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_inBuffer in{text.data(), text.size(), 0};
  ZSTD_outBuffer out{bytes.data(), bytes.size(), 0};
  // Only who does not know that the text is all there can't tell its size.
  if (!settings.size) ZSTD_compressStream2(context, &out, &in, ZSTD_e_flush);
  EXPECT_EQ(ZSTD_compressStream2(context, &out, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  bytes.resize(out.pos);
  return bytes;
}

/// A text that does not shrink to nothing.
std::string Page(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += "m" + std::to_string(i * i) + " 1\n";
  text.resize(size);
  return text;
}

const std::string kSkipped = "\x53\x2a\x4d\x18\3\0\0\0abc"s;

TEST(ZstdDecoderTest, TheSameHoweverItArrives) {
  const std::string page = Page(300'000);  // More than one block, and than one step of decoding.
  const struct {
    const char* name;
    std::string in, want;
  } cases[] = {
      {"empty frame", Zstd(""), ""},
      {"one", Zstd("a 1\n"), "a 1\n"},
      {"page", Zstd(page), page},
      {"without sum and size", Zstd(page, {.sum = false, .size = false}), page},
      {"frames", Zstd("a 1\n") + Zstd("") + kSkipped + Zstd(page), "a 1\n" + page},
      {"exactly a step", Zstd(page.substr(0, 64 << 10)), page.substr(0, 64 << 10)},
      {"exactly two steps", Zstd(page.substr(0, 128 << 10)), page.substr(0, 128 << 10)},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    for (const std::size_t step :
         {std::size_t{1}, std::size_t{7}, std::size_t{5000}, c.in.size()}) {
      SCOPED_TRACE(step);
      ZstdDecoder decoder;
      std::string out;
      for (std::size_t at = 0; at < c.in.size(); at += step) {
        ASSERT_EQ(decoder.Feed(std::string_view(c.in).substr(at, step), 0, out),
                  DecodeOutcome::kOk);
      }
      EXPECT_TRUE(out == c.want);
      EXPECT_TRUE(decoder.complete());
    }
  }
}

TEST(ZstdDecoderTest, NoPrefixIsComplete) {
  const std::string whole = Zstd(Page(1000)) + kSkipped + Zstd("a 1\n");
  const std::size_t first = Zstd(Page(1000)).size();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    ZstdDecoder decoder;
    std::string out;
    EXPECT_EQ(decoder.Feed(std::string_view(whole).substr(0, n), 0, out), DecodeOutcome::kOk) << n;
    EXPECT_EQ(decoder.complete(), n == first || n == first + kSkipped.size()) << n;
  }
}

TEST(ZstdDecoderTest, NeverPassesTheLimit) {
  const std::string bomb = Zstd(std::string(64 << 20, 'a'));
  ASSERT_LT(bomb.size(), 10'000U);
  for (const std::size_t limit : {std::size_t{1}, std::size_t{100'000}, std::size_t{1} << 20}) {
    ZstdDecoder decoder;
    std::string out;
    EXPECT_EQ(decoder.Feed(bomb, limit, out), DecodeOutcome::kTooLarge);
    EXPECT_EQ(out.size(), limit);
  }
}

TEST(ZstdDecoderTest, SaysWhatIsWrong) {
  std::string other_sum = Zstd("a 1\n"), torn_inside = Zstd(Page(5000));
  other_sum.back() ^= 1;
  torn_inside.replace(20, 200, 200, '\xff');
  // The frame of a format from before the RFC, v0.7.
  const std::string old = "\x27\xb5\x2f\xfd\x00\x00\x00\x00\xc0\x00\x00"s;
  const struct {
    const char* name;
    std::string in;
    DecodeOutcome want;
  } cases[] = {
      {"another format", "# HELP a b\na 1\n", DecodeOutcome::kBadHeader},
      {"behind a frame", Zstd("a 1\n") + "a 1\n", DecodeOutcome::kBadHeader},
      {"an older format", old, DecodeOutcome::kBadHeader},
      {"sum", other_sum, DecodeOutcome::kBadSum},
      {"changed", torn_inside, DecodeOutcome::kCorrupt},
      {"a window of 8 MiB", Zstd(Page(100), {.size = false}), DecodeOutcome::kOk},
      {"a window of 16 MiB", Zstd(Page(100), {.size = false, .window_log = 24}),
       DecodeOutcome::kCorrupt},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    ZstdDecoder decoder;
    std::string out;
    EXPECT_EQ(decoder.Feed(c.in, 0, out), c.want);
  }
}

std::string Answer(std::string_view body, const char* coding = "zstd") {
  return "HTTP/1.1 200 OK\r\nContent-Encoding: "s + coding +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

struct Got {
  Result<ClientResponse> response;
  std::string body;
};

Got Get(const std::string& answer, std::size_t max_bytes = 0, const BodySink& sink = nullptr) {
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(answer);
  });
  ClientRequest request;
  request.url = *ParseUrl(server.Url());
  request.max_body_bytes = max_bytes;
  request.on_body = sink;
  std::string body;
  Result<ClientResponse> response = DoBlocking({}, request, body);
  return {std::move(response), std::move(body)};
}

TEST(ZstdAnswerTest, IsDecoded) {
  const std::string page = Page(200'000);
  for (const char* coding : {"zstd", "ZSTD"}) {
    const Got got = Get(Answer(Zstd(page), coding));
    ASSERT_TRUE(got.response) << got.response.error().message();
    EXPECT_TRUE(got.body == page);
    EXPECT_EQ(got.response->compressed_bytes, Zstd(page).size());
  }
  const Got empty = Get(Answer(""));
  ASSERT_TRUE(empty.response) << empty.response.error().message();
  EXPECT_EQ(empty.body, "");
}

TEST(ZstdAnswerTest, GoesToASink) {
  const std::string page = Page(200'000);
  std::string whole;
  const Got got = Get(Answer(Zstd(page)), 200'000, [&](std::string_view piece) {
    whole += piece;
    return true;
  });
  ASSERT_TRUE(got.response) << got.response.error().message();
  EXPECT_FALSE(got.response->body_too_large);
  EXPECT_TRUE(whole == page);
}

TEST(ZstdAnswerTest, HasALimit) {
  const std::string text(1 << 20, 'a');
  for (const std::size_t limit : {std::size_t{1000}, text.size() - 1, text.size()}) {
    SCOPED_TRACE(limit);
    const Got got = Get(Answer(Zstd(text)), limit);
    ASSERT_TRUE(got.response) << got.response.error().message();
    EXPECT_EQ(got.response->body_too_large, limit < text.size());
    EXPECT_EQ(got.body.size(), limit);
  }
}

TEST(ZstdAnswerTest, FailuresHaveAName) {
  std::string other_sum = Zstd("a 1\n");
  other_sum.back() ^= 1;
  std::string changed = Zstd(Page(5000));
  changed.replace(20, 200, 200, '\xff');
  const struct {
    const char* name;
    std::string body;
    const char* want;
  } cases[] = {
      {"torn", Zstd(Page(5000)).substr(0, 100), "unexpected EOF"},
      {"torn magic", "\x28\xb5", "unexpected EOF"},
      {"no zstd", "a 1\nb 1\n", "zstd: invalid header"},
      {"sum", other_sum, "zstd: invalid checksum"},
      {"changed", changed, "zstd: invalid data"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    const Got got = Get(Answer(c.body));
    ASSERT_FALSE(got.response);
    EXPECT_EQ(got.response.error().message(), c.want);
  }
}

}  // namespace
}  // namespace narthex::net

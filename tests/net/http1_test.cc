// SPDX-License-Identifier: Apache-2.0
#include "src/net/http1.h"

#include <fmt/core.h>

namespace narthex::net {
namespace {

TEST(Http1Test, FindsTheEndOfAHeadWhereverItIsCut) {
  const std::string head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  const std::string data = head + "body";
  for (std::size_t cut = 0; cut <= data.size(); ++cut) {
    SCOPED_TRACE(cut);
    const std::string_view first = std::string_view(data).substr(0, cut);
    const std::size_t early = FindHeadEnd(first, 0);
    EXPECT_EQ(cut >= head.size() ? head.size() : std::string::npos, early);
    EXPECT_EQ(head.size(), FindHeadEnd(data, std::min(cut, head.size() - 1)));
  }
  EXPECT_EQ(4u, FindHeadEnd("a\r\n\n", 0));
}

TEST(Http1Test, ParsesRequests) {
  const auto head =
      ParseRequestHead("GET /a?b=c%20d HTTP/1.1\r\nHost: x\r\nX-Y:  two words \t\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ("GET", head->method);
  EXPECT_EQ("/a?b=c%20d", head->target);
  EXPECT_EQ(1, head->minor_version);
  EXPECT_EQ("two words", *FindHeader(head->headers, "x-y"));
}

TEST(Http1Test, RefusesMalformedRequests) {
  const char* const heads[] = {
      "\r\n\r\n",
      "GET\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/2.0\r\n\r\n",
      "GET / HTTP/1.2\r\n\r\n",
      "GET / http/1.1\r\n\r\n",
      "GET  HTTP/1.1\r\n\r\n",
      "GET / a HTTP/1.1\r\n\r\n",
      "G(T / HTTP/1.1\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost\r\n\r\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "GET / HTTP/1.1\r\n: a\r\n\r\n",
      "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n",
      "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
  };
  for (const char* text : heads) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseRequestHead(text));
  }
}

TEST(Http1Test, ParsesResponses) {
  const auto head = ParseResponseHead("HTTP/1.0 503 Service Unavailable\r\nA: b\r\n\r\n");
  ASSERT_TRUE(head);
  EXPECT_EQ(503, head->status);
  EXPECT_EQ("Service Unavailable", head->reason);
  EXPECT_EQ(0, head->minor_version);
  EXPECT_EQ(200, ParseResponseHead("HTTP/1.1 200\r\n\r\n")->status);
  for (const char* text :
       {"", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "SSH-2.0-x\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 099 No\r\n\r\n"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseResponseHead(text));
  }
}

// What no parser but a lenient one takes, and Go's is one.
TEST(Http1Test, TakesResponsesAsGoDoes) {
  const auto head = ParseResponseHead(
      "HTTP/2.0 200 OK\nX-Folded: a\n\t b\nX Blank: c\n: d\nContent-Length: 5\n"
      "Content-Length: 5\n\n");
  ASSERT_TRUE(head) << head.error().message();
  EXPECT_EQ(head->minor_version, 1);
  EXPECT_EQ(head->headers, (HeaderList{{"X-Folded", "a b"}, {"Content-Length", "5"}}));
  EXPECT_EQ(head->framing.length, 5U);
  const auto chunked = ParseResponseHead(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(chunked) << chunked.error().message();
  EXPECT_EQ(chunked->framing.kind, BodyKind::kChunked);
  const struct {
    const char* text;
    const char* want;
  } bad[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "bad Content-Length \"x\""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
       "http: message cannot contain multiple Content-Length headers; got [\"1\" \"2\"]"},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "malformed MIME header: missing colon: \"no colon\""},
      {"HTTP/1.1 200 OK\r\na(b: c\r\n\r\n", "malformed MIME header line: a(b: c"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "malformed HTTP status code \"2000\""},
      {"HTTP/3 200 OK\r\n\r\n", "malformed HTTP version \"HTTP/3\""},
      {"HTTP/1.1\r\n\r\n", "malformed HTTP response \"HTTP/1.1\""},
  };
  for (const auto& c : bad) {
    const auto response = ParseResponseHead(c.text);
    ASSERT_FALSE(response) << c.text;
    EXPECT_EQ(response.error().message(), c.want);
  }
}

TEST(Http1Test, FramesRequestBodies) {
  const struct {
    const char* headers;
    bool ok;
    BodyKind kind;
    std::uint64_t length;
  } cases[] = {
      {"", true, BodyKind::kNone, 0},
      {"Content-Length: 5\r\n", true, BodyKind::kLength, 5},
      {"content-length: 0\r\n", true, BodyKind::kLength, 0},
      {"Content-Length: 5\r\nContent-Length: 5\r\n", true, BodyKind::kLength, 5},
      {"Transfer-Encoding: chunked\r\n", true, BodyKind::kChunked, 0},
      // Request smuggling: what two servers could read in two ways.
      {"Content-Length: 5\r\nContent-Length: 6\r\n", false, {}, 0},
      {"Content-Length: 5, 5\r\n", false, {}, 0},
      {"Content-Length: +5\r\n", false, {}, 0},
      {"Content-Length: -1\r\n", false, {}, 0},
      {"Content-Length: 0x5\r\n", false, {}, 0},
      {"Content-Length: \r\n", false, {}, 0},
      {"Content-Length: 99999999999999999999\r\n", false, {}, 0},
      {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", false, {}, 0},
      {"Transfer-Encoding: gzip, chunked\r\n", false, {}, 0},
      {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", false, {}, 0},
      {"Transfer-Encoding: identity\r\n", false, {}, 0},
      {"Transfer-Encoding: xchunked\r\n", false, {}, 0},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.headers);
    const auto head = ParseRequestHead(std::string("POST / HTTP/1.1\r\n") + c.headers + "\r\n");
    ASSERT_EQ(c.ok, head.has_value());
    if (!c.ok) continue;
    EXPECT_EQ(c.kind, head->framing.kind);
    EXPECT_EQ(c.length, head->framing.length);
  }
  EXPECT_FALSE(ParseRequestHead("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

/// Feeds `text` in pieces of `step` bytes. @return the data, or "<error>", "<more>"
std::string DecodeChunks(std::string_view text, std::size_t step, std::string* rest = nullptr) {
  ChunkedDecoder decoder;
  std::string out, pending;
  for (std::size_t i = 0; i < text.size(); i += step) {
    pending += text.substr(i, step);
    std::string_view input = pending, data;
    for (;;) {
      const auto state = decoder.Next(input, data);
      if (state == ChunkedDecoder::State::kError) return "<error>";
      if (state == ChunkedDecoder::State::kDone) {
        if (rest != nullptr)
          *rest = std::string(input) + std::string(text.substr(std::min(i + step, text.size())));
        return out;
      }
      if (state == ChunkedDecoder::State::kNeedMore) break;
      out += data;
    }
    pending = input;
  }
  return "<more>";
}

TEST(Http1Test, DecodesChunks) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"0\r\n\r\n", ""},
      {"3\r\nabc\r\n0\r\n\r\n", "abc"},
      {"3;x=y\r\nabc\r\nA\r\n0123456789\r\n00\r\nTrailer: z\r\n\r\n", "abc0123456789"},
      {"3 \r\nabc\r\n0\r\n\r\n", "<error>"},
      {"3\r\nabc\r\n", "<more>"},
      {"3\r\nabc\r\n0\r\n", "<more>"},
      {"3\r\nabcd\r\n0\r\n\r\n", "<error>"},
      {"3\nabc\r\n0\r\n\r\n", "<error>"},
      {"\r\nabc", "<error>"},
      {"-3\r\nabc\r\n0\r\n\r\n", "<error>"},
      {"0x3\r\nabc\r\n0\r\n\r\n", "<error>"},
      {"ffffffffffffffff\r\n", "<error>"},
      {"0\r\nbad\nline\r\n\r\n", "<error>"},
  };
  for (const auto& c : cases) {
    for (const std::size_t step : {1, 2, 3, 1000}) {
      SCOPED_TRACE(fmt::format("{} by {}", c.text, step));
      EXPECT_EQ(c.want, DecodeChunks(c.text, step));
    }
  }
  std::string rest;
  EXPECT_EQ("a", DecodeChunks("1\r\na\r\n0\r\n\r\nGET /", 4, &rest));
  EXPECT_EQ("GET /", rest);
  EXPECT_EQ("<error>", DecodeChunks("1;" + std::string(100'000, 'x') + "\r\na\r\n0\r\n\r\n", 1000));
}

TEST(Http1Test, KnowsWhenAConnectionStaysOpen) {
  EXPECT_TRUE(KeepsAlive({}, 1));
  EXPECT_FALSE(KeepsAlive({}, 0));
  EXPECT_TRUE(KeepsAlive({{"connection", "Keep-Alive"}}, 0));
  EXPECT_FALSE(KeepsAlive({{"Connection", "foo, Close"}}, 1));
}

}  // namespace
}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
//
// Bodies that are taken piece by piece.
#include <future>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <zlib.h>

#include "narthex/net/http_client.h"
#include "tests/net/raw_server.h"

namespace narthex::net {
namespace {

/// Several requests over one client, whose bodies go to `pieces`.
class Session {
 public:
  Result<ClientResponse> Get(const std::string& url, std::size_t max_bytes = 0) {
    ClientRequest request;
    request.url = *ParseUrl(url);
    request.timeout = timeout;
    request.open_timeout = open_timeout;
    request.max_body_bytes = max_bytes;
    request.on_head = [&](const ClientResponse& head) { type = head.content_type; };
    request.on_body = [&](std::string_view piece) {
      pieces.emplace_back(piece);
      return !when_piece || when_piece(piece);
    };
    pieces.clear();
    type.clear();
    Result<ClientResponse> response = Fail(Code::kInternal, "no answer");
    boost::asio::co_spawn(context, client.Do(request, body),
                          [&](const std::exception_ptr&, Result<ClientResponse> result) {
                            response = std::move(result);
                          });
    context.restart();
    context.run();
    return response;
  }
  std::string Whole() const {
    std::string whole;
    for (const std::string& piece : pieces) whole += piece;
    return whole;
  }

  boost::asio::io_context context;
  HttpClient client{context.get_executor(), HttpClientOptions{}};
  std::chrono::milliseconds timeout{20'000}, open_timeout{0};
  std::function<bool(std::string_view)> when_piece;
  std::vector<std::string> pieces;
  std::string type;  // Of the head, when the sink got its first piece.
  std::string body;
};

std::string Chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

constexpr std::string_view kChunkedHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nTransfer-Encoding: chunked\r\n\r\n";

/// gzip of several texts, each complete for the reader before the next one is there.
std::vector<std::string> GzipPieces(const std::vector<std::string>& texts) {
  z_stream z{};
  EXPECT_EQ(Z_OK, deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY));
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::string out(deflateBound(&z, texts[i].size()) + 64, '\0');
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(texts[i].data()));
    z.avail_in = static_cast<uInt>(texts[i].size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    deflate(&z, i + 1 < texts.size() ? Z_SYNC_FLUSH : Z_FINISH);
    out.resize(out.size() - z.avail_out);
    pieces.push_back(std::move(out));
  }
  deflateEnd(&z);
  return pieces;
}

TEST(BodySinkTest, GivesEachPieceWhenItComes) {
  // The server sends a line only when the one before has been seen.
  std::promise<void> seen[3];
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(kChunkedHead);
    seen[0].get_future().wait();
    socket.Send(Chunk("one\n"));
    seen[1].get_future().wait();
    socket.Send(Chunk("two\n"));
    seen[2].get_future().wait();
    socket.Send("0\r\n\r\n");
  });
  Session session;
  std::size_t count = 0;
  session.when_piece = [&](std::string_view) {
    EXPECT_EQ("text/x", session.type);
    if (count < 3) seen[count++].set_value();
    return true;
  };
  const auto response = session.Get(server.Url());
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ((std::vector<std::string>{"", "one\n", "two\n"}), session.pieces);
  EXPECT_EQ("", session.body);
  EXPECT_FALSE(response->stopped);
}

TEST(BodySinkTest, DecodesGzipAsItComes) {
  const std::vector<std::string> gzip = GzipPieces({"one\n", "two\n"});
  std::promise<void> first;
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
    socket.Send(Chunk(gzip[0]));
    first.get_future().wait();
    socket.Send(Chunk(gzip[1]) + "0\r\n\r\n");
  });
  Session session;
  bool told = false;
  session.when_piece = [&](std::string_view piece) {
    if (!piece.empty() && !std::exchange(told, true)) first.set_value();
    return true;
  };
  const auto response = session.Get(server.Url());
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ("one\ntwo\n", session.Whole());
}

TEST(BodySinkTest, LimitsHoldForTheWhole) {
  const std::string text(100'000, 'x');
  const std::string gzip = GzipPieces({text})[0];
  const struct {
    const char* name;
    std::string answer;
  } cases[] = {
      {"length", "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + text},
      {"chunked", std::string(kChunkedHead) + Chunk(text.substr(0, 60'000)) +
                      Chunk(text.substr(60'000)) + "0\r\n\r\n"},
      {"gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                   std::to_string(gzip.size()) + "\r\n\r\n" + gzip},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer server([&](RawSocket& socket, int) {
      socket.ReadHead();
      socket.Send(c.answer);
    });
    Session session;
    auto response = session.Get(server.Url(), 99'999);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_TRUE(response->body_too_large);
    EXPECT_LE(session.Whole().size(), 99'999U);
    response = session.Get(server.Url(), 100'000);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_FALSE(response->body_too_large);
    EXPECT_EQ(text, session.Whole());
  }
}

TEST(BodySinkTest, MayEndTheRequest) {
  RawServer server([&](RawSocket& socket, int i) {
    socket.ReadHead();
    socket.Send(std::string(kChunkedHead) + Chunk("enough") + (i == 0 ? "" : "0\r\n\r\n"));
    EXPECT_EQ("", socket.ReadAll());  // It is closed, not waited for.
  });
  Session session;
  session.when_piece = [](std::string_view piece) { return piece.empty(); };
  auto response = session.Get(server.Url());
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_TRUE(response->stopped);
  EXPECT_EQ("enough", session.Whole());
  session.when_piece = nullptr;
  response = session.Get(server.Url());  // On a connection of its own.
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_FALSE(response->stopped);
}

TEST(BodySinkTest, AConnectionHasATimeOfItsOwn) {
  RawServer server([](RawSocket& socket, int) {
    socket.ReadHead();  // Not of a request: the client begins with TLS, and nobody answers.
  });
  Session session;
  session.timeout = std::chrono::hours(1);
  session.open_timeout = std::chrono::milliseconds(20);
  const auto response = session.Get("https" + server.Url().substr(4));
  ASSERT_FALSE(response);
  EXPECT_EQ(Code::kTimeout, response.error().code());
}

TEST(BodySinkTest, StopsAtTheHead) {
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(std::string(kChunkedHead) + Chunk("unwanted") + "0\r\n\r\n");
    socket.ReadHead();  // The client goes.
  });
  Session session;
  session.when_piece = [](std::string_view) { return false; };
  const auto response = session.Get(server.Url());
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(200, response->status);
  EXPECT_TRUE(response->stopped);
  EXPECT_EQ((std::vector<std::string>{""}), session.pieces);
}

TEST(BodySinkTest, ErrorsAndRedirectsGoToTheBody) {
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 4\r\n\r\nmove");
    socket.ReadHead();
    socket.Send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nwhy?");
  });
  Session session;
  const auto response = session.Get(server.Url());
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(503, response->status);
  EXPECT_EQ("why?", session.body);
  EXPECT_EQ("", session.type);
  EXPECT_TRUE(session.pieces.empty());
}

TEST(BodySinkTest, AnErrorWithoutEnd) {
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 500 Internal Server Error\r\n\r\n");
    while (socket.Send(std::string(100'000, 'x'))) {
    }
  });
  Session session;
  const auto response = session.Get(server.Url());
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_TRUE(response->body_too_large);
  EXPECT_EQ(std::size_t{1} << 20, session.body.size());
}

TEST(BodySinkTest, TheConnectionIsKeptAfterAWholeBody) {
  int connections = 0;
  RawServer server([&](RawSocket& socket, int i) {
    connections = i + 1;
    while (!socket.ReadHead().empty()) {
      socket.Send(std::string(kChunkedHead) + Chunk("x") + "0\r\n\r\n");
    }
  });
  {
    Session session;
    ASSERT_TRUE(session.Get(server.Url()));
    ASSERT_TRUE(session.Get(server.Url()));
  }
  EXPECT_EQ(1, connections);
}

TEST(BodySinkTest, TornStreamsCancelAndTimeouts) {
  RawServer server([&](RawSocket& socket, int i) {
    socket.ReadHead();
    socket.Send(std::string(kChunkedHead) + Chunk("one"));
    if (i == 0) return;
    socket.ReadAll();  // Until the client goes.
  });
  Session session;
  auto response = session.Get(server.Url());
  ASSERT_FALSE(response);
  EXPECT_EQ("unexpected EOF", response.error().message());
  EXPECT_EQ("one", session.Whole());

  session.when_piece = [&](std::string_view piece) {
    if (!piece.empty()) boost::asio::post(session.context, [&] { session.client.Cancel(); });
    return true;
  };
  response = session.Get(server.Url());
  ASSERT_FALSE(response);
  EXPECT_EQ(Code::kCancelled, response.error().code());

  session.when_piece = nullptr;
  session.timeout = std::chrono::milliseconds(50);
  response = session.Get(server.Url());
  ASSERT_FALSE(response);
  EXPECT_EQ(Code::kTimeout, response.error().code());
}

}  // namespace
}  // namespace narthex::net

// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/http_client.h"

#include <fstream>
#include <vector>

#include <zlib.h>

#include "tests/net/client_session.h"
#include "tests/net/raw_server.h"
#include "tests/support/temp_dir.h"

namespace narthex::net {
namespace {

using std::chrono::milliseconds;

std::string Gzip(std::string_view text) {
  z_stream z{};
  EXPECT_EQ(Z_OK, deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY));
  std::string out(deflateBound(&z, text.size()) + 64, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(Z_STREAM_END, deflate(&z, Z_FINISH));
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

TEST(HttpClientTest, ReadsBodiesHoweverTheyAreFramed) {
  const std::string long_text(200'000, 'x');
  std::string huge_text;  // Longer than the room that a body is given at first.
  while (huge_text.size() < 2'000'000) huge_text += std::to_string(huge_text.size());
  const struct {
    const char* name;
    std::string answer;
    std::string body;
    bool close;
  } cases[] = {
      {"length", Answer("hello"), "hello", false},
      {"empty", Answer(""), "", false},
      {"long", Answer(long_text), long_text, false},
      {"huge", Answer(huge_text), huge_text, false},
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", "", false},
      {"chunked",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
       "hello", false},
      {"until close", "HTTP/1.1 200 OK\r\n\r\nhello", "hello", true},
      {"http 1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "hello", true},
      {"interim answer", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + Answer("hello"), "hello",
       false},
      {"gzip", Answer(Gzip("hello"), "Content-Encoding: gzip\r\n"), "hello", false},
      {"gzip long", Answer(Gzip(long_text), "Content-Encoding: gzip\r\n"), long_text, false},
      {"gzip members", Answer(Gzip("hel") + Gzip("lo"), "Content-Encoding: gzip\r\n"), "hello",
       false},
      {"gzip in capitals", Answer("hello", "Content-Encoding: GZIP\r\n"), "hello", false},
      {"gzip empty", Answer("", "Content-Encoding: gzip\r\n"), "", false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer server([&](RawSocket& socket, int) {
      while (!socket.ReadHead().empty()) {
        socket.Send(c.answer);
        if (c.close) return;
      }
    });
    ClientSession session;
    for (int i = 0; i < 2; ++i) {
      const auto response = session.Do(Get(server.Url()));
      ASSERT_TRUE(response) << response.error().message();
      EXPECT_EQ(c.body, session.body);
      EXPECT_FALSE(response->body_too_large);
    }
  }
}

TEST(HttpClientTest, ReplacesWhatTheBodyHad) {
  std::vector<std::string> bodies = {
      std::string(100'000, 'a'), "b", "", std::string(400'000, 'c'), std::string(399'999, 'd'),
      std::string(400'001, 'e')};
  RawServer server([&](RawSocket& socket, int connection) {
    if (connection > 0) return;
    for (const std::string& body : bodies) {
      socket.ReadHead();
      socket.Send(Answer(body));
    }
  });
  ClientSession session;
  ClientRequest request = Get(server.Url());
  for (const std::string& body : bodies) {
    const auto response = session.Do(request);
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(session.body, body);
  }
  // Without an answer there is no body either.
  EXPECT_FALSE(session.Do(request));
  EXPECT_EQ(session.body, "");
}

TEST(HttpClientTest, BelievesNoLengthBeforeTheBodyIsThere) {
  const std::string part(300'000, 'x');
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n" + part);
  });
  ClientSession session;
  const auto response = session.Do(Get(server.Url()));
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().message(), "unexpected EOF");
  EXPECT_EQ(session.body, part);
  EXPECT_LT(session.body.capacity(), 2'000'000U);
}

TEST(HttpClientTest, SendsWhatTheOptionsSay) {
  narthex::testing::TempDir dir;
  const std::string password_file = dir.path() + "/password";
  std::ofstream(password_file) << "secret\n";
  std::string seen;
  RawServer server([&](RawSocket& socket, int) {
    for (std::string head; !(head = socket.ReadHead()).empty();) {
      seen = head;
      socket.Send(Answer("x"));
    }
  });
  HttpClientOptions options;
  options.basic_username = "user";
  options.basic_password_file = password_file;
  options.extra_headers = {{"X-Extra", "1"}, {"X-Extra", "2"}};
  const std::string header_file = dir.path() + "/header";
  std::ofstream(header_file) << "\n of a file \n";
  options.header_files = {{"X-File", header_file}};
  auto session = std::make_unique<ClientSession>(options);
  ClientRequest request = Get(server.Url("/metrics?a=b"));
  request.headers = {{"Accept", "text/plain"}};
  ASSERT_TRUE(session->Do(request));
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ("GET /metrics?a=b HTTP/1.1\r\nHost: " + host +
                "\r\nUser-Agent: Prometheus/3.14.0\r\nAccept: text/plain\r\nX-Extra: 1\r\n"
                "X-Extra: 2\r\nX-File: of a file\r\nAuthorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n",
            seen);
  std::ofstream(password_file) << "changed";  // Read again for each request.
  std::ofstream(header_file) << "too";
  ASSERT_TRUE(session->Do(request));
  EXPECT_NE(std::string::npos, seen.find("X-File: too\r\n")) << seen;
  EXPECT_NE(std::string::npos, seen.find("Authorization: Basic dXNlcjpjaGFuZ2Vk\r\n")) << seen;

  session.reset();  // The server takes one connection at a time.
  options = {};
  options.authorization_credentials = "token";
  ASSERT_TRUE(ClientSession(options).Do(request));
  EXPECT_NE(std::string::npos, seen.find("Authorization: Bearer token\r\n")) << seen;
  ASSERT_TRUE(ClientSession().Do(Get("http://me:pw@" + host + "/")));
  EXPECT_NE(std::string::npos, seen.find("Authorization: Basic bWU6cHc=\r\n")) << seen;
  request.headers = {{"X-Bad", "a\r\nInjected: 1"}};
  EXPECT_FALSE(ClientSession().Do(request));
}

TEST(HttpClientTest, KeepsTheConnectionAndReplacesAStaleOne) {
  std::vector<int> connections;
  RawServer server([&](RawSocket& socket, int n) {
    for (int i = 0; i < 2; ++i) {
      if (socket.ReadHead().empty()) return;
      connections.push_back(n);
      socket.Send(Answer("x"));
    }
  });
  ClientSession session;
  for (int i = 0; i < 5; ++i) {
    const auto response = session.Do(Get(server.Url()));
    ASSERT_TRUE(response) << response.error().message();
  }
  EXPECT_EQ((std::vector<int>{0, 0, 1, 1, 2}), connections);
}

TEST(HttpClientTest, RepeatsAGetThatAKeptConnectionSwallowed) {
  std::atomic<int> answered{0};
  RawServer server([&](RawSocket& socket, int n) {
    socket.ReadHead();
    ++answered;
    socket.Send(Answer("x"));
    if (n == 0) socket.ReadHead();  // Takes the second request and hangs up.
  });
  ClientSession session;
  ASSERT_TRUE(session.Do(Get(server.Url())));
  const auto again = session.Do(Get(server.Url()));
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(2, answered);
}

TEST(HttpClientTest, RepeatsAPostOnlyWhenThatDoesNoHarm) {
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(Answer("x"));
    socket.ReadHead();
  });
  ClientSession session;
  ClientRequest request = Get(server.Url());
  request.method = "POST";
  ASSERT_TRUE(session.Do(request));
  const auto refused = session.Do(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ("Post \"" + server.Url() + "\": EOF", refused.error().message());

  request.idempotent = true;
  ASSERT_TRUE(session.Do(request));
  const auto again = session.Do(request);
  EXPECT_TRUE(again) << again.error().message();
}

TEST(HttpClientTest, LimitsTheDecodedBody) {
  const std::string megabyte(1 << 20, 'a');
  const struct {
    const char* name;
    std::string answer;
  } cases[] = {
      {"identity", Answer(megabyte)},
      {"gzip", Answer(Gzip(megabyte), "Content-Encoding: gzip\r\n")},
      {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" + megabyte +
                      "\r\n0\r\n\r\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer server([&](RawSocket& socket, int) {
      socket.ReadHead();
      socket.Send(c.answer);
    });
    for (const std::size_t limit : {std::size_t{1000}, megabyte.size() - 1, megabyte.size()}) {
      SCOPED_TRACE(limit);
      ClientSession session;
      ClientRequest request = Get(server.Url());
      request.max_body_bytes = limit;
      const auto response = session.Do(request);
      ASSERT_TRUE(response) << response.error().message();
      EXPECT_EQ(limit < megabyte.size(), response->body_too_large);
      EXPECT_EQ(limit, session.body.size());
    }
  }
}

TEST(HttpClientTest, NamesFailuresAsGoDoes) {
  std::string other_sum = Gzip("text"), other_length = other_sum;
  other_sum[other_sum.size() - 8] ^= 1;
  other_length[other_length.size() - 4] ^= 1;
  const struct {
    const char* name;
    std::string answer;
    bool reset;
    const char* want;  // After `Get "URL": `; a leading '!' = the whole message.
  } cases[] = {
      {"nothing", "", false, "EOF"},
      {"torn head", "HTTP/1.1 200", false, "unexpected EOF"},
      {"no HTTP", "hello\r\n\r\n", false,
       "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"hello\""},
      {"torn body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", false, "!unexpected EOF"},
      {"torn chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", false,
       "!unexpected EOF"},
      {"bad chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false,
       "!malformed chunked encoding"},
      {"torn gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
       false, "!unexpected EOF"},
      {"no gzip",
       "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\nabcabcabcabc", false,
       "!gzip: invalid header"},
      {"gzip and a little more", Answer(Gzip("text") + "more", "Content-Encoding: gzip\r\n"), false,
       "!unexpected EOF"},
      {"gzip and more", Answer(Gzip("text") + "more than that", "Content-Encoding: gzip\r\n"),
       false, "!gzip: invalid header"},
      {"gzip with another sum", Answer(other_sum, "Content-Encoding: gzip\r\n"), false,
       "!gzip: invalid checksum"},
      {"gzip of another length", Answer(other_length, "Content-Encoding: gzip\r\n"), false,
       "!gzip: invalid checksum"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    RawServer server([&](RawSocket& socket, int) {
      socket.ReadHead();
      socket.Send(c.answer);
    });
    ClientSession session;
    const auto response = session.Do(Get(server.Url()));
    ASSERT_FALSE(response);
    EXPECT_EQ(Code::kUnavailable, response.error().code());
    const std::string want = c.want;
    EXPECT_EQ(want[0] == '!' ? want.substr(1) : "Get \"" + server.Url() + "\": " + want,
              response.error().message());
  }
}

TEST(HttpClientTest, NamesARefusedConnection) {
  std::uint16_t port = 0;
  {
    port = RawServer([](RawSocket&, int) {}).port();
  }
  const std::string address = "127.0.0.1:" + std::to_string(port);
  ClientSession session;
  const auto response = session.Do(Get("http://" + address + "/metrics"));
  ASSERT_FALSE(response);
  EXPECT_EQ(Code::kUnavailable, response.error().code());
  EXPECT_EQ("Get \"http://" + address + "/metrics\": dial tcp " + address +
                ": connect: connection refused",
            response.error().message());
}

TEST(HttpClientTest, LooksUpNames) {
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    socket.Send(Answer("hello"));
  });
  ClientSession session;
  const std::string port = std::to_string(server.port());
  const auto found = session.Do(Get("http://localhost:" + port + "/"));
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ("hello", session.body);
  // RFC 6761: no resolver knows names below "invalid"; without one the text says so instead.
  const auto missing = session.Do(Get("http://nosuch.invalid/"));
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().message().starts_with(
      "Get \"http://nosuch.invalid/\": dial tcp: lookup nosuch.invalid: "))
      << missing.error().message();
}

TEST(HttpClientTest, EndsAtItsDeadline) {
  for (const bool in_body : {false, true}) {
    SCOPED_TRACE(in_body);
    RawServer server([&](RawSocket& socket, int) {
      socket.ReadHead();
      if (in_body) socket.Send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
      socket.ReadAll();  // Until the client gives up.
    });
    ClientSession session;
    ClientRequest request = Get(server.Url());
    request.timeout = milliseconds(30);
    const auto response = session.Do(request);
    ASSERT_FALSE(response);
    EXPECT_EQ(Code::kTimeout, response.error().code());
    EXPECT_EQ(in_body ? "context deadline exceeded"
                      : "Get \"" + server.Url() + "\": context deadline exceeded",
              response.error().message());
  }
}

TEST(HttpClientTest, CanBeCancelled) {
  boost::asio::io_context context;
  HttpClient client(context.get_executor(), {});
  RawServer server([&](RawSocket& socket, int) {
    socket.ReadHead();
    boost::asio::post(context, [&] { client.Cancel(); });
    socket.ReadAll();
  });
  std::string body;
  Result<ClientResponse> response = Fail(Code::kInternal, "no answer");
  const ClientRequest request = Get(server.Url());
  boost::asio::co_spawn(context, client.Do(request, body),
                        [&](const std::exception_ptr&, Result<ClientResponse> result) {
                          response = std::move(result);
                        });
  context.run();
  ASSERT_FALSE(response);
  EXPECT_EQ(Code::kCancelled, response.error().code());
}

TEST(HttpClientTest, GoesThroughAProxy) {
  std::string seen;
  RawServer proxy([&](RawSocket& socket, int) {
    seen = socket.ReadHead();
    socket.Send(Answer("from the proxy"));
  });
  HttpClientOptions options;
  options.proxy.url = "http://u:p@127.0.0.1:" + std::to_string(proxy.port());
  ClientSession session(options);
  ASSERT_TRUE(session.Do(Get("http://target.invalid:1234/metrics")));
  EXPECT_EQ("from the proxy", session.body);
  EXPECT_TRUE(seen.starts_with(
      "GET http://target.invalid:1234/metrics HTTP/1.1\r\nHost: target.invalid:1234\r\n"))
      << seen;
  EXPECT_NE(std::string::npos, seen.find("Proxy-Authorization: Basic dTpw\r\n")) << seen;
}

}  // namespace
}  // namespace narthex::net

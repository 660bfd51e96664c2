// SPDX-License-Identifier: Apache-2.0
//
// /consoles/: which files are pages, and what the answers are. Texts are those of Prometheus 3.14.
#include <filesystem>
#include <fstream>
#include <memory>

#include <gtest/gtest.h>

#include "narthex/base/thread_pool.h"
#include "narthex/net/io_pool.h"
#include "tests/net/raw_server.h"
#include "tests/support/temp_dir.h"
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

namespace fs = std::filesystem;

/// Shows what it was given.
struct FakeConsoles final : ConsoleRenderer {
  Result<std::string> Render(const ConsoleRequest& request) const override {
    if (request.text == "bad") return Fail(Code::kExecution, "error executing template <x>");
    std::string out = request.text + "|" + request.path;
    for (const auto& [name, values] : request.parameters) {
      out += "|" + name;
      for (const auto& value : values) out += "=" + value;
    }
    for (const auto& library : request.libraries) out += "|" + library.name + ":" + library.text;
    return out;
  }
};

class ConsolesTest : public ::testing::Test {
 protected:
  ConsolesTest() {
    server_.consoles = &consoles_;
    server_.options.console_templates = dir_.path() + "/pages";
    server_.options.console_libraries = dir_.path() + "/lib";
    fs::create_directories(dir_.path() + "/pages/sub");
    fs::create_directories(dir_.path() + "/lib");
    Write("secret", "secret");
    Write("pages/a.html", "<p>a");
    Write("pages/sub/b.html", "b");
  }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_.path() + "/" + name) << text;
  }
  /// An error as status and text, with the folder's name short.
  std::string Error(const std::string& url) {
    const Answer answer = server_.Ask("GET", url);
    EXPECT_EQ(answer.headers.at("Content-Type"), "text/plain; charset=utf-8");
    std::string text = std::to_string(answer.status) + " " + answer.body;
    for (auto at = text.find(dir_.path()); at != text.npos; at = text.find(dir_.path())) {
      text.replace(at, dir_.path().size(), "DIR");
    }
    return text;
  }

  testing::TempDir dir_;
  FakeConsoles consoles_;
  FakeServer server_;
};

TEST_F(ConsolesTest, GivesFilesParametersAndLibraries) {
  Write("lib/z.lib", "Z");
  Write("lib/a.lib", "A");
  Write("lib/other.txt", "no");
  const Answer answer = server_.Ask("GET", "/consoles/a.html?q=1&q=2+3&r=%3C");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("Content-Type"), "text/html; charset=utf-8");
  EXPECT_EQ(answer.body, "<p>a|/a.html|q=1=2 3|r=<|a.lib:A|z.lib:Z");
  EXPECT_EQ(server_.Ask("GET", "/consoles/sub/b.html").body, "b|/sub/b.html|a.lib:A|z.lib:Z");
}

TEST_F(ConsolesTest, TellsWhatAPageIs) {
  const std::string html = "text/html; charset=utf-8";
  const std::string plain = "text/plain; charset=utf-8";
  const struct {
    std::string text;
    std::string type;
  } cases[] = {{"  \n<!DOCTYPE HTML>", html},
               {"<bad ", plain},
               {"<B>", html},
               {"<!-- x", html},
               {"<!--x-->", plain},
               {"<?xml v", "text/xml; charset=utf-8"},
               {"up{a=\"b\"} 1\n", plain},
               {std::string(505, ' ') + "<html>", html},
               {std::string(507, ' ') + "<html>", plain},
               {"a\x01", "application/octet-stream"},
               {"<p>\x01", html},
               {"\x1b[1m", plain},
               {std::string(512, 'a') + "\x01", plain}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    Write("pages/x", c.text);
    EXPECT_EQ(server_.Ask("GET", "/consoles/x").headers.at("Content-Type"), c.type);
  }
}

TEST_F(ConsolesTest, Errors) {
  Write("pages/bad.html", "bad");
  EXPECT_EQ(Error("/consoles/none.html"),
            "404 open DIR/pages/none.html: no such file or directory\n");
  EXPECT_EQ(Error("/consoles/a.html/x"), "404 file does not exist\n");
  EXPECT_EQ(Error("/consoles/"), "500 read DIR/pages: is a directory\n");
  EXPECT_EQ(Error("/consoles/sub"), "500 read DIR/pages/sub: is a directory\n");
  EXPECT_EQ(Error("/consoles/a.html?a=%zz"), "400 invalid URL escape \"%zz\"\n");
  EXPECT_EQ(Error("/consoles/a.html?a=1;b=2"), "400 invalid semicolon separator in query\n");
  EXPECT_EQ(Error("/consoles/bad.html"), "500 error executing template <x>\n");
  server_.status.state = ServerState::kStarting;
  EXPECT_EQ(server_.Ask("GET", "/consoles/a.html").status, 503);
}

TEST_F(ConsolesTest, NoPathLeavesTheFolder) {
  fs::create_symlink(dir_.path() + "/secret", dir_.path() + "/pages/out");
  fs::create_symlink("../", dir_.path() + "/pages/up");
  fs::create_symlink("a.html", dir_.path() + "/pages/in");
  fs::create_symlink("sub", dir_.path() + "/pages/subs");
  for (const char* url : {"/consoles/out", "/consoles/up/secret"}) {
    SCOPED_TRACE(url);
    const Answer answer = server_.Ask("GET", url);
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.body.find("secret|"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(Error("/consoles/out"), "404 open DIR/pages/out: leads out of DIR/pages\n");
  EXPECT_EQ(Error(std::string("/consoles/a.html") + '\0' + "b"),
            "404 http: invalid or unsafe file path\n");
  EXPECT_EQ(server_.Ask("GET", "/consoles/in").body, "<p>a|/in") << "links in the folder are fine";
  EXPECT_EQ(server_.Ask("GET", "/consoles/subs/b.html").body, "b|/subs/b.html");
  EXPECT_EQ(server_.Ask("GET", "/consoles/up/pages/a.html").body, "<p>a|/up/pages/a.html")
      << "what counts is where a path ends";
}

/// The same pages through the server, which decodes paths before the router sees them.
class ServedConsolesTest : public ConsolesTest {
 protected:
  void SetUp() override {
    io_.Start();
    http_ = std::make_unique<net::HttpServer>(
        net::ServerOptions{.listen_addresses = {"127.0.0.1:0"}}, io_, workers_, server_.router());
    ASSERT_TRUE(http_->Start());
  }
  void TearDown() override {
    http_->Stop(0);
    io_.Stop();
    workers_.Stop();
  }
  std::string Get(const std::string& target) {
    net::RawSocket socket(net::RawSocket::Dial(http_->ports().at(0)));
    socket.Send("GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    return socket.ReadAll();
  }

  net::IoPool io_{"io", 1};
  ThreadPool workers_{"http", 2};
  std::unique_ptr<net::HttpServer> http_;
};

TEST_F(ServedConsolesTest, PathsThatGoUpAreRedirectedToWhereTheyLead) {
  EXPECT_TRUE(Get("/consoles/sub/b.html").ends_with("\r\n\r\nb|/sub/b.html"));
  EXPECT_TRUE(Get("/consoles/sub%2Fb.html").ends_with("\r\n\r\nb|/sub/b.html"));
  const struct {
    const char* target;
    const char* location;
  } cases[] = {{"/consoles/../secret", "/secret"},
               {"/consoles/..%2fsecret", "/secret"},
               {"/consoles/%2e%2e/secret", "/secret"},
               {"/consoles/%2e%2e%2fsecret", "/secret"},
               {"/consoles%2f..%2fsecret", "/secret"},
               {"/consoles/sub/.%2e/..%2Fsecret", "/secret"},
               {"/consoles/..%2f..%2f..%2f..%2fetc/passwd", "/etc/passwd"},
               {"/consoles/sub/%2e%2e/a.html", "/consoles/a.html"},
               {"/consoles/%2e/a.html", "/consoles/a.html"},
               {"/consoles/%2fa.html", "/consoles/a.html"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.target);
    const std::string answer = Get(c.target);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 307 ")) << answer;
    EXPECT_NE(answer.find("\r\nLocation: " + std::string(c.location) + "\r\n"), std::string::npos)
        << answer;
  }
}

TEST_F(ServedConsolesTest, PathsThatOnlyLookLikeItNameNoFile) {
  for (const char* target :
       {"/consoles/%252e%252e%252fsecret", "/consoles/..%252fsecret", "/consoles/..%5csecret",
        "/consoles/.../secret", "/consoles/a.html%00", "/consoles/%00/../../secret%00"}) {
    SCOPED_TRACE(target);
    const std::string answer = Get(target);
    EXPECT_EQ(answer.find("HTTP/1.1 200 "), std::string::npos) << answer;
    EXPECT_EQ(answer.find("secret|"), std::string::npos) << answer;
  }
  EXPECT_TRUE(Get("/consoles/%252e%252e%252fsecret").starts_with("HTTP/1.1 404 "));
}

TEST_F(ConsolesTest, TheFolderItselfMayBeALink) {
  fs::create_symlink("pages", dir_.path() + "/link");
  server_.options.console_templates = dir_.path() + "/link";
  EXPECT_EQ(server_.Ask("GET", "/consoles/a.html").body, "<p>a|/a.html");
}

TEST_F(ConsolesTest, PagesLinkToTheIndex) {
  server_.options.external_url = "http://h/x&y";
  const auto page = [this] { return server_.Ask("GET", "/query"); };
  const Answer without = page();
  EXPECT_EQ(without.body.find("consoles"), std::string::npos);
  Write("pages/index.html", "i");
  const Answer with = page();
  EXPECT_NE(with.body.find(R"(<meta name="consoles" content="/x&amp;y/consoles/index.html">)"),
            std::string::npos);
  EXPECT_NE(with.headers.at("ETag"), without.headers.at("ETag"));
  EXPECT_EQ(304,
            server_.Ask("GET", "/query", "", {{"If-None-Match", with.headers.at("ETag")}}).status);
}

TEST_F(ConsolesTest, FilesOfTheUser) {
  fs::create_directories(dir_.path() + "/user/sub");
  Write("user/a.JS", "1");
  Write("user/plain", "text");
  Write("user/empty", "");
  Write("user/sub/index.html", "index");
  std::ofstream(dir_.path() + "/user/large.bin") << std::string(200'000, 'x');
  fs::create_symlink(dir_.path() + "/secret", dir_.path() + "/user/out");
  EXPECT_EQ(404, server_.Ask("GET", "/user/plain").status) << "none unless wanted";
  FakeServer server;
  server.options.user_assets = dir_.path() + "/user";
  const struct {
    const char* path;
    int status;
    std::string body;
    const char* type;
  } cases[] = {
      {"/user/a.JS", 200, "1", "text/javascript; charset=utf-8"},
      {"/user/plain", 200, "text", "text/plain; charset=utf-8"},
      {"/user/empty", 200, "", "text/plain; charset=utf-8"},
      {"/user/large.bin", 200, std::string(200'000, 'x'), "text/plain; charset=utf-8"},
      {"/user/sub/", 200, "index", "text/html; charset=utf-8"},
      {"/user/", 404, "404 page not found\n", "text/plain; charset=utf-8"},
      {"/user/none", 404, "404 page not found\n", "text/plain; charset=utf-8"},
      {"/user/out", 404, "404 page not found\n", "text/plain; charset=utf-8"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    const Answer answer = server.Ask("GET", c.path);
    EXPECT_EQ(c.status, answer.status);
    EXPECT_EQ(c.body, answer.body);
    EXPECT_EQ(c.type, answer.headers.at("Content-Type"));
  }
  fs::create_directories(dir_.path() + "/user/a b:c");
  EXPECT_EQ("sub/?q=1", server.Ask("GET", "/user/sub?q=1").headers.at("Location"));
  EXPECT_EQ("a%20b%3Ac/", server.Ask("GET", "/user/a b:c").headers.at("Location"));
  Write("user/index.html", "i");
  EXPECT_NE(std::string::npos, server.Get("/query").body.find("content=\"/user/index.html\""));
}

TEST_F(ConsolesTest, RedirectsToTheFolder) {
  const Answer answer = server_.Ask("GET", "/consoles");
  EXPECT_EQ(answer.status, 301);
  EXPECT_EQ(answer.headers.at("Location"), "/consoles/");
}

}  // namespace
}  // namespace narthex::web

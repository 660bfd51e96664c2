// SPDX-License-Identifier: Apache-2.0
#include "narthex/net/http_server.h"

namespace narthex::net {
namespace {

struct Recorder : ResponseWriter {
  int status = 200;
  std::map<std::string, std::string> headers;
  std::string body;
  void SetStatus(int s) override { status = s; }
  void SetHeader(std::string_view name, std::string_view value) override {
    headers[std::string(name)] = value;
  }
  void AddHeader(std::string_view name, std::string_view value) override {
    std::string& lines = headers[std::string(name)];
    lines += lines.empty() ? "" : ", ";
    lines += value;
  }
  bool Write(std::string_view piece) override {
    body += piece;
    return true;
  }
};

Recorder Ask(const Router& router, const std::string& method, const std::string& path,
             const std::string& query = "") {
  ServerRequest request;
  request.method = method;
  request.path = path;
  request.raw_query = query;
  Recorder out;
  router.Dispatch(request, out);
  return out;
}

Handler Say(const std::string& word) {
  return [word](const ServerRequest& r, ResponseWriter& w) { w.Write(word + ":" + r.path_value); };
}

TEST(RouterTest, FindsTheLongestPattern) {
  Router router;
  router.Handle("GET", "/", Say("root"));
  router.Handle("GET", "/a/b", Say("ab"));
  router.Handle("POST", "/a/b", Say("post"));
  router.Handle("GET", "/a/{name}/values", Say("values"));
  router.Handle("GET", "/a/*", Say("a"));
  router.Handle("OPTIONS", "/a/*", Say("options"));
  const struct {
    const char* method;
    const char* path;
    int status;
    const char* body;
  } cases[] = {
      {"GET", "/", 200, "root:"},
      {"GET", "/a/b", 200, "ab:"},
      {"POST", "/a/b", 200, "post:"},
      {"GET", "/a/x y/values", 200, "values:x y"},
      {"GET", "/a/x/y/values", 200, "a:x/y/values"},
      {"GET", "/a/x", 200, "a:x"},
      {"OPTIONS", "/a/b", 200, "options:b"},
      {"GET", "/b", 404, "404 page not found\n"},
      {"PUT", "/a/b", 405, "Method Not Allowed\n"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.method) + " " + c.path);
    const Recorder got = Ask(router, c.method, c.path);
    EXPECT_EQ(c.status, got.status);
    EXPECT_EQ(c.body, got.body);
  }
  EXPECT_EQ("GET, OPTIONS, POST", Ask(router, "PUT", "/a/b").headers.at("Allow"));
  EXPECT_EQ("GET, OPTIONS", Ask(router, "OPTIONS", "/").headers.at("Allow"));
}

TEST(RouterTest, RedirectsToTheCleanPath) {
  Router router;
  router.Handle("GET", "/a/b", Say("ab"));
  const struct {
    const char* path;
    const char* want;
  } cases[] = {{"//a/b", "/a/b"},
               {"/a//b", "/a/b"},
               {"/a/./b", "/a/b"},
               {"/a/../../b", "/b"},
               {"/a/b//", "/a/b/"},
               {"/a/b/..", "/a/"},
               {"/x//\xc3\xa4 b", "/x/%C3%A4%20b"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.path);
    const Recorder got = Ask(router, "GET", c.path, "q=1&r=2");
    EXPECT_EQ(307, got.status);
    EXPECT_EQ(std::string(c.want) + "?q=1&r=2", got.headers.at("Location"));
    EXPECT_EQ("<a href=\"" + std::string(c.want) + "?q=1&amp;r=2\">Temporary Redirect</a>.\n\n",
              got.body);
  }
}

TEST(RouterTest, RedirectsToTheFolderOfAPattern) {
  Router router;
  router.Handle("GET", "/files/*", Say("file"));
  const Recorder answer = Ask(router, "GET", "/files", "q=1");
  EXPECT_EQ(answer.status, 301);
  EXPECT_EQ(answer.headers.at("Location"), "/files/?q=1");
  EXPECT_EQ(answer.body, "<a href=\"/files/?q=1\">Moved Permanently</a>.\n\n");
  EXPECT_EQ(Ask(router, "GET", "/files/").body, "file:");
  EXPECT_EQ(Ask(router, "POST", "/files").status, 404) << "nothing there takes it";
}

TEST(RouterTest, WrapsHandlers) {
  Router router;
  router.Handle("GET", "/a/{x}", Say("a"));
  std::vector<std::string> seen;
  for (const char* name : {"outer", "inner"}) {
    router.Use([&seen, name](std::string_view pattern, const ServerRequest& r, ResponseWriter& w,
                             const Handler& next) {
      seen.push_back(std::string(name) + " " + std::string(pattern));
      next(r, w);
    });
  }
  EXPECT_EQ("a:1", Ask(router, "GET", "/a/1").body);
  EXPECT_EQ((std::vector<std::string>{"outer /a/{x}", "inner /a/{x}"}), seen);
}

TEST(ParamsTest, ReadsQueriesAsGoDoes) {
  const struct {
    const char* text;
    bool good;
    std::vector<std::pair<std::string, std::string>> want;
  } cases[] = {
      {"", true, {}},
      {"a=1&b=2&a=3", true, {{"a", "1"}, {"b", "2"}, {"a", "3"}}},
      {"a=%2B+x&b", true, {{"a", "+ x"}, {"b", ""}}},
      {"&&a=1&", true, {{"a", "1"}}},
      {"a=b=c", true, {{"a", "b=c"}}},
      {"a=%zz&b=1", false, {{"b", "1"}}},
      {"a=%2&b=1", false, {{"b", "1"}}},
      {"a=1;b=2&c=3", false, {{"c", "3"}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    Params params;
    EXPECT_EQ(c.good, params.AddEncoded(c.text));
    EXPECT_EQ(c.want, params.pairs());
  }
}

TEST(ParamsTest, ReadsForms) {
  const std::string part = "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n3\r\n";
  const struct {
    const char* method;
    const char* type;
    std::string body;
    std::vector<std::string> want;  // Values of q; the URL has q=url.
  } cases[] = {
      {"GET", "application/x-www-form-urlencoded", "q=body", {"url"}},
      {"POST", "application/x-www-form-urlencoded", "q=body", {"body", "url"}},
      {"POST", "Application/X-WWW-Form-URLencoded; charset=UTF-8", "q=body", {"body", "url"}},
      {"POST", "application/json", "q=body", {"url"}},
      {"POST", "", "q=body", {"url"}},
      {"POST", "multipart/form-data; boundary=b", part + "--b--\r\n", {"url", "3"}},
      {"POST",
       "multipart/form-data; boundary=\"b\"",
       "preamble\r\n" + part + part + "--b--",
       {"url", "3", "3"}},
      {"POST",
       "multipart/form-data; boundary=b",
       "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\n3",
       {"url"}},
      {"POST", "multipart/form-data; boundary=b", "--b\r\nx", {"url"}},
      {"POST", "multipart/form-data; boundary=b", "--b\r\n\r\n--b--", {"url"}},
      {"POST", "multipart/form-data", part, {"url"}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(std::string(c.type) + c.body);
    ServerRequest request;
    request.method = c.method;
    request.headers = {{"Content-Type", c.type}};
    request.raw_query = "q=url";
    request.body = c.body;
    EXPECT_EQ(c.want, request.Form().All("q"));
  }
}

}  // namespace
}  // namespace narthex::net

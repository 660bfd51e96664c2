// SPDX-License-Identifier: Apache-2.0
//
// Forms that can't be decoded. The texts are those of Go's url.ParseQuery.
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

constexpr const char* kBadForms[] = {
    "match[]=up&start=4102444800;end=4102444801",
    "match[]=up&start=%zz",
    "match[]=up&match[]=%",
};
constexpr const char* kProblems[] = {
    "error parsing form values: invalid semicolon separator in query",
    "error parsing form values: invalid URL escape \"%zz\"",
    "error parsing form values: invalid URL escape \"%\"",
};

std::string BadData(std::string problem) {
  for (std::size_t at = 0; (at = problem.find('"', at)) != std::string::npos; at += 2) {
    problem.insert(at, "\\");
  }
  return R"({"status":"error","errorType":"bad_data","error":")" + problem + "\"}";
}

// A bound that is left out would delete all that there is.
TEST(FormTest, NothingIsDeletedByAFormThatCannotBeRead) {
  FakeServer server;
  server.options.enable_admin_api = true;
  const std::string url = "/api/v1/admin/tsdb/delete_series";
  for (std::size_t i = 0; i < std::size(kBadForms); ++i) {
    SCOPED_TRACE(kBadForms[i]);
    for (const char* method : {"POST", "PUT"}) {
      EXPECT_EQ(BadData(kProblems[i]), server.Ask(method, url + "?" + kBadForms[i]).body);
      const Answer of_body = server.Ask(method, url, kBadForms[i]);
      EXPECT_EQ(400, of_body.status);
      EXPECT_EQ(BadData(kProblems[i]), of_body.body);
    }
  }
  const std::string too_large = "match[]=up&x=" + std::string(10 << 20, 'x');
  EXPECT_EQ(BadData("error parsing form values: http: POST too large"),
            server.Ask("POST", url, too_large).body);
  EXPECT_TRUE(server.admin.calls.empty());
}

TEST(FormTest, EndpointsThatRefuseWhatTheyCannotRead) {
  FakeServer server;
  for (std::size_t i = 0; i < std::size(kBadForms); ++i) {
    SCOPED_TRACE(kBadForms[i]);
    for (const char* path : {"/api/v1/series", "/api/v1/rules"}) {
      SCOPED_TRACE(path);
      const Answer answer = server.Get(std::string(path) + "?" + kBadForms[i]);
      EXPECT_EQ(400, answer.status);
      EXPECT_EQ(BadData(kProblems[i]), answer.body);
    }
    EXPECT_EQ(BadData(kProblems[i]), server.Ask("POST", "/api/v1/series", kBadForms[i]).body);
    const Answer federation = server.Get(std::string("/federate?") + kBadForms[i]);
    EXPECT_EQ(400, federation.status);
    EXPECT_EQ(std::string(kProblems[i]) + "\n", federation.body);
  }
}

// The others read single values, as Prometheus's do: what is bad counts as not given.
TEST(FormTest, EndpointsThatLeaveOutWhatTheyCannotRead) {
  FakeServer server;
  server.Add({{"__name__", "up"}}, {{1'700'000'000'000, 1}});
  for (const char* url : {"/api/v1/query?query=1&time=%zz", "/api/v1/labels?start=%zz",
                          "/api/v1/label/__name__/values?start=1;end=2",
                          "/api/v1/query_range?query=1&start=0&end=1&step=1&timeout=%zz"}) {
    SCOPED_TRACE(url);
    EXPECT_EQ(200, server.Get(url).status);
  }
}

}  // namespace
}  // namespace narthex::web

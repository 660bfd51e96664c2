// SPDX-License-Identifier: Apache-2.0
//
// What the server changes in the pages of the UI.
#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

TEST(PagesTest, HaveTheOperatorsTitle) {
  FakeServer plain;
  FakeServer titled;
  titled.options.page_title = R"(Lab "A" </title><script>)";
  Answer before = plain.Get("/query");
  EXPECT_NE(std::string::npos, before.body.find("<title>Narthex</title>"));
  Answer answer = titled.Get("/query");
  EXPECT_NE(std::string::npos,
            answer.body.find("<title>Lab &#34;A&#34; &lt;/title&gt;&lt;script&gt;</title>"))
      << answer.body;
  EXPECT_EQ(std::string::npos, answer.body.find("Narthex</title>"));

  // What a browser kept of one is not taken for the other.
  const std::string etag = answer.headers["ETag"];
  EXPECT_NE(before.headers["ETag"], etag);
  EXPECT_EQ(304, titled.Ask("GET", "/targets", "", {{"If-None-Match", etag}}).status);
  EXPECT_EQ(200, plain.Ask("GET", "/targets", "", {{"If-None-Match", etag}}).status);
}

}  // namespace
}  // namespace narthex::web

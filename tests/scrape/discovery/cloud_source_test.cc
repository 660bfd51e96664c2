// SPDX-License-Identifier: Apache-2.0
#include "scrape/discovery/cloud/cloud_source.h"

#include <gtest/gtest.h>

#include "tests/net/fake_api.h"

namespace narthex::scrape {
namespace {

class CloudSourceTest : public ::testing::Test {
 protected:
  net::FakeApi api_;
};

TEST_F(CloudSourceTest, PagesOfOneRefreshShareALimit) {
  const std::string page = R"({"next": "/2"})";
  api_.On("GET /1 ", {page});
  api_.On("GET /2 ", {"{}"});
  ApiClient api({}, std::chrono::seconds(30));
  const auto fetch = [&] {
    const auto pages = FetchPages(api, api_.Url("/1"), {}, [&](const Page& got) {
      const std::string next = got["next"].Text();
      return next.empty() ? "" : api_.Url(next);
    });
    return pages ? "" : pages.error().message();
  };
  api.BeginKeeping(page.size() + 2);
  EXPECT_EQ(fetch(), "");
  EXPECT_EQ(fetch(), "the answers of one refresh are too large together");
  api.BeginKeeping(page.size() + 1);
  EXPECT_EQ(fetch(), "the answers of one refresh are too large together");
  api.BeginKeeping();
  EXPECT_EQ(fetch(), "");
}

TEST_F(CloudSourceTest, CredentialsGoToNoOtherServer) {
  net::FakeApi other;
  api_.On("GET /1 ", {"{}"});
  ApiClient api({}, std::chrono::seconds(30));
  const auto pages = FetchPages(api, api_.Url("/1"), {{"Authorization", "x"}},
                                [&](const Page&) { return other.Url("/2"); });
  const auto none =
      FetchPages(api, api_.Url("/1"), {}, [&](const Page&) { return std::string(1000, 'x'); });
  ASSERT_FALSE(none);
  EXPECT_LT(none.error().message().size(), 400U);
  ASSERT_FALSE(pages);
  EXPECT_NE(pages.error().message().find("the next page is on another server"), std::string::npos);
  EXPECT_EQ(other.requests().size(), 0U);
}

TEST_F(CloudSourceTest, MessagesHaveNoPasswordsAndAnEnd) {
  ApiClient api({}, std::chrono::seconds(30));
  const std::string url = "http://me:hidden@" + api_.Url("/1").substr(7);
  const auto text = [&] {
    const auto answer = api.GetJson(url);
    return answer ? "" : answer.error().message();
  };
  EXPECT_EQ(text().find("hidden"), std::string::npos) << text();
  EXPECT_NE(text().find("me:xxxxx@"), std::string::npos) << text();
  api_.On("GET /1 ", {"no"});
  EXPECT_EQ(text().find("hidden"), std::string::npos) << text();
  api_.On("GET /1 ", {R"({")" + std::string(1000, 'a') + R"(": 1})"});
  const auto answer = api.GetJson(url);
  ASSERT_TRUE(answer);
  for (const auto& [name, value] : (*answer)->root().Members()) EXPECT_EQ(value.Text(), "");
  EXPECT_LT((*answer)->status().error().message().size(), 320U);
}

}  // namespace
}  // namespace narthex::scrape

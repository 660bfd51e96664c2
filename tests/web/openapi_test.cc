// SPDX-License-Identifier: Apache-2.0
#include "web/api/openapi.h"

#include <gtest/gtest.h>

#include "narthex/storage/chunk_querier.h"
#include "tests/web/fake_server.h"
#include "web/api/openapi_table.h"

namespace narthex::web {
namespace {

TEST(OpenApiTest, Versions) {
  FakeServer server;
  server.options.external_url = "http://example.org/prom";
  const struct {
    const char* query;
    const char* first_line;
    bool live;
  } cases[] = {{"", "openapi: 3.1.0\n", false},
               {"?openapi_version=3.1.0", "openapi: 3.1.0\n", false},
               {"?openapi_version=3.2", "openapi: 3.2.0\n", true},
               {"?openapi_version=9", "openapi: 3.1.0\n", false}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.query);
    const Answer answer = server.Get(std::string("/api/v1/openapi.yaml") + c.query);
    EXPECT_EQ(200, answer.status);
    EXPECT_EQ("application/yaml; charset=utf-8", answer.headers.at("Content-Type"));
    EXPECT_EQ("no-cache, no-store, must-revalidate", answer.headers.at("Cache-Control"));
    EXPECT_TRUE(answer.body.starts_with(c.first_line));
    EXPECT_NE(std::string::npos, answer.body.find("- url: 'http://example.org/prom/api/v1'"));
    EXPECT_EQ(c.live, answer.body.find("/notifications/live:") != std::string::npos);
  }
}

TEST(OpenApiTest, LimitOfSearches) {
  const auto has = [](std::size_t most, const char* text) {
    OpenApiFacts facts;
    facts.max_search_limit = most;
    return OpenApiYaml(facts).find(text) != std::string::npos;
  };
  EXPECT_TRUE(has(50, "maximum: 50\n"));
  EXPECT_TRUE(has(50, "default: 50\n"));
  EXPECT_TRUE(has(500, "maximum: 500\n"));
  EXPECT_FALSE(has(0, "maximum: "));
}

struct NoChunks final : storage::ChunkQueryable {
  Result<std::unique_ptr<storage::ChunkSeriesSet>> SelectChunks(model::TimestampMs,
                                                                model::TimestampMs,
                                                                std::span<const model::Matcher>,
                                                                const storage::SelectHints&,
                                                                std::stop_token) override {
    return Fail(Code::kUnavailable, "none");
  }
};

// Without a table that both are made of, this keeps the description true.
TEST(OpenApiTest, EveryOperationIsRouted) {
  FakeServer server;
  NoChunks chunks;
  server.chunks = &chunks;
  server.options.max_notification_subscribers = 0;  // That answer would not end.
  for (const ApiOperation& operation : ApiOperations()) {
    SCOPED_TRACE(operation.path);
    std::string path = "/api/v1" + std::string(operation.path);
    if (const auto at = path.find("{name}"); at != std::string::npos) path.replace(at, 6, "x");
    std::string allowed;
    for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
      const int status = server.Ask(method, path).status;
      if (status == 405) continue;
      for (const char* c = method; *c != '\0'; ++c) allowed += static_cast<char>(*c | 0x20);
      allowed += ' ';
    }
    const bool put = operation.methods == "put post";
    EXPECT_EQ(put ? "post put " : std::string(operation.methods) + ' ', allowed);
  }
}

}  // namespace
}  // namespace narthex::web

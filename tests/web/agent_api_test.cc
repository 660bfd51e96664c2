// SPDX-License-Identifier: Apache-2.0
//
// The API of an agent: without an engine, and with Prometheus's refusals.
#include <gtest/gtest.h>

#include "tests/web/fake_server.h"

namespace narthex::web {
namespace {

class AgentApiTest : public ::testing::Test {
 protected:
  AgentApiTest() { server_.options.agent_mode = true; }
  FakeServer server_;
};

TEST_F(AgentApiTest, WhatNeedsADatabaseIsUnavailable) {
  server_.options.enable_admin_api = true;
  server_.options.enable_search = true;
  const std::pair<const char*, const char*> requests[] = {
      {"GET", "/api/v1/query?query=up"},
      {"POST", "/api/v1/query?query=up"},
      {"GET", "/api/v1/query"},
      {"GET", "/api/v1/query_range?query=up&start=0&end=1&step=1"},
      {"POST", "/api/v1/query_range"},
      {"GET", "/api/v1/query_exemplars?query=up"},
      {"POST", "/api/v1/query_exemplars"},
      {"GET", "/api/v1/format_query?query=up"},
      {"POST", "/api/v1/format_query"},
      {"GET", "/api/v1/parse_query?query=up"},
      {"POST", "/api/v1/parse_query"},
      {"GET", "/api/v1/labels"},
      {"POST", "/api/v1/labels"},
      {"GET", "/api/v1/label/job/values"},
      {"GET", "/api/v1/series?match[]=up"},
      {"POST", "/api/v1/series"},
      {"GET", "/api/v1/alertmanagers"},
      {"GET", "/api/v1/rules"},
      {"GET", "/api/v1/alerts"},
      {"GET", "/api/v1/status/tsdb"},
      {"GET", "/api/v1/status/tsdb/blocks"},
      {"POST", "/api/v1/admin/tsdb/delete_series?match[]=up"},
      {"PUT", "/api/v1/admin/tsdb/clean_tombstones"},
      {"POST", "/api/v1/admin/tsdb/snapshot"},
      {"GET", "/api/v1/search/metric_names"},
      {"POST", "/api/v1/search/label_names"},
      {"GET", "/api/v1/search/label_values"},
  };
  for (const auto& [method, path] : requests) {
    SCOPED_TRACE(std::string(method) + " " + path);
    const Answer answer = server_.Ask(method, path);
    EXPECT_EQ(answer.status, 422);
    EXPECT_EQ(answer.headers.at("Content-Type"), "application/json");
    EXPECT_EQ(answer.body, R"({"status":"error","errorType":"execution",)"
                           R"("error":"unavailable with Prometheus Agent"})");
  }
  EXPECT_TRUE(server_.admin.calls.empty());
}

TEST_F(AgentApiTest, TheRestIsThere) {
  for (const char* path :
       {"/api/v1/scrape_pools", "/api/v1/targets", "/api/v1/targets/metadata", "/api/v1/metadata",
        "/api/v1/status/config", "/api/v1/status/runtimeinfo", "/api/v1/status/buildinfo",
        "/api/v1/status/flags", "/api/v1/status/walreplay", "/api/v1/features",
        "/api/v1/notifications", "/metrics", "/version"}) {
    EXPECT_EQ(server_.Get(path).status, 200) << path;
  }
}

TEST_F(AgentApiTest, ItSaysWhatItIs) {
  EXPECT_EQ(server_.Get("/-/healthy").body, "Prometheus Agent is Healthy.\n");
  EXPECT_EQ(server_.Get("/-/ready").body, "Prometheus Agent is Ready.\n");
  server_.status.state = ServerState::kStarting;
  EXPECT_EQ(server_.Get("/-/healthy").status, 200);
  EXPECT_EQ(server_.Get("/-/ready").status, 503);
  EXPECT_EQ(server_.Get("/api/v1/query").status, 503);
}

TEST_F(AgentApiTest, Pages) {
  EXPECT_EQ(server_.Get("/").headers.at("Location"), "/agent");
  EXPECT_EQ(server_.Get("/graph?a=b").headers.at("Location"), "/query?a=b");
  for (const char* page : {"/agent", "/config", "/flags", "/service-discovery", "/status",
                           "/targets", "/alertmanager-discovery"}) {
    EXPECT_EQ(server_.Get(page).status, 200) << page;
  }
  for (const char* page : {"/query", "/alerts", "/rules", "/tsdb-status"}) {
    EXPECT_EQ(server_.Get(page).status, 404) << page;
  }
}

TEST_F(AgentApiTest, BelowAPath) {
  server_.options.external_url = "http://example.org/prom";
  server_.options.route_prefix = "/prom";
  EXPECT_EQ(server_.Get("/prom/").headers.at("Location"), "/prom/agent");
  EXPECT_EQ(server_.Get("/prom/agent").status, 200);
}

}  // namespace
}  // namespace narthex::web

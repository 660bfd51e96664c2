// SPDX-License-Identifier: Apache-2.0
#include "web/api/query_origin.h"

#include <gtest/gtest.h>

namespace narthex::web {
namespace {

// Source: Prometheus httputil.ContextFromRequest; the path is the one that was asked for.
TEST(QueryOriginTest, NamesClientMethodAndPath) {
  net::ServerRequest request;
  request.method = "POST";
  request.path = "/pre/api/v1/query";
  const struct {
    const char* address;
    const char* client;
  } cases[] = {{"127.0.0.1:34567", "127.0.0.1"}, {"[::1]:80", "::1"}, {"", ""}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.address);
    request.remote_address = c.address;
    const promql::QueryOrigin origin = OriginOf(request);
    EXPECT_EQ(origin.kind, "httpRequest");
    EXPECT_EQ(origin.fields,
              (std::vector<std::pair<std::string, std::string>>{
                  {"clientIP", c.client}, {"method", "POST"}, {"path", "/pre/api/v1/query"}}));
  }
}

}  // namespace
}  // namespace narthex::web

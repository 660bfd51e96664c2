// SPDX-License-Identifier: Apache-2.0

#include "narthex/web/ui_assets.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

namespace narthex::web {
namespace {

std::string Gunzip(std::string_view packed) {
  std::string out(std::size_t{8} << 20, '\0');
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

/// The addresses in href="…" and src="…" of our own files.
std::vector<std::string> Linked(std::string_view html) {
  std::vector<std::string> found;
  for (const std::string_view attribute : {"href=\"", "src=\""}) {
    for (auto at = html.find(attribute); at != html.npos; at = html.find(attribute, at + 1)) {
      const auto begin = at + attribute.size();
      const std::string_view value = html.substr(begin, html.find('"', begin) - begin);
      if (!value.starts_with("api/")) found.emplace_back(value);
    }
  }
  return found;
}

TEST(UiAssetsTest, PagesAreTheIndexOfTheirMode) {
  for (const UiMode mode : {UiMode::kServer, UiMode::kAgent}) {
    const bool agent = mode == UiMode::kAgent;
    const auto index = FindUiAsset(agent ? "/agent.html" : "/index.html");
    ASSERT_TRUE(index);
    EXPECT_EQ(index->content_type, "text/html; charset=utf-8");
    EXPECT_FALSE(index->immutable);
    for (const std::string_view page : UiPages(mode)) {
      ASSERT_TRUE(FindUiPage(page, mode)) << page;
      EXPECT_EQ(FindUiPage(page, mode)->bytes, index->bytes) << page;
    }
    for (const char* page : {"/targets", "/status", "/config", "/flags", "/service-discovery"}) {
      EXPECT_TRUE(FindUiPage(page, mode)) << page;
    }
    for (const char* page : {"/query", "/alerts", "/rules", "/tsdb-status"}) {
      EXPECT_EQ(FindUiPage(page, mode).has_value(), !agent) << page;
    }
    EXPECT_EQ(FindUiPage("/agent", mode).has_value(), agent);
    EXPECT_FALSE(FindUiPage("/index.html", mode));
  }
}

TEST(UiAssetsTest, UnknownPaths) {
  for (const char* path :
       {"", "/", "query", "/query/", "/assets/", "/assets/../index.html", "/nope.js"}) {
    SCOPED_TRACE(path);
    EXPECT_FALSE(FindUiAsset(path));
    EXPECT_FALSE(FindUiPage(path, UiMode::kServer));
  }
}

TEST(UiAssetsTest, WhatIndexLinksIsThereAndRelative) {
  const auto index = FindUiAsset("/index.html");
  ASSERT_TRUE(index);
  for (const std::string& address : Linked(index->bytes)) {
    SCOPED_TRACE(address);
    EXPECT_FALSE(address.starts_with('/')) << "would break below a route prefix";
    const auto file = FindUiAsset('/' + address);
    ASSERT_TRUE(file);
    EXPECT_FALSE(file->bytes.empty());
    EXPECT_EQ(file->immutable, address.starts_with("assets/"));
    EXPECT_TRUE(file->etag.size() > 2 && file->etag.front() == '"' && file->etag.back() == '"');
    if (!file->gzip.empty()) {
      EXPECT_LT(file->gzip.size(), file->bytes.size());
      EXPECT_EQ(Gunzip(file->gzip), file->bytes);
    }
  }
}

}  // namespace
}  // namespace narthex::web

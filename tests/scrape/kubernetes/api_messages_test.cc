// SPDX-License-Identifier: Apache-2.0
#include "scrape/answers/kubernetes/api_messages.h"

#include "scrape/discovery/kubernetes/api.h"
#include "tests/scrape/kubernetes/fixture.h"

namespace narthex::scrape::kubernetes {
namespace {

std::string Quoted(std::string text) {
  std::replace(text.begin(), text.end(), '\'', '"');
  return text;
}

TEST(ParseListTest, Pages) {
  const auto list = ParseList(Resource::kPod, Quoted(R"({'kind': 'PodList', 'metadata':
      {'resourceVersion': '10', 'continue': 'abc'}, 'items': [{'metadata': {'name': 'a'}}]})"));
  ASSERT_TRUE(list) << list.error().message();
  EXPECT_EQ("10", list->version);
  EXPECT_EQ("abc", list->next_page);
  ASSERT_EQ(1U, list->objects.size());
  EXPECT_EQ("a", list->objects[0]->name);
  const auto empty =
      ParseList(Resource::kPod, Quoted("{'metadata': {'resourceVersion': '1'}, 'items': null}"));
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->objects.empty());
}

TEST(ParseListTest, WhatIsNoList) {
  for (const char* text :
       {"", "{", "[]", "null", "{}", "<html>", "{'metadata': {'resourceVersion': 7}}",
        "{'metadata': {'resourceVersion': '7'}, 'items': {}}",
        "{'metadata': {'resourceVersion': '7'}, 'items': [[]]}",
        "{'metadata': {'resourceVersion': '7'}, 'items': [{'metadata': {'name': 'x'}, "
        "'spec': 'y'}]}"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(ParseList(Resource::kPod, Quoted(text)));
  }
  std::string deep(1000, '[');
  EXPECT_FALSE(ParseList(Resource::kPod, "{\"metadata\": {}, \"x\": " + deep));
}

TEST(ParseApiErrorTest, TheServersWordsOrTheStatus) {
  ApiError error = ParseApiError(403, "Forbidden",
                                 Quoted("{'kind': 'Status', 'message': 'pods is forbidden', "
                                        "'reason': 'Forbidden', 'code': 403}"));
  EXPECT_EQ("pods is forbidden", error.message);
  EXPECT_EQ(403, error.status);
  error = ParseApiError(502, "Bad Gateway", "<html>");
  EXPECT_EQ("server returned HTTP status 502 Bad Gateway", error.message);
  EXPECT_EQ(502, error.status);
  error = ParseApiError(500, "x", Quoted("{'kind': 'Status', 'reason': 'Expired'}"));
  EXPECT_EQ(410, error.status);
}

TEST(ParseApiErrorTest, ALongBodyIsNoError) {
  const std::string body = Quoted("{'kind': 'Status', 'message': '") + std::string(1 << 20, 'x') +
                           Quoted("', 'code': 403}");
  EXPECT_EQ("server returned HTTP status 403 Forbidden",
            ParseApiError(403, "Forbidden", body).message);
}

TEST(FailureKindTest, WithoutUrlAndPorts) {
  EXPECT_EQ("context deadline exceeded",
            FailureKind("Get \"http://k:80/api/v1/pods?watch=true&timeoutSeconds=312\": context "
                        "deadline exceeded"));
  EXPECT_EQ(FailureKind("read tcp 10.0.0.1:5123->10.0.0.2:443: connection reset by peer"),
            FailureKind("read tcp 10.0.0.1:6->10.0.0.2:443: connection reset by peer"));
  EXPECT_NE(FailureKind("server returned HTTP status 502 x"),
            FailureKind("server returned HTTP status 503 x"));
  EXPECT_EQ("Get \"", FailureKind("Get \""));
  EXPECT_EQ("", FailureKind(""));
}

class WatchReaderTest : public ::testing::Test {
 protected:
  WatchReader reader{Resource::kPod, [this](WatchReader::Event event) {
                       const char* kTypes[] = {"put", "remove", "bookmark"};
                       seen += kTypes[static_cast<int>(event.type)];
                       if (event.object != nullptr) seen += " " + event.object->Key();
                       seen += "@" + event.version + "\n";
                     }};
  std::string seen;
};

const std::string kStream = Quoted(
    "{'type':'ADDED','object':{'metadata':{'name':'a','namespace':'n','resourceVersion':'1'}}}\n"
    "\r\n"
    "{'type':'MODIFIED','object':{'metadata':{'name':'b','resourceVersion':'2'}}}\r\n"
    "{'type':'BOOKMARK','object':{'metadata':{'resourceVersion':'5'}}}\n"
    "{'type':'DELETED','object':{'metadata':{'name':'a','namespace':'n','resourceVersion':'6'}}}"
    "\n");

TEST_F(WatchReaderTest, PiecesOfAnySize) {
  for (std::size_t size = 1; size <= kStream.size(); size += size < 10 ? 1 : 37) {
    SCOPED_TRACE(size);
    seen.clear();
    for (std::size_t at = 0; at < kStream.size(); at += size) {
      ASSERT_TRUE(reader.Feed(std::string_view(kStream).substr(at, size)));
    }
    EXPECT_EQ("put n/a@1\nput b@2\nbookmark@5\nremove n/a@6\n", seen);
  }
}

TEST_F(WatchReaderTest, TheServersError) {
  EXPECT_FALSE(
      reader.Feed(Quoted("{'type':'ERROR','object':{'kind':'Status','code':410,"
                         "'message':'too old resource version: 1 (9)'}}\n")));
  ASSERT_TRUE(reader.error());
  EXPECT_EQ(410, reader.error()->status);
  EXPECT_EQ("too old resource version: 1 (9)", reader.error()->message);
}

TEST_F(WatchReaderTest, WhatIsNoEvent) {
  for (const char* line :
       {"x", "[]", "{}", "{'type':'ADDED'}", "{'type':'ADDED','object':[]}",
        "{'type':'ODD','object':{}}", "{'type':'ADDED','object':{'metadata':{}}}",
        "{'type':'ADDED','object':{'metadata':{'name':'a','resourceVersion':1}}}"}) {
    SCOPED_TRACE(line);
    WatchReader one(Resource::kPod, [](const WatchReader::Event&) { ADD_FAILURE(); });
    EXPECT_FALSE(one.Feed(Quoted(line) + "\n"));
    ASSERT_TRUE(one.error());
    EXPECT_TRUE(one.error()->message.starts_with("unable to decode an event"))
        << one.error()->message;
  }
}

TEST_F(WatchReaderTest, ALineWithoutEnd) {
  const std::string piece(1 << 20, ' ');
  std::size_t fed = 0;
  while (fed <= WatchReader::kMaxLineBytes && reader.Feed(piece)) fed += piece.size();
  EXPECT_EQ(WatchReader::kMaxLineBytes, fed);
  ASSERT_TRUE(reader.error());
  EXPECT_EQ(
      "unable to decode an event from the watch stream: an event of the watch is longer than "
      "16 MiB",
      reader.error()->message);
}

TEST(PathTest, PathsAndQueries) {
  EXPECT_EQ("/api/v1/pods", PathOf(Resource::kPod, ""));
  EXPECT_EQ("/api/v1/namespaces/a/services", PathOf(Resource::kService, "a"));
  EXPECT_EQ("/api/v1/namespaces/%7Bnamespace%7D/pods", PathOf(Resource::kPod, "{namespace}"));
  EXPECT_EQ("/api/v1/namespaces/a%20b%3F%0D%0A/pods", PathOf(Resource::kPod, "a b?\r\n"));
  EXPECT_EQ("/apis/discovery.k8s.io/v1/namespaces/a/endpointslices",
            PathOf(Resource::kEndpointSlice, "a"));
  EXPECT_EQ("/apis/networking.k8s.io/v1/ingresses", PathOf(Resource::kIngress, ""));
  EXPECT_EQ("/apis/apps/v1/replicasets", PathOf(Resource::kReplicaSet, ""));
  EXPECT_EQ("/apis/batch/v1/jobs", PathOf(Resource::kJob, ""));
  EXPECT_EQ("", QueryOf({{"a", ""}}));
  EXPECT_EQ("?a=b%3Dc%2Cd%20%C3%A9&e=f", QueryOf({{"a", "b=c,d é"}, {"x", ""}, {"e", "f"}}));
}

}  // namespace
}  // namespace narthex::scrape::kubernetes

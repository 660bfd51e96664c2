// SPDX-License-Identifier: Apache-2.0
//
// Series that were written before are known by what is sent, without their labels being read. What
// is stored and answered must not show it.
#include "web/api/write_cache.h"

#include "tests/web/remote_fixture.h"

namespace narthex::web {
namespace {

constexpr model::DurationMs kHourMs = 3'600'000;

class WriteCacheTest : public RemoteApiTest {
 protected:
  /// One sample of one series, in both versions.
  template <typename Request>
  Answer WriteOne(const Pairs& labels, model::TimestampMs t, double v) {
    Request request;
    AddSample(AddSeries(request, labels), t, v);
    return Write(request, std::is_same_v<Request, wire::v2::Request> ? kV2Parameter : "");
  }

  double CacheBytes() {
    std::string page;
    server_.registry.WriteText(page);
    const std::string_view name = "narthex_memory_bytes{part=\"web/write\"} ";
    const std::size_t at = page.find(name);
    return at == std::string::npos ? -1 : std::stod(page.substr(at + name.size()));
  }
};

TEST_F(WriteCacheTest, KnownSeriesGoOn) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(204,
              WriteOne<wire::WriteRequest>({{"__name__", "m"}, {"a", "1"}}, kNow + i, i).status);
    EXPECT_EQ(204,
              WriteOne<wire::WriteRequest>({{"__name__", "m"}, {"a", "2"}}, kNow + i, -i).status);
  }
  EXPECT_EQ(R"({__name__="m", a="1"} 0:0 1:1 2:2)"
            "\n"
            R"({__name__="m", a="2"} 0:0 1:-1 2:-2)"
            "\n",
            Stored());
  EXPECT_GT(CacheBytes(), 0);
}

// The same series, however it is sent: labels in another order, with an empty one, version 2 with
// its symbols in other places.
TEST_F(WriteCacheTest, OneSeriesInManySpellings) {
  const Pairs spellings[] = {{{"__name__", "m"}, {"a", "1"}},
                             {{"a", "1"}, {"__name__", "m"}},
                             {{"__name__", "m"}, {"a", "1"}, {"b", ""}}};
  int t = 0;
  for (int round = 0; round < 2; ++round) {
    for (const Pairs& labels : spellings) {
      EXPECT_EQ(204, WriteOne<wire::WriteRequest>(labels, kNow + t, t).status);
      ++t;
      wire::v2::Request request;
      if (round == 1) SymbolOf(request, "another");
      AddSample(AddSeries(request, labels), kNow + t, t);
      EXPECT_EQ(204, Write(request, kV2Parameter).status);
      ++t;
    }
  }
  EXPECT_EQ("{__name__=\"m\", a=\"1\"} 0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9 10:10 11:11\n",
            Stored());
}

// Version 2 names symbols by number: equal numbers are other labels in another request.
TEST_F(WriteCacheTest, NumbersOfSymbolsSayNothing) {
  EXPECT_EQ(204, WriteOne<wire::v2::Request>({{"__name__", "one"}}, kNow, 1).status);
  EXPECT_EQ(204, WriteOne<wire::v2::Request>({{"__name__", "two"}}, kNow, 2).status);
  // "ab"="c" and "a"="bc" are the same letters.
  EXPECT_EQ(204, WriteOne<wire::v2::Request>({{"__name__", "m"}, {"ab", "c"}}, kNow, 3).status);
  EXPECT_EQ(204, WriteOne<wire::v2::Request>({{"__name__", "m"}, {"a", "bc"}}, kNow, 4).status);
  EXPECT_EQ(R"({__name__="m", a="bc"} 0:4)"
            "\n"
            R"({__name__="m", ab="c"} 0:3)"
            "\n"
            R"({__name__="one"} 0:1)"
            "\n"
            R"({__name__="two"} 0:2)"
            "\n",
            Stored());
}

TEST_F(WriteCacheTest, TheSameSeriesTwiceInARequest) {
  for (int i = 0; i < 2; ++i) {
    wire::WriteRequest request;
    AddSample(AddSeries(request, {{"__name__", "m"}}), kNow + 2 * i, 1);
    AddSample(AddSeries(request, {{"__name__", "n"}}), kNow + 2 * i, 3);
    AddSample(AddSeries(request, {{"__name__", "m"}}), kNow + 2 * i + 1, 2);
    EXPECT_EQ(204, Write(request).status);
  }
  EXPECT_EQ("{__name__=\"m\"} 0:1 1:2 2:1 3:2\n{__name__=\"n\"} 0:3 2:3\n", Stored());
}

TEST_F(WriteCacheTest, RefusalsNameTheKnownSeries) {
  const Pairs labels = {{"__name__", "m"}, {"a", "1"}};
  EXPECT_EQ(204, WriteOne<wire::v2::Request>(labels, kNow, 1).status);
  for (int i = 0; i < 2; ++i) {
    const Answer answer = WriteOne<wire::v2::Request>(labels, kNow - 1, 1);
    EXPECT_EQ(400, answer.status);
    EXPECT_EQ("out of order sample for series {__name__=\"m\", a=\"1\"}\n", answer.body);
  }
  const Answer duplicate = WriteOne<wire::v2::Request>(labels, kNow, 2);
  EXPECT_EQ(400, duplicate.status);
  EXPECT_EQ(
      "duplicate sample for timestamp 1700000000000; overrides not allowed: existing 1, new value "
      "2 for series {__name__=\"m\", a=\"1\"}\n",
      duplicate.body);
  EXPECT_EQ(400, WriteOne<wire::WriteRequest>(labels, kNow - 1, 1).status);
  EXPECT_EQ("{__name__=\"m\", a=\"1\"} 0:1\n", Stored());
}

TEST_F(WriteCacheTest, BadLabelsAreNeverKnown) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(204, WriteOne<wire::WriteRequest>({{"nameless", "x"}}, kNow, 1).status);
    const Answer answer = WriteOne<wire::v2::Request>({{"nameless", "x"}}, kNow, 1);
    EXPECT_EQ(400, answer.status);
    EXPECT_EQ("invalid metric name or labels, got {nameless=\"x\"}\n", answer.body);
  }
  EXPECT_EQ("", Stored());
}

// A series that left the head is another one when it comes back, and its place there another's.
TEST_F(WriteCacheTest, SeriesThatWereCollectedComeBack) {
  const auto write = [this](const std::string& name, model::TimestampMs t) {
    wire::WriteRequest request;
    AddSample(AddSeries(request, {{"__name__", name}}), t, 1);
    *AddSeries(request, {{"__name__", name + "_h"}}).add_histograms() = OneObservation(t, 0, 0);
    EXPECT_EQ(204, Write(request).status);
  };
  write("old", kNow);
  server_.clock.AdvanceMs(8 * kHourMs);
  const model::TimestampMs later = kNow + 8 * kHourMs;
  write("new", later);
  ASSERT_TRUE(db_->Compact());
  write("third", later);  // In the places of the first ones.
  write("old", later + 1);
  write("old", later + 2);
  EXPECT_EQ(R"({__name__="new"} 28800000:1)"
            "\n"
            R"({__name__="new_h"} 28800000:{count:1, sum:1, (0.5,1]:1})"
            "\n"
            R"({__name__="old"} 0:1 28800001:1 28800002:1)"
            "\n"
            R"({__name__="old_h"} 0:{count:1, sum:1, (0.5,1]:1} 28800001:{count:1, sum:1, )"
            R"((0.5,1]:1} 28800002:{count:1, sum:1, (0.5,1]:1})"
            "\n"
            R"({__name__="third"} 28800000:1)"
            "\n"
            R"({__name__="third_h"} 28800000:{count:1, sum:1, (0.5,1]:1})"
            "\n",
            Stored());
}

}  // namespace
}  // namespace narthex::web

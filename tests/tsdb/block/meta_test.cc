// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/meta.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tsdb/block/tombstones.h"
#include "tsdb/block/ulid.h"

namespace narthex::tsdb {
namespace {

// As Prometheus writes it, and what a Thanos sidecar adds.
constexpr const char* kJson = R"({
	"ulid": "01M7WF526FRHPX4JD741HSV7HE",
	"minTime": -1700000000000,
	"maxTime": 1700004485001,
	"stats": {
		"numSamples": 75000,
		"numFloatSamples": 74999,
		"numHistogramSamples": 1,
		"numSeries": 250,
		"numChunks": 750,
		"numTombstones": 2
	},
	"compaction": {
		"level": 2,
		"sources": [
			"01M7WF526FRHPX4JD741HSV7HA",
			"01M7WF526FRHPX4JD741HSV7HB"
		],
		"deletable": true,
		"parents": [
			{
				"ulid": "01M7WF526FRHPX4JD741HSV7HA",
				"minTime": 0,
				"maxTime": 5
			}
		],
		"failed": true,
		"hints": [
			"from-out-of-order"
		]
	},
	"version": 1,
	"thanos": {"labels":{"a":"\"b\""},"downsample":{"resolution":0}}
})";

TEST(BlockMetaTest, ReadsAndWritesTheSame) {
  const auto meta = ParseBlockMeta(kJson);
  ASSERT_TRUE(meta) << meta.error().message();
  EXPECT_EQ(meta->ulid, "01M7WF526FRHPX4JD741HSV7HE");
  EXPECT_EQ(meta->min_time, -1700000000000);
  EXPECT_EQ(meta->max_time, 1700004485001);
  EXPECT_EQ(meta->stats.num_float_samples, 74999U);
  EXPECT_EQ(meta->stats.num_tombstones, 2U);
  EXPECT_EQ(meta->compaction.level, 2);
  EXPECT_EQ(meta->compaction.parents.at(0).max_time, 5);
  EXPECT_TRUE(meta->compaction.deletable);
  EXPECT_TRUE(meta->compaction.failed);
  EXPECT_TRUE(meta->compaction.HasHint(kHintOutOfOrder));
  EXPECT_FALSE(meta->compaction.HasHint(kHintStaleSeries));
  EXPECT_EQ(FormatBlockMeta(*meta), kJson);
}

TEST(BlockMetaTest, ZeroesAreLeftOut) {
  BlockMeta meta;
  meta.ulid = "01M7WF526FRHPX4JD741HSV7HE";
  meta.compaction.level = 1;
  const std::string json = FormatBlockMeta(meta);
  EXPECT_EQ(json,
            "{\n\t\"ulid\": \"01M7WF526FRHPX4JD741HSV7HE\",\n\t\"minTime\": 0,\n\t\"maxTime\": 0,\n"
            "\t\"stats\": {},\n\t\"compaction\": {\n\t\t\"level\": 1\n\t},\n\t\"version\": 1\n}");
  EXPECT_TRUE(ParseBlockMeta(json));
}

TEST(BlockMetaTest, RefusesOtherFiles) {
  const struct {
    const char* json;
    const char* want;
  } cases[] = {{"", "meta.json: "},
               {"[]", "meta.json: not an object"},
               {"{", "meta.json: "},
               {"{\"version\": 2}", "unexpected meta file version 2"},
               {"{}", "unexpected meta file version 0"},
               {"{\"version\": \"1\"}", "meta.json: \"version\" must be a number"},
               {"{\"version\": 1, \"ulid\": 5}", "meta.json: \"ulid\" must be a string"},
               {"{\"version\": 1, \"stats\": []}", "meta.json: \"stats\" must be an object"},
               {"{\"version\": 1, \"compaction\": {\"sources\": [1]}}",
                "meta.json: \"sources\" must be strings"}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.json);
    const auto meta = ParseBlockMeta(c.json);
    ASSERT_FALSE(meta);
    EXPECT_EQ(meta.error().code(), Code::kCorruption);
    EXPECT_TRUE(meta.error().message().starts_with(c.want)) << meta.error().message();
  }
}

TEST(UlidTest, NamesSortByTime) {
  testing::FakeClock clock(1'700'000'000'000);
  const std::string a = NewUlid(clock);
  EXPECT_TRUE(IsUlid(a)) << a;
  EXPECT_EQ(a.substr(0, 10), "01HF7YAT00");
  EXPECT_EQ(UlidTimeMs(a), 1'700'000'000'000);
  EXPECT_NE(a, NewUlid(clock));
  clock.AdvanceMs(1);
  EXPECT_LT(a, NewUlid(clock));
  for (const char* bad : {"", "01HF7YAT00", "01HF7YAT00000000000000000U",
                          "81HF7YAT000000000000000000", "01HF7YAT000000000000000000.tmp"}) {
    EXPECT_FALSE(IsUlid(bad)) << bad;
  }
}

TEST(TombstonesTest, IntervalsJoin) {
  const struct {
    std::vector<Interval> before;
    Interval added;
    std::vector<Interval> want;
  } cases[] = {
      {{}, {1, 2}, {{1, 2}}},
      {{{1, 2}}, {4, 5}, {{1, 2}, {4, 5}}},
      {{{4, 5}}, {1, 2}, {{1, 2}, {4, 5}}},
      {{{1, 2}}, {3, 5}, {{1, 5}}},
      {{{1, 2}, {10, 20}}, {2, 15}, {{1, 20}}},
      {{{1, 2}, {5, 6}, {10, 20}}, {0, 30}, {{0, 30}}},
      {{{1, 20}}, {5, 6}, {{1, 20}}},
      {{{1, 2}, {5, 6}}, {3, 4}, {{1, 6}}},
      {{{1, 2}}, {model::kMinTime, model::kMaxTime}, {{model::kMinTime, model::kMaxTime}}},
      {{{model::kMinTime, -1}}, {0, model::kMaxTime}, {{model::kMinTime, model::kMaxTime}}},
  };
  for (const auto& c : cases) {
    auto intervals = c.before;
    AddInterval(intervals, c.added);
    EXPECT_EQ(intervals, c.want);
  }
}

TEST(TombstonesTest, File) {
  const std::string empty("\x01\x30\xBA\x30\x01\0\0\0\0", 9);  // As Prometheus writes it.
  EXPECT_EQ(EncodeTombstones({}), empty);
  EXPECT_TRUE(DecodeTombstones(AsBytes(empty))->empty());
  Tombstones tombstones;
  tombstones.Add(7, {-5, 5});
  tombstones.Add(1ULL << 40, {model::kMinTime, model::kMaxTime});
  tombstones.Add(7, {100, 200});
  EXPECT_EQ(tombstones.num_intervals(), 3U);
  const std::string bytes = EncodeTombstones(tombstones);
  const auto read = DecodeTombstones(AsBytes(bytes));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->by_ref(), tombstones.by_ref());
  EXPECT_TRUE(Covers(read->Of(7), 100, 200));
  EXPECT_FALSE(Covers(read->Of(7), 5, 100));
  EXPECT_TRUE(read->Of(8).empty());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string bad = bytes;
    bad[i] = static_cast<char>(bad[i] ^ 2);
    EXPECT_FALSE(DecodeTombstones(AsBytes(bad))) << i;
    EXPECT_FALSE(DecodeTombstones(AsBytes(bytes).first(i))) << i;
  }
  testing::TempDir dir;
  EXPECT_TRUE(ReadTombstones(SystemFs(), dir.path())->empty()) << "a missing file is none";
  ASSERT_TRUE(WriteTombstones(SystemFs(), dir.path(), tombstones));
  EXPECT_EQ(ReadTombstones(SystemFs(), dir.path())->by_ref(), tombstones.by_ref());
}

}  // namespace
}  // namespace narthex::tsdb

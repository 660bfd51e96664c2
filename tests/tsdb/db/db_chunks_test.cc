// SPDX-License-Identifier: Apache-2.0
//
// What a reader of encoded chunks gets: the samples that a query gets, in chunks as they are stored
// wherever that is possible.
#include <bit>
#include <random>

#include <gtest/gtest.h>

#include "narthex/model/histogram.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tests/tsdb/support/test_blocks.h"
#include "tsdb/chunkenc/bit_stream.h"
#include "tsdb/chunkenc/histogram.h"

namespace narthex::tsdb::testing {
namespace {

using Chunks = std::vector<storage::EncodedChunk>;

std::map<std::string, Chunks> ReadChunks(const storage::ChunkSeriesSet& set) {
  std::map<std::string, Chunks> all;
  std::optional<model::Labels> last;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto labels = set.LabelsAt(i);
    if (last) {
      EXPECT_LT(*last, labels);
    }
    last = labels;
    const auto status = set.Read(i, all[labels.ToString()]);
    EXPECT_TRUE(status) << status.error().message();
  }
  return all;
}

std::map<std::string, Chunks> ReadChunks(DbFixture& db, model::TimestampMs mint,
                                         model::TimestampMs maxt,
                                         const storage::SelectHints& hints = {}) {
  auto set = db->SelectChunks(mint, maxt, {}, hints);
  if (!set) {
    ADD_FAILURE() << set.error().message();
    return {};
  }
  return ReadChunks(**set);
}

// Decodes, and checks what the chunks say about themselves.
SeriesData Decoded(const std::map<std::string, Chunks>& all) {
  SeriesData data;
  for (const auto& [labels, chunks] : all) {
    model::TimestampMs end = model::kMinTime;
    for (const auto& chunk : chunks) {
      EXPECT_GT(chunk.mint, end) << labels;
      end = chunk.maxt;
      storage::SampleColumns columns;
      EXPECT_TRUE(DecodeChunk(static_cast<Encoding>(chunk.encoding), AsBytes(chunk.bytes),
                              model::kMinTime, model::kMaxTime, columns));
      if (columns.t.empty()) {
        ADD_FAILURE() << "an empty chunk of " << labels;
        continue;
      }
      EXPECT_EQ(chunk.mint, columns.t.front());
      EXPECT_EQ(chunk.maxt, columns.t.back());
      for (std::size_t i = 0; i < columns.t.size(); ++i) {
        data[labels].push_back({columns.t[i], columns.v[i]});
      }
    }
  }
  return data;
}

DbOptions SmallRanges() {
  DbOptions options;
  options.min_block_duration_ms = 60'000;
  return options;
}

void Fill(DbFixture& db, model::TimestampMs from, model::TimestampMs to) {
  for (model::TimestampMs t = from; t < to; t += 250) {
    std::vector<DbFixture::Sample> samples = {
        {{{"__name__", "counter"}}, t, static_cast<double>(t)},
        {{{"__name__", "gauge"}}, t + 7, static_cast<double>(t % 977) / 7}};
    if (t / 10'000 % 2 == 0) samples.push_back({{{"__name__", "some"}}, t, 1});
    db.Append(samples);
  }
}

TEST(DbChunksTest, HoldWhatQueriesReturn) {
  DbFixture db(SmallRanges());
  Fill(db, 1'000'000, 1'400'000);
  std::mt19937 random(3);
  const auto compare = [&](const char* when) {
    SCOPED_TRACE(when);
    for (int round = 0; round < 60; ++round) {
      model::TimestampMs mint = 990'000 + random() % 420'000;
      model::TimestampMs maxt = mint + random() % 200'000;
      if (round == 0) {
        mint = model::kMinTime;
        maxt = model::kMaxTime;
      }
      SCOPED_TRACE(::testing::Message() << mint << " … " << maxt);
      EXPECT_EQ(Decoded(ReadChunks(db, mint, maxt)), db.ReadAll(mint, maxt));
    }
  };
  compare("head");
  ASSERT_TRUE(db->Compact());
  ASSERT_FALSE(db->Blocks().empty());
  compare("blocks and head");
  db.Reopen();
  compare("after a restart");
}

TEST(DbChunksTest, HintsNarrowTheRange) {
  DbFixture db;
  Fill(db, 1'000'000, 1'020'000);
  storage::SelectHints hints;
  hints.start_ms = 1'005'000;
  hints.end_ms = 1'006'000;
  EXPECT_EQ(Decoded(ReadChunks(db, 0, 2'000'000, hints)), db.ReadAll(1'005'000, 1'006'000));
  hints.limit = 1;
  const auto one = ReadChunks(db, 0, 2'000'000, hints);
  ASSERT_EQ(one.size(), 1U);
  EXPECT_EQ(one.begin()->first, R"({__name__="counter"})");
}

TEST(DbChunksTest, WholeChunksAreTheStoredBytes) {
  DbFixture db;
  db.Close();
  std::vector<model::Sample> samples;
  for (int i = 0; i < 300; ++i) samples.push_back({1'000 * i, i % 7 * 1.5});
  const auto stored = EncodeChunks(samples);
  ASSERT_EQ(stored.size(), 3U);
  MakeBlock(db.dir(), "01HF0000000000000000000001", 0, 300'000, {{{{"a", "1"}}, samples}});
  db.Open();
  const auto whole = ReadChunks(db, 0, 300'000).at(R"({a="1"})");
  ASSERT_EQ(whole.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(whole[i].bytes, stored[i].second);
  // The first and the last are cut, and the one in the middle is as it was.
  const auto cut = ReadChunks(db, 119'000, 240'000).at(R"({a="1"})");
  ASSERT_EQ(cut.size(), 3U);
  EXPECT_EQ(cut[0].bytes, EncodeChunks({{119'000, 119 % 7 * 1.5}})[0].second);
  EXPECT_EQ(cut[1].bytes, stored[1].second);
  EXPECT_EQ(cut[2].bytes, EncodeChunks({{240'000, 240 % 7 * 1.5}})[0].second);
}

TEST(DbChunksTest, OverlappingChunksAreMergedAndCutAnew) {
  DbFixture db;
  db.Close();
  std::vector<model::Sample> even;
  std::vector<model::Sample> odd;
  std::vector<model::Sample> all;
  for (int i = 0; i < 240; ++i) {
    all.push_back({1'000 * i, i * 1.0});
    (i % 2 == 0 ? even : odd).push_back(all.back());
  }
  MakeBlock(db.dir(), "01HF0000000000000000000001", 0, 300'000, {{{{"a", "1"}}, even}});
  MakeBlock(db.dir(), "01HF0000000000000000000002", 0, 300'000, {{{{"a", "1"}}, odd}});
  db.Open();
  const auto chunks = ReadChunks(db, 0, 300'000).at(R"({a="1"})");
  const auto want = EncodeChunks(all);
  ASSERT_EQ(chunks.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) EXPECT_EQ(chunks[i].bytes, want[i].second);
}

TEST(DbChunksTest, LaterCommitsAreNotSeen) {
  DbFixture db;
  db.Append({{{{"a", "1"}}, 1'000, 1}});
  auto set = db->SelectChunks(model::kMinTime, model::kMaxTime, {}, {});
  ASSERT_TRUE(set);
  db.Append({{{{"a", "1"}}, 2'000, 2}});
  EXPECT_EQ(Decoded(ReadChunks(**set)), (SeriesData{{R"({a="1"})", {{1'000, 1}}}}));
}

// A source with chunks as they are given.
class RawSource final : public BlockSource {
 public:
  explicit RawSource(std::vector<ChunkView> chunks) : chunks_(std::move(chunks)) {}
  Status Symbols(const SymbolSink& add) override {
    add("1");
    add("a");
    return {};
  }
  Result<bool> Next() override { return !std::exchange(done_, true); }
  const model::Labels& labels() const override { return labels_; }
  std::span<const ChunkView> chunks() const override { return chunks_; }

 private:
  const std::vector<ChunkView> chunks_;
  const model::Labels labels_{{"a", "1"}};
  bool done_ = false;
};

TEST(DbChunksTest, StartTimesAreLeftOut) {
  std::string xor2;
  BitWriter out(xor2, 0);
  out.Put(2, 16);
  out.Put(0, 8);     // No start times.
  out.Put(0xd0, 8);  // varint 1000
  out.Put(0x0f, 8);
  out.Put(std::bit_cast<std::uint64_t>(1.0), 64);
  out.Put(15, 8);  // uvarint delta 15
  out.Put(0, 1);   // Same value.
  DbFixture db;
  db.Close();
  RawSource source({{1000, 1015, Encoding::kXor2, AsBytes(xor2)}});
  BlockMeta meta;
  meta.ulid = "01HF0000000000000000000001";
  meta.max_time = 2'000;
  meta.compaction.level = 1;
  ASSERT_TRUE(WriteBlock(SystemFs(), db.dir(), meta, source));
  db.Open();
  const auto chunks = ReadChunks(db, 0, 10'000).at(R"({a="1"})");
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_EQ(chunks[0].encoding, 1);
  EXPECT_EQ(chunks[0].bytes, EncodeChunks({{1000, 1.0}, {1015, 1.0}})[0].second);
}

TEST(DbChunksTest, HistogramChunksAreCutAtTheEdges) {
  DbFixture db;
  model::Histogram h;
  h.schema = 1;
  h.positive_spans = {{0, 2}};
  for (int i = 1; i <= 20; ++i) {
    h.positive_buckets = {i, 1};
    h.count = static_cast<std::uint64_t>(2 * i + 1);
    h.sum = i;
    auto appender = db->NewAppender();
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->AppendHistogram(ref, {{"a", "1"}}, i * 1'000, h),
              storage::AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  const auto chunks = ReadChunks(db, 5'000, 7'500).at(R"({a="1"})");
  ASSERT_EQ(chunks.size(), 1U);
  EXPECT_EQ(chunks[0].encoding, 2);
  EXPECT_EQ(chunks[0].mint, 5'000);
  EXPECT_EQ(chunks[0].maxt, 7'000);
  const auto samples =
      ReadHistograms<model::Histogram>(Encoding::kHistogram, AsBytes(chunks[0].bytes));
  ASSERT_TRUE(samples);
  ASSERT_EQ(samples->size(), 3U);
  EXPECT_EQ((*samples)[1].histogram.positive_buckets, (std::vector<std::int64_t>{6, 1}));
}

}  // namespace
}  // namespace narthex::tsdb::testing

// SPDX-License-Identifier: Apache-2.0
//
// Start times of samples, stored: through the logs, the head, late samples, blocks and restarts.
#include <map>
#include <tuple>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"
#include "narthex/model/matcher.h"
#include "narthex/model/sample.h"
#include "narthex/storage/chunk_querier.h"
#include "tests/tsdb/support/late.h"
#include "tsdb/block/block.h"
#include "tsdb/chunkenc/histogram_reader.h"
#include "tsdb/wal/reader.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

constexpr TimestampMs kRange = kLateRange;
constexpr TimestampMs kNow = 1'700'000'040'000;  // A multiple of the range.

// Time, start time, value (the count of a histogram).
using Started = std::tuple<TimestampMs, TimestampMs, double>;
using StartedData = std::map<std::string, std::vector<Started>>;

DbOptions WithStarts(model::DurationMs window_ms = 0) {
  DbOptions options = LateOptions(window_ms);
  options.float_encoding = FloatEncoding::kXor2;
  options.xor2_allowed = options.start_times = options.histogram_start_times = true;
  return options;
}

StartedData ReadStarts(DbFixture& db, TimestampMs mint = model::kMinTime,
                       TimestampMs maxt = model::kMaxTime) {
  StartedData data;
  const auto querier = db->NewQuerier(mint, maxt);
  EXPECT_TRUE(querier);
  const auto set = (*querier)->Select({}, {});
  EXPECT_TRUE(set);
  for (std::size_t i = 0; i < (*set)->size(); ++i) {
    storage::SampleColumns c;
    const auto status = (*set)->Read(i, mint, maxt, c);
    EXPECT_TRUE(status) << status.error().message();
    auto& samples = data[(*set)->LabelsAt(i).ToString()];
    for (std::size_t k = 0; k < c.t.size(); ++k) {
      samples.emplace_back(c.t[k], c.starts.At(k), c.v[k]);
    }
    for (std::size_t k = 0; k < c.histogram_t.size(); ++k) {
      samples.emplace_back(c.histogram_t[k], c.histogram_starts.At(k), c.histograms[k].count);
    }
    std::sort(samples.begin(), samples.end());
  }
  return data;
}

model::Histogram HistogramOf(int count) {
  model::Histogram h;
  h.schema = 1;
  h.count = static_cast<std::uint64_t>(count);
  h.sum = count;
  h.positive_spans = {{0, 1}};
  h.positive_buckets = {count};
  return h;
}

// Appends to one series of each kind in one commit, each with its start time, and keeps what is
// to be read.
class Writer {
 public:
  Writer(DbFixture& db, bool with_histograms) : db_(db), with_histograms_(with_histograms) {}

  void Append(TimestampMs t, int v, TimestampMs start) {
    auto appender = db_->NewAppender();
    SeriesRef float_ref{0}, int_ref{0}, histogram_ref{0};
    appender->SetStart(start);
    ASSERT_EQ(appender->Append(float_ref, kFloats, t, v), AppendError::kNone);
    want[kFloats.ToString()].emplace_back(t, start, v);
    if (with_histograms_) {
      ASSERT_EQ(appender->AppendHistogram(int_ref, kInts, t, HistogramOf(v)), AppendError::kNone);
      ASSERT_EQ(appender->AppendFloatHistogram(histogram_ref, kFloatHistograms, t,
                                               model::ToFloat(HistogramOf(v))),
                AppendError::kNone);
      want[kInts.ToString()].emplace_back(t, start, v);
      want[kFloatHistograms.ToString()].emplace_back(t, start, v);
    }
    appender->SetStart(0);
    SeriesRef plain_ref{0};
    ASSERT_EQ(appender->Append(plain_ref, kPlain, t, v), AppendError::kNone);
    want[kPlain.ToString()].emplace_back(t, 0, v);
    ASSERT_TRUE(appender->Commit());
  }
  StartedData Want() {
    for (auto& [labels, samples] : want) std::sort(samples.begin(), samples.end());
    return want;
  }

  StartedData want;

 private:
  inline static const model::Labels kFloats = {{"__name__", "floats"}};
  inline static const model::Labels kInts = {{"__name__", "ints"}};
  inline static const model::Labels kFloatHistograms = {{"__name__", "float_histograms"}};
  inline static const model::Labels kPlain = {{"__name__", "plain"}};

  DbFixture& db_;
  const bool with_histograms_;
};

// How many records of each type a log has.
std::map<int, int> RecordTypes(const std::string& dir) {
  std::map<int, int> types;
  const auto segments = wal::ListSegments(SystemFs(), dir).value();
  wal::LogReader reader(SystemFs(), dir, segments.front(), segments.back());
  while (reader.Next()) ++types[reader.record()[0]];
  return types;
}

// First time and encoding.
std::vector<std::pair<TimestampMs, Encoding>> ChunksInBlocks(DbFixture& db) {
  std::vector<std::pair<TimestampMs, Encoding>> found;
  for (const auto& info : db->Blocks()) {
    const auto block = Block::Open(SystemFs(), db.dir() + "/" + info.ulid).value();
    const auto ids = SelectFromBlock(*block, model::kMinTime, model::kMaxTime, {}, 0, {}).value();
    for (const SeriesId id : ids) {
      std::vector<ChunkMeta> chunks;
      EXPECT_TRUE(block->index().Series(id, nullptr, &chunks));
      for (const auto& chunk : chunks) {
        found.emplace_back(chunk.mint, block->chunks().Read(chunk.ref).value().encoding);
      }
    }
  }
  return found;
}

TEST(DbStartStorageTest, OverKillsRestartsAndCompactions) {
  DbFixture db(WithStarts());
  Writer writer(db, true);
  // The start changes now and then, and is unknown for a while.
  const auto start_of = [](int i) { return i % 50 < 10 ? 0 : kNow + i / 70 * 70 * 1'000 - 500; };
  int next = 0;
  const auto append_to = [&](int end) {
    for (; next < end; ++next) writer.Append(kNow + next * 1'000, next + 1, start_of(next));
  };
  append_to(40);
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "open chunks";
  const auto types = RecordTypes(db.dir() + "/wal");
  EXPECT_EQ(types, (std::map<int, int>{{1, 1}, {11, 40}, {12, 40}, {13, 40}}));
  db.Kill();
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "replayed";
  append_to(80);
  db.Reopen();
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "from the snapshot";
  append_to(300);
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "goes on after the snapshot";
  ASSERT_TRUE(db->Compact());
  ASSERT_FALSE(db->Blocks().empty());
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "blocks";
  db.Kill();
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "blocks, checkpoint and log";
  append_to(700);
  for (int round = 0; round < 4; ++round) ASSERT_TRUE(db->Compact());
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "merged blocks";
  // A part of it, and without what is deleted.
  const TimestampMs mint = kNow + 33'500, maxt = kNow + 444'000;
  auto part = writer.Want();
  for (auto& [labels, samples] : part) {
    std::erase_if(samples,
                  [&](const Started& s) { return std::get<0>(s) < mint || std::get<0>(s) > maxt; });
  }
  EXPECT_EQ(ReadStarts(db, mint, maxt), part);
  const model::Matcher all = model::Matcher::NotEqual("__name__", "");
  ASSERT_TRUE(db->DeleteSeries(kNow + 100'000, kNow + 200'000, std::span(&all, 1)));
  auto want = writer.Want();
  for (auto& [labels, samples] : want) {
    std::erase_if(samples, [&](const Started& s) {
      return std::get<0>(s) >= kNow + 100'000 && std::get<0>(s) <= kNow + 200'000;
    });
  }
  EXPECT_EQ(ReadStarts(db), want);
  ASSERT_TRUE(db->CleanTombstones());
  EXPECT_EQ(ReadStarts(db), want) << "encoded anew";
}

TEST(DbStartStorageTest, SwitchedOffNothingMoreIsWrittenThatOlderServersCannotRead) {
  DbFixture db(WithStarts());
  Writer writer(db, true);
  for (int i = 0; i < 20; ++i) writer.Append(kNow + i * 1'000, i + 1, kNow - 5);
  DbFixture off(LateOptions(0));
  db.Close();
  off.Adopt(db.dir());
  Writer later(off, true);
  for (int i = 20; i < 300; ++i) later.Append(kNow + i * 1'000, i + 1, 0);
  ASSERT_TRUE(off->Compact());
  auto want = writer.Want();
  for (auto& [labels, samples] : later.Want()) {
    want[labels].insert(want[labels].end(), samples.begin(), samples.end());
  }
  EXPECT_EQ(ReadStarts(off), want);
  ASSERT_FALSE(off->Blocks().empty());
  for (const auto& [mint, encoding] : ChunksInBlocks(off)) {
    EXPECT_EQ(HasStartTimes(encoding) || encoding == Encoding::kXor2, mint < kNow + 20'000) << mint;
  }
}

TEST(DbStartStorageTest, ColumnsHaveOneStartPerSeries) {
  DbFixture db(WithStarts());
  std::vector<SeriesRef> refs;
  {
    auto appender = db->NewAppender();
    for (int i = 0; i < 3; ++i) {
      SeriesRef& ref = refs.emplace_back();
      ASSERT_EQ(appender->Append(ref, {{"i", std::to_string(i)}}, kNow, 1), AppendError::kNone);
    }
    ASSERT_TRUE(appender->Commit());
  }
  auto appender = db->NewAppender();
  appender->SetStart(5);  // Not of columns.
  const double values[] = {2, 3, 4};
  const TimestampMs starts[] = {kNow - 5, 0, kNow + 3};
  AppendError outcomes[3];
  appender->AppendStartedColumn(refs, kNow + 10, values, starts, outcomes);
  appender->AppendColumn(refs, kNow + 20, values, outcomes);
  ASSERT_TRUE(appender->Commit());
  const StartedData want = {
      {R"({i="0"})", {{kNow, 0, 1}, {kNow + 10, kNow - 5, 2}, {kNow + 20, 0, 2}}},
      {R"({i="1"})", {{kNow, 0, 1}, {kNow + 10, 0, 3}, {kNow + 20, 0, 3}}},
      {R"({i="2"})", {{kNow, 0, 1}, {kNow + 10, kNow + 3, 4}, {kNow + 20, 0, 4}}}};
  EXPECT_EQ(ReadStarts(db), want);
  db.Kill();
  EXPECT_EQ(ReadStarts(db), want);
}

TEST(DbStartStorageTest, LateSamples) {
  auto options = WithStarts(20 * kRange);
  options.out_of_order_cap_max = 8;
  DbFixture db(options);
  Writer writer(db, true);
  for (int i = 0; i < 400; i += 2) writer.Append(kNow + i * 1'000, i + 1, kNow - i);
  // Every other one comes late, in runs that end within an open chunk.
  for (int i = 301; i > 0; i -= 6) writer.Append(kNow + i * 1'000, i + 1, kNow + i);
  EXPECT_EQ(ReadStarts(db), writer.Want());
  const auto types = RecordTypes(db.dir() + "/wbl");
  EXPECT_TRUE(types.contains(11) && types.contains(12) && types.contains(13));
  EXPECT_FALSE(types.contains(2) || types.contains(7) || types.contains(8));
  db.Kill();
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "replayed";
  db.Reopen();
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "from the snapshot";
  for (int round = 0; round < 4; ++round) ASSERT_TRUE(db->Compact());
  ASSERT_GT(db->Blocks().size(), 1U);
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "blocks";
  db.Kill();
  EXPECT_EQ(ReadStarts(db), writer.Want());
}

// What is read behind a block's samples, and what has to be merged among them.
TEST(DbStartStorageTest, ALateSampleBesideBlocks) {
  DbFixture db(WithStarts(20 * kRange));
  Writer writer(db, true);
  for (int i = 0; i < 300; i += 2) writer.Append(kNow + i * 1'000, i + 1, kNow + i * 1'000 - 1);
  ASSERT_TRUE(db->Compact());
  ASSERT_FALSE(db->Blocks().empty());
  writer.Append(kNow + 251'000, 7, kNow + 5);
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "among the samples of the head";
  for (int i = 1; i < 32; i += 6) writer.Append(kNow + i * 1'000, i, kNow + i * 1'000 - 1);
  EXPECT_EQ(ReadStarts(db), writer.Want()) << "among the samples of a block";
}

// Without the feature for histograms their chunks have no room; the log still has the start times.
TEST(DbStartStorageTest, ChunksOfHistogramsHaveRoomByAFeatureOfTheirOwn) {
  auto options = WithStarts();
  options.histogram_start_times = false;
  DbFixture db(options);
  Writer writer(db, true);
  for (int i = 0; i < 20; ++i) writer.Append(kNow + i * 1'000, i + 1, kNow - 5);
  auto want = writer.Want();
  for (auto& [labels, samples] : want) {
    if (labels.find("histograms") == std::string::npos && labels.find("ints") == std::string::npos)
      continue;
    for (auto& sample : samples) std::get<1>(sample) = 0;
  }
  EXPECT_EQ(ReadStarts(db), want);
  EXPECT_EQ(RecordTypes(db.dir() + "/wal"),
            (std::map<int, int>{{1, 1}, {11, 20}, {12, 20}, {13, 20}}));
  // Switched on, replay finds them there.
  DbFixture other(WithStarts());
  other.Adopt(db.dir());
  EXPECT_EQ(ReadStarts(other), writer.Want());
}

// Readers outside may be older than chunks with start times.
TEST(DbStartStorageTest, ChunksForReadersHaveNone) {
  DbFixture db(WithStarts());
  Writer writer(db, true);
  for (int i = 0; i < 300; ++i) writer.Append(kNow + i * 1'000, i + 1, kNow - 5);
  for (int round = 0; round < 2; ++round) {
    auto set = db->SelectChunks(model::kMinTime, model::kMaxTime, {}, {});
    ASSERT_TRUE(set);
    for (std::size_t i = 0; i < (*set)->size(); ++i) {
      std::vector<storage::EncodedChunk> chunks;
      ASSERT_TRUE((*set)->Read(i, chunks));
      ASSERT_FALSE(chunks.empty());
      for (const auto& chunk : chunks) EXPECT_LE(chunk.encoding, 3);
    }
    set->reset();  // A compaction waits for it.
    ASSERT_TRUE(db->Compact());
  }
}

// A folder goes to a server without the features and comes back.
TEST(DbStartStorageTest, FeaturesOffWriteNothingNew) {
  DbFixture with(WithStarts());
  Writer writer(with, true);
  for (int i = 0; i < 30; ++i) writer.Append(kNow + i * 1'000, i + 1, kNow - 5);
  with.Close();
  DbFixture without(LateOptions(0));
  without.Adopt(with.dir());
  EXPECT_EQ(ReadStarts(without), writer.Want()) << "what is in chunks stays";
  {
    auto appender = without->NewAppender();
    SeriesRef ref{0};
    appender->SetStart(kNow);
    const model::Labels labels = {{"__name__", "new"}};
    ASSERT_EQ(appender->Append(ref, labels, kNow + 30'000, 1), AppendError::kNone);
    SeriesRef histogram_ref{0};
    ASSERT_EQ(appender->AppendHistogram(histogram_ref, {{"__name__", "new_histogram"}},
                                        kNow + 30'000, HistogramOf(3)),
              AppendError::kNone);
    ASSERT_TRUE(appender->Commit());
  }
  auto want = writer.Want();
  want[R"({__name__="new"})"] = {{kNow + 30'000, 0, 1}};
  want[R"({__name__="new_histogram"})"] = {{kNow + 30'000, 0, 3}};
  EXPECT_EQ(ReadStarts(without), want);
  const int last = wal::ListSegments(SystemFs(), without.dir() + "/wal").value().back();
  wal::LogReader reader(SystemFs(), without.dir() + "/wal", last, last);
  std::map<int, int> types;
  while (reader.Next()) ++types[reader.record()[0]];
  EXPECT_EQ(types, (std::map<int, int>{{1, 1}, {2, 1}, {7, 1}}));
  without.Kill();
  want.erase(R"({__name__="new"})");
  want.erase(R"({__name__="new_histogram"})");
  for (auto& [labels, samples] : want) {
    for (auto& sample : samples) std::get<1>(sample) = 0;
  }
  want[R"({__name__="new"})"] = {{kNow + 30'000, 0, 1}};
  want[R"({__name__="new_histogram"})"] = {{kNow + 30'000, 0, 3}};
  EXPECT_EQ(ReadStarts(without), want) << "the log is replayed into chunks without room";
}

// An XOR chunk that a snapshot brings does not go on when start times are wanted.
TEST(DbStartStorageTest, SwitchedOnOverASnapshot) {
  DbFixture without(LateOptions(0));
  Writer before(without, false);
  for (int i = 0; i < 20; ++i) before.Append(kNow + i * 1'000, i + 1, 0);
  without.Close();
  DbFixture with(WithStarts());
  with.Adopt(without.dir());
  Writer writer(with, false);
  writer.want = before.want;
  for (int i = 20; i < 40; ++i) writer.Append(kNow + i * 1'000, i + 1, kNow - 5);
  EXPECT_EQ(ReadStarts(with), writer.Want());
  with.Kill();
  EXPECT_EQ(ReadStarts(with), writer.Want());
}

TEST(DbStartStorageTest, OptionsThatContradictEachOtherAreRefused) {
  const struct {
    bool xor2, allowed, starts;
    const char* error;
  } cases[] = {
      {true, false, false,
       "'storage.tsdb.chunk_encoding.floats: xor2' requires the xor2-encoding feature flag to be "
       "enabled at startup"},
      {false, true, true,
       "'storage.tsdb.chunk_encoding.floats: xor' is incompatible with st-storage; XOR chunks do "
       "not store start timestamps"},
      {true, true, true, nullptr},
      {false, true, false, nullptr},
  };
  for (const auto& c : cases) {
    narthex::testing::TempDir dir;
    narthex::testing::FakeClock clock;
    metrics::Registry registry;
    DbOptions options;
    options.float_encoding = c.xor2 ? FloatEncoding::kXor2 : FloatEncoding::kXor;
    options.xor2_allowed = c.allowed;
    options.start_times = c.starts;
    const auto db = Db::Open(dir.path() + "/data", options, SystemFs(), clock, registry);
    EXPECT_EQ(db.has_value(), c.error == nullptr);
    if (!db && c.error != nullptr) {
      EXPECT_EQ(db.error().message(), c.error);
      EXPECT_EQ(db.error().code(), Code::kInvalidArgument);
    }
  }
}

TEST(DbStartStorageTest, EncodingChangesWhileRunning) {
  DbOptions options = LateOptions(0);
  options.xor2_allowed = true;
  DbFixture db(options);
  Writer writer(db, false);
  for (int i = 0; i < 10; ++i) writer.Append(kNow + i * 1'000, i + 1, 0);
  ASSERT_TRUE(db->SetFloatEncoding(FloatEncoding::kXor2));
  for (int i = 10; i < 200; ++i) writer.Append(kNow + i * 1'000, i + 1, 0);
  EXPECT_EQ(ReadStarts(db), writer.Want());
  ASSERT_TRUE(db->SetFloatEncoding(FloatEncoding::kXor));
  for (int i = 200; i < 300; ++i) writer.Append(kNow + i * 1'000, i + 1, 0);
  EXPECT_EQ(ReadStarts(db), writer.Want());
  ASSERT_TRUE(db->Compact());
  EXPECT_EQ(ReadStarts(db), writer.Want());

  DbFixture plain(LateOptions(0));
  auto refused = plain->SetFloatEncoding(FloatEncoding::kXor2);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "'storage.tsdb.chunk_encoding.floats: xor2' requires the xor2-encoding feature flag "
            "to be enabled at startup");
  DbFixture started(WithStarts());
  refused = started->SetFloatEncoding(FloatEncoding::kXor);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(),
            "'storage.tsdb.chunk_encoding.floats: xor' is incompatible with st-storage; XOR "
            "chunks do not store start timestamps");
}

}  // namespace
}  // namespace narthex::tsdb::testing

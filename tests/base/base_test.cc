// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <latch>
#include <limits>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "narthex/base/coding.h"
#include "narthex/base/crc32c.h"
#include "narthex/base/fs.h"
#include "narthex/base/hash.h"
#include "narthex/base/json_writer.h"
#include "narthex/base/markup.h"
#include "narthex/base/metrics.h"
#include "narthex/base/thread_pool.h"
#include "tests/support/temp_dir.h"

namespace narthex {
namespace {

TEST(Crc32cTest, KnownValues) {
  // RFC 3720, B.4.
  EXPECT_EQ(Crc32c(std::vector<std::uint8_t>(32, 0)), 0x8a9136aaU);
  EXPECT_EQ(Crc32c(std::vector<std::uint8_t>(32, 0xff)), 0x62a8ab43U);
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xe3069283U);
  EXPECT_EQ(Crc32c(AsBytes("456789"), Crc32c(AsBytes("123"))), 0xe3069283U);
  EXPECT_EQ(Crc32c({}), 0U);
}

TEST(Crc32cTest, LongOnesAreThoseOfTheirBytes) {
  std::vector<std::uint8_t> bytes(7000);
  std::uint32_t state = 1;
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>((state = state * 1664525 + 1) >> 24);
  std::uint32_t want = 0;
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    ASSERT_EQ(Crc32c({bytes.data(), n}), want) << n;
    want = Crc32c({bytes.data() + n, 1}, want);
  }
}

TEST(HashTest, XxHash64MatchesItsSpecification) {
  EXPECT_EQ(XxHash64(""), 0xef46db3751d8e999U);
  EXPECT_EQ(XxHash64("abc"), 0x44bc2cf5ad770999U);
}

TEST(CodingTest, RoundTripAndTruncation) {
  const std::int64_t values[] = {0,
                                 1,
                                 -1,
                                 63,
                                 -64,
                                 64,
                                 std::numeric_limits<std::int64_t>::max(),
                                 std::numeric_limits<std::int64_t>::min()};
  for (const std::int64_t v : values) {
    SCOPED_TRACE(v);
    std::string bytes;
    Encoder encoder(bytes);
    encoder.Varint(v);
    encoder.Be64(static_cast<std::uint64_t>(v));
    encoder.String("text");
    Decoder decoder(AsBytes(bytes));
    EXPECT_EQ(decoder.Varint(), v);
    EXPECT_EQ(decoder.Be64(), static_cast<std::uint64_t>(v));
    EXPECT_EQ(decoder.String(), "text");
    EXPECT_TRUE(decoder.ok());
    EXPECT_TRUE(decoder.done());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      Decoder torn(AsBytes(bytes).first(cut));
      torn.Varint();
      torn.Be64();
      torn.String();
      EXPECT_FALSE(torn.ok());
    }
  }
  Decoder endless(AsBytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
  endless.Uvarint();
  EXPECT_FALSE(endless.ok());
}

TEST(MarkupTest, AsGo) {
  const std::string text("a<b>&\"'\t\r\n\x01\0z\u00e9", 15);
  EXPECT_EQ(EscapeHtml(text), "a&lt;b&gt;&amp;&#34;&#39;\t\r\n\x01\uFFFDz\u00e9");
  EXPECT_EQ(EscapeXml(text), "a&lt;b&gt;&amp;&#34;&#39;&#x9;&#xD;&#xA;\uFFFD\uFFFDz\u00e9");
}

TEST(JsonWriterTest, CommasEscapesAndNumbers) {
  JsonWriter json;
  json.BeginObject();
  json.Key("a");
  json.BeginArray();
  json.Int(-1);
  json.String("<\n\"\xff>");
  json.PlainString("<&>");
  json.Bool(true);
  json.Null();
  json.EndArray();
  json.Key("b");
  json.BeginObject();
  json.EndObject();
  json.Key("t");
  json.BeginArray();
  json.TimestampSeconds(1500);
  json.TimestampSeconds(-1001);
  json.TimestampSeconds(2000);
  json.SampleValue(std::numeric_limits<double>::infinity());
  json.EndArray();
  json.EndObject();
  EXPECT_EQ(
      json.TakeText(),
      R"({"a":[-1,"\u003c\n\"\ufffd\u003e","<&>",true,null],"b":{},"t":[1.500,-1.001,2,"+Inf"]})");
}

TEST(JsonWriterTest, TextsOfAnyLength) {
  for (const std::size_t n : {0, 1, 123, 124, 125, 300}) {
    const std::string plain(n, 'x');
    JsonWriter json;
    json.BeginObject();
    json.Key(plain);
    json.String(plain);
    json.PlainKey(plain + "<");
    json.PlainString(plain + "\"");
    json.Key(plain + "<");
    json.String("\xc3\xa4" + plain);
    json.EndObject();
    EXPECT_EQ(json.TakeText(), "{\"" + plain + "\":\"" + plain + "\",\"" + plain + "<\":\"" +
                                   plain + "\\\"\",\"" + plain + "\\u003c\":\"\xc3\xa4" + plain +
                                   "\"}");
  }
}

// As Prometheus's API writes them, whose JSON is not that of Go's encoding/json here.
TEST(JsonWriterTest, ControlCharacters) {
  JsonWriter json;
  json.PlainString("\b\f\n\r\t\x01\x1f\x7f");
  EXPECT_EQ(json.TakeText(), "\"\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\x7f\"");
}

TEST(JsonWriterTest, FlushesToTheSink) {
  std::vector<std::string> pieces;
  JsonWriter json([&](std::string_view piece) { pieces.emplace_back(piece); }, 8);
  json.BeginArray();
  for (int i = 0; i < 10; ++i) json.Int(100 + i);
  json.EndArray();
  json.Flush();
  EXPECT_GT(pieces.size(), 3U);
  EXPECT_EQ(std::accumulate(pieces.begin(), pieces.end(), std::string()),
            "[100,101,102,103,104,105,106,107,108,109]");
}

TEST(ThreadPoolTest, ParallelForRunsEachIndexOnceEvenNested) {
  ThreadPool pool("test", 2);
  std::vector<std::atomic<int>> counts(100);
  pool.ParallelFor(10, [&](std::size_t i) {
    pool.ParallelFor(10, [&](std::size_t j) { ++counts[i * 10 + j]; });
  });
  for (const auto& count : counts) EXPECT_EQ(count.load(), 1);
}

TEST(ThreadPoolTest, StopRunsWhatWasSubmitted) {
  std::atomic<int> ran{0};
  ThreadPool pool("test", 1);
  for (int i = 0; i < 5; ++i) pool.Submit([&] { ++ran; });
  pool.Stop();
  EXPECT_EQ(ran.load(), 5);
  pool.Submit([&] { ++ran; });
  EXPECT_EQ(ran.load(), 5);
}

TEST(ThreadPoolTest, StartsThreadsAsTheyAreNeeded) {
  constexpr std::size_t kThreads = 64;
  const auto num_threads = [] { return SystemFs().ListDir("/proc/self/task")->size(); };
  const std::size_t before = num_threads();
  ThreadPool pool("test", kThreads);
  EXPECT_LE(num_threads(), before + 1);
  // Each waits for all others, so they end only if all run at the same time.
  std::latch all(kThreads);
  std::latch ended(kThreads);
  for (std::size_t i = 0; i < kThreads; ++i) {
    pool.Submit([&] {
      all.arrive_and_wait();
      ended.count_down();
    });
  }
  ended.wait();
  EXPECT_EQ(num_threads(), before + kThreads);
  std::latch more(3 * kThreads);
  for (std::size_t i = 0; i < 3 * kThreads; ++i) pool.Submit([&] { more.count_down(); });
  more.wait();
  EXPECT_EQ(num_threads(), before + kThreads) << "no more than allowed";
}

TEST(ThreadPoolTest, SurvivesTasksThatThrow) {
  ThreadPool pool("test", 1);
  std::atomic<bool> ran{false};
  pool.Submit([] { throw std::bad_alloc(); });
  pool.Submit([] { throw 1; });
  pool.Submit([&] { ran = true; });
  pool.Stop();
  EXPECT_TRUE(ran);
}

TEST(ThreadPoolTest, ParallelForThrowsAfterAllHaveEnded) {
  ThreadPool pool("test", 4);
  std::atomic<int> ended{0};
  const auto run = [&] {
    pool.ParallelFor(100, [&](std::size_t i) {
      ++ended;
      if (i % 10 == 0) throw std::runtime_error("x");
    });
  };
  EXPECT_THROW(run(), std::runtime_error);
  EXPECT_EQ(ended.load(), 100);
}

TEST(MetricsTest, TextFormat) {
  metrics::Registry registry;
  registry.AddCounter("c_total", "A \\ help\nline", {{"path", "a\"b"}}).Add(3);
  registry.AddGauge("g", "G").Set(0.5);
  const double bounds[] = {0.1, 1};
  auto& histogram = registry.AddHistogram("h", "H", bounds);
  histogram.Observe(0.1);
  histogram.Observe(5);
  registry.AddGaugeFn("z", "Z", [] { return 7.0; });
  std::string text;
  registry.WriteText(text);
  EXPECT_EQ(text,
            "# HELP c_total A \\\\ help\\nline\n# TYPE c_total counter\n"
            "c_total{path=\"a\\\"b\"} 3\n"
            "# HELP g G\n# TYPE g gauge\ng 0.5\n"
            "# HELP h H\n# TYPE h histogram\n"
            "h_bucket{le=\"0.1\"} 1\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\n"
            "h_sum 5.1\nh_count 2\n"
            "# HELP z Z\n# TYPE z gauge\nz 7\n");
  registry.Remove("g", {});
  text.clear();
  registry.WriteText(text);
  EXPECT_EQ(text.find("# HELP g"), std::string::npos);
}

TEST(MetricsTest, ListsOfGaugesAreAskedForOnce) {
  metrics::Registry registry;
  int asked = 0;
  registry.AddGaugeList("g", "G", "part", [&] {
    ++asked;
    return metrics::GaugeList{{"c", 3}, {"a", 1}};
  });
  registry.AddGaugeList("g", "G", "part", [] { return metrics::GaugeList{{"b", 2}}; });
  std::string text;
  registry.WriteText(text);
  EXPECT_EQ(text,
            "# HELP g G\n# TYPE g gauge\n"
            "g{part=\"a\"} 1\ng{part=\"b\"} 2\ng{part=\"c\"} 3\n");
  EXPECT_EQ(asked, 1);
}

TEST(FsTest, WritesMapsListsAndLocks) {
  const testing::TempDir dir;
  Fs& fs = SystemFs();
  const std::string path = JoinPath(dir.path(), "file");
  {
    auto file = fs.OpenWritable(path, OpenMode::kCreate).value();
    ASSERT_TRUE(file->Append(AsBytes("hello")));
    ASSERT_TRUE(file->WriteAt(0, AsBytes("J")));
    ASSERT_TRUE(file->Sync());
    EXPECT_EQ(file->size(), 5U);
    ASSERT_TRUE(file->Close());
  }
  const auto map = fs.Map(path).value();
  EXPECT_EQ(AsText(map->bytes()), "Jello");
  EXPECT_EQ(fs.ReadFile(path).value(), "Jello");
  ASSERT_TRUE(WriteFileAtomically(fs, path, AsBytes("new")));
  EXPECT_EQ(fs.ReadFile(path).value(), "new");
  EXPECT_EQ(AsText(map->bytes()), "Jello");  // A map outlives the replacement.
  EXPECT_EQ(fs.ListDir(dir.path()).value().size(), 1U);

  const std::string missing = JoinPath(dir.path(), "missing");
  const auto error = fs.ReadFile(missing);
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().code(), Code::kNotFound);
  EXPECT_EQ(error.error().message(), "open " + missing + ": no such file or directory");

  bool existed = true;
  const std::string lock_path = JoinPath(dir.path(), "lock");
  {
    const auto lock = fs.Lock(lock_path, existed);
    ASSERT_TRUE(lock);
    EXPECT_FALSE(existed);
    const auto second = fs.Lock(lock_path, existed);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Code::kUnavailable);
  }
  EXPECT_FALSE(fs.Exists(lock_path));
}

TEST(FsTest, JoinPath) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

}  // namespace
}  // namespace narthex

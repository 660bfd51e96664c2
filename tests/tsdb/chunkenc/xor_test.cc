// SPDX-License-Identifier: Apache-2.0
#include "tsdb/chunkenc/xor.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <random>
#include <tuple>

#include "narthex/model/sample.h"
#include "tsdb/chunkenc/chunk.h"

namespace narthex::tsdb {
namespace {

using model::kMaxTime;
using model::kMinTime;
using model::Sample;
using storage::SampleColumns;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<std::uint8_t> Encode(const std::vector<Sample>& samples) {
  std::vector<std::uint8_t> bytes(kXorHeaderBytes);
  XorState state;
  for (const Sample& s : samples) {
    bytes.resize(state.tail_offset() + kMaxXorSampleBytes + 1, 0xcc);
    XorAppend(state, bytes.data(), s.t, s.v);
    EXPECT_EQ(bytes.back(), 0xcc) << "wrote past the promised room";
  }
  bytes.resize(state.size);
  return bytes;
}

void ExpectColumns(const SampleColumns& columns, const std::vector<Sample>& want) {
  ASSERT_EQ(columns.t.size(), want.size());
  ASSERT_EQ(columns.v.size(), want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(columns.t[i], want[i].t);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(columns.v[i]), std::bit_cast<std::uint64_t>(want[i].v));
  }
}

std::vector<Sample> Series(std::size_t n, std::uint64_t seed, int kind) {
  std::mt19937_64 random(seed);
  std::vector<Sample> samples;
  Sample s{1'700'000'000'000, 0};
  for (std::size_t i = 0; i < n; ++i) {
    switch (kind) {
      case 0:
        s.v = 7;
        break;  // Constant gauge.
      case 1:
        s.v += static_cast<double>(random() % 100);
        break;  // Counter.
      case 2:
        s.v = std::bit_cast<double>(random());
        break;  // Noise, NaNs included.
      default:
        s.v = static_cast<double>(random() % 3) * 0.1;
        break;
    }
    samples.push_back(s);
    const std::int64_t jitter =
        kind == 0   ? 0
        : kind == 1 ? static_cast<std::int64_t>(random() % 7) - 3
        : kind == 2 ? static_cast<std::int64_t>(random() % (1ULL << (random() % 40)))
                    : 0;
    s.t += 15'000 + jitter;
  }
  return samples;
}

TEST(XorChunkTest, RoundTrip) {
  const struct {
    const char* name;
    std::vector<Sample> samples;
  } cases[] = {
      {"empty", {}},
      {"one", {{1000, 1.0}}},
      {"two", {{1000, 1.0}, {2000, 1.0}}},
      {"negative time, NaN", {{-5, 1.0}, {9, kNaN}, {10, model::kStaleNaN}, {11, -kInf}}},
      {"-0 is not 0", {{0, 0.0}, {1, -0.0}, {2, 0.0}}},
      {"widest times", {{kMinTime, 1}, {0, 2}, {kMaxTime, 3}}},
      {"wide first delta", {{kMinTime, 1}, {kMaxTime, 2}}},
      {"bin edges",
       {{0, 1},
        {0, 1},
        {8192, 1},
        {8193, 2},
        {8194 + 8192, 3},
        {100'000, 4},
        {165'536, 5},
        {300'000, 6},
        {824'288, 7},
        {10'000'000'000, 8},
        {10'000'000'001, 9}}},
      {"sparse bits",
       {{0, 1}, {1, std::bit_cast<double>(1ULL)}, {2, 1}, {3, std::bit_cast<double>(1ULL << 63)}}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    SampleColumns out;
    const auto bytes = Encode(c.samples);
    ASSERT_TRUE(XorDecode(bytes, kMinTime, kMaxTime, out));
    ExpectColumns(out, c.samples);
  }
}

TEST(XorChunkTest, RoundTripOfGeneratedSeries) {
  for (int kind = 0; kind < 4; ++kind) {
    for (const std::size_t n : {3U, 13U, 29U, 57U, 120U, 240U, 3000U}) {
      SCOPED_TRACE(testing::Message() << "kind " << kind << ", " << n << " samples");
      const auto samples = Series(n, n, kind);
      SampleColumns out;
      ASSERT_TRUE(XorDecode(Encode(samples), kMinTime, kMaxTime, out));
      ExpectColumns(out, samples);
    }
  }
}

// Bit by bit from the format: count 3; varint 2000; 1.0; uvarint 1000; '0'; then dod −1 in 14 bits
// ('10' + 0x3fff) and 2.0 as '11', 1 leading zero, 11 significant bits of 0x7ff.
TEST(XorChunkTest, Bytes) {
  const std::vector<std::uint8_t> want = {0x00, 0x03, 0xd0, 0x0f, 0x3f, 0xf0, 0,    0,    0,   0, 0,
                                          0,    0xe8, 0x07, 0x5f, 0xff, 0xe1, 0x2f, 0xff, 0x80};
  EXPECT_EQ(Encode({{1000, 1.0}, {2000, 1.0}, {2999, 2.0}}), want);
}

TEST(XorChunkTest, TrimsToTheRange) {
  const auto bytes = Encode({{10, 1}, {20, 2}, {30, 3}, {40, 4}});
  const struct {
    model::TimestampMs mint, maxt;
    std::vector<Sample> want;
  } cases[] = {{10, 40, {{10, 1}, {20, 2}, {30, 3}, {40, 4}}},
               {11, 39, {{20, 2}, {30, 3}}},
               {20, 20, {{20, 2}}},
               {41, 50, {}},
               {0, 9, {}},
               {21, 29, {}}};
  for (const auto& c : cases) {
    SCOPED_TRACE(testing::Message() << c.mint << ".." << c.maxt);
    SampleColumns out;
    out.t.push_back(1);  // What is there already stays.
    out.v.push_back(9);
    ASSERT_TRUE(DecodeChunk(Encoding::kXor, bytes, c.mint, c.maxt, out));
    auto want = c.want;
    want.insert(want.begin(), {1, 9});
    ExpectColumns(out, want);
  }
}

TEST(XorChunkTest, RestoredStateGoesOnAsIfNeverStopped) {
  for (int kind = 0; kind < 4; ++kind) {
    const auto samples = Series(100, 5, kind);
    const auto whole = Encode(samples);
    for (std::size_t cut = 0; cut < samples.size(); ++cut) {
      SCOPED_TRACE(testing::Message() << "kind " << kind << ", cut at " << cut);
      auto bytes = Encode({samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(cut)});
      auto state = XorRestore(bytes);
      ASSERT_TRUE(state);
      ASSERT_EQ(state->size, bytes.size());
      ASSERT_EQ(state->count, cut);
      for (std::size_t i = cut; i < samples.size(); ++i) {
        bytes.resize(state->tail_offset() + kMaxXorSampleBytes);
        XorAppend(*state, bytes.data(), samples[i].t, samples[i].v);
      }
      bytes.resize(state->size);
      ASSERT_EQ(bytes, whole);
    }
  }
}

// Encodes by XorAppendTail alone.
std::vector<std::uint8_t> EncodeByTails(const std::vector<Sample>& samples) {
  std::vector<std::uint8_t> bytes(kXorHeaderBytes);
  XorState state;
  for (const Sample& s : samples) {
    const std::size_t from = state.tail_offset();
    std::uint8_t tail[kMaxXorSampleBytes];
    tail[0] = from < bytes.size() ? bytes[from] : 0;
    XorAppendTail(state, tail, s.t, s.v);
    bytes.resize(state.size);
    std::memcpy(bytes.data() + from, tail, state.size - from);
    bytes[0] = static_cast<std::uint8_t>(state.count >> 8);
    bytes[1] = static_cast<std::uint8_t>(state.count);
  }
  return bytes;
}

TEST(XorChunkTest, AppendThroughATailBuffer) {
  for (int kind = 0; kind < 4; ++kind) {
    const auto samples = Series(300, 11, kind);
    EXPECT_EQ(EncodeByTails(samples), Encode(samples)) << "kind " << kind;
  }
}

// With intervals that differ by a little, by much, and by more than the common code takes.
std::vector<Sample> JitteredSeries(std::size_t n, int kind) {
  auto samples = Series(n, 23, kind);
  std::mt19937_64 random(29);
  constexpr std::int64_t kMost[] = {1, 5, 8192, 8193, 65536, 65537, 524288, 524289, 1 << 30};
  std::int64_t later = 0;
  for (Sample& s : samples) {
    later += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(kMost[random() % 9]));
    s.t += later;
  }
  return samples;
}

/// All that a state holds; its padding may differ between copies.
auto Fields(const XorState& state) {
  return std::make_tuple(state.t, state.delta, std::bit_cast<std::uint64_t>(state.v), state.count,
                         std::uint16_t{state.size}, state.leading, state.trailing, state.tail_bits);
}

TEST(XorChunkTest, AppendWithinRoomOfAnyMultipleOfEightBytes) {
  for (int kind = 0; kind < 4; ++kind) {
    const auto samples = JitteredSeries(400, kind);
    std::vector<std::uint8_t> bytes(kXorHeaderBytes);
    std::size_t room = 16;
    std::size_t common = 0;
    XorState state;
    for (const Sample& s : samples) {
      for (;; room += 8) {
        bytes.resize(room, 0xee);  // What lies behind the chunk is not zero.
        bytes.resize(room + 8, 0xcc);
        const XorState before = state;
        const std::vector<std::uint8_t> old = bytes;
        if (XorAppendWithin(state, bytes.data(), room, s.t, s.v)) {
          ASSERT_EQ(
              std::count(bytes.begin() + static_cast<std::ptrdiff_t>(room), bytes.end(), 0xcc), 8);
          ++common;
          break;
        }
        ASSERT_EQ(bytes, old);
        ASSERT_EQ(Fields(state), Fields(before));
        if (room < state.tail_offset() + kMaxXorSampleBytes)
          continue;                                // Perhaps it only does not fit.
        XorAppend(state, bytes.data(), s.t, s.v);  // No common sample.
        break;
      }
    }
    bytes.resize(state.size);
    EXPECT_EQ(bytes, EncodeByTails(samples)) << "kind " << kind;
    EXPECT_GT(common, 50U);
  }
}

TEST(XorChunkTest, EveryTruncationIsCorruption) {
  for (int kind = 0; kind < 4; ++kind) {
    const auto bytes = Encode(Series(80, 3, kind));
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      SCOPED_TRACE(testing::Message() << "kind " << kind << ", first " << n);
      const std::vector<std::uint8_t> part(bytes.begin(),
                                           bytes.begin() + static_cast<std::ptrdiff_t>(n));
      SampleColumns out;
      out.t.push_back(1);
      out.v.push_back(1);
      const auto status = XorDecode(part, kMinTime, kMaxTime, out);
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().code(), Code::kCorruption);
      EXPECT_EQ(out.t.size(), 1U);
      EXPECT_EQ(out.v.size(), 1U);
      EXPECT_FALSE(XorRestore(part));
    }
  }
}

TEST(XorChunkTest, AnyBytesAreSafe) {
  std::mt19937_64 random(42);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::uint8_t> bytes(random() % 200);
    for (auto& b : bytes) b = static_cast<std::uint8_t>(random() | (round % 3 == 0 ? 0xc0 : 0));
    if (bytes.size() > 1) bytes[0] = static_cast<std::uint8_t>(round % 4 == 0 ? 0xff : 0);
    SampleColumns out;
    const auto status = XorDecode(bytes, kMinTime, kMaxTime, out);
    EXPECT_TRUE(status || status.error().code() == Code::kCorruption);
    EXPECT_EQ(out.t.size(), out.v.size());
  }
}

TEST(XorChunkTest, UnknownEncodingIsCorruption) {
  SampleColumns out;
  const auto status = DecodeChunk(static_cast<Encoding>(77), {}, kMinTime, kMaxTime, out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), Code::kCorruption);
}

}  // namespace
}  // namespace narthex::tsdb

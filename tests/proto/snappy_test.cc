// SPDX-License-Identifier: Apache-2.0
//
// Blocks written out by the format's description.
#include "narthex/proto/snappy.h"

namespace narthex::proto {
namespace {

using namespace std::string_view_literals;

TEST(SnappyTest, DecodesBlocksOfTheSpecification) {
  const struct {
    const char* name;
    std::string_view block;
    std::string_view bytes;
  } cases[] = {
      {"empty", "\x00"sv, ""},
      {"literal",
       "\x03\x08"
       "abc"sv,
       "abc"},
      // Literal "ab", then a copy of 6 bytes from 2 back, which overlaps itself.
      {"copy",
       "\x08\x04"
       "ab\x09\x02"sv,
       "abababab"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::string out = "old";
    ASSERT_TRUE(SnappyDecode(c.block, 100, out));
    EXPECT_EQ(c.bytes, out);
  }
}

TEST(SnappyTest, RefusesBadBlocks) {
  const struct {
    const char* name;
    std::string_view block;
    const char* error;
  } cases[] = {
      {"nothing", "", "snappy: corrupt input"},
      {"length without end", "\xff\xff\xff\xff\xff\xff", "snappy: corrupt input"},
      {"length beyond 32 bits", "\xff\xff\xff\xff\x1f\x00"sv, "snappy: corrupt input"},
      {"too long", "\x65\x00"sv, "snappy: decoded length 101 exceeds limit 100"},
      {"too short",
       "\x03\x08"
       "ab"sv,
       "snappy: corrupt input"},
      {"longer than it says",
       "\x02\x08"
       "abc"sv,
       "snappy: corrupt input"},
      {"copy from before the start", "\x04\x01\x05"sv, "snappy: corrupt input"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    std::string out;
    const Status status = SnappyDecode(c.block, 100, out);
    ASSERT_FALSE(status);
    EXPECT_EQ(Code::kInvalidArgument, status.error().code());
    EXPECT_EQ(c.error, status.error().message());
  }
}

TEST(SnappyTest, SetsNothingAsideForALengthThatCannotBe) {
  constexpr std::size_t kLimit = 32 << 20;
  std::string out;
  const Status status = SnappyDecode("\xff\xff\xff\x0f\x00"sv, kLimit, out);  // 32 MiB less one.
  ASSERT_FALSE(status);
  EXPECT_EQ("snappy: corrupt input", status.error().message());
  EXPECT_LT(out.capacity(), 1024U);
  // The densest there is: one byte over and over.
  std::string block;
  const std::string same(kLimit, 'x');
  SnappyEncode(same, block);
  ASSERT_TRUE(SnappyDecode(block, kLimit, out)) << block.size();
  EXPECT_EQ(same, out);
}

TEST(SnappyTest, ReadsWhatItWrote) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += std::to_string(i % 97);
  std::string block, out;
  SnappyEncode(text, block);
  EXPECT_LT(block.size(), text.size() / 2);
  ASSERT_TRUE(SnappyDecode(block, text.size(), out));
  EXPECT_EQ(text, out);
}

}  // namespace
}  // namespace narthex::proto

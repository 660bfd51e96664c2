// SPDX-License-Identifier: Apache-2.0
#include "tsdb/compact/uploads.h"

#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "tsdb/compact/carried_sections.h"

namespace narthex::tsdb {
namespace {

BlockMeta Block(const char* ulid, int level) {
  BlockMeta meta;
  meta.ulid = ulid;
  meta.compaction.level = level;
  return meta;
}

class PendingUploadsTest : public ::testing::Test {
 protected:
  void Write(std::string_view text) {
    ASSERT_TRUE(WriteFileAtomically(SystemFs(), path_, AsBytes(text)));
  }
  narthex::testing::TempDir dir_;
  narthex::testing::FakeClock clock_;
  const std::string path_ = dir_.path() + "/thanos.shipper.json";
  PendingUploads uploads_{SystemFs(), clock_, path_};
};

TEST_F(PendingUploadsTest, ListedBlocksAndHigherLevelsAreFree) {
  Write("{\n\t\"version\": 1,\n\t\"uploaded\": [\n\t\t\"A\",\n\t\t\"C\"\n\t]\n}");
  EXPECT_FALSE(uploads_.IsPending(Block("A", 1)));
  EXPECT_TRUE(uploads_.IsPending(Block("B", 1)));
  EXPECT_FALSE(uploads_.IsPending(Block("B", 2)));
  EXPECT_FALSE(uploads_.IsPending(Block("C", 1)));
}

TEST_F(PendingUploadsTest, NothingIsPendingWithoutAReadableFile) {
  EXPECT_FALSE(uploads_.IsPending(Block("A", 1))) << "missing";
  for (const char* text : {"{[", "[]", R"({"uploaded": 1})", R"({"uploaded": [1]})"}) {
    SCOPED_TRACE(text);
    Write(text);
    EXPECT_FALSE(uploads_.IsPending(Block("A", 1)));
  }
  for (const char* text : {"{}", R"({"uploaded": []})", R"({"uploaded": null})"}) {
    SCOPED_TRACE(text);
    clock_.AdvanceMs(60'000);
    Write(text);
    EXPECT_TRUE(uploads_.IsPending(Block("A", 1)));
  }
}

TEST_F(PendingUploadsTest, TheFileIsReadOnceAMinute) {
  Write(R"({"uploaded": ["A"]})");
  EXPECT_TRUE(uploads_.IsPending(Block("B", 1)));
  Write(R"({"uploaded": ["A", "B"]})");
  clock_.AdvanceMs(59'999);
  EXPECT_TRUE(uploads_.IsPending(Block("B", 1)));
  clock_.AdvanceMs(1);
  EXPECT_FALSE(uploads_.IsPending(Block("B", 1)));
}

TEST_F(PendingUploadsTest, WithoutAPathAllAreFree) {
  PendingUploads none(SystemFs(), clock_, "");
  EXPECT_FALSE(none.IsPending(Block("A", 1)));
}

TEST(CarriedSectionsTest, KeepWhoseDataItIs) {
  const auto carried = [](std::vector<const char*> sections) {
    std::vector<BlockMeta> blocks;
    for (const char* section : sections) {
      BlockMeta& meta = blocks.emplace_back(Block("A", 1));
      meta.unknown.emplace_back("other", "1");
      if (*section != '\0') meta.unknown.emplace_back("thanos", section);
    }
    std::vector<const BlockMeta*> metas;
    for (const auto& meta : blocks) metas.push_back(&meta);
    std::string text;
    for (const auto& [key, json] : CarriedSections(metas)) text += key + "=" + json;
    return text;
  };
  const char* const a =
      R"({"version":1,"labels":{"r":"1"},"downsample":{"resolution":0},"source":"sidecar","files":[{"rel_path":"index"}]})";
  const char* const b =
      R"({"version":1,"source":"receive","labels":{"r":"1"},"downsample":{"resolution":0}})";
  const char* const other = R"({"version":1,"labels":{"r":"2"},"downsample":{"resolution":0}})";
  EXPECT_EQ(
      carried({a}),
      R"(thanos={"labels":{"r":"1"},"downsample":{"resolution":0},"version":1,"source":"sidecar"})");
  EXPECT_EQ(carried({a, a}), carried({a}));
  EXPECT_EQ(carried({a, b}),
            R"(thanos={"labels":{"r":"1"},"downsample":{"resolution":0},"version":1})");
  EXPECT_EQ(carried({a, other}), "");
  EXPECT_EQ(carried({a, ""}), "");
  EXPECT_EQ(carried({"", a}), "");
  EXPECT_EQ(carried({"", ""}), "");
  EXPECT_EQ(carried({}), "");
}

}  // namespace
}  // namespace narthex::tsdb

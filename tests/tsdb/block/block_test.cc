// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/block.h"

#include <fstream>

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tests/tsdb/support/test_blocks.h"

namespace narthex::tsdb::testing {
namespace {

using model::kMaxTime;
using model::kMinTime;
using model::Labels;
using model::Matcher;
using model::MatchType;

constexpr const char* kUlid = "01HF0000000000000000000001";

std::vector<TestSeries> FewSeries() {
  return {{Labels{{"__name__", "a"}, {"env", "dev"}}, {{10, 1}, {20, 2}, {30, 3}}},
          {Labels{{"__name__", "a"}, {"env", "prod"}}, {{10, 4}, {20, 5}}},
          {Labels{{"__name__", "a"}, {"env", "prod2"}}, {{50, 6}}},
          {Labels{{"__name__", "b"}}, {{15, 7}}}};
}

class BlockTest : public ::testing::Test {
 protected:
  std::shared_ptr<const Block> Make() { return MakeBlock(dir_.path(), kUlid, 0, 100, FewSeries()); }
  std::string path() const { return JoinPath(dir_.path(), kUlid); }
  narthex::testing::TempDir dir_;
};

std::string Values(const storage::Querier& querier, std::vector<Matcher> matchers) {
  const auto set = querier.Select(matchers, {});
  if (!set) return set.error().message();
  std::string text;
  for (std::size_t i = 0; i < (*set)->size(); ++i) {
    const Labels labels = (*set)->LabelsAt(i);
    text += std::string(labels.Get("__name__")) + "/" + std::string(labels.Get("env")) + " ";
  }
  return text;
}

Matcher M(MatchType type, std::string_view name, std::string_view value) {
  return *Matcher::Create(type, name, value);
}

TEST_F(BlockTest, SelectsByMatchers) {
  const auto querier = NewBlockQuerier(Make(), 0, 100);
  const auto kEq = MatchType::kEqual;
  const auto kNe = MatchType::kNotEqual;
  const auto kRe = MatchType::kRegex;
  const auto kNre = MatchType::kNotRegex;
  const struct {
    std::vector<Matcher> matchers;
    const char* want;
  } cases[] = {
      {{}, "a/dev a/prod a/prod2 b/ "},
      {{M(kEq, "__name__", "a")}, "a/dev a/prod a/prod2 "},
      {{M(kEq, "__name__", "none")}, ""},
      {{M(kEq, "nolabel", "x")}, ""},
      {{M(kEq, "nolabel", "")}, "a/dev a/prod a/prod2 b/ "},
      {{M(kEq, "env", "")}, "b/ "},
      {{M(kNe, "env", "")}, "a/dev a/prod a/prod2 "},
      {{M(kNe, "env", "prod")}, "a/dev a/prod2 b/ "},
      {{M(kNe, "nolabel", "x")}, "a/dev a/prod a/prod2 b/ "},
      {{M(kNe, "nolabel", "")}, ""},
      {{M(kRe, "env", ".*")}, "a/dev a/prod a/prod2 b/ "},
      {{M(kNre, "env", ".*")}, ""},
      {{M(kRe, "env", ".+")}, "a/dev a/prod a/prod2 "},
      {{M(kNre, "env", ".+")}, "b/ "},
      {{M(kRe, "env", "prod.*")}, "a/prod a/prod2 "},
      {{M(kRe, "env", "prod|dev")}, "a/dev a/prod "},
      {{M(kRe, "env", "|dev")}, "a/dev b/ "},
      {{M(kNre, "env", "prod|dev")}, "a/prod2 b/ "},
      {{M(kNre, "env", "|dev")}, "a/prod a/prod2 "},
      {{M(kRe, "env", ".*o.2?")}, "a/prod a/prod2 "},
      {{M(kRe, "env", "(?i)PROD")}, "a/prod "},
      {{M(kEq, "__name__", "a"), M(kNe, "env", "dev"), M(kNre, "env", ".*2")}, "a/prod "},
      {{M(kNe, "__name__", "a"), M(kEq, "env", "")}, "b/ "},
      {{M(kEq, "__name__", "b"), M(kEq, "env", "dev")}, ""},
  };
  for (const auto& c : cases) {
    std::string name;
    for (const auto& m : c.matchers) name += m.ToString() + " ";
    SCOPED_TRACE(name);
    EXPECT_EQ(Values(*querier, c.matchers), c.want);
  }
}

TEST_F(BlockTest, SelectsWithinTheRange) {
  const auto block = Make();
  EXPECT_EQ(Values(*NewBlockQuerier(block, 40, 100), {}), "a/prod2 ");
  EXPECT_EQ(Values(*NewBlockQuerier(block, 30, 50), {}), "a/dev a/prod2 ");
  EXPECT_EQ(Values(*NewBlockQuerier(block, 51, 60), {}), "");
  storage::SelectHints hints;
  hints.limit = 2;
  EXPECT_EQ((*NewBlockQuerier(block, 0, 100)->Select({}, hints))->size(), 2U);
  std::stop_source stop;
  stop.request_stop();
  const auto cancelled = NewBlockQuerier(block, 0, 100)->Select({}, {}, stop.get_token());
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code(), Code::kCancelled);
}

TEST_F(BlockTest, LabelNamesAndValues) {
  const auto querier = NewBlockQuerier(Make(), 0, 100);
  using Texts = std::vector<std::string>;
  EXPECT_EQ(*querier->LabelNames({}, 0), (Texts{"__name__", "env"}));
  EXPECT_EQ(*querier->LabelValues("env", {}, 0), (Texts{"dev", "prod", "prod2"}));
  EXPECT_EQ(*querier->LabelValues("env", {}, 2), (Texts{"dev", "prod"}));
  EXPECT_EQ(*querier->LabelValues("none", {}, 0), Texts{});
  const std::vector<Matcher> b{Matcher::Equal("__name__", "b")};
  EXPECT_EQ(*querier->LabelNames(b, 0), Texts{"__name__"});
  EXPECT_EQ(*querier->LabelValues("env", b, 0), Texts{});
  const std::vector<Matcher> prod{M(MatchType::kRegex, "env", "prod.*")};
  EXPECT_EQ(*querier->LabelValues("env", prod, 0), (Texts{"prod", "prod2"}));
  EXPECT_EQ(*querier->LabelValues("__name__", prod, 0), Texts{"a"});
  const std::vector<Matcher> both{prod[0], Matcher::NotEqual("env", "prod")};
  EXPECT_EQ(*querier->LabelValues("env", both, 0), Texts{"prod2"});
  EXPECT_EQ(*querier->LabelValues("env", prod, 1), Texts{"prod"})
      << "the limit counts what is left";
  const std::vector<Matcher> none{Matcher::Equal("env", "")};
  EXPECT_EQ(*querier->LabelValues("env", none, 0), Texts{});
}

TEST_F(BlockTest, DeletionHidesSamplesAndIsCounted) {
  auto block = Make();
  const std::vector<Matcher> all_a{Matcher::Equal("__name__", "a")};
  EXPECT_FALSE(*DeleteFromBlock(SystemFs(), *block, 60, 99, all_a));
  ASSERT_TRUE(*DeleteFromBlock(SystemFs(), *block, 15, 25, all_a));
  block = *Block::Open(SystemFs(), path());
  EXPECT_EQ(block->meta().stats.num_tombstones, 2U);
  EXPECT_EQ(Dump(*NewBlockQuerier(block, 0, 100), 0, 100),
            "{__name__=\"a\", env=\"dev\"} 1 10\n{__name__=\"a\", env=\"dev\"} 3 30\n"
            "{__name__=\"a\", env=\"prod\"} 4 10\n{__name__=\"a\", env=\"prod2\"} 6 50\n"
            "{__name__=\"b\"} 7 15\n");
  ASSERT_TRUE(*DeleteFromBlock(SystemFs(), *block, kMinTime, kMaxTime, {}));
  block = *Block::Open(SystemFs(), path());
  EXPECT_EQ(Dump(*NewBlockQuerier(block, 0, 100), 0, 100), "");
}

TEST_F(BlockTest, AnEmptySourceMakesNoBlock) {
  BlockMeta meta;
  meta.ulid = kUlid;
  TestSource source({{Labels{{"a", "b"}}, {}}});
  const auto written = WriteBlock(SystemFs(), dir_.path(), meta, source);
  ASSERT_TRUE(written);
  EXPECT_FALSE(*written);
  EXPECT_TRUE(SystemFs().ListDir(dir_.path())->empty());
}

TEST_F(BlockTest, UnsortedSeriesAreRefusedAndLeaveNothing) {
  BlockMeta meta;
  meta.ulid = kUlid;
  TestSource source({{Labels{{"a", "b"}}, {{1, 1}}}, {Labels{{"a", "a"}}, {{1, 1}}}});
  const auto written = WriteBlock(SystemFs(), dir_.path(), meta, source);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message(),
            R"(out-of-order series added with label set "{a=\"a\"}", last label set "{a=\"b\"}")");
  EXPECT_TRUE(SystemFs().ListDir(dir_.path())->empty());
}

// Each byte of the block, one at a time: it opens and reads as before, or says what is wrong.
TEST_F(BlockTest, FlippedBytesAreNoticed) {
  const std::string want = Dump(*NewBlockQuerier(Make(), kMinTime, kMaxTime), kMinTime, kMaxTime);
  for (const char* name : {"index", "chunks/000001", "tombstones"}) {
    const std::string file = JoinPath(path(), name);
    const std::string good = *SystemFs().ReadFile(file);
    std::size_t unnoticed = 0;
    for (std::size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 0x41);
      std::ofstream(file, std::ios::binary) << bad;
      const auto block = Block::Open(SystemFs(), path());
      if (!block) {
        EXPECT_EQ(block.error().code(), Code::kCorruption);
        continue;
      }
      const auto got = Dump(*NewBlockQuerier(*block, kMinTime, kMaxTime), kMinTime, kMaxTime);
      if (got == want) {
        ++unnoticed;
      } else {
        EXPECT_TRUE(got.starts_with("error: ")) << name << " byte " << i << ": " << got;
      }
    }
    // Padding, and lists of postings that this query does not touch.
    EXPECT_LT(unnoticed, good.size() / 2) << name;
    std::ofstream(file, std::ios::binary) << good;
  }
}

TEST_F(BlockTest, CutFilesAreCorruption) {
  Make();
  for (const char* name : {"index", "chunks/000001", "tombstones", "meta.json"}) {
    const std::string file = JoinPath(path(), name);
    const std::string good = *SystemFs().ReadFile(file);
    for (std::size_t n = 0; n < good.size(); n += 3) {
      std::ofstream(file, std::ios::binary) << good.substr(0, n);
      const auto block = Block::Open(SystemFs(), path());
      if (block) {
        const auto got = Dump(*NewBlockQuerier(*block, kMinTime, kMaxTime), kMinTime, kMaxTime);
        EXPECT_TRUE(got.starts_with("error: ")) << name << " cut at " << n << ": " << got;
      } else {
        EXPECT_EQ(block.error().code(), Code::kCorruption);
      }
    }
    std::ofstream(file, std::ios::binary) << good;
  }
}

TEST_F(BlockTest, LinkAndRemove) {
  const auto block = Make();
  const std::string copy = JoinPath(dir_.path(), "snapshot");
  ASSERT_TRUE(LinkBlock(SystemFs(), *block, copy));
  ASSERT_TRUE(RemoveBlock(SystemFs(), dir_.path(), kUlid));
  EXPECT_FALSE(SystemFs().Exists(path()));
  EXPECT_NE(Dump(*NewBlockQuerier(block, 0, 100), 0, 100), "") << "open blocks outlive removal";
  const auto linked = Block::Open(SystemFs(), JoinPath(copy, kUlid));
  ASSERT_TRUE(linked);
  EXPECT_EQ(Dump(*NewBlockQuerier(*linked, 0, 100), 0, 100),
            Dump(*NewBlockQuerier(block, 0, 100), 0, 100));
  EXPECT_TRUE(RemoveBlock(SystemFs(), dir_.path(), kUlid)) << "a missing one is fine";
}

}  // namespace
}  // namespace narthex::tsdb::testing

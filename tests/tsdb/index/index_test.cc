// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tsdb/index/index_reader.h"
#include "tsdb/index/index_writer.h"

namespace narthex::tsdb {
namespace {

using model::Labels;

struct Entry {
  Labels labels;
  std::vector<ChunkMeta> chunks;
};

std::set<std::string> SymbolsOf(const std::vector<Entry>& series) {
  std::set<std::string> symbols;
  for (const Entry& s : series) {
    for (const auto& [name, value] : s.labels) {
      symbols.emplace(name);
      symbols.emplace(value);
    }
  }
  return symbols;
}

class IndexTest : public ::testing::Test {
 protected:
  Status Write(const std::vector<Entry>& series, std::size_t postings_budget = 1 << 20) {
    NX_ASSIGN_OR_RETURN(const auto writer,
                        IndexWriter::Create(SystemFs(), path(), postings_budget));
    for (const std::string& symbol : SymbolsOf(series)) {
      NX_RETURN_IF_ERROR(writer->AddSymbol(symbol));
    }
    for (const Entry& s : series) NX_RETURN_IF_ERROR(writer->AddSeries(s.labels, s.chunks));
    return writer->Finish();
  }
  std::unique_ptr<IndexReader> Open() {
    auto reader = IndexReader::Open(SystemFs(), path());
    EXPECT_TRUE(reader) << reader.error().message();
    return reader ? std::move(*reader) : nullptr;
  }
  std::string path() const { return dir_.path() + "/index"; }
  testing::TempDir dir_;
};

std::vector<Entry> ManySeries(int n) {
  std::vector<Entry> all;
  for (int i = 0; i < n; ++i) {
    const std::string number = fmt::format("{:05}", i);
    const std::string group = std::to_string(i % 5);
    all.push_back({Labels{{"__name__", "m"}, {"group", group}, {"i", number}},
                   {{i, i + 10, static_cast<std::uint64_t>(8 + 100 * i)},
                    {i + 11, i + 11, static_cast<std::uint64_t>(58 + 100 * i)}}});
  }
  std::sort(all.begin(), all.end(),
            [](const Entry& a, const Entry& b) { return a.labels < b.labels; });
  return all;
}

TEST_F(IndexTest, EmptyIndex) {
  ASSERT_TRUE(Write({}));
  const auto reader = Open();
  PostingList ids{7};
  ASSERT_TRUE(reader->All(ids));
  EXPECT_TRUE(ids.empty());
  EXPECT_TRUE(reader->LabelNames().empty());
  EXPECT_TRUE(reader->LabelValues("a").empty());
}

// Lists that do not fit the budget are made in several passes; the file must not show it.
TEST_F(IndexTest, RoundTripWithAnyBudget) {
  const auto series = ManySeries(1000);
  std::string first;
  for (const std::size_t budget : {1U << 20, 5000U, 300U, 1U}) {
    SCOPED_TRACE(budget);
    ASSERT_TRUE(Write(series, budget));
    const std::string bytes = *SystemFs().ReadFile(path());
    if (first.empty()) first = bytes;
    EXPECT_TRUE(bytes == first);
  }
  const auto reader = Open();
  PostingList all;
  ASSERT_TRUE(reader->All(all));
  ASSERT_EQ(all.size(), series.size());
  std::vector<ChunkMeta> chunks;
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(*reader->LabelsOf(all[i]), series[i].labels);
    ASSERT_TRUE(reader->Series(all[i], nullptr, &chunks));
    ASSERT_EQ(chunks, series[i].chunks);
  }
  EXPECT_LT(reader->memory_bytes(), 2000U) << "an open index costs kilobytes";
  for (int i = 0; i < 1000; ++i) {
    PostingList ids;
    ASSERT_TRUE(reader->OfValue("i", fmt::format("{:05}", i), ids));
    ASSERT_EQ(ids.size(), 1U);
    EXPECT_EQ(reader->LabelsOf(ids[0])->Get("i"), fmt::format("{:05}", i));
  }
  for (const char* missing : {"", "0", "00000x", "01000", "zz"}) {
    PostingList ids;
    ASSERT_TRUE(reader->OfValue("i", missing, ids));
    EXPECT_TRUE(ids.empty()) << missing;
  }
}

TEST_F(IndexTest, ValuesByPrefixAndFilter) {
  ASSERT_TRUE(Write(ManySeries(200)));
  const auto reader = Open();
  const struct {
    const char* prefix;
    const char* ends;
    std::size_t want;
  } cases[] = {{"", "", 200},    {"0", "", 200},  {"001", "", 100}, {"0019", "", 10},
               {"00199", "", 1}, {"002", "", 0},  {"1", "", 0},     {"", "7", 20},
               {"0003", "7", 1}, {"000", "77", 1}};
  for (const auto& c : cases) {
    SCOPED_TRACE(fmt::format("{}…{}", c.prefix, c.ends));
    PostingList ids;
    PostingsSource::ValueFilter keep;
    if (*c.ends != '\0') keep = [&](std::string_view v) { return v.ends_with(c.ends); };
    ASSERT_TRUE(reader->OfValues("i", c.prefix, keep, ids));
    EXPECT_EQ(ids.size(), c.want);
  }
  std::vector<std::pair<std::string, std::uint32_t>> groups;
  ASSERT_TRUE(reader->ForEachValue(
      "group", [&](std::string_view value, std::uint32_t n) { groups.emplace_back(value, n); }));
  EXPECT_EQ(groups, (std::vector<std::pair<std::string, std::uint32_t>>{
                        {"0", 40}, {"1", 40}, {"2", 40}, {"3", 40}, {"4", 40}}));
}

TEST_F(IndexTest, ValuesOnSomeSeries) {
  ASSERT_TRUE(Write(ManySeries(200)));
  const auto reader = Open();
  PostingList all;
  ASSERT_TRUE(reader->All(all));
  for (std::size_t from = 0; from < all.size(); from += 7) {
    for (const std::size_t n : {0, 1, 2, 5, 60, 200}) {
      for (const std::size_t stride : {1, 3, 40}) {
        PostingList ids;
        std::set<std::string> groups, numbers;
        for (std::size_t i = from; i < all.size() && ids.size() < n; i += stride) {
          ids.push_back(all[i]);
          const auto labels = reader->LabelsOf(all[i]);
          groups.emplace(labels->Get("group"));
          numbers.emplace(labels->Get("i"));
        }
        EXPECT_EQ(*reader->ValuesOn("group", ids),
                  std::vector<std::string>(groups.begin(), groups.end()));
        EXPECT_EQ(*reader->ValuesOn("i", ids),
                  std::vector<std::string>(numbers.begin(), numbers.end()));
        EXPECT_TRUE(reader->ValuesOn("missing", ids)->empty());
      }
    }
  }
  EXPECT_EQ(reader->NumValues("group"), 5U);
  EXPECT_EQ(reader->NumValues("missing"), 0U);
  EXPECT_EQ(*reader->Symbol(*reader->NumberOfName("group")), "group");
  EXPECT_FALSE(reader->NumberOfName("missing"));
}

TEST_F(IndexTest, NamesOnManySeries) {
  std::vector<Entry> series = ManySeries(1000);
  // Names that few have, so that they are not on the series that are read.
  for (std::size_t i = 0; i < series.size(); ++i) {
    const std::string rare = i % 10 == 7 ? fmt::format("zz{}", i) : "z";
    series[i].labels = series[i].labels.With(Labels{{rare, std::to_string(i % 3)}});
  }
  ASSERT_TRUE(Write(series));
  const auto reader = Open();
  PostingList all;
  ASSERT_TRUE(reader->All(all));
  for (const std::size_t n : {0, 1, 63, 64, 65, 300, 1000}) {
    for (const std::size_t from : {std::size_t{0}, all.size() - n}) {
      const PostingList ids(all.begin() + static_cast<std::ptrdiff_t>(from),
                            all.begin() + static_cast<std::ptrdiff_t>(from + n));
      std::set<std::string> names;
      for (const SeriesId id : ids) {
        const auto labels = reader->LabelsOf(id);
        for (const auto& [name, value] : *labels) names.emplace(name);
      }
      EXPECT_EQ(*reader->NamesOn(ids), std::vector<std::string>(names.begin(), names.end())) << n;
    }
  }
}

TEST_F(IndexTest, SymbolsOfAnotherReaderAreNotRemembered) {
  ASSERT_TRUE(Write(ManySeries(40)));
  auto first = Open();
  for (std::uint32_t i = 0; i < 10; ++i) ASSERT_TRUE(first->Symbol(i));
  first.reset();
  ASSERT_TRUE(Write({{Labels{{"a", "b"}}, {{1, 2, 8}}}}));
  const auto second = Open();
  EXPECT_EQ(*second->Symbol(0), "a");
  EXPECT_EQ(*second->Symbol(1), "b");
  EXPECT_FALSE(second->Symbol(2));
}

TEST_F(IndexTest, ExtremeTimes) {
  const std::vector<Entry> series = {
      {Labels{{"a", "b"}},
       {{model::kMinTime, -5, 8}, {-4, 0, 100}, {1, model::kMaxTime, (7ULL << 32) + 9}}}};
  ASSERT_TRUE(Write(series));
  const auto reader = Open();
  PostingList ids;
  ASSERT_TRUE(reader->All(ids));
  std::vector<ChunkMeta> chunks;
  ASSERT_TRUE(reader->Series(ids.at(0), nullptr, &chunks));
  EXPECT_EQ(chunks, series[0].chunks);
}

TEST_F(IndexTest, InputOutOfOrderIsRefused) {
  const Labels a{{"a", "1"}};
  const Labels b{{"a", "2"}};
  const struct {
    std::vector<Entry> series;
    const char* want;
  } cases[] = {
      {{{b, {}}, {a, {}}},
       R"(out-of-order series added with label set "{a=\"1\"}", last label set "{a=\"2\"}")"},
      {{{a, {}}, {a, {}}},
       R"(out-of-order series added with label set "{a=\"1\"}", last label set "{a=\"1\"}")"},
      {{{a, {{0, 10, 8}, {10, 20, 9}}}}, "chunk minT 10 is not higher than previous chunk maxT 10"},
      {{{a, {{0, 10, 8}, {11, 20, 8}}}}, "unsorted chunk reference: 8, previous: 8"},
  };
  for (const auto& c : cases) {
    const Status status = Write(c.series);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().message(), c.want);
  }
  const auto writer = *IndexWriter::Create(SystemFs(), path());
  ASSERT_TRUE(writer->AddSymbol("b"));
  EXPECT_FALSE(writer->AddSymbol("b"));
  EXPECT_EQ(writer->AddSeries(a, {}).error().message(), R"(symbol entry for "a" does not exist)");
}

TEST_F(IndexTest, WhatIsNoIndex) {
  ASSERT_TRUE(Write(ManySeries(3)));
  const std::string good = *SystemFs().ReadFile(path());
  const auto message = [&](std::size_t at, char c) {
    std::string bad = good;
    bad[at] = c;
    EXPECT_TRUE(WriteFileAtomically(SystemFs(), path(), AsBytes(bad)));
    const auto reader = IndexReader::Open(SystemFs(), path());
    EXPECT_FALSE(reader);
    return reader ? "" : reader.error().message();
  };
  EXPECT_EQ(message(0, 'x'), path() + ": invalid magic number 78aad700");
  EXPECT_EQ(message(4, 9), path() + ": unknown index file version 9");
  EXPECT_NE(message(good.size() - 5, 'x').find("read TOC: invalid checksum"), std::string::npos);
  EXPECT_NE(message(12, 'x').find("read symbols: invalid checksum"), std::string::npos);
}

}  // namespace
}  // namespace narthex::tsdb

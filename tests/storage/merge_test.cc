// SPDX-License-Identifier: Apache-2.0
#include "narthex/storage/merge.h"

#include <map>
#include <random>

#include "narthex/model/sample.h"

namespace narthex::storage {
namespace {

using model::CounterResetHint;
using model::FloatHistogram;
using model::Labels;
using model::Sample;
using model::TimestampMs;

struct Series {
  Labels labels;
  std::vector<Sample> samples;
};

class FakeSet final : public SeriesSet {
 public:
  explicit FakeSet(std::vector<Series> series) : series_(std::move(series)) {}
  std::size_t size() const override { return series_.size(); }
  Labels LabelsAt(std::size_t i) const override { return series_[i].labels; }
  Status Read(std::size_t i, TimestampMs mint, TimestampMs maxt,
              SampleColumns& out) const override {
    if (series_[i].samples.empty()) return Fail(Code::kCorruption, "bad chunk");
    for (const Sample& s : series_[i].samples) {
      if (s.t < mint || s.t > maxt) continue;
      out.t.push_back(s.t);
      out.v.push_back(s.v);
    }
    return {};
  }

 private:
  std::vector<Series> series_;
};

class FakeQuerier final : public Querier {
 public:
  FakeQuerier(std::vector<Series> series, std::vector<std::string> names)
      : series_(std::move(series)), names_(std::move(names)) {}
  Result<std::unique_ptr<SeriesSet>> Select(std::span<const model::Matcher>, const SelectHints&,
                                            std::stop_token) const override {
    return std::make_unique<FakeSet>(series_);
  }
  Result<std::vector<std::string>> LabelValues(std::string_view, std::span<const model::Matcher>,
                                               std::size_t, std::stop_token) const override {
    return names_;
  }
  Result<std::vector<std::string>> LabelNames(std::span<const model::Matcher>, std::size_t,
                                              std::stop_token) const override {
    return names_;
  }

 private:
  std::vector<Series> series_;
  std::vector<std::string> names_;
};

std::unique_ptr<SeriesSet> Merged(const std::vector<std::vector<Series>>& parts) {
  std::vector<std::unique_ptr<SeriesSet>> sets;
  for (const auto& part : parts) sets.push_back(std::make_unique<FakeSet>(part));
  return MergeSeriesSets(std::move(sets));
}

std::string Describe(const SeriesSet& set, TimestampMs mint, TimestampMs maxt) {
  std::string text;
  for (std::size_t i = 0; i < set.size(); ++i) {
    SampleColumns columns;
    const Status status = set.Read(i, mint, maxt, columns);
    text += set.LabelsAt(i).Get("s");
    text += status ? ":" : ": " + status.error().message();
    for (std::size_t k = 0; k < columns.t.size(); ++k) {
      text +=
          " " + std::to_string(columns.t[k]) + "=" + std::to_string(static_cast<int>(columns.v[k]));
    }
    text += ";";
  }
  return text;
}

const Labels kA{{"s", "a"}};
const Labels kB{{"s", "b"}};
const Labels kC{{"s", "c"}};

TEST(MergeSeriesSetsTest, JoinsSeriesByLabelsAndSamplesByTime) {
  const struct {
    const char* name;
    std::vector<std::vector<Series>> parts;
    const char* want;
  } cases[] = {
      {"nothing", {}, ""},
      {"empty sets", {{}, {}}, ""},
      {"one set", {{{kA, {{1, 1}}}}}, "a: 1=1;"},
      {"disjoint series",
       {{{kB, {{1, 1}}}}, {{kA, {{1, 2}}}, {kC, {{1, 3}}}}},
       "a: 1=2;b: 1=1;c: 1=3;"},
      {"one after the other", {{{kA, {{1, 1}, {2, 2}}}}, {{kA, {{3, 3}}}}}, "a: 1=1 2=2 3=3;"},
      {"later set holds the older data",
       {{{kA, {{3, 3}}}}, {{kA, {{1, 1}, {2, 2}}}}},
       "a: 1=1 2=2 3=3;"},
      {"interleaved, equal times: the later set's",
       {{{kA, {{1, 1}, {3, 3}, {5, 5}}}}, {{kA, {{2, 20}, {3, 30}}}}, {{kA, {{5, 500}}}}},
       "a: 1=1 2=20 3=30 5=500;"},
      {"an error names itself", {{{kA, {}}}, {{kA, {{1, 1}}}}}, "a: bad chunk;"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(Describe(*Merged(c.parts), 0, 100), c.want);
  }
}

// Sets that go through the same series, part from one another and meet again.
TEST(MergeSeriesSetsTest, GroupsWhatIsTheSameInAnySets) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const std::size_t sets = 1 + random() % 6;
    const auto missing = random() % 5;  // Of five series, how many a set lacks about.
    std::map<std::string, std::vector<std::size_t>> expected;
    std::vector<std::vector<Labels>> labels(sets);
    for (int series = 0; series < 30; ++series) {
      const std::string value = std::to_string(100 + series);
      for (std::size_t set = 0; set < sets; ++set) {
        if (random() % 5 < missing) continue;
        labels[set].push_back(Labels{{"s", value}});
        expected[value].push_back(set);
      }
    }
    std::vector<std::size_t> sizes;
    for (const auto& of_set : labels) sizes.push_back(of_set.size());
    const SeriesGroups groups(
        sizes, [&](std::size_t set, std::size_t i) { return labels[set].at(i); },
        [&](std::size_t set, std::size_t i, const Labels& l) { return labels[set].at(i) == l; });
    ASSERT_EQ(groups.size(), expected.size());
    std::size_t at = 0;
    for (const auto& [value, members] : expected) {
      std::vector<std::size_t> found;
      for (const auto& member : groups.At(at++)) {
        EXPECT_EQ(labels[member.set].at(member.index).Get("s"), value);
        found.push_back(member.set);
      }
      EXPECT_EQ(found, members) << "round " << round << ", series " << value;
    }
  }
}

TEST(MergeSeriesSetsTest, ReadsTheRangeAndKeepsWhatIsInTheColumns) {
  const auto set = Merged({{{kA, {{1, 1}, {3, 3}}}}, {{kA, {{2, 2}, {4, 4}}}}});
  EXPECT_EQ(Describe(*set, 2, 3), "a: 2=2 3=3;");
  SampleColumns columns;
  ASSERT_TRUE(set->Read(0, 1, 2, columns));
  ASSERT_TRUE(set->Read(0, 3, 4, columns));
  EXPECT_EQ(columns.t.size(), 4U);
}

TEST(MergeQueriersTest, UnitesLabelsWithinTheLimit) {
  std::vector<std::unique_ptr<Querier>> queriers;
  queriers.push_back(std::make_unique<FakeQuerier>(std::vector<Series>{{kB, {{1, 1}}}},
                                                   std::vector<std::string>{"a", "c", "d"}));
  queriers.push_back(std::make_unique<FakeQuerier>(std::vector<Series>{{kA, {{1, 1}}}},
                                                   std::vector<std::string>{"b", "c"}));
  const auto querier = MergeQueriers(std::move(queriers));
  EXPECT_EQ(*querier->LabelValues("x", {}, 0), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(*querier->LabelNames({}, 3), (std::vector<std::string>{"a", "b", "c"}));
  const auto set = querier->Select({}, {});
  ASSERT_TRUE(set);
  EXPECT_EQ(Describe(**set, 0, 9), "a: 1=1;b: 1=1;");
}

FloatHistogram Named(double sum, CounterResetHint hint) {
  FloatHistogram h;
  h.sum = sum;
  h.counter_reset_hint = hint;
  return h;
}

TEST(MergeColumnsTest, OneSampleATimeOverBothKinds) {
  SampleColumns a;
  a.t = {1, 2, 5};
  a.v = {1, 2, 5};
  a.histogram_t = {3, 4};
  a.histograms = {Named(3, CounterResetHint::kNotReset), Named(4, CounterResetHint::kGauge)};
  SampleColumns b;
  b.t = {3};
  b.v = {30};
  b.histogram_t = {2, 6};
  b.histograms = {Named(20, CounterResetHint::kReset), Named(60, CounterResetHint::kNotReset)};
  SampleColumns out;
  MergeColumns(a, b, out);
  EXPECT_EQ(std::vector<TimestampMs>(out.t.begin(), out.t.end()),
            (std::vector<TimestampMs>{1, 3, 5}));
  EXPECT_EQ(std::vector<double>(out.v.begin(), out.v.end()), (std::vector<double>{1, 30, 5}));
  EXPECT_EQ(out.histogram_t, (std::vector<TimestampMs>{2, 4, 6}));
  ASSERT_EQ(out.histograms.size(), 3U);
  EXPECT_EQ(out.histograms[0].counter_reset_hint, CounterResetHint::kReset);
  EXPECT_EQ(out.histograms[1].counter_reset_hint, CounterResetHint::kGauge);
  EXPECT_EQ(out.histograms[2].counter_reset_hint, CounterResetHint::kUnknown);
}

TEST(MergeTailTest, AsIfTheTailCameApart) {
  const auto columns = [](std::vector<TimestampMs> t, std::vector<TimestampMs> ht) {
    SampleColumns c;
    c.t.assign(t.begin(), t.end());
    for (const TimestampMs at : t) c.v.push_back(static_cast<double>(at));
    c.histogram_t = std::move(ht);
    for (const TimestampMs at : c.histogram_t) {
      c.histograms.push_back(Named(static_cast<double>(at), CounterResetHint::kNotReset));
    }
    for (std::size_t i = 0; i < t.size(); ++i) c.starts.Append(i, t[i] - 1);
    for (std::size_t i = 1; i < c.histogram_t.size(); ++i) {
      c.histogram_starts.Append(i, c.histogram_t[i] + 100);
    }
    return c;
  };
  const std::vector<std::pair<SampleColumns, SampleColumns>> cases = {
      {columns({}, {}), columns({1, 2}, {3})},    {columns({1, 2}, {3}), columns({}, {})},
      {columns({1, 2}, {}), columns({3, 4}, {})}, {columns({1, 5}, {}), columns({2, 5, 9}, {})},
      {columns({}, {1, 2}), columns({}, {3})},    {columns({3}, {1, 2}), columns({4}, {5})},
      {columns({1}, {6}), columns({2, 9}, {})},   {columns({4}, {}), columns({}, {4, 7})},
      {columns({}, {1, 9}), columns({}, {5})},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    SampleColumns want = cases[i].first, later = cases[i].second, scratch;
    AppendOrMerge(want, later, scratch);
    SampleColumns got = cases[i].first;
    got.Append(SampleColumns(cases[i].second));
    MergeTail(got, cases[i].first.t.size(), cases[i].first.histogram_t.size());
    EXPECT_EQ(got.t, want.t);
    EXPECT_EQ(got.v, want.v);
    EXPECT_EQ(got.histogram_t, want.histogram_t);
    ASSERT_EQ(got.histograms.size(), want.histograms.size());
    for (std::size_t k = 0; k < want.histograms.size(); ++k) {
      EXPECT_EQ(got.histograms[k].counter_reset_hint, want.histograms[k].counter_reset_hint);
      EXPECT_EQ(got.histograms[k].sum, want.histograms[k].sum);
      EXPECT_EQ(got.histogram_starts.At(k), want.histogram_starts.At(k));
    }
    for (std::size_t k = 0; k < want.t.size(); ++k) {
      EXPECT_EQ(got.starts.At(k), want.starts.At(k));
    }
  }
}

}  // namespace
}  // namespace narthex::storage

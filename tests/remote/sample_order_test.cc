// SPDX-License-Identifier: Apache-2.0
#include "src/remote/sample_order.h"

#include "src/remote/parted_set.h"

namespace narthex::remote {
namespace {

storage::SampleColumns Columns(const std::vector<std::pair<model::TimestampMs, double>>& floats,
                               const std::vector<std::pair<model::TimestampMs, double>>& counts) {
  storage::SampleColumns columns;
  for (const auto& [t, v] : floats) {
    columns.t.push_back(t);
    columns.v.push_back(v);
  }
  for (const auto& [t, count] : counts) {
    columns.histogram_t.push_back(t);
    columns.histograms.emplace_back().count = count;
  }
  return columns;
}

std::string Text(const storage::SampleColumns& columns) {
  std::string text;
  for (std::size_t i = 0; i < columns.t.size(); ++i) {
    text +=
        std::to_string(columns.t[i]) + "=" + std::to_string(static_cast<int>(columns.v[i])) + " ";
  }
  text += "|";
  for (std::size_t i = 0; i < columns.histogram_t.size(); ++i) {
    text += " " + std::to_string(columns.histogram_t[i]) + "=" +
            std::to_string(static_cast<int>(columns.histograms[i].count));
  }
  return text;
}

TEST(SampleOrderTest, SortsAndLeavesOneForEachTime) {
  const struct {
    std::vector<std::pair<model::TimestampMs, double>> floats, counts;
    const char* want;
  } cases[] = {
      {{}, {}, "|"},
      {{{1, 1}, {2, 2}}, {{3, 3}}, "1=1 2=2 | 3=3"},
      {{{2, 2}, {1, 1}, {2, 3}, {1, 4}}, {}, "1=4 2=3 |"},
      {{{5, 5}}, {{6, 1}, {5, 2}, {4, 3}, {6, 4}}, "5=5 | 4=3 6=4"},
      {{{model::kMaxTime, 1}, {model::kMinTime, 2}},
       {{model::kMinTime, 3}},
       "-9223372036854775808=2 9223372036854775807=1 |"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    storage::SampleColumns columns = Columns(c.floats, c.counts);
    PutInOrder(columns);
    EXPECT_EQ(c.want, Text(columns));
  }
}

TEST(MakeLabelsTest, SortsChecksAndLeavesOut) {
  const std::vector<std::string> without = {"cluster", "replica"};
  const std::vector<model::LabelView> sent = {
      {"job", "x"}, {"__name__", "up"}, {"replica", "1"}, {"empty", ""}};
  const auto labels = MakeLabels(sent, without);
  ASSERT_TRUE(labels);
  EXPECT_EQ("{__name__=\"up\", job=\"x\"}", labels->ToString());
  const struct {
    std::vector<model::LabelView> sent;
    const char* want;
  } cases[] = {
      {{{"a", "1"}, {"b", "2"}, {"a", "1"}}, "duplicate label with name: a"},
      {{{"", "1"}}, "invalid label name: "},
      {{{"a\xff", "1"}}, "invalid label name: "},
      {{{"a", "\xff"}}, "invalid label value: "},
      {{{"__name__", ""}}, "invalid metric name: "},
      // Also of those that are left out.
      {{{"cluster", "1"}, {"cluster", "2"}}, "duplicate label with name: cluster"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.want);
    const auto got = MakeLabels(c.sent, without);
    ASSERT_FALSE(got);
    EXPECT_TRUE(got.error().message().starts_with(c.want)) << got.error().message();
  }
}

}  // namespace
}  // namespace narthex::remote

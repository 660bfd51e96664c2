// SPDX-License-Identifier: Apache-2.0
//
// Questions about labels that nobody waits for any more.
#include <gtest/gtest.h>

#include "narthex/model/matcher.h"
#include "narthex/storage/querier.h"
#include "tests/tsdb/support/db_fixture.h"

namespace narthex::tsdb::testing {
namespace {

constexpr model::DurationMs kRange = 10'000;

class DbCancelTest : public ::testing::Test {
 protected:
  static DbOptions Options() {
    DbOptions options;
    options.min_block_duration_ms = kRange;
    options.retention_ms = 0;
    return options;
  }
  DbFixture db_{Options()};
};

TEST_F(DbCancelTest, TheyEndInTheHeadAndInBlocks) {
  for (model::TimestampMs t = 0; t < 3 * kRange; t += kRange / 4) {
    db_.Append({{{{"__name__", "m"}, {"a", "1"}, {"b", "x"}}, t, 1},
                {{{"__name__", "m"}, {"a", "2"}, {"b", "x"}}, t, 1}});
  }
  ASSERT_TRUE(db_->Compact());
  const auto blocks = db_->Blocks();
  ASSERT_FALSE(blocks.empty());
  const model::TimestampMs head_from = blocks.back().max_time;
  const model::Matcher about_a =
      model::Matcher::Create(model::MatchType::kRegex, "a", ".+").value();
  const model::Matcher about_b =
      model::Matcher::Create(model::MatchType::kRegex, "b", ".+").value();
  std::stop_source source;
  source.request_stop();
  for (const auto& [mint, maxt] :
       {std::pair{model::TimestampMs{0}, head_from - 1}, {head_from, 4 * kRange}}) {
    SCOPED_TRACE(mint);
    const auto querier = db_->NewQuerier(mint, maxt).value();
    for (const std::vector<model::Matcher>& matchers :
         {std::vector<model::Matcher>{}, {about_a}, {about_b}}) {
      SCOPED_TRACE(matchers.empty() ? "all" : matchers[0].ToString());
      EXPECT_EQ(querier->LabelValues("a", matchers, 0).value(),
                (std::vector<std::string>{"1", "2"}));
      EXPECT_EQ(querier->LabelNames(matchers, 0).value().size(), 3U);
      for (const auto& answer : {querier->LabelValues("a", matchers, 0, source.get_token()),
                                 querier->LabelNames(matchers, 0, source.get_token())}) {
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code(), Code::kCancelled);
      }
    }
  }
}

}  // namespace
}  // namespace narthex::tsdb::testing

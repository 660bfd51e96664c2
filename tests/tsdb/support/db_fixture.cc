// SPDX-License-Identifier: Apache-2.0
#include "tests/tsdb/support/db_fixture.h"

#include <bit>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/matcher.h"
#include "narthex/storage/querier.h"

namespace narthex::tsdb::testing {

bool BitSample::operator==(const BitSample& other) const {
  return t == other.t && std::bit_cast<std::uint64_t>(v) == std::bit_cast<std::uint64_t>(other.v);
}

void PrintTo(const BitSample& sample, std::ostream* out) {
  *out << fmt::format("{}@{}", sample.v, sample.t);
}

SeriesData ReadAll(const storage::Querier& querier, model::TimestampMs mint,
                   model::TimestampMs maxt) {
  SeriesData data;
  const auto set = querier.Select({}, {});
  if (!set) {
    ADD_FAILURE() << set.error().message();
    return data;
  }
  storage::SampleColumns columns;
  std::optional<model::Labels> last;
  for (std::size_t i = 0; i < (*set)->size(); ++i) {
    columns.Clear();
    const auto status = (*set)->Read(i, mint, maxt, columns);
    if (!status) ADD_FAILURE() << status.error().message();
    const auto labels = (*set)->LabelsAt(i);
    if (last) {
      EXPECT_LT(*last, labels);
    }
    last = labels;
    EXPECT_TRUE((*set)->HasLabels(i, labels));
    EXPECT_FALSE((*set)->HasLabels(i, labels.With({{"~", "further"}})));
    model::Labels visited;
    (*set)->ForEachLabel(i, [&](std::string_view name, std::string_view value) {
      visited.AppendSorted(name, value);
    });
    EXPECT_EQ(visited, labels);
    for (const auto& [name, value] : labels) {
      const std::vector<std::string> names = {"", std::string(name), "~"};
      EXPECT_EQ((*set)->SomeLabelsAt(i, names), model::Labels({{name, value}}));
    }
    auto& samples = data[labels.ToString()];
    for (std::size_t j = 0; j < columns.t.size(); ++j) {
      samples.push_back({columns.t[j], columns.v[j]});
    }
    if (samples.empty()) data.erase(labels.ToString());
  }
  return data;
}

DbFixture::DbFixture(tsdb::DbOptions options, Fs& fs)
    : options_(options), fs_(fs), dir_(root_.path() + "/data") {
  Open();
}

void DbFixture::Open() {
  db_.reset();
  registry_ = std::make_unique<metrics::Registry>();
  auto db = tsdb::Db::Open(dir_, options_, fs_, clock_, *registry_);
  ASSERT_TRUE(db) << db.error().message();
  db_ = std::move(*db);
}

void DbFixture::Append(const std::vector<Sample>& samples) {
  auto appender = db_->NewAppender();
  for (const auto& sample : samples) {
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, sample.labels, sample.t, sample.v), storage::AppendError::kNone)
        << sample.labels.ToString() << " " << sample.t;
  }
  const auto status = appender->Commit();
  ASSERT_TRUE(status) << status.error().message();
}

SeriesData DbFixture::ReadAll(model::TimestampMs mint, model::TimestampMs maxt) {
  const auto querier = db_->NewQuerier(mint, maxt);
  if (!querier) {
    ADD_FAILURE() << querier.error().message();
    return {};
  }
  return testing::ReadAll(**querier, mint, maxt);
}

void DbFixture::Reopen() {
  Close();
  Open();
}

void DbFixture::Adopt(const std::string& dir) {
  Close();
  dir_ = fmt::format("{}/data{}", root_.path(), ++copies_);
  std::filesystem::copy(dir, dir_, std::filesystem::copy_options::recursive);
  Open();
}

void DbFixture::Kill() {
  const std::string copy = fmt::format("{}/data{}", root_.path(), ++copies_);
  std::filesystem::copy(dir_, copy, std::filesystem::copy_options::recursive);
  db_.reset();
  dir_ = copy;
  Open();
}

double MetricOf(DbFixture& db, const std::string& line) {
  std::string text = "\n";
  db.registry().WriteText(text);
  const auto at = text.find("\n" + line + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 2));
}

}  // namespace narthex::tsdb::testing

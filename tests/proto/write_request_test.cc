// SPDX-License-Identifier: Apache-2.0
#include "narthex/proto/write_request.h"

#include <bit>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/model/sample.h"
#include "prometheus.pb.h"
#include "write_v2.pb.h"

namespace narthex::proto {
namespace {

/// Series with their pairs, as a sender keeps them.
struct Sender {
  explicit Sender(WriteVersion version) : writer(version, pairs) {}

  SeriesLabels Labels(const model::Labels& labels) {
    auto& numbers = runs.emplace_back();
    SeriesLabels series;
    for (const auto [name, value] : labels) {
      numbers.push_back(pairs.Intern(name, value));
      series.field_bytes += pairs.field(numbers.back()).size();
    }
    series.pairs = numbers;
    return series;
  }

  LabelPairs pairs;
  WriteRequestWriter writer;
  std::vector<std::vector<std::uint32_t>> runs;
};

std::string LongText(std::size_t size) { return std::string(size, 'x'); }

TEST(LabelPairsTest, EachPairHasOneNumber) {
  LabelPairs pairs;
  EXPECT_EQ(pairs.Intern("a", "b"), 0U);
  EXPECT_EQ(pairs.Intern("a", "c"), 1U);
  EXPECT_EQ(pairs.Intern("a", "b"), 0U);
  const std::string text = LongText(70'000);
  EXPECT_EQ(pairs.Intern(text, text), 2U);
  EXPECT_EQ(pairs.label(2).name, text);
  EXPECT_EQ(pairs.label(2).value, text);
  for (std::uint32_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(pairs.Intern("n" + std::to_string(i), "v"), i + 3);
  }
  EXPECT_EQ(pairs.Intern("n4999", "v"), 5002U);
  EXPECT_EQ(pairs.label(1).value, "c");
}

// Google's codec reads what ours wrote.
TEST(WriteRequestTest, Version1) {
  Sender sender(WriteVersion::kV1);
  const SeriesLabels a = sender.Labels({{"__name__", "up"}, {"job", LongText(300)}});
  const SeriesLabels none = sender.Labels({});
  model::Histogram histogram;
  histogram.count = 5;
  histogram.schema = -1;
  histogram.sum = 2.5;
  histogram.positive_spans = {{-2, 1}, {3, 1}};
  histogram.positive_buckets = {2, 1};
  std::string message;
  EncodeWriteHistogram(77, 0, histogram, message);

  for (int round = 0; round < 2; ++round) {  // The second one does not see the first.
    sender.writer.AddSample(a, nullptr, 1'700'000'000'000, 123, model::kStaleNaN);
    sender.writer.AddSample(a, nullptr, -5, 0, -0.0);
    sender.writer.AddSample(none, nullptr, 0, 0, 0.0);
    sender.writer.AddHistogram(a, nullptr, message);
    sender.writer.AddExemplar(a, nullptr, {{"trace_id", "x"}, {"y", "z"}}, 9, 1.5);
    sender.writer.AddMetadata("up", {model::MetricType::kGauge, "s", "help"});
    wire::WriteRequest request;
    const std::string_view body = sender.writer.Finish();
    ASSERT_TRUE(request.ParseFromArray(body.data(), static_cast<int>(body.size())));
    ASSERT_EQ(request.timeseries_size(), 5);
    EXPECT_EQ(request.timeseries(0).labels(1).value(), LongText(300));
    EXPECT_EQ(request.timeseries(0).samples(0).timestamp(), 1'700'000'000'000);
    EXPECT_EQ(std::bit_cast<std::uint64_t>(request.timeseries(0).samples(0).value()),
              std::bit_cast<std::uint64_t>(model::kStaleNaN));
    EXPECT_EQ(request.timeseries(1).samples(0).timestamp(), -5);
    EXPECT_TRUE(std::signbit(request.timeseries(1).samples(0).value()));
    EXPECT_EQ(request.timeseries(2).labels_size(), 0);
    EXPECT_EQ(request.timeseries(2).samples_size(), 1);
    const auto& h = request.timeseries(3).histograms(0);
    EXPECT_EQ(h.timestamp(), 77);
    EXPECT_EQ(h.count_int(), 5U);
    EXPECT_EQ(h.positive_deltas_size(), 2);
    const auto& exemplar = request.timeseries(4).exemplars(0);
    EXPECT_EQ(exemplar.labels(1).value(), "z");
    EXPECT_EQ(exemplar.value(), 1.5);
    EXPECT_EQ(exemplar.timestamp(), 9);
    ASSERT_EQ(request.metadata_size(), 1);
    EXPECT_EQ(request.metadata(0).metric_family_name(), "up");
    EXPECT_EQ(request.metadata(0).help(), "help");
  }
}

TEST(WriteRequestTest, Version2) {
  Sender sender(WriteVersion::kV2);
  const SeriesLabels a = sender.Labels({{"__name__", "a"}, {"job", "a"}});
  const SeriesLabels b = sender.Labels({{"__name__", "b"}, {"job", "a"}});
  const model::Metadata metadata{model::MetricType::kCounter, "job", "Help."};
  std::string message;
  model::FloatHistogram histogram;
  histogram.count = 1.5;
  EncodeWriteHistogram(5, 4, histogram, message);
  for (int round = 0; round < 3; ++round) {
    sender.writer.AddSample(a, &metadata, 10, 7, 1.25);
    sender.writer.AddSample(b, nullptr, 11, 0, 0);
    sender.writer.AddHistogram(b, nullptr, message);
    sender.writer.AddExemplar(b, nullptr, {{"job", "q"}}, 12, 2);
    wire::v2::Request request;
    const std::string_view body = sender.writer.Finish();
    ASSERT_TRUE(request.ParseFromArray(body.data(), static_cast<int>(body.size())));
    ASSERT_GT(request.symbols_size(), 0);
    EXPECT_EQ(request.symbols(0), "");
    const std::set<std::string> unique(request.symbols().begin(), request.symbols().end());
    EXPECT_EQ(unique.size(), static_cast<std::size_t>(request.symbols_size()));
    EXPECT_EQ(unique, (std::set<std::string>{"", "__name__", "a", "b", "job", "Help.", "q"}));
    const auto text = [&](std::uint32_t ref) { return request.symbols(static_cast<int>(ref)); };
    ASSERT_EQ(request.timeseries_size(), 4);
    const auto& first = request.timeseries(0);
    ASSERT_EQ(first.labels_refs_size(), 4);
    EXPECT_EQ(text(first.labels_refs(0)), "__name__");
    EXPECT_EQ(text(first.labels_refs(1)), "a");
    EXPECT_EQ(text(first.labels_refs(3)), "a");
    EXPECT_EQ(first.samples(0).start_timestamp(), 7);
    EXPECT_EQ(first.samples(0).value(), 1.25);
    EXPECT_EQ(first.metadata().type(), 1);
    EXPECT_EQ(text(first.metadata().help_ref()), "Help.");
    EXPECT_EQ(text(first.metadata().unit_ref()), "job");
    EXPECT_EQ(text(request.timeseries(1).labels_refs(1)), "b");
    EXPECT_EQ(request.timeseries(2).histograms(0).start_timestamp(), 4);
    EXPECT_EQ(request.timeseries(2).histograms(0).count_float(), 1.5);
    EXPECT_EQ(text(request.timeseries(3).exemplars(0).labels_refs(1)), "q");
  }
}

// Version 2 has no series without a sample or histogram.
TEST(WriteRequestTest, ExemplarsOfSamples) {
  for (const WriteVersion version : {WriteVersion::kV1, WriteVersion::kV2}) {
    Sender sender(version);
    const SeriesLabels a = sender.Labels({{"__name__", "a"}});
    std::string message;
    EncodeWriteHistogram(5, 0, model::Histogram(), message);
    for (int round = 0; round < 2; ++round) {
      sender.writer.GiveExemplar({{"trace_id", LongText(200)}}, 9, 1.5);
      sender.writer.GiveExemplar({}, 0, 0);
      sender.writer.AddSample(a, nullptr, 10, 0, 3);
      sender.writer.AddSample(a, nullptr, 11, 0, 4);
      sender.writer.GiveExemplar({{"a", "b"}}, 7, -2);
      sender.writer.AddHistogram(a, nullptr, message);
      const std::string body(sender.writer.Finish());
      WriteRequestReader reader(version, body);
      std::string found;
      WriteSample sample;
      WriteHistogram histogram;
      WriteExemplar exemplar;
      while (reader.NextSeries()) {
        found += reader.labels()[0].value;
        while (reader.NextSample(sample)) found += fmt::format(" {}@{}", sample.value, sample.t);
        while (reader.NextHistogram(histogram)) found += fmt::format(" h@{}", histogram.t);
        while (reader.NextExemplar(exemplar)) {
          found += fmt::format(" {{{}}}{}@{}", exemplar.labels.size(), exemplar.value, exemplar.t);
        }
        found += "\n";
      }
      EXPECT_TRUE(reader.status());
      EXPECT_EQ(found, "a 3@10 {1}1.5@9 {0}0@0\na 4@11\na h@5 {1}-2@7\n");
    }
  }
}

TEST(WriteRequestTest, Version2WithManySymbols) {
  Sender sender(WriteVersion::kV2);
  std::vector<SeriesLabels> series;
  sender.runs.reserve(2000);  // Spans into it stay.
  for (int i = 0; i < 2000; ++i) {
    series.push_back(sender.Labels({{"__name__", "m"}, {"id", std::to_string(i)}}));
  }
  for (int round = 0; round < 2; ++round) {
    for (const SeriesLabels& labels : series) sender.writer.AddSample(labels, nullptr, 1, 0, 1);
    wire::v2::Request request;
    const std::string_view body = sender.writer.Finish();
    ASSERT_TRUE(request.ParseFromArray(body.data(), static_cast<int>(body.size())));
    EXPECT_EQ(request.symbols_size(), 4 + 2000);
    for (int i = 0; i < 2000; ++i) {
      const auto ref = static_cast<int>(request.timeseries(i).labels_refs(3));
      ASSERT_EQ(request.symbols(ref), std::to_string(i));
    }
  }
}

TEST(DropOlderTest, LeavesOutWhatIsTooOld) {
  for (const WriteVersion version : {WriteVersion::kV1, WriteVersion::kV2}) {
    Sender sender(version);
    const SeriesLabels a = sender.Labels({{"__name__", "a"}});
    std::string old_message;
    std::string new_message;
    EncodeWriteHistogram(99, 0, model::Histogram(), old_message);
    EncodeWriteHistogram(101, 0, model::Histogram(), new_message);
    for (const model::TimestampMs t : {99, 100, 50, 120}) {
      sender.writer.AddSample(a, nullptr, t, 0, 1);
    }
    sender.writer.AddHistogram(a, nullptr, old_message);
    sender.writer.AddHistogram(a, nullptr, new_message);
    sender.writer.AddExemplar(a, nullptr, {{"x", "y"}}, 98, 1);
    sender.writer.AddExemplar(a, nullptr, {{"x", "y"}}, 103, 1);
    // A sample goes, and stays, with its exemplars.
    sender.writer.GiveExemplar({{"x", "z"}}, 104, 1);
    sender.writer.AddSample(a, nullptr, 98, 0, 1);
    sender.writer.GiveExemplar({{"x", "z"}}, 97, 1);
    sender.writer.AddSample(a, nullptr, 105, 0, 1);
    std::string kept;
    const DroppedItems dropped = DropOlder(version, sender.writer.Finish(), 100, kept);
    EXPECT_EQ(dropped.samples, 3U);
    EXPECT_EQ(dropped.histograms, 1U);
    EXPECT_EQ(dropped.exemplars, 2U);
    EXPECT_EQ(dropped.oldest, 100);
    WriteRequestReader reader(version, kept);
    std::vector<model::TimestampMs> times;
    WriteSample sample;
    WriteHistogram histogram;
    WriteExemplar exemplar;
    while (reader.NextSeries()) {
      EXPECT_EQ(reader.labels()[0].value, "a");
      while (reader.NextSample(sample)) times.push_back(sample.t);
      while (reader.NextHistogram(histogram)) times.push_back(histogram.t);
      while (reader.NextExemplar(exemplar)) times.push_back(exemplar.t);
    }
    EXPECT_TRUE(reader.status());
    EXPECT_EQ(times, (std::vector<model::TimestampMs>{100, 120, 101, 103, 105, 97}));
  }
}

}  // namespace
}  // namespace narthex::proto

// SPDX-License-Identifier: Apache-2.0
//
// Chunks of native histograms, byte by byte as a real Prometheus stored them.
// Data: tests/tsdb/testdata/README.md.
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/crc32c.h"
#include "narthex/base/fs.h"
#include "narthex/model/float_histogram.h"
#include "narthex/model/histogram.h"
#include "narthex/model/matcher.h"
#include "narthex/model/sample.h"
#include "narthex/storage/chunk_querier.h"
#include "tests/tsdb/support/db_fixture.h"

namespace narthex::tsdb::testing {
namespace {

using model::TimestampMs;
using storage::AppendError;

struct Sequence {
  std::string name;
  std::vector<std::string> samples;  // Lines of the file, in the order in which they come.
  std::vector<std::string> chunks;
};

std::vector<Sequence> ReadSequences(const std::string& name) {
  std::vector<Sequence> sequences;
  std::map<int, std::string> late;
  std::ifstream file("tests/tsdb/testdata/" + name);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line.starts_with("series ")) {
      sequences.push_back({line.substr(7), {}, {}});
    } else if (line.starts_with("chunk ") || line.starts_with("crc ")) {
      auto& samples = sequences.back().samples;
      for (auto& [when, sample] : late) samples.push_back(std::move(sample));
      late.clear();
      sequences.back().chunks.push_back(line);
    } else if (line.starts_with("late ")) {
      const auto end = line.find(' ', 5);
      late[std::stoi(line.substr(5))] = line.substr(end + 1);
    } else {
      sequences.back().samples.push_back(line);
    }
  }
  return sequences;
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);) parts.push_back(part);
  return parts;
}

double Number(const std::string& text) {
  return text == "stale" ? model::kStaleNaN : std::strtod(text.c_str(), nullptr);
}

template <typename T>
std::vector<T> Numbers(const std::string& text) {
  std::vector<T> numbers;
  if (text == "-") return numbers;
  for (const auto& part : Split(text, ',')) {
    if constexpr (std::is_same_v<T, double>) {
      numbers.push_back(Number(part));
    } else {
      numbers.push_back(std::stoll(part));
    }
  }
  return numbers;
}

std::vector<model::Span> Spans(const std::string& text) {
  std::vector<model::Span> spans;
  if (text == "-") return spans;
  for (const auto& part : Split(text, ',')) {
    const auto two = Split(part, ':');
    spans.push_back({std::stoi(two[0]), static_cast<std::uint32_t>(std::stoul(two[1]))});
  }
  return spans;
}

template <typename H, typename Bucket>
H ParseHistogram(const std::vector<std::string>& field) {
  H h;
  h.counter_reset_hint = static_cast<model::CounterResetHint>(std::stoi(field[2]));
  h.schema = std::stoi(field[3]);
  h.zero_threshold = Number(field[4]);
  h.zero_count = static_cast<decltype(h.zero_count)>(std::stoull(field[5]));
  h.count = static_cast<decltype(h.count)>(std::stoull(field[6]));
  h.sum = Number(field[7]);
  h.positive_spans = Spans(field[8]);
  h.positive_buckets = Numbers<Bucket>(field[9]);
  h.negative_spans = Spans(field[10]);
  h.negative_buckets = Numbers<Bucket>(field[11]);
  h.custom_values = Numbers<double>(field[12]);
  return h;
}

TimestampMs AppendLine(Db& db, const model::Labels& labels, const std::string& line) {
  const auto field = Split(line, ' ');
  const TimestampMs t = std::stoll(field[1]);
  auto appender = db.NewAppender();
  storage::SeriesRef ref{0};
  AppendError error;
  if (field[0] == "v") {
    error = appender->Append(ref, labels, t, Number(field[2]));
  } else if (field[0] == "i") {
    error = appender->AppendHistogram(ref, labels, t,
                                      ParseHistogram<model::Histogram, std::int64_t>(field));
  } else {
    error = appender->AppendFloatHistogram(ref, labels, t,
                                           ParseHistogram<model::FloatHistogram, double>(field));
  }
  EXPECT_EQ(error, AppendError::kNone) << line;
  EXPECT_TRUE(appender->Commit());
  return t;
}

std::string LineOf(const storage::EncodedChunk& chunk, bool whole) {
  if (!whole) {
    return fmt::format("crc {} {} {} {} {:08x}", chunk.mint, chunk.maxt, chunk.encoding,
                       chunk.bytes.size(), Crc32c(AsBytes(chunk.bytes)));
  }
  std::string line = fmt::format("chunk {} {} {} ", chunk.mint, chunk.maxt, chunk.encoding);
  for (const char byte : chunk.bytes) {
    line += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  }
  return line;
}

void ExpectChunks(Db& db, TimestampMs maxt, const Sequence& sequence) {
  const std::vector<model::Matcher> matchers = {model::Matcher::Equal("__name__", sequence.name)};
  const auto set = db.SelectChunks(0, maxt, matchers, {}).value();
  ASSERT_EQ(set->size(), 1U);
  std::vector<storage::EncodedChunk> chunks;
  ASSERT_TRUE(set->Read(0, chunks));
  ASSERT_EQ(chunks.size(), sequence.chunks.size());
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const bool whole = sequence.chunks[i].starts_with("chunk ");
    EXPECT_EQ(LineOf(chunks[i], whole), sequence.chunks[i]);
  }
}

TEST(DbHistogramLayoutTest, ChunksAreThoseOfPrometheus) {
  const auto sequences = ReadSequences("histogram_chunks.txt");
  ASSERT_GT(sequences.size(), 100U);
  for (const auto& sequence : sequences) {
    SCOPED_TRACE(sequence.name);
    DbFixture db;
    TimestampMs last = 0;
    for (const auto& line : sequence.samples) {
      last = AppendLine(*db.get(), {{"__name__", sequence.name}}, line);
    }
    // The blocks of the file were cut for a range, too.
    ExpectChunks(*db.get(), last, sequence);
  }
}

// The head's block and that of the late samples, merged.
TEST(DbHistogramLayoutTest, MergedChunksAreThoseOfPrometheus) {
  const auto sequences = ReadSequences("late_histogram_chunks.txt");
  ASSERT_GT(sequences.size(), 30U);
  for (const auto& sequence : sequences) {
    SCOPED_TRACE(sequence.name);
    DbOptions options;
    options.retention_ms = 0;
    options.out_of_order_window_ms = 24 * 3600 * 1000;
    DbFixture db(options);
    for (const auto& line : sequence.samples) {
      AppendLine(*db.get(), {{"__name__", sequence.name}}, line);
    }
    const TimestampMs first = std::stoll(Split(sequence.chunks[0], ' ')[1]);
    db.Append({{{{"__name__", "clock"}}, first + 2 * options.min_block_duration_ms, 1}});
    ASSERT_TRUE(db->Compact());
    ExpectChunks(*db.get(), model::kMaxTime, sequence);
  }
}

}  // namespace
}  // namespace narthex::tsdb::testing

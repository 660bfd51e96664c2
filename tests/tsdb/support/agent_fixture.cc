// SPDX-License-Identifier: Apache-2.0
#include "tests/tsdb/support/agent_fixture.h"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tsdb/wal/reader.h"
#include "tsdb/wal/segment.h"

namespace narthex::tsdb::testing {
namespace {

class LogCollector {
 public:
  explicit LogCollector(LogContent& content) : content_(content) {}

  void Read(Fs& fs, const std::string& dir, int first, int last, bool checkpoint) {
    checkpoint_ = checkpoint;
    wal::LogReader reader(fs, dir, first, last);
    while (reader.Next()) Add(reader.record());
    EXPECT_FALSE(reader.corruption()) << reader.corruption()->ToString();
    EXPECT_TRUE(reader.status());
  }

 private:
  // The labels of a number; null, and noted, when there are none.
  const std::string* LabelsOf(wal::WalRef ref) {
    const auto it = content_.series.find(ref);
    if (it != content_.series.end()) return &it->second;
    content_.unknown.insert(ref);
    return nullptr;
  }

  template <typename Entry, typename Decode>
  void AddHistograms(ByteSpan record, Decode decode) {
    std::vector<Entry> entries;
    ASSERT_TRUE(decode(record, entries));
    for (const auto& entry : entries) {
      if (const auto* labels = LabelsOf(entry.ref)) {
        content_.histograms[*labels].emplace_back(entry.t,
                                                  static_cast<double>(entry.histogram.count));
      }
    }
  }

  void AddSeries(ByteSpan record) {
    std::vector<wal::SeriesEntry> entries;
    ASSERT_TRUE(wal::DecodeSeries(record, entries));
    for (const auto& [ref, labels] : entries) content_.series[ref] = labels.ToString();
  }

  void AddSamples(ByteSpan record) {
    std::vector<wal::SampleEntry> entries;
    storage::StartTimes starts;
    ASSERT_TRUE(wal::DecodeSamples(record, entries, &starts));
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto* labels = LabelsOf(entries[i].ref);
      if (labels == nullptr) continue;
      if (checkpoint_) {
        content_.in_checkpoint[*labels].push_back({entries[i].t, entries[i].v});
        continue;
      }
      content_.floats[*labels].push_back({entries[i].t, entries[i].v});
      if (starts.At(i) != 0) content_.starts[*labels].push_back(starts.At(i));
    }
  }

  void Add(ByteSpan record) {
    using wal::RecordType;
    switch (wal::TypeOf(record)) {
      case RecordType::kSeries:
        return AddSeries(record);
      case RecordType::kSamples:
      case RecordType::kSamplesV2:
        return AddSamples(record);
      case RecordType::kHistograms:
      case RecordType::kCustomHistograms:
      case RecordType::kHistogramsV2:
        return AddHistograms<wal::HistogramEntry>(record, wal::DecodeHistograms);
      case RecordType::kFloatHistograms:
      case RecordType::kCustomFloatHistograms:
      case RecordType::kFloatHistogramsV2:
        return AddHistograms<wal::FloatHistogramEntry>(record, wal::DecodeFloatHistograms);
      case RecordType::kExemplars: {
        std::vector<wal::ExemplarEntry> entries;
        ASSERT_TRUE(wal::DecodeExemplars(record, entries));
        for (const auto& entry : entries) {
          if (const auto* labels = LabelsOf(entry.ref)) ++content_.exemplars[*labels];
        }
        return;
      }
      default:
        ADD_FAILURE() << "unexpected record of type " << int{record[0]};
    }
  }

  LogContent& content_;
  bool checkpoint_ = false;
};

}  // namespace

LogContent ReadLog(Fs& fs, const std::string& wal_dir) {
  LogContent content;
  LogCollector collector(content);
  const auto checkpoints = wal::ListCheckpoints(fs, wal_dir).value();
  const auto segments = wal::ListSegments(fs, wal_dir).value();
  int first = segments.empty() ? 0 : segments.front();
  if (!checkpoints.empty()) {
    const std::string dir = wal::CheckpointPath(wal_dir, checkpoints.back());
    const auto parts = wal::ListSegments(fs, dir).value();
    collector.Read(fs, dir, parts.front(), parts.back(), true);
    first = checkpoints.back() + 1;
  }
  if (!segments.empty()) collector.Read(fs, wal_dir, first, segments.back(), false);
  return content;
}

AgentFixture::AgentFixture(AgentOptions options, Fs& fs)
    : options_(options), fs_(fs), dir_(root_.path() + "/data") {
  Open();
}

void AgentFixture::Open() {
  db_.reset();
  registry_ = std::make_unique<metrics::Registry>();
  auto db = AgentDb::Open(dir_, options_, fs_, clock_, *registry_);
  ASSERT_TRUE(db) << db.error().message();
  db_ = std::move(*db);
  db_->SetSendingProgress([this] { return sent_; });
}

void AgentFixture::Append(const std::vector<Sample>& samples) {
  auto appender = db_->NewAppender();
  for (const auto& [labels, t, v] : samples) {
    storage::SeriesRef ref{0};
    ASSERT_EQ(appender->Append(ref, labels, t, v), storage::AppendError::kNone)
        << labels.ToString() << " " << t;
  }
  const auto status = appender->Commit();
  ASSERT_TRUE(status) << status.error().message();
}

storage::AppendError AgentFixture::TryAppend(const model::Labels& labels, model::TimestampMs t,
                                             double v) {
  const auto appender = db_->NewAppender();
  storage::SeriesRef ref{0};
  const auto outcome = appender->Append(ref, labels, t, v);
  EXPECT_TRUE(appender->Commit());
  return outcome;
}

void AgentFixture::Reopen() {
  Close();
  Open();
}

void AgentFixture::Kill() {
  const std::string copy = fmt::format("{}/data{}", root_.path(), ++copies_);
  std::filesystem::copy(dir_, copy, std::filesystem::copy_options::recursive);
  db_.reset();
  dir_ = copy;
  Open();
}

std::vector<int> AgentFixture::Segments() {
  return wal::ListSegments(SystemFs(), wal_dir()).value();
}

std::vector<int> AgentFixture::Checkpoints() {
  return wal::ListCheckpoints(SystemFs(), wal_dir()).value();
}

double AgentFixture::Metric(const std::string& line) {
  std::string text = "\n";
  registry_->WriteText(text);
  const auto at = text.find("\n" + line + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + line.size() + 2));
}

}  // namespace narthex::tsdb::testing

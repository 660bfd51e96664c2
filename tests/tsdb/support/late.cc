// SPDX-License-Identifier: Apache-2.0
#include "tests/tsdb/support/late.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tsdb/wal/reader.h"
#include "tsdb/wal/records.h"

namespace narthex::tsdb::testing {

using model::TimestampMs;
using storage::AppendError;
using storage::SeriesRef;

DbOptions LateOptions(model::DurationMs window_ms) {
  DbOptions options;
  options.min_block_duration_ms = kLateRange;
  options.retention_ms = 0;
  options.wal_segment_bytes = 8 * 32 * 1024;
  options.out_of_order_window_ms = window_ms;
  return options;
}

AppendError AppendOne(Db& db, TimestampMs t, double v, const model::Labels& labels) {
  auto appender = db.NewAppender();
  SeriesRef ref{0};
  const auto error = appender->Append(ref, labels, t, v);
  EXPECT_TRUE(appender->Commit());
  return error;
}

SeriesData SortedSeries(std::vector<BitSample> samples, const model::Labels& labels) {
  std::sort(samples.begin(), samples.end(), [](auto& a, auto& b) { return a.t < b.t; });
  return {{labels.ToString(), std::move(samples)}};
}

std::vector<std::string> WblRecords(const std::string& dir) {
  std::vector<std::string> out;
  const auto segments = wal::ListSegments(SystemFs(), dir + "/wbl").value();
  if (segments.empty()) return out;
  wal::LogReader reader(SystemFs(), dir + "/wbl", segments.front(), segments.back());
  while (reader.Next()) {
    std::vector<wal::SampleEntry> samples;
    std::vector<wal::MarkerEntry> markers;
    switch (wal::TypeOf(reader.record())) {
      case wal::RecordType::kSamples:
        EXPECT_TRUE(wal::DecodeSamples(reader.record(), samples));
        out.push_back(fmt::format("samples {}", samples.size()));
        break;
      case wal::RecordType::kMmapMarkers:
        EXPECT_TRUE(wal::DecodeMmapMarkers(reader.record(), markers));
        for (const auto& marker : markers) {
          out.push_back(fmt::format("marker {}", marker.chunk_ref == 0 ? "0" : "N"));
        }
        break;
      default:
        out.push_back("other");
    }
  }
  return out;
}

}  // namespace narthex::tsdb::testing

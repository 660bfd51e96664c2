// SPDX-License-Identifier: Apache-2.0
//
// The names under which dashboards and alerts of Prometheus look for its database.
#include <map>

#include <gtest/gtest.h>

#include "narthex/model/sample.h"
#include "tests/tsdb/support/db_fixture.h"
#include "tsdb/wal/records.h"
#include "tsdb/wal/wal.h"

namespace narthex::tsdb::testing {
namespace {

// prometheus_tsdb_*, as Prometheus 3.5.3 shows them, and what 3.14 has more. Left out are the
// families that appear with their first error, or with the log of late samples.
constexpr std::pair<const char*, const char*> kFamilies[] = {
    {"blocks_loaded", "gauge"},
    {"checkpoint_creations_failed_total", "counter"},
    {"checkpoint_creations_total", "counter"},
    {"checkpoint_deletions_failed_total", "counter"},
    {"checkpoint_deletions_total", "counter"},
    {"clean_start", "gauge"},
    {"compaction_chunk_range_seconds", "histogram"},
    {"compaction_chunk_samples", "histogram"},
    {"compaction_chunk_size_bytes", "histogram"},
    {"compaction_duration_seconds", "histogram"},
    {"compaction_populating_block", "gauge"},
    {"compactions_failed_total", "counter"},
    {"compactions_skipped_total", "counter"},
    {"compactions_total", "counter"},
    {"compactions_triggered_total", "counter"},
    {"data_replay_duration_seconds", "gauge"},
    {"exemplar_exemplars_appended_total", "counter"},
    {"exemplar_exemplars_in_storage", "gauge"},
    {"exemplar_last_exemplars_timestamp_seconds", "gauge"},
    {"exemplar_max_exemplars", "gauge"},
    {"exemplar_out_of_order_exemplars_total", "counter"},
    {"exemplar_series_with_exemplars_in_storage", "gauge"},
    {"head_active_appenders", "gauge"},
    {"head_appenders_created_total", "counter"},
    {"head_chunks", "gauge"},
    {"head_chunks_created_total", "counter"},
    {"head_chunks_removed_total", "counter"},
    {"head_chunks_storage_size_bytes", "gauge"},
    {"head_gc_duration_seconds", "summary"},
    {"head_max_time", "gauge"},
    {"head_max_time_seconds", "gauge"},
    {"head_min_time", "gauge"},
    {"head_min_time_seconds", "gauge"},
    {"head_native_histogram_buckets", "gauge"},
    {"head_native_histogram_series", "gauge"},
    {"head_out_of_order_samples_appended_total", "counter"},
    {"head_samples_appended_total", "counter"},
    {"head_series", "gauge"},
    {"head_series_created_total", "counter"},
    {"head_series_not_found_total", "counter"},
    {"head_series_removed_total", "counter"},
    {"head_stale_series", "gauge"},
    {"head_truncations_failed_total", "counter"},
    {"head_truncations_total", "counter"},
    {"isolation_high_watermark", "gauge"},
    {"isolation_low_watermark", "gauge"},
    {"lowest_timestamp", "gauge"},
    {"lowest_timestamp_seconds", "gauge"},
    {"mmap_chunk_corruptions_total", "counter"},
    {"mmap_chunks_total", "counter"},
    {"out_of_bound_samples_total", "counter"},
    {"out_of_order_samples_total", "counter"},
    {"reloads_failures_total", "counter"},
    {"reloads_total", "counter"},
    {"retention_limit_bytes", "gauge"},
    {"retention_limit_percentage", "gauge"},
    {"retention_limit_seconds", "gauge"},
    {"selected_series_compaction_duration_seconds", "histogram"},
    {"selected_series_compactions_failed_total", "counter"},
    {"selected_series_compactions_triggered_total", "counter"},
    {"size_retentions_total", "counter"},
    {"snapshot_replay_error_total", "counter"},
    {"stale_series_compaction_duration_seconds", "histogram"},
    {"stale_series_compactions_failed_total", "counter"},
    {"stale_series_compactions_triggered_total", "counter"},
    {"storage_blocks_bytes", "gauge"},
    {"symbol_table_size_bytes", "gauge"},
    {"time_retentions_total", "counter"},
    {"tombstone_cleanup_seconds", "histogram"},
    {"too_old_samples_total", "counter"},
    {"vertical_compactions_total", "counter"},
    {"wal_completed_pages_total", "counter"},
    {"wal_corruptions_total", "counter"},
    {"wal_fsync_duration_seconds", "summary"},
    {"wal_page_flushes_total", "counter"},
    {"wal_record_bytes_saved_total", "counter"},
    {"wal_record_part_writes_total", "counter"},
    {"wal_record_parts_bytes_written_total", "counter"},
    {"wal_segment_current", "gauge"},
    {"wal_storage_size_bytes", "gauge"},
    {"wal_truncate_duration_seconds", "summary"},
    {"wal_truncations_failed_total", "counter"},
    {"wal_truncations_total", "counter"},
    {"wal_writes_failed_total", "counter"},
};

std::string Text(DbFixture& db) {
  std::string text = "\n";
  db.registry().WriteText(text);
  return text;
}

double Value(DbFixture& db, const std::string& series) {
  const std::string text = Text(db);
  const auto at = text.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + series.size() + 2));
}

TEST(DbMetricsTest, FamiliesHavePrometheusNamesAndTypes) {
  DbFixture db;
  const std::string text = Text(db);
  for (const auto& [name, type] : kFamilies) {
    const std::string line = std::string("\n# TYPE prometheus_tsdb_") + name + " " + type + "\n";
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST(DbMetricsTest, SeriesAreCountedByTheirLastSample) {
  DbFixture db;
  const auto stale = model::kStaleNaN;
  db.Append({{{{"a", "1"}}, 1, 1}, {{{"a", "2"}}, 1, 1}, {{{"a", "3"}}, 1, stale}});
  auto appender = db->NewAppender();
  model::Histogram h;
  h.positive_spans = {{0, 2}};
  h.negative_spans = {{0, 1}};
  h.positive_buckets = {1, 0};
  h.negative_buckets = {1};
  h.count = 3;
  storage::SeriesRef ref{0};
  ASSERT_EQ(appender->AppendHistogram(ref, {{"a", "4"}}, 1, h), storage::AppendError::kNone);
  ASSERT_TRUE(appender->Commit());
  EXPECT_EQ(Value(db, "prometheus_tsdb_head_stale_series"), 1);
  EXPECT_EQ(Value(db, "prometheus_tsdb_head_native_histogram_series"), 1);
  EXPECT_EQ(Value(db, "prometheus_tsdb_head_native_histogram_buckets"), 3);
}

TEST(DbMetricsTest, RecordsOfUnknownSeriesAreCountedByType) {
  DbFixture db;
  db.Close();
  {
    const auto log = wal::Wal::Open(SystemFs(), db.dir() + "/wal", {}, {}).value();
    std::vector<std::string> records(2);
    const std::vector<wal::SampleEntry> samples = {{7, 1, 1}, {7, 2, 1}};
    wal::EncodeSamples(samples, records[0]);
    const std::vector<wal::TombstoneEntry> stones = {{8, 1, 2}};
    wal::EncodeTombstones(stones, records[1]);
    ASSERT_TRUE(log->Log(records));
    ASSERT_TRUE(log->Close());
  }
  db.Open();
  const std::string name = "prometheus_tsdb_wal_replay_unknown_refs_total";
  EXPECT_EQ(Value(db, name + "{type=\"samples\"}"), 2);
  EXPECT_EQ(Value(db, name + "{type=\"tombstones\"}"), 1);
  EXPECT_EQ(Value(db, name + "{type=\"series\"}"), 2);
}

}  // namespace
}  // namespace narthex::tsdb::testing

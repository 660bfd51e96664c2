// SPDX-License-Identifier: Apache-2.0
//
// Blocks made of samples written out in a test, and their content as text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "narthex/model/labels.h"
#include "narthex/model/sample.h"
#include "narthex/storage/querier.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_writer.h"

namespace narthex::tsdb::testing {

struct TestSeries {
  model::Labels labels;
  std::vector<model::Sample> samples;
};

/// XOR chunks of at most `per_chunk` samples.
std::vector<std::pair<ChunkMeta, std::string>> EncodeChunks(
    const std::vector<model::Sample>& samples, std::size_t per_chunk = 120);

/// A source of series that the test holds, which must be sorted by labels.
class TestSource final : public BlockSource {
 public:
  explicit TestSource(std::vector<TestSeries> series) : series_(std::move(series)) {}
  Status Symbols(const SymbolSink& add) override;
  Result<bool> Next() override;
  const model::Labels& labels() const override { return series_[next_ - 1].labels; }
  std::span<const ChunkView> chunks() const override { return views_; }

 private:
  std::vector<TestSeries> series_;
  std::size_t next_ = 0;
  std::vector<std::pair<ChunkMeta, std::string>> encoded_;
  std::vector<ChunkView> views_;
};

/// Writes a level-1 block over [min_time, max_time) and opens it. Aborts the test on failure.
std::shared_ptr<const Block> MakeBlock(const std::string& db_dir, const std::string& ulid,
                                       model::TimestampMs min_time, model::TimestampMs max_time,
                                       std::vector<TestSeries> series);

/// One line for each float sample of the selected series, as `promtool tsdb dump` prints it, and
/// for each histogram "LABELS histogram T".
std::string Dump(const storage::Querier& querier, model::TimestampMs mint, model::TimestampMs maxt,
                 std::vector<model::Matcher> matchers = {});

}  // namespace narthex::tsdb::testing

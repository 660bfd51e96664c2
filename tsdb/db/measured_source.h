// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tsdb/block/block_writer.h"
#include "tsdb/db/db_metrics.h"

namespace narthex::tsdb {

/// Counts chunks on their way into their first block.
class MeasuredSource final : public BlockSource {
 public:
  MeasuredSource(BlockSource& source, DbMetrics& metrics) : source_(source), metrics_(metrics) {}
  Status Symbols(const SymbolSink& add) override { return source_.Symbols(add); }
  Result<bool> Next() override {
    NX_ASSIGN_OR_RETURN(const bool more, source_.Next());
    if (!more) return false;
    for (const auto& chunk : source_.chunks()) {
      // In milliseconds in spite of its name, as Prometheus has it.
      metrics_.chunk_range_seconds.Observe(static_cast<double>(chunk.maxt - chunk.mint));
      metrics_.chunk_samples.Observe(ChunkSampleCount(chunk.encoding, chunk.bytes));
      metrics_.chunk_bytes.Observe(static_cast<double>(chunk.bytes.size()));
    }
    return true;
  }
  const model::Labels& labels() const override { return source_.labels(); }
  std::span<const ChunkView> chunks() const override { return source_.chunks(); }

 private:
  BlockSource& source_;
  DbMetrics& metrics_;
};

}  // namespace narthex::tsdb

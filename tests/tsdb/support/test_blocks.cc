// SPDX-License-Identifier: Apache-2.0
#include "tests/tsdb/support/test_blocks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "narthex/base/check.h"
#include "narthex/base/go_format.h"
#include "tsdb/chunkenc/xor.h"

namespace narthex::tsdb::testing {

std::vector<std::pair<ChunkMeta, std::string>> EncodeChunks(
    const std::vector<model::Sample>& samples, std::size_t per_chunk) {
  std::vector<std::pair<ChunkMeta, std::string>> chunks;
  for (std::size_t i = 0; i < samples.size(); i += per_chunk) {
    const std::size_t end = std::min(samples.size(), i + per_chunk);
    std::string bytes(kXorHeaderBytes, '\0');
    XorState state;
    for (std::size_t k = i; k < end; ++k) {
      bytes.resize(state.tail_offset() + kMaxXorSampleBytes);
      XorAppend(state, reinterpret_cast<std::uint8_t*>(bytes.data()), samples[k].t, samples[k].v);
    }
    bytes.resize(state.size);
    chunks.emplace_back(ChunkMeta{samples[i].t, samples[end - 1].t, 0}, std::move(bytes));
  }
  return chunks;
}

Status TestSource::Symbols(const SymbolSink& add) {
  std::set<std::string> symbols;
  for (const TestSeries& series : series_) {
    for (const auto& [name, value] : series.labels) {
      symbols.emplace(name);
      symbols.emplace(value);
    }
  }
  for (const std::string& symbol : symbols) add(symbol);
  return {};
}

Result<bool> TestSource::Next() {
  if (next_ == series_.size()) return false;
  encoded_ = EncodeChunks(series_[next_++].samples);
  views_.clear();
  for (const auto& [meta, bytes] : encoded_) {
    views_.push_back({meta.mint, meta.maxt, Encoding::kXor, AsBytes(bytes)});
  }
  return true;
}

std::shared_ptr<const Block> MakeBlock(const std::string& db_dir, const std::string& ulid,
                                       model::TimestampMs min_time, model::TimestampMs max_time,
                                       std::vector<TestSeries> series) {
  BlockMeta meta;
  meta.ulid = ulid;
  meta.min_time = min_time;
  meta.max_time = max_time;
  meta.compaction.level = 1;
  meta.compaction.sources = {ulid};
  TestSource source(std::move(series));
  const auto written = WriteBlock(SystemFs(), db_dir, meta, source);
  NX_CHECK(written && *written, written ? "empty block" : written.error().message().c_str());
  auto block = Block::Open(SystemFs(), JoinPath(db_dir, ulid));
  NX_CHECK(block, block ? "" : block.error().message().c_str());
  return *block;
}

std::string Dump(const storage::Querier& querier, model::TimestampMs mint, model::TimestampMs maxt,
                 std::vector<model::Matcher> matchers) {
  const auto set = querier.Select(matchers, {});
  if (!set) return "error: " + set.error().message();
  std::string text;
  for (std::size_t i = 0; i < (*set)->size(); ++i) {
    storage::SampleColumns columns;
    const Status status = (*set)->Read(i, mint, maxt, columns);
    if (!status) return "error: " + status.error().message();
    std::string labels = "{";
    for (const auto& [name, value] : (*set)->LabelsAt(i)) {
      labels += fmt::format("{}{}={}", labels.size() > 1 ? ", " : "", name, go::Quote(value));
    }
    labels += "}";
    for (std::size_t k = 0; k < columns.t.size(); ++k) {
      text += fmt::format("{} {} {}\n", labels, go::FormatFloatG(columns.v[k]), columns.t[k]);
    }
    for (const model::TimestampMs t : columns.histogram_t) {
      text += fmt::format("{} histogram {}\n", labels, t);
    }
  }
  return text;
}

}  // namespace narthex::tsdb::testing

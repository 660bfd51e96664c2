// SPDX-License-Identifier: Apache-2.0
#include "narthex/tsdb/db.h"

#include <algorithm>

#include "narthex/base/log.h"
#include "narthex/storage/merge.h"
#include "tsdb/block/block_info.h"
#include "tsdb/db/chunk_sets.h"
#include "tsdb/db/db_impl.h"

namespace narthex::tsdb {

using model::TimestampMs;

std::uint64_t MemoryLedger::total() const {
  std::uint64_t sum = 0;
  for (const auto& [name, bytes] : parts) sum += bytes;
  return sum;
}

Db::Db(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Db::~Db() {
  if (auto status = Close(); !status) {
    log::Error("Closing the database failed", {{"err", status.error().message()}});
  }
}

Result<std::unique_ptr<Db>> Db::Open(std::string dir, DbOptions options, Fs& fs, Clock& clock,
                                     metrics::Registry& registry) {
  auto impl = std::make_unique<Impl>(std::move(dir), options, fs, clock, registry);
  NX_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Db>(new Db(std::move(impl)));
}

std::unique_ptr<storage::Appender> Db::NewAppender() { return impl_->head.NewAppender(); }

Result<std::unique_ptr<storage::Querier>> Db::NewQuerier(TimestampMs mint, TimestampMs maxt) {
  auto [blocks, head] = impl_->ViewOf(mint, maxt);
  if (blocks.empty()) return std::move(head);
  std::vector<std::unique_ptr<storage::Querier>> queriers;
  for (const auto& block : blocks) queriers.push_back(NewBlockQuerier(block, mint, maxt));
  queriers.push_back(std::move(head));
  return storage::MergeQueriers(std::move(queriers));
}

Result<std::unique_ptr<storage::ChunkSeriesSet>> Db::SelectChunks(
    TimestampMs mint, TimestampMs maxt, std::span<const model::Matcher> matchers,
    const storage::SelectHints& hints, std::stop_token stop) {
  if (hints.start_ms != 0 || hints.end_ms != 0) {
    mint = hints.start_ms;
    maxt = hints.end_ms;
  }
  auto [blocks, head] = impl_->ViewOf(mint, maxt);
  std::vector<std::unique_ptr<storage::ChunkSeriesSet>> sets;
  for (const auto& block : blocks) {
    NX_ASSIGN_OR_RETURN(auto set, NewBlockChunkSet(block, mint, maxt, matchers, hints.limit, stop));
    sets.push_back(std::move(set));
  }
  NX_ASSIGN_OR_RETURN(auto newest, head->SelectChunks(matchers, hints.limit, stop));
  sets.push_back(std::move(newest));
  return MergeChunkSets(std::move(sets), hints.limit);
}

void Db::StartBackground() { impl_->StartBackground(); }

Status Db::Compact() { return impl_->Compact(); }

Status Db::CompactStaleSeries() { return impl_->CompactStaleSeries(); }

Status Db::Close() { return impl_ == nullptr ? Status() : impl_->Close(); }

void Db::SetRetention(model::DurationMs retention_ms, std::uint64_t retention_bytes,
                      double retention_percentage) {
  impl_->SetRetention({retention_ms, retention_bytes, retention_percentage});
}

void Db::SetOutOfOrderWindow(model::DurationMs window_ms) {
  impl_->head.SetOutOfOrderWindow(std::max<model::DurationMs>(window_ms, 0));
}

void Db::SetMaxExemplars(std::size_t max) {
  const std::size_t before = impl_->head.exemplars().capacity();
  if (max == before) return;
  const std::size_t kept = impl_->head.ResizeExemplars(max);
  log::Info("Exemplar storage resized", {{"from", before}, {"to", max}, {"migrated", kept}});
}

std::uint64_t Db::wal_corruptions() const { return impl_->head.wal_corruptions(); }

Status Db::CheckFloatEncoding(FloatEncoding encoding) const {
  return impl_->CheckFloatEncoding(encoding);
}
Status Db::SetFloatEncoding(FloatEncoding encoding) { return impl_->SetFloatEncoding(encoding); }

void Db::SetStaleSeriesCompaction(double threshold) { impl_->stale_threshold = threshold; }

std::vector<BlockInfo> Db::Blocks() const {
  std::vector<BlockInfo> infos;
  const auto blocks = impl_->blocks();
  for (const auto& block : *blocks) infos.push_back(InfoOf(impl_->fs, *block));
  return infos;
}

HeadStats Db::Stats(std::size_t limit) const { return impl_->head.Stats(limit); }

MemoryLedger Db::Memory() const {
  MemoryLedger ledger;
  impl_->head.AddTo(ledger);
  std::uint64_t bytes = 0;
  const auto blocks = impl_->blocks();
  for (const auto& block : *blocks) bytes += block->memory_bytes();
  ledger.parts.emplace_back("blocks", bytes);
  return ledger;
}

WalReplayProgress Db::ReplayProgress() const {
  return {impl_->replay.min, impl_->replay.max, impl_->replay.current};
}

AppendedTotals Db::Appended() const {
  const HeadMetrics& metrics = impl_->head.state().metrics;
  return {metrics.float_samples.value(), metrics.histogram_samples.value(),
          metrics.exemplars.value(), std::max<TimestampMs>(impl_->head.max_time(), 0)};
}

std::shared_ptr<const WalProgress> Db::wal_progress() const {
  return impl_->head.state().wal->progress();
}

TimestampMs Db::min_time() const { return impl_->LowestTime(); }

std::optional<TimestampMs> Db::first_block_time() const {
  std::optional<TimestampMs> first;
  const auto blocks = impl_->blocks();
  for (const auto& block : *blocks) {
    first = std::min(first.value_or(model::kMaxTime), block->meta().min_time);
  }
  return first;
}

}  // namespace narthex::tsdb

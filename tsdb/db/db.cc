// SPDX-License-Identifier: Apache-2.0
#include "narthex/tsdb/db.h"

#include <algorithm>

#include "narthex/base/log.h"
#include "narthex/storage/merge.h"
#include "tsdb/block/block_info.h"
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
  std::shared_ptr<const BlockList> blocks;
  std::unique_ptr<storage::Querier> head;
  {
    // Both under one lock: a block and the head's part that became it are never both missing.
    MutexLock lock(impl_->view_mutex_);
    blocks = impl_->blocks_;
    head = impl_->head.NewQuerier(std::max(mint, impl_->head_from_), maxt);
  }
  std::vector<std::unique_ptr<storage::Querier>> queriers;
  for (const auto& block : *blocks) {
    if (block->meta().min_time <= maxt && block->meta().max_time > mint) {
      queriers.push_back(NewBlockQuerier(block, mint, maxt));
    }
  }
  if (queriers.empty()) return head;
  queriers.push_back(std::move(head));
  return storage::MergeQueriers(std::move(queriers));
}

void Db::StartBackground() { impl_->StartBackground(); }

Status Db::Compact() { return impl_->Compact(); }

Status Db::Close() { return impl_ == nullptr ? Status() : impl_->Close(); }

void Db::SetRetention(model::DurationMs retention_ms, std::uint64_t retention_bytes) {
  impl_->retention_ms = retention_ms;
  impl_->retention_bytes = retention_bytes;
}

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

TimestampMs Db::min_time() const { return impl_->LowestTime(); }

}  // namespace narthex::tsdb

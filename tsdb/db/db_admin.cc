// SPDX-License-Identifier: Apache-2.0
//
// What an administrator asks for: deletion, its clean-up, snapshots; and exemplars.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>

#include "narthex/base/log.h"
#include "narthex/model/exemplar.h"
#include "tsdb/block/block_writer.h"
#include "tsdb/block/ulid.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/db/db_impl.h"

namespace narthex::tsdb {

using model::TimestampMs;

namespace {

// Without "." and a slash at the end.
std::filesystem::path Normal(const std::string& path) {
  const auto normal = std::filesystem::path(path).lexically_normal();
  return normal.has_filename() ? normal : normal.parent_path();
}

bool MatchesAll(const model::Labels& labels, std::span<const model::Matcher> matchers) {
  return std::all_of(matchers.begin(), matchers.end(),
                     [&](const auto& m) { return m.Matches(labels.Get(m.name())); });
}

}  // namespace

Status Db::DeleteSeries(TimestampMs mint, TimestampMs maxt,
                        std::span<const model::Matcher> matchers) {
  return impl_->DeleteSeries(mint, maxt, matchers);
}

Status Db::Impl::DeleteSeries(TimestampMs mint, TimestampMs maxt,
                              std::span<const model::Matcher> matchers) {
  MutexLock work_lock(work_mutex_);
  if (closed_) return Fail(Code::kUnavailable, "the database is closed");
  // Each block and the head for itself: what can be deleted is, and the first error is told.
  Status result;
  const auto note = [&](Status status, const std::string& where) {
    if (!status && result) result = Fail(std::move(status).error().Wrap("delete from " + where));
  };
  const auto list = blocks();
  BlockList changed;
  for (const auto& block : *list) {
    if (block->meta().min_time > maxt || block->meta().max_time <= mint) continue;
    const auto marked = DeleteFromBlock(fs, *block, mint, maxt, matchers);
    if (!marked || *marked) changed.push_back(block);
    if (!marked) note(Fail(marked.error()), "block " + block->meta().ulid);
  }
  if (!changed.empty()) note(Reopen(changed), "blocks");
  note(head.Delete(mint, maxt, matchers), "the head");
  note(MissingBlocks(mint, maxt), "blocks");
  return result;
}

// Shows what was changed in the files of these blocks.
Status Db::Impl::Reopen(const BlockList& changed) {
  BlockList list = *blocks();
  Status result;
  for (auto& block : list) {
    if (std::find(changed.begin(), changed.end(), block) == changed.end()) continue;
    if (auto opened = Block::Open(fs, block->dir())) {
      block = std::move(*opened);
    } else if (result) {
      result = Fail(std::move(opened).error().Wrap("open again"));
    }
  }
  Publish(std::move(list), model::kMinTime);
  return result;
}

Status Db::CleanTombstones() { return impl_->CleanTombstones(); }

Status Db::Impl::CleanTombstones() {
  MutexLock work_lock(work_mutex_);
  if (closed_) return Fail(Code::kUnavailable, "the database is closed");
  const auto start = std::chrono::steady_clock::now();
  Status result = CleanBlocks();
  if (result) result = MissingBlocks(model::kMinTime, model::kMaxTime);
  metrics.tombstone_cleanup_seconds.Observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return result;
}

Status Db::Impl::CleanBlocks() {
  for (;;) {
    const auto list = blocks();
    const auto it = std::find_if(list->begin(), list->end(),
                                 [](const auto& block) { return !block->tombstones().empty(); });
    if (it == list->end()) return {};
    const auto& block = *it;
    const auto written = CleanBlock(fs, dir, block, NewUlid(clock), WriteOptions());
    if (!written) {
      return Fail(Error(written.error()).Wrap("clean tombstones: " + block->dir()));
    }
    const std::string fresh = *written ? (*written)->ulid : "";
    if (auto status = Reload(model::kMinTime, fresh); !status) {
      return Fail(std::move(status).error().Wrap("clean tombstones: " + block->dir()));
    }
    log::Info("Cleaned tombstones", {{"block", block->meta().ulid},
                                     {"ulid", fresh.empty() ? "none: no samples left" : fresh}});
  }
}

Status Db::Snapshot(const std::string& dir, bool with_head) {
  return impl_->Snapshot(dir, with_head);
}

Status Db::Impl::Snapshot(const std::string& target, bool with_head) {
  const auto path = Normal(target);
  if (path == Normal(dir)) {
    return Fail(Code::kInvalidArgument, "cannot snapshot into base directory");
  }
  if (IsUlid(path.filename().string())) {
    return Fail(Code::kInvalidArgument, "dir must not be a valid ULID");
  }
  MutexLock work_lock(work_mutex_);
  if (closed_) return Fail(Code::kUnavailable, "the database is closed");
  if (fs.Exists(target)) {
    NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(target));
    if (!entries.empty()) return Fail(Code::kInvalidArgument, target + " is not empty");
  }
  Status result = WriteSnapshot(target, with_head);
  if (!result) {
    // Half a snapshot would look like a whole one.
    if (auto removed = fs.RemoveAll(target); !removed) {
      log::Error("A failed snapshot could not be removed", {{"err", removed.error().message()}});
    }
    return result;
  }
  // Who has damaged blocks wants to save the rest.
  result = MissingBlocks(model::kMinTime, model::kMaxTime);
  if (!result) return Fail(std::move(result).error().Wrap("snapshot " + target + " is written"));
  return result;
}

Status Db::Impl::WriteSnapshot(const std::string& target, bool with_head) {
  NX_RETURN_IF_ERROR(fs.CreateDirs(target));
  const auto list = blocks();
  for (const auto& block : *list) {
    log::Info("Snapshotting block", {{"block", block->meta().ulid}});
    if (auto status = LinkBlock(fs, *block, target); !status) {
      return Fail(std::move(status).error().Wrap("error snapshotting block: " + block->dir()));
    }
  }
  if (with_head && head.min_time() <= head.max_time()) {
    const TimestampMs mint = head.min_time();
    const TimestampMs maxt = head.max_time() + 1;
    const auto source = head.NewSnapshotSource(mint, maxt);
    if (const auto written = WriteHeadBlock(target, *source, mint, maxt); !written) {
      return Fail(Error(written.error()).Wrap("snapshot head block"));
    }
  }
  return fs.SyncDir(target);
}

Status Db::SelectExemplars(TimestampMs mint, TimestampMs maxt,
                           std::span<const std::vector<model::Matcher>> matcher_sets,
                           const ExemplarVisitor& visit) const {
  std::map<model::Labels, std::vector<model::Exemplar>> found;
  impl_->head.exemplars().ForEach(
      mint, maxt, [&](const model::Labels& series, const model::Exemplar& exemplar) {
        const bool wanted =
            std::any_of(matcher_sets.begin(), matcher_sets.end(),
                        [&](const auto& matchers) { return MatchesAll(series, matchers); });
        if (wanted) found[series].push_back(exemplar);
      });
  for (auto& [series, exemplars] : found) {
    std::stable_sort(exemplars.begin(), exemplars.end(),
                     [](const auto& a, const auto& b) { return a.t < b.t; });
    visit(series, exemplars);
  }
  return {};
}

}  // namespace narthex::tsdb

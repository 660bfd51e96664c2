// SPDX-License-Identifier: Apache-2.0
#include "tsdb/inspect/folder.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "narthex/base/log.h"
#include "tsdb/block/ulid.h"

namespace narthex::tsdb::inspect {
namespace {

using BlockPtr = std::shared_ptr<const Block>;

Result<std::vector<std::string>> ListUlids(Fs& fs, const std::string& dir) {
  NX_ASSIGN_OR_RETURN(const auto entries, fs.ListDir(dir));
  std::vector<std::string> ulids;
  for (const auto& entry : entries) {
    if (entry.is_dir && IsUlid(entry.name)) ulids.push_back(entry.name);
  }
  return ulids;
}

HeadOptions InspectionOptions() {
  HeadOptions options;
  options.repair_wal = false;
  options.use_snapshot = false;  // It is of the server's program and options.
  return options;
}

}  // namespace

Status CheckFolder(Fs& fs, const std::string& dir) {
  if (fs.Exists(dir)) return {};
  return Fail(Code::kNotFound,
              fmt::format("opening the db dir: stat {}: no such file or directory", dir));
}

Result<std::vector<BlockPtr>> OpenBlocks(Fs& fs, const std::string& dir) {
  NX_RETURN_IF_ERROR(CheckFolder(fs, dir));
  NX_ASSIGN_OR_RETURN(const auto ulids, ListUlids(fs, dir));
  std::vector<BlockPtr> blocks;
  std::map<std::string, std::string> corrupted;  // By ULID: why.
  for (const auto& ulid : ulids) {
    const std::string block_dir = JoinPath(dir, ulid);
    // A block that is being copied or removed has no meta.json.
    if (const auto meta = ReadBlockMeta(fs, block_dir); !meta) {
      log::Warn("Passing over a block without a readable meta.json",
                {{"block", block_dir}, {"err", meta.error().message()}});
      continue;
    }
    auto block = Block::Open(fs, block_dir);
    if (block) {
      blocks.push_back(std::move(*block));
    } else {
      corrupted[ulid] = block.error().message();
    }
  }
  for (const auto& block : blocks) {
    for (const auto& parent : block->meta().compaction.parents) corrupted.erase(parent.ulid);
  }
  if (!corrupted.empty()) {
    std::string message;
    for (const auto& [ulid, reason] : corrupted) {
      if (!message.empty()) message += '\n';
      message += fmt::format("corrupted block {}: {}", ulid, reason);
    }
    return Fail(Code::kCorruption, std::move(message));
  }
  std::stable_sort(blocks.begin(), blocks.end(), [](const BlockPtr& a, const BlockPtr& b) {
    return a->meta().min_time < b->meta().min_time;
  });
  return blocks;
}

Result<BlockPtr> OpenBlock(Fs& fs, const std::string& dir, const std::string& ulid) {
  NX_RETURN_IF_ERROR(CheckFolder(fs, dir));
  std::string chosen = ulid;
  if (chosen.empty()) {
    NX_ASSIGN_OR_RETURN(const auto ulids, ListUlids(fs, dir));
    if (ulids.empty()) return Fail(Code::kNotFound, "no blocks found in " + dir);
    chosen = *std::max_element(ulids.begin(), ulids.end(), [](const auto& a, const auto& b) {
      return UlidTimeMs(a) < UlidTimeMs(b);  // As promtool, the first one of equal times.
    });
  }
  if (!fs.Exists(JoinPath(dir, chosen))) {
    return Fail(Code::kNotFound, "invalid block ID " + chosen);
  }
  return Block::Open(fs, JoinPath(dir, chosen));
}

InspectedHead::InspectedHead(Fs& fs, const std::string& dir, const std::string& sandbox)
    : fs_(fs, dir, sandbox), head_(InspectionOptions(), fs_, dir, registry_) {}

Result<std::unique_ptr<InspectedHead>> InspectedHead::Open(Fs& fs, const std::string& dir,
                                                           const std::string& sandbox,
                                                           model::TimestampMs min_valid_time) {
  std::unique_ptr<InspectedHead> head(new InspectedHead(fs, dir, sandbox));
  ReplayCursor progress;
  if (auto status = head->head_.Load(min_valid_time, progress); !status) {
    return Fail(std::move(status).error().Wrap("read WAL"));
  }
  return head;
}

}  // namespace narthex::tsdb::inspect

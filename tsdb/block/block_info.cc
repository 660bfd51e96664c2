// SPDX-License-Identifier: Apache-2.0
#include "tsdb/block/block_info.h"

namespace narthex::tsdb {

BlockInfo InfoOf(Fs& fs, const Block& block) {
  const BlockMeta& meta = block.meta();
  BlockInfo info;
  info.ulid = meta.ulid;
  info.meta_json = fs.ReadFile(JoinPath(block.dir(), "meta.json")).value_or("");
  info.min_time = meta.min_time;
  info.max_time = meta.max_time;
  info.num_samples = meta.stats.num_samples;
  info.num_series = meta.stats.num_series;
  info.num_chunks = meta.stats.num_chunks;
  info.num_tombstones = meta.stats.num_tombstones;
  info.size_bytes = block.size_bytes();
  return info;
}

}  // namespace narthex::tsdb

// SPDX-License-Identifier: Apache-2.0
//
// How full the chunks of a block are: samples, bytes and buckets per chunk as histograms.
#pragma once

#include "narthex/base/result.h"
#include "narthex/tsdb/inspect.h"
#include "tsdb/block/block.h"
#include "tsdb/postings.h"

namespace narthex::tsdb::inspect {

/// The part "Compaction analysis" of `promtool tsdb analyze --extended`, over the given series.
Status PrintChunkFill(const Block& block, const PostingList& ids, const TextSink& out);

}  // namespace narthex::tsdb::inspect

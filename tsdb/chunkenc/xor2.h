// SPDX-License-Identifier: Apache-2.0
//
// XOR2 chunks: floats with start times, written by Prometheus with the feature xor2-encoding. Read
// only; start times are dropped. Format: docs/formats/chunks.md.
#pragma once

#include "narthex/base/fs.h"
#include "narthex/base/result.h"
#include "narthex/model/timestamp.h"
#include "narthex/storage/querier.h"

namespace narthex::tsdb {

/// Appends the samples with mint ≤ t ≤ maxt to out.t and out.v. Errors: kCorruption.
Status Xor2Decode(ByteSpan chunk, model::TimestampMs mint, model::TimestampMs maxt,
                  storage::SampleColumns& out);

}  // namespace narthex::tsdb

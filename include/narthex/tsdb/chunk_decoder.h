// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "narthex/base/result.h"
#include "narthex/storage/chunk_querier.h"
#include "narthex/storage/typed_samples.h"

namespace narthex::tsdb {

/// Appends all samples of the chunk. Errors: kCorruption. Thread safety: any thread.
Status DecodeChunk(const storage::EncodedChunk& chunk, storage::TypedSamples& out);

}  // namespace narthex::tsdb
